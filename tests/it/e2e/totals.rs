//! Jobs that end because of how many results there are.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountToEnrich, BulkEnrichAccountsRequest, JobCompleted, JobEvent, JobOutcome, JobState,
    SearchAccountsRequest, TrackJobChangesRequest,
};
use serde_json::{Value, json as object};

use tonic::Streaming;

use super::restart::{asked, post};
use crate::harness::fake::{Fake, json};
use crate::harness::{
    PATIENCE, Setup, TestServer, assert_contiguous, count_results, read, read_all,
};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn company(name: &str) -> Value {
    object!({"name": name, "linkedin_url": format!("https://www.linkedin.com/company/{name}")})
}

#[track_caller]
fn completed(events: &[JobEvent]) -> JobCompleted {
    assert_contiguous(events, 1);
    match &events.last().unwrap().event {
        Some(Event::Completed(completed)) => completed.clone(),
        _ => panic!("{events:#?}"),
    }
}

/// A Pronto that starts everything with this answer, and answers every question with
/// this status.
async fn pronto(start: Value, status: u16, poll: Value) -> Fake {
    Fake::start(move |path, _| {
        std::future::ready(match path.starts_with("/api/v2/searches/") {
            true => json(status, poll.to_string()),
            false => json(201, start.to_string()),
        })
    })
    .await
}

async fn companies(server: &TestServer) -> Streaming<JobEvent> {
    let request = SearchAccountsRequest::default();
    let stream = server.accounts().search_accounts(request).await;
    stream.unwrap().into_inner()
}

#[tokio::test]
async fn the_last_of_an_exact_total_makes_pronto_be_asked_at_once() {
    let list = object!([company("acme"), company("bolt")]);
    let finished = object!({"search": {"status": "FINISHED"}, "accounts": list});
    let mut fake = pronto(object!({"id": ID, "total": 2}), 200, finished).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.poll_interval = PATIENCE * 10;
    setup.jobs.max_poll_interval = PATIENCE * 10;
    let server = setup.start().await;
    let mut stream = companies(&server).await;
    let start = asked(&mut fake, |asked| asked.method == "POST").await;
    let url = start.body["webhook_url"].as_str().unwrap();
    post(url, &object!({"accounts": [company("acme")]})).await;
    let mut events = read(&mut stream, 2).await;
    post(url, &object!({"accounts": [company("bolt")]})).await;
    events.extend(read_all(&mut stream).await);
    assert_eq!(completed(&events).outcome(), JobOutcome::Complete);
    assert_eq!(count_results(&events), 2);
}

#[tokio::test]
async fn an_exact_total_is_proof_where_pronto_cannot_be_asked() {
    let mut fake = pronto(object!({"id": ID, "total": 1}), 404, object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut stream = companies(&server).await;
    let start = asked(&mut fake, |asked| asked.method == "POST").await;
    let url = start.body["webhook_url"].as_str().unwrap();
    post(url, &object!({"accounts": [company("acme")]})).await;
    let events = read_all(&mut stream).await;
    assert_eq!(completed(&events).outcome(), JobOutcome::Complete);
    assert_eq!(count_results(&events), 1);
}

#[tokio::test]
async fn a_search_of_which_pronto_knows_exactly_that_it_finds_nothing_ends_at_once() {
    let ongoing = object!({"search": {"status": "ONGOING"}});
    let fake = pronto(object!({"id": ID, "total": 0}), 200, ongoing).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let events = read_all(&mut companies(&server).await).await;
    let completed = completed(&events);
    assert_eq!(
        (events.len(), completed.outcome()),
        (2, JobOutcome::Complete)
    );
    assert_eq!(completed.counts.unwrap().expected, Some(0));
}

#[tokio::test]
async fn a_signal_without_end_is_not_ended_by_lists_and_keeps_every_signal() {
    let mut fake = pronto(object!({"id": ID, "total": 1}), 404, object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = TrackJobChangesRequest {
        lead_list_id: "1".to_owned(),
        ..Default::default()
    };
    let stream = server.signals().track_job_changes(request).await.unwrap();
    let mut stream = stream.into_inner();
    let start = asked(&mut fake, |asked| asked.method == "POST").await;
    let url = start.body["webhook_url"].as_str().unwrap();
    let change = |title| {
        let url = "https://www.linkedin.com/in/ada";
        object!({"search": {"id": ID}, "leads": [{"lead": {"linkedin_url": url, "title": title}}]})
    };
    // The same person changes jobs twice; one message comes twice.
    for title in ["CTO", "CTO", "CEO"] {
        post(url, &change(title)).await;
    }
    let events = read(&mut stream, 3).await;
    assert_contiguous(&events, 1);
    assert_eq!(count_results(&events), 2);
    let job = server.job(&events[0].job_id).await;
    assert_eq!(job.state(), JobState::Running);
    assert_eq!(job.counts.unwrap().duplicates, 1);
}

#[tokio::test]
async fn a_batch_that_names_a_company_twice_expects_it_once() {
    let mut fake = pronto(object!({"enrichment_id": ID}), 404, object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let item = |name: &str| AccountToEnrich {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichAccountsRequest {
        accounts: ["acme", "bolt", "acme"].map(item).to_vec(),
        ..Default::default()
    };
    let stream = server.accounts().bulk_enrich_accounts(request).await;
    let mut stream = stream.unwrap().into_inner();
    let start = asked(&mut fake, |asked| asked.method == "POST").await;
    assert_eq!(start.body["accounts"].as_array().unwrap().len(), 3);
    let url = start.body["webhook_url"].as_str().unwrap();
    for name in ["acme", "acme", "bolt"] {
        post(url, &company(name)).await;
    }
    let events = read_all(&mut stream).await;
    let completed = completed(&events);
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    let counts = completed.counts.unwrap();
    assert_eq!((counts.expected, counts.delivered), (Some(2), 2));
}
