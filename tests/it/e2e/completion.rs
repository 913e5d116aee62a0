//! How jobs end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::signal_service_client::SignalServiceClient;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, BulkEnrichLeadsRequest, ContactToEnrich, EnrichContactAsyncRequest,
    EnrichmentType, GetJobRequest, JobCompleted, JobEvent, JobOutcome, JobState, LeadToEnrich,
    PublishedDate, SearchHiringAccountsRequest, TrackJobChangesRequest,
};
use serde_json::{Value, json as object};
use tonic::Code;

use crate::harness::fake::{Fake, json};
use crate::harness::{
    Setup, assert_contiguous, count_results, error_info, http, next, read, read_all, search,
};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn lead(name: &str) -> Value {
    object!({"first_name": name, "linkedin_url": format!("https://www.linkedin.com/in/{name}")})
}

async fn post(url: &Value, body: &Value) {
    let url = url.as_str().unwrap();
    let answer = http()
        .post(url)
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

/// A Pronto with one search: `start` is what it posts before it answers, `poll`
/// what it tells who asks.
async fn pronto(start: Vec<Value>, poll: Value) -> Fake {
    Fake::start(move |path, body| {
        let (start, poll) = (start.clone(), poll.clone());
        async move {
            if path.starts_with("/api/v2/searches/") || path.starts_with("/api/v2/contacts/8e") {
                return json(200, poll.to_string());
            }
            for delivery in &start {
                post(&body["webhook_url"], delivery).await;
            }
            json(201, object!({"id": ID, "total": 3}).to_string())
        }
    })
    .await
}

async fn completed(fake: &Fake) -> (Vec<JobEvent>, JobCompleted) {
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let events = read_all(&mut stream).await;
    assert_contiguous(&events, 1);
    let Some(Event::Completed(completed)) = events.last().unwrap().event.clone() else {
        panic!("completed comes last: {events:#?}")
    };
    (events, completed)
}

#[tokio::test]
async fn what_callbacks_did_not_bring_polling_brings_once() {
    let leads = object!([{"lead": lead("ada")}, {"lead": lead("bob")}, {"lead": lead("eve")}]);
    let finished = object!({"search": {"id": ID, "status": "FINISHED"}, "leads": leads});
    let fake = pronto(vec![lead("bob")], finished).await;
    let (events, completed) = completed(&fake).await;
    assert_eq!(count_results(&events), 3);
    let counts = completed.counts.unwrap();
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    assert_eq!(
        (counts.expected, counts.delivered, counts.missing),
        (Some(3), 3, Some(0))
    );
    assert_eq!((counts.recovered, counts.duplicates), (2, 1));
}

#[tokio::test]
async fn a_flat_status_ends_a_search_too() {
    let finished = object!({"id": ID, "status": "FINISHED", "results": [lead("ada")]});
    let fake = pronto(vec![lead("ada")], finished).await;
    let (events, _) = completed(&fake).await;
    assert_eq!(count_results(&events), 1);
}

#[tokio::test]
async fn a_search_whose_status_cannot_be_read_ends_with_its_final_message() {
    let leads = vec![
        lead("ada"),
        object!({"search": {"id": ID}, "leads": [{"lead": lead("bob")}]}),
    ];
    let fake = Fake::start(move |path, body| {
        let leads = leads.clone();
        async move {
            if path.starts_with("/api/v2/searches/") {
                return json(404, "{}");
            }
            for delivery in &leads {
                post(&body["webhook_url"], delivery).await;
            }
            json(201, object!({"id": ID}).to_string())
        }
    })
    .await;
    let (events, completed) = completed(&fake).await;
    assert_eq!(
        (count_results(&events), completed.outcome()),
        (2, JobOutcome::Complete)
    );
}

#[tokio::test]
async fn a_finished_search_that_shows_nothing_is_incomplete() {
    let fake = pronto(
        vec![lead("ada")],
        object!({"search": {"status": "FINISHED"}}),
    )
    .await;
    let (events, completed) = completed(&fake).await;
    assert_eq!(count_results(&events), 1, "{events:#?}");
    assert_eq!(
        completed.outcome(),
        JobOutcome::Incomplete,
        "{completed:?} {:?}",
        events[0]
    );
    // The total of people was an estimate.
    assert_eq!(completed.counts.unwrap().missing, None);
}

#[tokio::test]
async fn a_job_past_its_deadline_is_incomplete() {
    let fake = pronto(
        vec![lead("ada")],
        object!({"search": {"status": "ONGOING"}}),
    )
    .await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.deadlines.search = std::time::Duration::from_millis(200);
    let server = setup.start().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let events = read_all(&mut stream).await;
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!()
    };
    assert_eq!(completed.outcome(), JobOutcome::Incomplete);
    let request = GetJobRequest {
        job_id: events[0].job_id.clone(),
    };
    let job = server
        .jobs()
        .get_job(request)
        .await
        .unwrap()
        .into_inner()
        .job
        .unwrap();
    assert_eq!(job.state(), JobState::Incomplete);
    assert!(job.finish_time.is_some());
}

#[tokio::test]
async fn failure_statuses_fail_the_job_and_keep_its_results() {
    for (status, cause) in [
        ("RATE_LIMITED", "RATE_LIMITED"),
        ("UNAUTHORIZED", "UNAUTHENTICATED_KEY"),
        ("FORBIDDEN", "KEY_NOT_ALLOWED"),
        ("ERROR", "JOB_FAILED"),
    ] {
        let poll = object!({"search": {"status": status}, "leads": [{"lead": lead("bob")}]});
        let fake = pronto(vec![lead("ada")], poll).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let mut stream = server
            .leads()
            .search_leads(search())
            .await
            .unwrap()
            .into_inner();
        let mut events = Vec::new();
        let end = loop {
            match next(&mut stream).await.unwrap() {
                Ok(event) => events.push(event),
                Err(status) => break status,
            }
        };
        assert_contiguous(&events, 1);
        assert_eq!(count_results(&events), 2);
        assert_eq!(end.code(), Code::FailedPrecondition);
        let info = error_info(&end);
        assert_eq!(info.reason, "JOB_FAILED");
        assert_eq!(info.metadata["cause"], cause);
        assert!(end.message().contains(status), "{}", end.message());
        // They are still there for whoever watches again.
        let mut again = server.watch(&events[0].job_id, 0).await;
        let replayed = read(&mut again, events.len()).await;
        assert_eq!(replayed, events);
        let end = next(&mut again).await.unwrap().unwrap_err();
        assert_eq!(error_info(&end).reason, "JOB_FAILED");
    }
}

#[tokio::test]
async fn a_contact_ends_with_its_callback_or_with_its_poll() {
    let contact = object!({"enrichment_id": ID, "status": "finished", "email": "ada@x.test"});
    for (deliveries, poll, recovered) in [
        (vec![contact.clone()], object!({"status": "pending"}), 0),
        (vec![], contact.clone(), 1),
    ] {
        let fake = pronto(deliveries, poll).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let request = EnrichContactAsyncRequest {
            first_name: "Ada".to_owned(),
            last_name: "L".to_owned(),
            domain: Some("x.test".to_owned()),
            enrichment_type: vec![EnrichmentType::Email.into()],
            ..Default::default()
        };
        let stream = server.contacts().enrich_contact_async(request).await;
        let events = read_all(&mut stream.unwrap().into_inner()).await;
        assert_eq!(count_results(&events), 1);
        let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
            panic!()
        };
        assert_eq!(completed.outcome(), JobOutcome::Complete);
        assert_eq!(completed.counts.unwrap().recovered, recovered);
    }
}

fn batch(customs: &[Option<Value>]) -> BulkEnrichContactsRequest {
    let contacts = customs.iter().map(|custom| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        custom: custom
            .as_ref()
            .and_then(Value::as_object)
            .map(pronto_grpc::proto::json::structs::from_map),
        ..Default::default()
    });
    BulkEnrichContactsRequest {
        contacts: contacts.collect(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    }
}

/// A Pronto that posts each contact of a batch with its `custom` and the same id,
/// in reverse order and twice, but for those that `skip` tells.
async fn batch_pronto(skip: impl Fn(usize) -> bool + Copy + Send + Sync + 'static) -> Fake {
    Fake::start(move |_, body| async move {
        let contacts = body["contacts"].as_array().unwrap();
        for (index, contact) in contacts.iter().enumerate().rev().filter(|(i, _)| !skip(*i)) {
            let result = object!({
                "enrichment_id": ID, "status": "finished", "custom": contact["custom"],
                "email": format!("{index}@x.test"),
            });
            post(&body["webhook_url"], &result).await;
            post(&body["webhook_url"], &result).await;
        }
        json(202, object!({"enrichment_id": ID}).to_string())
    })
    .await
}

#[tokio::test]
async fn a_batch_ends_with_its_last_contact_and_every_custom_is_the_callers() {
    let fake = batch_pronto(|_| false).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let customs = [
        None,
        Some(object!({"crm": "1"})),
        Some(object!({"pronto_grpc_item": 5})),
    ];
    let stream = server
        .contacts()
        .bulk_enrich_contacts(batch(&customs))
        .await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    assert_eq!(count_results(&events), 3);
    for event in &events {
        let Some(Event::Contact(contact)) = &event.event else {
            continue;
        };
        let index = contact.index.unwrap() as usize;
        assert_eq!(contact.email, Some(format!("{index}@x.test")));
        let custom = contact
            .custom
            .as_ref()
            .map(pronto_grpc::proto::json::structs::to_map);
        assert_eq!(custom.map(Value::Object), customs[index]);
    }
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!()
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    let counts = completed.counts.unwrap();
    assert_eq!(
        (counts.delivered, counts.duplicates),
        (3, counts.duplicates)
    );
}

#[tokio::test]
async fn a_batch_of_people_has_positions_and_the_callers_custom_too() {
    let fake = Fake::start(|_, body| async move {
        for profile in body["leads"].as_array().unwrap() {
            let mut result = lead("ada");
            result["custom"] = profile["custom"].clone();
            post(&body["webhook_url"], &result).await;
        }
        json(200, object!({"enrichment_id": ID}).to_string())
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let profile = LeadToEnrich {
        linkedin_url: "https://www.linkedin.com/in/ada".to_owned(),
        ..Default::default()
    };
    let request = BulkEnrichLeadsRequest {
        leads: vec![profile; 2],
        ..Default::default()
    };
    let stream = server.leads().bulk_enrich_leads(request).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    let results = events.iter().filter_map(|event| match &event.event {
        Some(Event::Lead(result)) => Some((result.index, result.custom.clone())),
        _ => None,
    });
    assert_eq!(
        results.collect::<Vec<_>>(),
        [(Some(0), None), (Some(1), None)]
    );
}

#[tokio::test]
async fn a_batch_that_misses_contacts_names_them() {
    let fake = batch_pronto(|index| index == 1 || index == 3).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.deadlines.bulk = std::time::Duration::from_millis(300);
    let server = setup.start().await;
    let stream = server
        .contacts()
        .bulk_enrich_contacts(batch(&[None, None, None, None]))
        .await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!()
    };
    assert_eq!(completed.outcome(), JobOutcome::Incomplete);
    assert_eq!(completed.missing_indexes, [1, 3]);
    assert_eq!(completed.counts.unwrap().missing, Some(2));
    let job = server.job(&events[0].job_id).await;
    assert_eq!(job.missing_indexes, [1, 3]);
}

#[tokio::test]
async fn a_signal_that_matches_nothing_ends_at_once() {
    let fake = Fake::always(200, r#"{"preview_count":0,"message":"No results found"}"#).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut signals = SignalServiceClient::new(server.channel.clone());
    let request = SearchHiringAccountsRequest {
        published_date: Some(PublishedDate::Last7Days.into()),
        ..Default::default()
    };
    let stream = signals.search_hiring_accounts(request).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    assert_eq!(events.len(), 2);
    let Some(Event::Completed(completed)) = &events[1].event else {
        panic!()
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
}

#[tokio::test]
async fn a_signal_without_end_has_no_deadline() {
    let fake = pronto(vec![], object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut signals = SignalServiceClient::new(server.channel.clone());
    let request = TrackJobChangesRequest {
        lead_list_id: "1".to_owned(),
        ..Default::default()
    };
    let job = signals
        .start_job_change_tracking(request)
        .await
        .unwrap()
        .into_inner()
        .job
        .unwrap();
    assert_eq!((job.state(), job.deadline), (JobState::Running, None));
}

#[tokio::test]
async fn without_a_callback_url_results_are_polled_or_the_operation_refused() {
    let contact = object!({"enrichment_id": ID, "status": "finished", "email": "ada@x.test"});
    let asked_for_webhook = Arc::new(AtomicBool::new(false));
    let asked = asked_for_webhook.clone();
    let fake = Fake::start(move |path, body| {
        let contact = contact.clone();
        if body.get("webhook_url").is_some() {
            asked.store(true, Ordering::SeqCst);
        }
        async move {
            match path.ends_with("single_enrich") {
                true => json(
                    200,
                    object!({"enrichment_id": ID, "status": "pending"}).to_string(),
                ),
                false => json(200, contact.to_string()),
            }
        }
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup {
        has_callback_url: false,
        ..Setup::new(fake.address, data.path())
    };
    let server = setup.start().await;
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let stream = server.contacts().enrich_contact_async(request).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    assert_eq!(count_results(&events), 1);
    assert!(!asked_for_webhook.load(Ordering::SeqCst));

    let status = server
        .contacts()
        .bulk_enrich_contacts(batch(&[None, None]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(error_info(&status).reason, "CALLBACK_URL_NOT_CONFIGURED");
    assert!(status.message().contains("callback-url"));
}
