//! Requests that tonic refuses before a handler sees them.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use pronto_grpc::proto::v1::{GetCreditsRequest, LeadFilters, SearchLeadsRequest};
use prost_types::Timestamp;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::harness::TestServer;
use crate::harness::error_info;
use crate::harness::stage::Stage;

/// What a method says to a message whose first field is a number.
async fn number(server: &TestServer, path: &'static str) -> Status {
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let number = Timestamp {
        seconds: 7,
        nanos: 0,
    };
    let codec = ProstCodec::<Timestamp, ()>::default();
    let path = PathAndQuery::from_static(path);
    let answer = client.unary(Request::new(number), path, codec).await;
    answer.unwrap_err()
}

pub async fn no_such_method(server: &TestServer) -> Status {
    number(server, "/pronto.v1.WorkspaceService/NoSuchMethod").await
}

/// Its first field is a text.
pub async fn no_message(server: &TestServer) -> Status {
    number(server, "/pronto.v1.SearchService/GetSearch").await
}

pub async fn large_message(server: &TestServer) -> Status {
    let filters = LeadFilters {
        keyword: Some("x".repeat(5 << 20)),
        ..Default::default()
    };
    let request = SearchLeadsRequest {
        filters: Some(filters),
        ..Default::default()
    };
    server.leads().search_leads(request).await.unwrap_err()
}

#[tokio::test]
async fn a_service_that_does_not_exist_has_a_reason_too() {
    let stage = Stage::start().await;
    let status = number(&stage.server, "/pronto.v1.NoSuchService/Get").await;
    assert_eq!(error_info(&status).reason, "UNIMPLEMENTED");
    assert_eq!(status.message(), "there is no such method");
}

#[tokio::test]
async fn a_compression_that_is_not_known_is_named() {
    let stage = Stage::start().await;
    let mut request = Request::new(GetCreditsRequest::default());
    let metadata = request.metadata_mut();
    metadata.insert("grpc-encoding", "snappy".parse().unwrap());
    let answer = stage.server.workspace().get_credits(request).await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(error_info(&status).reason, "UNIMPLEMENTED");
    assert!(status.message().contains("snappy"), "{status:?}");
    assert!(status.metadata().contains_key("grpc-accept-encoding"));
}

#[tokio::test]
async fn a_call_without_a_message_has_a_reason() {
    let stage = Stage::start().await;
    let mut builder = Client::builder(TokioExecutor::new());
    let client = builder.http2_only(true).build_http::<Empty<Bytes>>();
    let path = "pronto.v1.WorkspaceService/GetCredits";
    let request = http::Request::post(format!("http://{}/{path}", stage.server.grpc))
        .header("content-type", "application/grpc")
        .body(Empty::new())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(error_info(&status).reason, "MALFORMED_MESSAGE");
    assert!(
        answer
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}
