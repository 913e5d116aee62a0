//! The listener for operators.

use std::net::SocketAddr;
use std::path::Path;

use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::process::{Process, program};
use crate::harness::raw::Raw;
use crate::harness::{connect, http};

/// A server with a sandbox; where operators reach it, and what it said when it served.
fn server(data: &Path) -> (Process, SocketAddr, Value) {
    let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
    for address in ["--grpc-address", "--callback-address", "--admin-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    command.args(["--drain-grace", "10m", "--shutdown-timeout", "1h"]);
    let process = Process::start(command.arg("--data-dir").arg(data));
    let admin = process.logged("The admin listener answers.")["address"].clone();
    let serving = process.logged("Serving.");
    (process, admin.as_str().unwrap().parse().unwrap(), serving)
}

async fn probe(admin: SocketAddr, path: &str) -> (u16, String) {
    let answer = http()
        .get(format!("http://{admin}{path}"))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn probes_are_answered_until_the_server_ends() {
    let data = tempfile::tempdir().unwrap();
    let (process, admin, _) = server(data.path());
    assert_eq!(probe(admin, "/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(probe(admin, "/live").await, (200, "live\n".to_owned()));
    process.signal("TERM");
    process.logged("Shutting down.");
    let ending = loop {
        let answer = probe(admin, "/ready").await;
        if answer.0 != 200 {
            break answer;
        }
    };
    assert_eq!(ending, (503, "the server shuts down\n".to_owned()));
    assert_eq!(probe(admin, "/live").await.0, 200);
}

#[tokio::test]
async fn t12_slow_peers_do_not_keep_operators_out() {
    let data = tempfile::tempdir().unwrap();
    let (_process, admin, _) = server(data.path());
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut peer = Raw::connect(admin).await;
        if number % 2 == 0 {
            peer.send("GET /metrics HTTP/1.1\r\nhost: x\r\n").await;
        }
        slow.push(peer);
    }
    assert_eq!(probe(admin, "/ready").await.0, 200);
    assert_eq!(probe(admin, "/metrics").await.0, 200);
    // The rest is cut at the end of its time.
    for mut peer in slow {
        peer.closed().await;
    }
}

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
