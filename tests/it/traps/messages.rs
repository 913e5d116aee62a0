//! Messages that are too large, in both directions, and errors that are.

use bytesize::ByteSize;
use pronto_grpc::config::Compression;
use pronto_grpc::proto::v1::{
    GetCreditsRequest, ListCallbacksRequest, ListCallbacksResponse, SearchLeadsRequest,
};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};

use crate::harness::callbacks::{Open, lead, post};
use crate::harness::fake::Fake;
use crate::harness::{Setup, error_info, next, read, search};

#[track_caller]
fn assert_too_large(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(error_info(status).reason, "MESSAGE_TOO_LARGE");
}

fn large_search() -> SearchLeadsRequest {
    SearchLeadsRequest {
        name: Some("x".repeat(64 << 10)),
        ..search()
    }
}

#[tokio::test]
async fn t9_a_request_that_is_too_large_is_refused_with_a_reason() {
    let mut open = Open::with(|setup| {
        setup.args.serving.max_request_size = ByteSize::kib(32);
    })
    .await;
    let refused = open.server.leads().start_lead_search(large_search()).await;
    assert_too_large(&refused.unwrap_err());
    let refused = open.server.leads().search_leads(large_search()).await;
    assert_too_large(&refused.unwrap_err());
    assert!(open.was_not_asked());
}

#[tokio::test]
async fn t9_a_request_that_is_too_large_when_it_is_decompressed_is_refused_too() {
    let mut open = Open::with(|setup| {
        setup.args.serving.compression = vec![Compression::Gzip];
        setup.args.serving.max_request_size = ByteSize::kib(32);
    })
    .await;
    let mut leads = open
        .server
        .leads()
        .send_compressed(CompressionEncoding::Gzip);
    let refused = leads.start_lead_search(large_search()).await;
    assert_too_large(&refused.unwrap_err());
    assert!(open.was_not_asked());
}

async fn callbacks(open: &Open, job_id: &str) -> Result<ListCallbacksResponse, Status> {
    let request = ListCallbacksRequest {
        job_id: job_id.to_owned(),
        ..Default::default()
    };
    let listed = open.server.jobs().list_callbacks(request).await;
    listed.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn t9_an_answer_that_is_too_large_has_a_reason() {
    let mut open = Open::with(|setup| {
        setup.args.serving.max_response_size = ByteSize::kib(32);
    })
    .await;
    let job = open.job().await;
    open.post(&job, &lead("ada"), 2).await;
    let small = callbacks(&open, &job.id).await.unwrap();
    assert_eq!(small.callbacks.len(), 1);
    let padding = " ".repeat(64 << 10);
    open.post(&job, &format!("{}{padding}", lead("bob")), 3)
        .await;
    assert_too_large(&callbacks(&open, &job.id).await.unwrap_err());
}

#[tokio::test]
async fn t9_an_event_that_is_too_large_ends_its_stream_with_a_reason() {
    let mut open = Open::with(|setup| {
        setup.args.serving.max_response_size = ByteSize::kib(32);
    })
    .await;
    let job = open.job().await;
    let mut stream = open.server.watch(&job.id, 0).await;
    read(&mut stream, 1).await;
    let body = format!(r#"{{"unheard-of":"{}"}}"#, "x".repeat(64 << 10));
    let status = post(&job.url, body).await;
    assert_eq!(status, 204);
    let end = next(&mut stream).await.unwrap().unwrap_err();
    assert_too_large(&end);
}

/// Whatever is kept can be listed: a page ends before it is larger than an answer may be.
#[tokio::test]
async fn t9_pages_of_large_bodies_fit_into_answers() {
    let mut open = Open::start().await;
    let job = open.job().await;
    let padding = " ".repeat(7 << 20);
    for (number, name) in ["ada", "bob", "eve"].into_iter().enumerate() {
        let body = format!("{}{padding}", lead(name));
        open.post(&job, &body, number as i64 + 2).await;
    }
    let mut seen = 0;
    let mut page_token = String::new();
    loop {
        let request = ListCallbacksRequest {
            job_id: job.id.clone(),
            page_token,
            ..Default::default()
        };
        let mut jobs = open.server.jobs().max_decoding_message_size(32 << 20);
        let page = jobs.list_callbacks(request).await.unwrap().into_inner();
        seen += page.callbacks.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn t10_what_pronto_says_at_length_is_an_ordinary_error() {
    for text in ["x", "é", "%"] {
        let body = serde_json::json!({"message": text.repeat(100_000)});
        let fake = Fake::always(422, body.to_string()).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let mut workspace = server.workspace();
        let answer = workspace.get_credits(GetCreditsRequest::default()).await;
        let status = answer.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let info = error_info(&status);
        assert_eq!(info.reason, "UPSTREAM_REJECTED");
        assert!(info.metadata["upstream_message"].starts_with(text));
    }
}
