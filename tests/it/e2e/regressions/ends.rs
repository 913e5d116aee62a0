//! When and how jobs end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CallbackSource, EnrichContactAsyncRequest, EnrichmentType, JobCompleted, JobCounts, JobEvent,
    JobOutcome, JobState, SearchAccountsRequest,
};
use serde_json::json as object;
use tonic::Code;

use super::{
    ID, account_extraction, decoded, is_poll, lead, lead_extraction, logged, ongoing, post_json,
    pronto, search, webhook_url,
};
use crate::harness::fake::{Fake, json};
use crate::harness::{
    PATIENCE, Setup, assert_contiguous, count_results, error_info, read, read_all,
};

#[track_caller]
fn completed(events: &[JobEvent]) -> (JobOutcome, JobCounts) {
    assert_contiguous(events, 1);
    let last = events.last().and_then(|event| event.event.clone());
    let Some(Event::Completed(JobCompleted {
        outcome, counts, ..
    })) = last
    else {
        panic!("completed comes last: {events:#?}")
    };
    (outcome.try_into().unwrap(), counts.unwrap())
}

#[tokio::test]
async fn callbacks_behind_a_finished_poll_come_before_the_end() {
    let start = object!({"id": ID, "status": "processing"});
    let mut fake = pronto(start, object!({"search": {"status": "FINISHED"}})).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.settle_time = PATIENCE;
    let server = setup.start().await;
    let mut accounts = server.accounts();
    let stream = accounts.extract_accounts(account_extraction());
    let mut stream = stream.await.unwrap().into_inner();
    let job_id = read(&mut stream, 1).await.remove(0).job_id;
    let polled = decoded(&server, &job_id, 1).await;
    assert_eq!(polled[0].source(), CallbackSource::Poll);
    let listed = object!({"accounts": [
        {"name": "Acme", "linkedin_id": "1"},
        {"name": "Bolt", "linkedin_id": "2"},
    ]});
    post_json(&webhook_url(&mut fake).await, &listed).await;
    // What the poll brought is kept as it is; here it shows nothing.
    let mut events = Vec::new();
    while count_results(&events) < 2 {
        events.extend(read(&mut stream, 1).await);
        let last = &events.last().unwrap().event;
        assert!(!matches!(last, Some(Event::Completed(_))), "{events:#?}");
    }
    assert_eq!(server.job(&job_id).await.state(), JobState::Running);
}

#[tokio::test]
async fn a_finished_search_without_total_and_list_is_not_complete() {
    let start = object!({"id": ID, "status": "processing"});
    let fake = pronto(start, object!({"search": {"status": "FINISHED"}})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut accounts = server.accounts();
    let stream = accounts.extract_accounts(account_extraction());
    let events = read_all(&mut stream.await.unwrap().into_inner()).await;
    assert_eq!(completed(&events).0, JobOutcome::Incomplete);
}

#[tokio::test]
async fn a_total_of_companies_is_no_estimate_that_a_poll_corrects() {
    let poll = object!({"search": {"status": "FINISHED"}, "accounts": [
        {"name": "Acme", "linkedin_id": "1"},
        {"name": "Bolt", "linkedin_id": "2"},
    ]});
    let fake = pronto(object!({"id": ID, "total": 5}), poll).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut accounts = server.accounts();
    let stream = accounts.search_accounts(SearchAccountsRequest::default());
    let events = read_all(&mut stream.await.unwrap().into_inner()).await;
    let (outcome, counts) = completed(&events);
    assert_eq!(outcome, JobOutcome::Incomplete);
    assert_eq!(
        (counts.expected, counts.delivered, counts.missing),
        (Some(5), 2, Some(3))
    );
}

#[tokio::test]
async fn one_404_does_not_end_polling() {
    for has_callback_url in [true, false] {
        let was_asked = Arc::new(AtomicBool::new(false));
        let fake = Fake::start(move |path, _| {
            let is_first = is_poll(&path) && !was_asked.swap(true, Ordering::SeqCst);
            let finished =
                object!({"search": {"status": "FINISHED"}, "leads": [{"lead": lead("ada")}]});
            std::future::ready(match (is_poll(&path), is_first) {
                (true, true) => json(404, "{}"),
                (true, false) => json(200, finished.to_string()),
                (false, _) => {
                    was_asked.store(false, Ordering::SeqCst);
                    json(202, object!({"id": ID, "status": "processing"}).to_string())
                }
            })
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let setup = Setup {
            has_callback_url,
            ..Setup::new(fake.address, data.path())
        };
        let server = setup.start().await;
        let stream = server.leads().extract_leads(lead_extraction()).await;
        let events = read_all(&mut stream.unwrap().into_inner()).await;
        let (outcome, counts) = completed(&events);
        assert_eq!((outcome, counts.delivered), (JobOutcome::Complete, 1));
    }
}

#[tokio::test]
async fn a_contact_that_is_pending_does_not_end_its_job() {
    let pending = object!({"enrichment_id": ID, "status": "pending"});
    let mut fake = pronto(pending.clone(), pending).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        linkedin_url: Some("https://www.linkedin.com/in/ada".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into(), EnrichmentType::Phone.into()],
        ..Default::default()
    };
    let stream = server.contacts().enrich_contact_async(request).await;
    let mut stream = stream.unwrap().into_inner();
    let mut events = read(&mut stream, 1).await;
    let job_id = events[0].job_id.clone();
    let url = webhook_url(&mut fake).await;
    let partial = object!({"enrichment_id": ID, "status": "pending", "email": "a@x.test"});
    post_json(&url, &partial).await;
    decoded(&server, &job_id, 1).await;
    assert_eq!(server.job(&job_id).await.state(), JobState::Running);
    let whole = object!({
        "enrichment_id": ID, "status": "finished", "email": "a@x.test", "phone": ["+33612345678"],
    });
    post_json(&url, &whole).await;
    events.extend(read_all(&mut stream).await);
    assert_eq!(count_results(&events), 1);
    let Some(Event::Contact(contact)) = &events[1].event else {
        panic!("{events:#?}")
    };
    assert_eq!(contact.phones.len(), 1);
    assert_eq!(completed(&events).0, JobOutcome::Complete);
}

#[tokio::test]
async fn a_negative_total_harms_nobody() {
    let mut fake = pronto(object!({"id": ID, "total": i64::MIN}), ongoing()).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.deadlines.search = Duration::from_millis(200);
    let server = setup.start().await;
    let stream = server.leads().search_leads(search()).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    let (outcome, counts) = completed(&events);
    assert_eq!((outcome, counts.expected), (JobOutcome::Incomplete, None));
    // What comes late is still kept, and others are served.
    let job_id = &events[0].job_id;
    post_json(&webhook_url(&mut fake).await, &lead("ada")).await;
    logged(&server, job_id, events.len() as i64 + 1).await;
    let mut late = server.watch(job_id, events.len() as i64).await;
    assert_eq!(count_results(&read_all(&mut late).await), 1);
    let another = server.leads().start_lead_search(search()).await;
    assert!(another.unwrap().into_inner().job.is_some());
}

#[tokio::test]
async fn a_start_whose_fate_is_unknown_ends_where_nothing_can_arrive() {
    let fake = Fake::always(503, "").await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup {
        has_callback_url: false,
        ..Setup::new(fake.address, data.path())
    };
    let server = setup.start().await;
    // Searches are looked for, but Pronto lists no enrichments.
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let mut contacts = server.contacts();
    let stream = contacts.enrich_contact_async(request.clone());
    let events = read_all(&mut stream.await.unwrap().into_inner()).await;
    assert_eq!(completed(&events).0, JobOutcome::Incomplete);
    assert_eq!(events.len(), 2);
    let Some(Event::Started(started)) = &events[0].event else {
        panic!("{events:#?}")
    };
    assert_eq!(started.acceptance, None);

    let started = server.contacts().start_contact_enrichment(request).await;
    let status = started.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let info = error_info(&status);
    assert_eq!(info.reason, "OUTCOME_UNKNOWN");
    let job = server.job(&info.metadata["job_id"]).await;
    assert_eq!(job.state(), JobState::Incomplete);
}
