//! How the server ends, whatever clients do.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{GetJobRequest, SearchLeadsRequest, WatchJobRequest};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::WATCH;
use crate::harness::callbacks::Open;
use crate::harness::fake::Fake;
use crate::harness::frames::{Frames, PREFACE};
use crate::harness::process::{Process, program};
use crate::harness::stage::people_search;
use crate::harness::{PATIENCE, Setup, connect, details, error_info, next, read, search};

fn serve(data: &Path) -> Command {
    let mut command = program(&["serve", "--sandbox", "--sandbox-pace", "1h"]);
    for address in ["--grpc-address", "--callback-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    command
        .args(["--log-format", "json", "--data-dir"])
        .arg(data);
    command
}

/// Streams of a job that goes on, and a channel.
async fn streams(
    process: &Process,
    count: usize,
) -> Vec<Streaming<pronto_grpc::proto::v1::JobEvent>> {
    let address = process.logged("Serving.")["grpc_address"].clone();
    let address = address.as_str().unwrap().parse().unwrap();
    let channel = connect(address).await;
    let mut leads = LeadServiceClient::new(channel.clone());
    let mut first = leads
        .search_leads(people_search(5))
        .await
        .unwrap()
        .into_inner();
    let job_id = read(&mut first, 1).await.remove(0).job_id;
    let mut streams = vec![first];
    let mut jobs = JobServiceClient::new(channel);
    while streams.len() < count {
        let request = WatchJobRequest {
            job_id: job_id.clone(),
            after_sequence: 1,
        };
        streams.push(jobs.watch_job(request).await.unwrap().into_inner());
    }
    streams
}

#[track_caller]
fn assert_drained(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(error_info(status).reason, "DRAINING");
    assert_eq!(details(status), ["google.rpc.RetryInfo"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t3_open_streams_end_with_the_server() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(serve(data.path()).args(["--drain-spread", "1s"]));
    let open = streams(&process, 100).await;
    let ended = tokio::task::spawn_blocking(|| process.end("TERM"));
    for mut stream in open {
        let end = next(&mut stream).await.unwrap().unwrap_err();
        assert_drained(&end);
        assert_eq!(error_info(&end).metadata["last_sequence"], "1");
    }
    let (status, said) = ended.await.unwrap();
    assert_eq!(status.code(), Some(0), "{said:?}");
}

/// Neither clients that never read, nor such that never speak, nor a call that never ends.
#[tokio::test]
async fn t3_the_end_comes_in_time_whatever_is_open() {
    let mut fake = Fake::start(|_, _| std::future::pending()).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.args.serving.shutdown_timeout = Duration::from_secs(2);
    let server = setup.start().await;
    let mut leads = server.leads();
    let unary = tokio::spawn(async move { leads.start_lead_search(search()).await });
    fake.asked.recv().await.unwrap();
    let silent = Frames::silent(server.grpc).await;
    let mut short = Frames::silent(server.grpc).await;
    short.write(&PREFACE[..5]).await;
    let mut mute = Frames::connect(server.grpc, &[(4, 0)]).await;
    mute.call(1, WATCH, &[]).await;
    server.stop().await;
    assert!(unary.await.unwrap().is_err());
    drop((silent, short, mute));
}

/// A client that does not close has had the time to read what it was told.
#[tokio::test]
async fn clients_that_do_not_close_are_not_waited_for() {
    let mut open = Open::with(|setup| {
        // The test would give up before.
        setup.args.serving.shutdown_timeout = 4 * PATIENCE;
    })
    .await;
    let job_id = open.job().await.id;
    let request = WatchJobRequest {
        job_id,
        after_sequence: 0,
    };
    let mut stuck = Frames::connect(open.server.grpc, &[(4, 0)]).await;
    stuck.call(1, WATCH, &request.encode_to_vec()).await;
    stuck.next_of(|frame| frame.stream == 1).await;
    open.server.stop().await;
    drop(stuck);
}

async fn watch(
    channel: &Channel,
    job_id: &str,
) -> Result<Streaming<pronto_grpc::proto::v1::JobEvent>, Status> {
    let request = WatchJobRequest {
        job_id: job_id.to_owned(),
        after_sequence: 0,
    };
    let mut jobs = JobServiceClient::new(channel.clone());
    jobs.watch_job(request)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn while_streams_end_none_begins_and_unary_calls_are_answered() {
    let mut open = Open::with(|setup| {
        setup.jobs.drain_spread = 10 * PATIENCE;
        setup.args.serving.shutdown_timeout = 20 * PATIENCE;
    })
    .await;
    let job = open.job().await;
    let mut streams = Vec::new();
    // All of them would have to end at once for this test to fail.
    for _ in 0..32 {
        streams.push(open.server.watch(&job.id, 0).await);
    }
    open.server.end();
    let channel = connect(open.server.grpc).await;
    let refused = loop {
        if let Err(refused) = watch(&channel, &job.id).await {
            break refused;
        }
    };
    assert_drained(&refused);
    assert!(!error_info(&refused).metadata.contains_key("job_id"));
    let mut leads = LeadServiceClient::new(channel.clone());
    let refused = leads.search_leads(search()).await.unwrap_err();
    assert_drained(&refused);
    assert!(open.was_not_asked());

    let mut jobs = JobServiceClient::new(channel);
    let job_id = job.id.clone();
    jobs.get_job(GetJobRequest { job_id }).await.unwrap();
    let request = SearchLeadsRequest {
        request_id: "during-the-end".to_owned(),
        ..search()
    };
    leads.start_lead_search(request).await.unwrap();
    // Nothing is left to wait for.
    drop(streams);
    open.server.stop().await;
}

#[tokio::test]
async fn during_the_grace_everything_is_served_and_health_says_no() {
    let mut open = Open::with(|setup| {
        setup.args.serving.drain_grace = Some(10 * PATIENCE);
        setup.args.serving.shutdown_timeout = 20 * PATIENCE;
    })
    .await;
    let job = open.job().await;
    let mut health = HealthClient::new(open.server.channel.clone());
    let watched = health.watch(HealthCheckRequest::default()).await;
    let mut statuses = watched.unwrap().into_inner();
    open.server.end();
    while statuses.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    let liveness = HealthCheckRequest {
        service: pronto_grpc::health::LIVENESS.to_owned(),
    };
    let alive = health.check(liveness).await.unwrap().into_inner();
    assert_eq!(alive.status(), ServingStatus::Serving);
    let channel = connect(open.server.grpc).await;
    let mut stream = watch(&channel, &job.id).await.unwrap();
    read(&mut stream, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_process_at_once() {
    for (second, code) in [("INT", 130), ("TERM", 143)] {
        let data = tempfile::tempdir().unwrap();
        let long = ["--drain-grace", "10m", "--shutdown-timeout", "1h"];
        let process = Process::start(serve(data.path()).args(long));
        process.logged("Serving.");
        process.signal("TERM");
        process.logged("Shutting down.");
        let (status, said) = process.end(second);
        assert_eq!(status.code(), Some(code), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_skips_the_grace() {
    let data = tempfile::tempdir().unwrap();
    let long = ["--drain-grace", "10m", "--shutdown-timeout", "1h"];
    let process = Process::start(serve(data.path()).args(long));
    process.logged("Serving.");
    let (status, said) = process.end("INT");
    assert_eq!(status.code(), Some(0), "{said:?}");
}

/// As one of a volume that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_blocks_does_not_keep_the_process_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "a-key-of-a-test").unwrap();
    let mut command = program(&["serve", "--log-format", "json", "--data-dir"]);
    command.arg(folder.path().join("data"));
    for address in ["--grpc-address", "--callback-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    let process = Process::start(command.arg("--api-key-file").arg(&key));
    process.logged("Serving.");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    std::fs::rename(&pipe, &key).unwrap();
    // Open once the server reads it, and it has nothing to say.
    let silent = std::fs::File::options().write(true).open(&key).unwrap();
    let (status, said) = process.end("TERM");
    assert_eq!(status.code(), Some(0), "{said:?}");
    drop(silent);
}
