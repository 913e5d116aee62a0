//! Starts, cancellations and shutdowns that cross other things.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{
    CancelJobRequest, GetJobRequest, Job, JobEvent, JobState, ListJobsRequest,
};
use serde_json::{Value, json as object};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use super::{
    Endless, ID, gated, is_poll, lead, logged, ongoing, post, post_json, pronto, search,
    webhook_url,
};
use crate::harness::fake::{Fake, json};
use crate::harness::{
    PATIENCE, Setup, TestServer, assert_contiguous, connect, error_info, next, read,
};

async fn only_job(server: &TestServer) -> Job {
    let listed = server.jobs().list_jobs(ListJobsRequest::default()).await;
    let mut jobs = listed.unwrap().into_inner().jobs;
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

/// Watches the health of a server over a connection of its own.
async fn health(server: &TestServer) -> Streaming<HealthCheckResponse> {
    let mut health = HealthClient::new(connect(server.grpc).await);
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut statuses = watch.into_inner();
    statuses.message().await.unwrap().unwrap();
    statuses
}

/// Reads a watch of the health to its end, which a shutdown brings.
async fn ended(mut statuses: Streaming<HealthCheckResponse>) {
    let rest = async { while statuses.message().await.unwrap().is_some() {} };
    timeout(PATIENCE, rest).await.unwrap();
}

/// Reads on from event `last`; gives the last sequence and what came instead of
/// another.
async fn drain(stream: &mut Streaming<JobEvent>, mut last: i64) -> (i64, Option<Status>) {
    loop {
        match next(stream).await {
            Some(Ok(event)) => {
                assert_eq!(event.sequence, last + 1);
                last = event.sequence;
            }
            Some(Err(status)) => return (last, Some(status)),
            None => return (last, None),
        }
    }
}

#[track_caller]
fn assert_draining((last, end): (i64, Option<Status>)) {
    let status = end.expect("a job that goes on does not end OK");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let info = error_info(&status);
    assert_eq!(info.reason, "DRAINING");
    assert_eq!(info.metadata["last_sequence"], last.to_string());
}

/// A search with so many people in its log.
async fn crowd(count: usize, padding: usize) -> Endless {
    let s = Endless::start().await;
    let summary = "x".repeat(padding);
    let people = (0..count).map(|index| {
        let mut person = lead(&format!("p{index}"));
        person["summary"] = object!(summary);
        object!({"lead": person})
    });
    let body = object!({"leads": people.collect::<Vec<Value>>()});
    post(&s.url, body.to_string()).await;
    logged(&s.server, &s.job_id, count as i64 + 1).await;
    s
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_tells_a_reading_client_the_last_event_that_it_received() {
    for round in 0..10 {
        let s = crowd(1_000, 0).await;
        let mut stream = s.server.watch_apart(&s.job_id, 0).await;
        let seen = 1 + round * 97;
        assert_contiguous(&read(&mut stream, seen).await, 1);
        let stopped = tokio::spawn(s.server.stop());
        assert_draining(drain(&mut stream, seen as i64).await);
        drop(stream);
        stopped.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_never_looks_like_the_end_to_a_slow_client() {
    for _ in 0..10 {
        let s = crowd(300, 8_000).await;
        let mut stream = s.server.watch_apart(&s.job_id, 0).await;
        assert_contiguous(&read(&mut stream, 1).await, 1);
        let statuses = health(&s.server).await;
        let stopped = tokio::spawn(s.server.stop());
        // It reads nothing until the server has begun to end.
        ended(statuses).await;
        let (last, end) = drain(&mut stream, 1).await;
        let status = end.expect("a job that goes on does not end OK");
        // Rarely the connection is closed before the client has read its end.
        if status.get_details_error_info().is_some() {
            assert_draining((last, Some(status)));
        }
        drop(stream);
        stopped.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_of_the_health_end_by_themselves() {
    let fake = pronto(object!({"id": ID}), ongoing()).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let (read, unread) = (health(&server).await, health(&server).await);
    let stopped = tokio::spawn(server.stop());
    ended(read).await;
    stopped.await.unwrap();
    ended(unread).await;
}

#[tokio::test]
async fn started_comes_first_even_when_a_job_is_cancelled_before_it() {
    let (mut fake, gate) = gated(201, object!({"id": ID, "total": 3})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut leads = server.leads();
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    let url = webhook_url(&mut fake).await;
    let job = only_job(&server).await;
    assert_eq!(job.state(), JobState::Pending);
    let job_id = job.id;
    let request = CancelJobRequest {
        job_id: job_id.clone(),
    };
    server.jobs().cancel_job(request).await.unwrap();
    post_json(&url, &lead("ada")).await;
    gate.add_permits(1);
    let answer = starting.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.acceptance.unwrap().id.as_deref(), Some(ID));
    assert_eq!(answer.job.unwrap().state(), JobState::Cancelled);
    logged(&server, &job_id, 2).await;
    let mut stream = server.watch(&job_id, 0).await;
    let events = read(&mut stream, 2).await;
    assert_contiguous(&events, 1);
    assert!(matches!(events[0].event, Some(Event::Started(_))));
    assert!(matches!(events[1].event, Some(Event::Lead(_))));
    let status = next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(error_info(&status).reason, "JOB_CANCELLED");
}

#[tokio::test]
async fn a_refusal_is_reported_even_when_the_job_was_cancelled() {
    let (mut fake, gate) = gated(422, object!({"error": "no such thing"})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut leads = server.leads();
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    webhook_url(&mut fake).await;
    let job_id = only_job(&server).await.id;
    let request = CancelJobRequest {
        job_id: job_id.clone(),
    };
    server.jobs().cancel_job(request).await.unwrap();
    gate.add_permits(1);
    let status = starting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(error_info(&status).reason, "UPSTREAM_REJECTED");
    assert_eq!(server.job(&job_id).await.state(), JobState::Cancelled);
}

#[tokio::test]
async fn a_question_that_hangs_does_not_hold_up_callbacks() {
    let mut fake = Fake::start(|path, _| async move {
        if is_poll(&path) {
            std::future::pending::<()>().await;
        }
        json(201, object!({"id": ID, "total": 3}).to_string())
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let stream = server.leads().search_leads(search()).await;
    let mut stream = stream.unwrap().into_inner();
    let url = webhook_url(&mut fake).await;
    let asked = timeout(PATIENCE, fake.asked.recv()).await.unwrap().unwrap();
    assert!(is_poll(&asked.path), "{asked:?}");
    post_json(&url, &lead("ada")).await;
    let events = read(&mut stream, 2).await;
    assert!(matches!(events[1].event, Some(Event::Lead(_))));
    // It is under way still.
    assert!(fake.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_start_whose_caller_is_gone_is_recorded_before_the_server_ends() {
    let (mut fake, gate) = gated(201, object!({"id": ID, "total": 3})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut leads = LeadServiceClient::new(connect(server.grpc).await);
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    webhook_url(&mut fake).await;
    starting.abort();
    assert!(starting.await.unwrap_err().is_cancelled());
    let statuses = health(&server).await;
    let stopped = tokio::spawn(server.stop());
    ended(statuses).await;
    assert!(!stopped.is_finished());
    gate.add_permits(1);
    stopped.await.unwrap();

    let server = Setup::new(fake.address, data.path()).start().await;
    let job = only_job(&server).await;
    assert_eq!(job.upstream_id.as_deref(), Some(ID));
    assert_eq!(job.state(), JobState::Running);
    let events = read(&mut server.watch(&job.id, 0).await, 1).await;
    let Some(Event::Started(started)) = &events[0].event else {
        panic!("{events:?}")
    };
    assert!(started.acceptance.is_some());
}

#[tokio::test]
async fn states_are_checked_and_may_be_repeated() {
    let s = Endless::start().await;
    let listed = |states| {
        let mut jobs = s.server.jobs();
        let request = ListJobsRequest {
            states,
            ..Default::default()
        };
        async move { jobs.list_jobs(request).await }
    };
    let status = listed(vec![99]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "states");
    let many = listed(vec![JobState::Running.into(); 40_000]).await;
    assert_eq!(many.unwrap().into_inner().jobs.len(), 1);
}

#[tokio::test]
async fn an_id_that_is_all_control_characters_is_not_found() {
    let s = Endless::start().await;
    let mut jobs = JobServiceClient::new(connect(s.server.grpc).await);
    let job_id = "\u{1}".repeat(1024);
    let status = jobs.get_job(GetJobRequest { job_id }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    assert_eq!(error_info(&status).reason, "NOT_FOUND");
}
