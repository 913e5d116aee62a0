//! Deadlines that hold, and callers that go away.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{GetCreditsRequest, JobState, ListJobsRequest, WatchJobRequest};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::harness::callbacks::{Open, lead};
use crate::harness::clockless::{clockless, with_timeout};
use crate::harness::fake::{Fake, json};
use crate::harness::{PATIENCE, Setup, TestServer, error_info, next, read, search};

/// Tells that a request is no longer answered because the caller hung up.
struct HungUp(mpsc::UnboundedSender<()>);

impl Drop for HungUp {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// A server in front of a Pronto that never answers.
struct Stalling {
    server: TestServer,
    fake: Fake,
    hung_up: mpsc::UnboundedReceiver<()>,
    _data: TempDir,
}

impl Stalling {
    async fn start() -> Self {
        let (sender, hung_up) = mpsc::unbounded_channel();
        let fake = Fake::start(move |_, _| {
            let guard = HungUp(sender.clone());
            async move {
                let _guard = guard;
                std::future::pending::<Response<Full<Bytes>>>().await
            }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(fake.address, data.path());
        // The server itself would wait longer than any test does.
        setup.args.upstream.request_timeout = PATIENCE * 10;
        let server = setup.start().await;
        Self {
            server,
            fake,
            hung_up,
            _data: data,
        }
    }

    /// Waits until Pronto's side of a request has seen that nobody waits for it.
    async fn hung_up(&mut self) {
        timeout(PATIENCE, self.hung_up.recv()).await.unwrap();
    }

    async fn credits(&self, time: &str) -> Status {
        let (client, origin) = clockless(self.server.grpc);
        let mut workspace = WorkspaceServiceClient::with_origin(client, origin);
        let request = with_timeout(GetCreditsRequest::default(), time);
        let answer = timeout(PATIENCE, workspace.get_credits(request)).await;
        answer.unwrap().unwrap_err()
    }
}

#[track_caller]
fn assert_overrun(status: &Status) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(error_info(status).reason, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn a_call_that_overruns_its_deadline_ends_and_hangs_up_on_pronto() {
    let mut stalling = Stalling::start().await;
    let status = stalling.credits("300m").await;
    assert_overrun(&status);
    assert_eq!(stalling.fake.asked.recv().await.unwrap().method, "GET");
    stalling.hung_up().await;
}

#[tokio::test]
async fn no_deadline_is_mistaken_for_a_cancellation() {
    let stalling = Arc::new(Stalling::start().await);
    let mut calls = JoinSet::new();
    for milliseconds in 0..100 {
        let stalling = stalling.clone();
        calls.spawn(async move { stalling.credits(&format!("{milliseconds}m")).await });
    }
    for status in calls.join_all().await {
        assert_overrun(&status);
    }
}

#[tokio::test]
async fn a_timeout_that_is_none_is_refused_by_name() {
    let mut stalling = Stalling::start().await;
    let status = stalling.credits("1 second").await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(error_info(&status).reason, "INVALID_REQUEST");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "grpc-timeout");
    assert!(stalling.fake.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_with_the_place_to_continue_and_its_job_goes_on() {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.post(&job, &lead("ada"), 2).await;

    let (client, origin) = clockless(open.server.grpc);
    let mut jobs = JobServiceClient::with_origin(client.clone(), origin.clone());
    let request = WatchJobRequest {
        job_id: job.id.clone(),
        after_sequence: 0,
    };
    let watched = jobs.watch_job(with_timeout(request, "1S")).await;
    let mut watched = watched.unwrap().into_inner();
    let mut leads = LeadServiceClient::with_origin(client, origin);
    let started = leads.search_leads(with_timeout(search(), "1S")).await;
    let mut started = started.unwrap().into_inner();

    for (stream, last) in [(&mut watched, 2), (&mut started, 1)] {
        let events = read(stream, last).await;
        let status = next(stream).await.unwrap().unwrap_err();
        assert_overrun(&status);
        let metadata = error_info(&status).metadata;
        assert_eq!(metadata["job_id"], events[0].job_id);
        assert_eq!(metadata["last_sequence"], last.to_string());
        assert!(next(stream).await.is_none());
        let job = open.server.job(&events[0].job_id).await;
        assert_eq!(job.state(), JobState::Running);
    }
    open.post(&job, &lead("bob"), 3).await;
}

#[tokio::test]
async fn a_stream_that_knows_no_deadline_ends_at_it() {
    let stalling = Stalling::start().await;
    let (client, origin) = clockless(stalling.server.grpc);
    let mut health = HealthClient::with_origin(client, origin);
    let request = with_timeout(HealthCheckRequest::default(), "300m");
    let mut statuses = health.watch(request).await.unwrap().into_inner();
    assert!(statuses.message().await.unwrap().is_some());
    let end = timeout(PATIENCE, statuses.message()).await.unwrap();
    assert_overrun(&end.unwrap_err());
}

#[tokio::test]
async fn a_caller_that_goes_away_hangs_up_on_pronto() {
    let mut stalling = Stalling::start().await;
    let mut workspace = stalling.server.workspace();
    let request = GetCreditsRequest::default();
    let call = tokio::spawn(async move { workspace.get_credits(request).await });
    stalling.fake.asked.recv().await.unwrap();
    assert!(stalling.hung_up.try_recv().is_err());
    call.abort();
    stalling.hung_up().await;
}

#[tokio::test]
async fn a_start_whose_caller_goes_away_or_overruns_its_deadline_is_carried_to_its_end() {
    for goes_away in [true, false] {
        let gate = Arc::new(Semaphore::new(0));
        let inside = gate.clone();
        let mut fake = Fake::start(move |path, _| {
            let gate = inside.clone();
            async move {
                if path.starts_with("/api/v2/searches/") {
                    return json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#);
                }
                gate.acquire().await.unwrap().forget();
                json(201, r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc"}"#)
            }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let (client, origin) = clockless(server.grpc);
        let mut leads = LeadServiceClient::with_origin(client, origin);
        let request = match goes_away {
            true => tonic::Request::new(search()),
            false => with_timeout(search(), "300m"),
        };
        let call = tokio::spawn(async move { leads.start_lead_search(request).await });
        fake.asked.recv().await.unwrap();
        match goes_away {
            true => call.abort(),
            false => assert_overrun(&call.await.unwrap().unwrap_err()),
        }
        gate.add_permits(1);
        let listed = server.jobs().list_jobs(ListJobsRequest::default()).await;
        let jobs = listed.unwrap().into_inner().jobs;
        let mut stream = server.watch(&jobs[0].id, 0).await;
        read(&mut stream, 1).await;
        let job = server.job(&jobs[0].id).await;
        assert_eq!(job.state(), JobState::Running);
        assert!(job.upstream_id.is_some());
        assert_eq!(jobs.len(), 1);
    }
}

#[tokio::test]
async fn a_call_within_its_deadline_is_answered() {
    let fake = Fake::always(200, r#"{"credits":7}"#).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut request = tonic::Request::new(GetCreditsRequest::default());
    request.set_timeout(Duration::from_secs(60));
    let answer = server.workspace().get_credits(request).await.unwrap();
    assert_eq!(answer.into_inner().credits, Some(7.0));
}
