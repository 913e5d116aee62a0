//! The listener for operators.

use std::net::SocketAddr;
use std::path::Path;

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{
    GetCreditsRequest, ListVendorDriftRequest, VendorDrift, VendorDriftKind,
};
use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::process::{Process, program};
use crate::harness::raw::Raw;
use crate::harness::stage::people_search;
use crate::harness::{connect, count_results, http, read_all};

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
        "pronto_grpc_upstream_requests_total{operation=\"pronto.v1.WorkspaceService/GetCredits\",outcome=\"ok\",key=\"configured\"} 1",
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

/// A Pronto that changes without notice: each place is logged once, counted, and shown.
#[tokio::test(flavor = "multi_thread")]
async fn drift_is_logged_once_counted_and_shown() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
    for address in ["--grpc-address", "--callback-address", "--admin-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    command.args(["--sandbox-fault", "drift"]);
    let process = Process::start(command.arg("--data-dir").arg(data.path()));
    let admin = process.logged("The admin listener answers.")["address"].clone();
    let grpc = process.logged("Serving.")["grpc_address"].clone();
    let channel = connect(grpc.as_str().unwrap().parse().unwrap()).await;
    let request = people_search(5);
    let mut leads = LeadServiceClient::new(channel.clone());
    let stream = leads.search_leads(request).await.unwrap();
    let events = read_all(&mut stream.into_inner()).await;
    assert_eq!(count_results(&events), 5);

    let mut jobs = JobServiceClient::new(channel);
    let listed = jobs.list_vendor_drift(ListVendorDriftRequest::default());
    let listed = listed.await.unwrap().into_inner().drift;
    assert!(listed.iter().any(|drift| drift.count >= 5), "{listed:?}");

    let get = async |path: &str| {
        let url = format!("http://{}{path}", admin.as_str().unwrap());
        http().get(url).send().await.unwrap().text().await.unwrap()
    };
    let (metrics, shown) = (get("/metrics").await, get("/drift").await);
    let operation = "pronto.v1.LeadService/StartLeadSearch";
    let kinds = [
        (VendorDriftKind::UnknownField, "unknown_field"),
        (VendorDriftKind::UnknownText, "unknown_text"),
    ];
    for (kind, name) in kinds {
        let of_kind = listed.iter().filter(|drift| drift.kind() == kind);
        let total: i64 = of_kind.map(|drift| drift.count).sum();
        assert!(total >= 5, "{name}: {listed:?}");
        let counted = format!(
            "pronto_grpc_vendor_drift_total{{operation=\"{operation}\",kind=\"{name}\"}} {total}"
        );
        assert!(
            metrics.lines().any(|line| line == counted),
            "{counted}: {metrics}"
        );
    }
    assert_eq!(shown.lines().count(), 1 + listed.len(), "{shown}");
    for VendorDrift { place, sample, .. } in &listed {
        let columns = format!("\t{place}\t{sample}\n");
        assert!(shown.contains(&columns), "{columns}: {shown}");
    }

    let (_, said) = process.end("TERM");
    let said: Vec<_> = said
        .iter()
        .filter(|line| line.contains("what this version does not know"))
        .collect();
    assert_eq!(said.len(), listed.len(), "{said:?}");
    assert!(said.iter().all(|line| line.contains("WARN")), "{said:?}");
}
