//! Messages that are compressed, where that is allowed.

use pronto_grpc::config::Compression;
use pronto_grpc::proto::v1::GetCreditsRequest;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::harness::error_info;
use crate::harness::stage::{Stage, quick};

#[tokio::test]
async fn messages_are_compressed_both_ways() {
    let stage = Stage::set_up(quick(), |setup| {
        setup.args.serving.compression = vec![Compression::Gzip, Compression::Zstd];
    })
    .await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let workspace = stage.server.workspace().send_compressed(encoding);
        let mut workspace = workspace.accept_compressed(encoding);
        let answer = workspace.get_credits(GetCreditsRequest::default()).await;
        let answer = answer.unwrap();
        let name = match encoding {
            CompressionEncoding::Gzip => "gzip",
            _ => "zstd",
        };
        assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), name);
        assert!(answer.into_inner().credits.is_some());
    }
}

#[tokio::test]
async fn without_the_option_nothing_is_compressed() {
    let stage = Stage::start().await;
    let gzip = CompressionEncoding::Gzip;
    let mut workspace = stage.server.workspace().accept_compressed(gzip);
    let answer = workspace.get_credits(GetCreditsRequest::default()).await;
    assert!(!answer.unwrap().metadata().contains_key("grpc-encoding"));
    let mut workspace = stage.server.workspace().send_compressed(gzip);
    let refused = workspace.get_credits(GetCreditsRequest::default()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(error_info(&refused).reason, "UNIMPLEMENTED");
}
