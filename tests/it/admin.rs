//! The listener for operators.

use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use reqwest::StatusCode;

use crate::harness::process::{Process, program};
use crate::harness::{connect, http};

#[tokio::test]
async fn metrics_count_what_the_process_does() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
    for address in ["--grpc-address", "--callback-address", "--admin-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    let process = Process::start(command.arg("--data-dir").arg(data.path()));
    let admin = process.logged("The admin listener answers.")["address"].clone();
    let serving = process.logged("Serving.");
    let at = |address: &serde_json::Value, path: &str| {
        format!("http://{}{path}", address.as_str().unwrap())
    };

    let stranger = at(&serving["callback_address"], "/callbacks/nobody/knows");
    let answer = http().post(stranger).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    let grpc = serving["grpc_address"].as_str().unwrap().parse().unwrap();
    let mut workspace = WorkspaceServiceClient::new(connect(grpc).await);
    let credits = workspace.get_credits(GetCreditsRequest::default()).await;
    credits.unwrap();

    let metrics = at(&admin, "/metrics");
    let answer = http().get(&metrics).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    for line in [
        "# TYPE pronto_grpc_callbacks_total counter",
        "pronto_grpc_callbacks_total{status=\"404\"} 1",
        "pronto_grpc_store_writable 1",
        "pronto_grpc_store_commit_failures_total 0",
        "pronto_grpc_upstream_requests_total{operation=\"pronto.v1.WorkspaceService/GetCredits\",outcome=\"ok\"} 1",
        "pronto_grpc_upstream_wait_seconds_count{operation=\"pronto.v1.WorkspaceService/GetCredits\"} 1",
        "pronto_grpc_upstream_waiting{operation=\"pronto.v1.WorkspaceService/GetCredits\"} 0",
        "pronto_grpc_upstream_in_flight{host=\"main\"} 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }

    let posted = http().post(&metrics).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    let other = http().get(at(&admin, "/")).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}
