//! What operators see: metrics, and what is logged.

use std::collections::HashSet;

use pronto_grpc::metrics::{Kind, all};
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{GetAccountRequest, GetCreditsRequest};
use reqwest::StatusCode;
use serde_json::Value;
use tonic::transport::Channel;

use crate::harness::callbacks::with_key;
use crate::harness::process::{Process, program};
use crate::harness::{connect, http};

/// A server that operators can reach.
struct Operated {
    process: Process,
    admin: String,
    callbacks: String,
    grpc: Channel,
    _data: tempfile::TempDir,
}

impl Operated {
    async fn start(log: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = program(&["serve", "--sandbox", "--log-format", "json", "--log", log]);
        for address in ["--grpc-address", "--callback-address", "--admin-address"] {
            command.args([address, "127.0.0.1:0"]);
        }
        let process = Process::start(command.arg("--data-dir").arg(data.path()));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let admin = text(&process.logged("The admin listener answers.")["address"]);
        let serving = process.logged("Serving.");
        let grpc = text(&serving["grpc_address"]).parse().unwrap();
        Self {
            admin: format!("http://{admin}"),
            callbacks: format!("http://{}", text(&serving["callback_address"])),
            grpc: connect(grpc).await,
            process,
            _data: data,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.admin)
    }

    fn workspace(&self) -> WorkspaceServiceClient<Channel> {
        WorkspaceServiceClient::new(self.grpc.clone())
    }

    async fn metrics(&self) -> String {
        let answer = http().get(self.at("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap()
    }

    /// Asks for another filter, and gives the answer.
    async fn log(&self, filter: &str) -> (StatusCode, String) {
        let put = http().put(self.at("/log-level")).body(filter.to_owned());
        let answer = put.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn metrics_count_what_the_process_does() {
    let server = Operated::start("info").await;
    let stranger = format!("{}/callbacks/nobody/knows", server.callbacks);
    let answer = http().post(stranger).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let mut workspace = server.workspace();
    let credits = workspace.get_credits(GetCreditsRequest::default());
    credits.await.unwrap();

    let text = server.metrics().await;
    for line in [
        "# TYPE pronto_grpc_callbacks_total counter",
        "pronto_grpc_callbacks_total{status=\"404\"} 1",
        "pronto_grpc_callbacks_committed_total 0",
        "pronto_grpc_callbacks_total{status=\"400\"} 0",
        "pronto_grpc_callbacks_total{status=\"408\"} 0",
        "pronto_grpc_credits_charged_total{operation=\"pronto.v1.ContactService/EnrichContact\"} 0",
        "pronto_grpc_jobs{state=\"RUNNING\"} 0",
        "pronto_grpc_rpcs_total{method=\"pronto.v1.WorkspaceService/GetCredits\",code=\"OK\",reason=\"\"} 1",
        "pronto_grpc_rpcs_total{method=\"pronto.v1.LeadService/SearchLeads\",code=\"OK\",reason=\"\"} 0",
        "pronto_grpc_rpcs_in_flight{method=\"pronto.v1.WorkspaceService/GetCredits\"} 0",
        "pronto_grpc_rpc_seconds_count{method=\"pronto.v1.WorkspaceService/GetCredits\"} 1",
        "pronto_grpc_streams 0",
        "pronto_grpc_store_writable 1",
        "pronto_grpc_store_commit_failures_total 0",
        "pronto_grpc_upstream_requests_total{operation=\"pronto.v1.WorkspaceService/GetCredits\",outcome=\"ok\",key=\"configured\"} 1",
        "pronto_grpc_upstream_seconds_count{operation=\"pronto.v1.WorkspaceService/GetCredits\"} 1",
        "pronto_grpc_upstream_wait_seconds_count{operation=\"pronto.v1.WorkspaceService/GetCredits\"} 1",
        "pronto_grpc_upstream_waiting{operation=\"pronto.v1.WorkspaceService/GetCredits\"} 0",
        "pronto_grpc_upstream_in_flight{host=\"main\"} 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }

    let posted = http().post(server.at("/metrics")).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    let other = http().get(server.at("/")).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_key_that_a_caller_brings_is_not_the_configured_one() {
    let server = Operated::start("info").await;
    let mut workspace = server.workspace();
    let theirs = with_key(GetCreditsRequest::default(), Some("their-own"));
    workspace.get_credits(theirs).await.unwrap_err();
    let text = server.metrics().await;
    let counted: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("pronto_grpc_upstream_requests_total{"))
        .collect();
    assert!(
        matches!(&counted[..], [line] if line.ends_with("outcome=\"UNAUTHENTICATED_KEY\",key=\"brought\"} 1")),
        "{counted:?}"
    );
}

#[tokio::test]
async fn every_metric_is_documented_as_it_is() {
    let server = Operated::start("info").await;
    let text = server.metrics().await;
    let mut seen = HashSet::new();
    for line in text.lines() {
        let Some(family) = line.strip_prefix("# TYPE ") else {
            continue;
        };
        let (name, kind) = family.split_once(' ').unwrap();
        let metric = all().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not documented"));
        let documented = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!(kind, documented, "{name}");
        seen.insert(name);
    }
    for metric in all().filter(|metric| metric.labels.is_empty()) {
        assert!(seen.contains(metric.name), "{} is not there", metric.name);
        let help = format!("# HELP {} {}", metric.name, metric.help);
        assert!(text.contains(&help), "{help}");
    }
}

#[tokio::test]
async fn what_is_logged_can_be_changed_while_the_server_runs() {
    let server = Operated::start("info").await;
    let shown = http().get(server.at("/log-level")).send().await.unwrap();
    assert_eq!(shown.text().await.unwrap(), "info\n");

    let (status, answer) = server.log("pronto_grpc=warn\n").await;
    assert_eq!((status, &*answer), (StatusCode::OK, "pronto_grpc=warn\n"));
    // The filter that it was changed to would not show it.
    server.process.logged("The log is changed.");
    let mut workspace = server.workspace();
    workspace
        .get_credits(GetCreditsRequest::default())
        .await
        .unwrap();
    server.log("info").await;
    workspace
        .get_account(GetAccountRequest::default())
        .await
        .unwrap();
    // The next one that was logged is not the first one that ended.
    let ended = server.process.logged("RPC ended.");
    assert_eq!(ended["method"], "pronto.v1.WorkspaceService/GetAccount");

    let (status, answer) = server.log("pronto_grpc=loud").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer.contains("pronto_grpc=debug"), "{answer}");
    for mistake in ["", "inof", "nonsense"] {
        let (status, _) = server.log(mistake).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mistake}");
    }
    let (status, _) = server.log(&"x".repeat(5000)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let shown = http().get(server.at("/log-level")).send().await.unwrap();
    assert_eq!(shown.text().await.unwrap(), "info\n");
}
