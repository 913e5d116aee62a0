//! A process that is killed in the middle of a job.

use std::net::SocketAddr;
use std::path::Path;

use pronto_grpc::cli::sandbox_urls;
use pronto_grpc::proto::v1::WatchJobRequest;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use tonic::transport::Channel;

use super::assert_complete;
use crate::harness::process::{Process, program};
use crate::harness::stage::{FAST, HeldPort, SLOW, people_search, quick, sandbox};
use crate::harness::{KEY, connect, read, read_all};

/// Starts the program, and connects to it.
async fn start(pronto: SocketAddr, callbacks: u16, data: &Path) -> (Process, Channel) {
    let urls = sandbox_urls(pronto).unwrap();
    let mut command = program(&["serve", "--log-format", "json", "--poll-interval", "50ms"]);
    command
        .args(["--grpc-address", "127.0.0.1:0", "--api-key", KEY])
        .args(["--callback-address", &format!("127.0.0.1:{callbacks}")])
        .args(["--callback-url", &format!("http://127.0.0.1:{callbacks}")])
        .args(["--main-url", urls.main.as_str()])
        .arg("--data-dir")
        .arg(data);
    let starting = tokio::task::spawn_blocking(move || {
        let process = Process::start(&mut command);
        let address = process.logged("Serving.")["grpc_address"].clone();
        (process, address)
    });
    let (process, address) = starting.await.unwrap();
    let channel = connect(address.as_str().unwrap().parse().unwrap()).await;
    (process, channel)
}

#[tokio::test]
async fn what_was_seen_or_answered_before_a_crash_is_still_there() {
    let (sandbox, pronto) = sandbox(quick()).await;
    let (callbacks, data) = (HeldPort::new(), tempfile::tempdir().unwrap());
    let (process, channel) = start(pronto, callbacks.port, data.path()).await;
    let mut leads = LeadServiceClient::new(channel);
    let answer = leads.search_leads(people_search(48)).await.unwrap();
    let mut events = read(&mut answer.into_inner(), 12).await;
    sandbox.switches().write().pace = SLOW;
    process.kill();
    sandbox.switches().write().pace = FAST;
    sandbox.idle().await;
    let received = sandbox.counters().webhooks_accepted() as i64;

    let (_process, channel) = start(pronto, callbacks.port, data.path()).await;
    let request = WatchJobRequest {
        job_id: events[0].job_id.clone(),
        after_sequence: 12,
    };
    let answer = JobServiceClient::new(channel).watch_job(request).await;
    events.extend(read_all(&mut answer.unwrap().into_inner()).await);
    let completed = assert_complete(&events, "lead", 48);
    // At most one callback was stored whose answer the crash swallowed.
    let recovered = completed.counts.unwrap().recovered;
    assert!(
        (47 - received..=48 - received).contains(&recovered),
        "{recovered}"
    );
}
