//! What was bought is not bought again by who allows that.

use pronto_grpc::proto::endpoint::endpoints::{
    ENRICH_CONTACT, START_BULK_CONTACT_ENRICHMENT, START_CONTACT_ENRICHMENT,
};
use pronto_grpc::proto::json::structs::from_map;
use pronto_grpc::proto::v1::estimate_cost_request::Request as Asked;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, CallOutcome, Contact, ContactToEnrich, EnrichContactRequest,
    EnrichmentType, EstimateCostRequest, FaultKind, JobCompleted, JobEvent, JobOutcome,
    ListLedgerEntriesRequest, PurgeJobRequest, PurgePersonRequest, SandboxFault,
};
use tonic::Request;

use super::{email_of, found, later};
use crate::harness::stage::Stage;
use crate::harness::{assert_contiguous, read_all};

const DAY: prost_types::Duration = prost_types::Duration {
    seconds: 86_400,
    nanos: 0,
};

/// The same, answered from earlier purchases where possible.
fn reusing(request: EnrichContactRequest) -> EnrichContactRequest {
    EnrichContactRequest {
        reuse_within: Some(DAY),
        ..request
    }
}

async fn enrich(stage: &Stage, request: EnrichContactRequest) -> Contact {
    let answer = stage.server.contacts().enrich_contact(request).await;
    answer.unwrap().into_inner().contact.unwrap()
}

fn custom(number: usize) -> Option<prost_types::Struct> {
    serde_json::json!({"n": number}).as_object().map(from_map)
}

/// A batch of people who are known by these last names.
fn batch(names: &[&str]) -> BulkEnrichContactsRequest {
    let contact = |(number, name): (usize, &&str)| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: (*name).to_owned(),
        domain: Some("acme.test".to_owned()),
        custom: custom(number),
        ..Default::default()
    };
    BulkEnrichContactsRequest {
        contacts: names.iter().enumerate().map(contact).collect(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        reuse_within: Some(DAY),
        ..Default::default()
    }
}

async fn run(stage: &Stage, request: BulkEnrichContactsRequest) -> Vec<JobEvent> {
    let answer = stage.server.contacts().bulk_enrich_contacts(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_contiguous(&events, 1);
    events
}

fn contacts(events: &[JobEvent]) -> Vec<Contact> {
    let contact = |event: &JobEvent| match &event.event {
        Some(Event::Contact(contact)) => Some(contact.clone()),
        _ => None,
    };
    events.iter().filter_map(contact).collect()
}

#[track_caller]
fn completed(events: &[JobEvent]) -> JobCompleted {
    match &events.last().unwrap().event {
        Some(Event::Completed(completed)) => completed.clone(),
        other => panic!("{other:?}"),
    }
}

/// A person of the world whose email was bought, with the LinkedIn profile.
async fn with_profile(stage: &Stage) -> EnrichContactRequest {
    for url in stage.profiles(30).await {
        let mut request = email_of("A", "");
        request.linkedin_url = Some(url);
        let mut phone = request.clone();
        phone.enrichment_type = vec![EnrichmentType::Phone.into()];
        if !enrich(stage, phone.clone()).await.phones.is_empty()
            && enrich(stage, request.clone()).await.email.is_some()
        {
            stage.sandbox.reset().await;
            return request;
        }
    }
    panic!("nobody has both")
}

#[tokio::test]
async fn what_was_bought_is_answered_again_for_nothing() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let before = stage.sandbox.counters().credits_spent();
    let sent = stage.sandbox.counters().requests(ENRICH_CONTACT);
    let mut request = reusing(email_of(&format!(" {} ", name.to_uppercase()), "a"));
    request.custom = custom(7);
    request.max_credits = Some(0);
    let contact = enrich(&stage, request.clone()).await;
    assert!(contact.email.is_some() && contact.reused_from.is_some());
    assert_eq!(
        (contact.custom.clone(), &contact.additional_fields),
        (custom(7), &None)
    );
    // Its answer is repeated as a whole, too.
    assert_eq!(enrich(&stage, request).await, contact);
    let counters = stage.sandbox.counters();
    assert_eq!(
        (counters.credits_spent(), counters.requests(ENRICH_CONTACT)),
        (before, sent)
    );
    let request = ListLedgerEntriesRequest::default();
    let entries = stage.server.usage().list_ledger_entries(request).await;
    let last = entries.unwrap().into_inner().entries.pop().unwrap();
    let Some(Subject::Call(call)) = last.subject else {
        panic!("{last:?}")
    };
    assert_eq!(
        (call.outcome(), last.credits),
        (CallOutcome::Reused, Some(0))
    );
}

#[tokio::test]
async fn who_does_not_ask_for_it_buys_again() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let before = stage.sandbox.counters().credits_spent();
    assert_eq!(enrich(&stage, email_of(&name, "")).await.reused_from, None);
    let mut too_old = email_of(&name, "");
    too_old.reuse_within = Some(prost_types::Duration {
        seconds: 0,
        nanos: 1,
    });
    assert_eq!(enrich(&stage, too_old).await.reused_from, None);
    assert_eq!(stage.sandbox.counters().credits_spent(), before + 6);
}

#[tokio::test]
async fn another_key_reuses_nothing() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let before = stage.sandbox.counters().credits_spent();
    let mut request = Request::new(reusing(email_of(&name, "")));
    let key = "sandbox-key-limited".parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    // It may not be allowed to buy; in no case it is given what others bought.
    if let Ok(answer) = stage.server.contacts().enrich_contact(request).await {
        assert_eq!(answer.into_inner().contact.unwrap().reused_from, None);
        assert_eq!(stage.sandbox.counters().credits_spent(), before + 3);
    }
}

#[tokio::test]
async fn only_the_kinds_that_are_missing_are_bought() {
    let stage = Stage::start().await;
    let bought = with_profile(&stage).await;
    // The phone numbers were bought without countries.
    let mut request = reusing(bought);
    request.request_id = "a".to_owned();
    request.enrichment_type = vec![EnrichmentType::Phone.into(), EnrichmentType::Email.into()];
    request.phone_country_codes = ["FR", "DE", "US", "GB"].map(str::to_owned).to_vec();
    let contact = enrich(&stage, request.clone()).await;
    assert!(contact.email.is_some() && contact.reused_from.is_some());
    let phones = contact.phones.len() as u64;
    let counters = stage.sandbox.counters();
    assert_eq!(counters.requests(ENRICH_CONTACT), 1);
    assert_eq!(counters.credits_spent(), 30 * phones);
    assert_eq!(enrich(&stage, request).await, contact);
}

#[tokio::test]
async fn a_job_of_which_everything_is_known_ends_at_once() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let before = stage.sandbox.counters().credits_spent();
    let request = later(reusing(email_of(&name, "a")));
    let stream = stage
        .server
        .contacts()
        .enrich_contact_async(request.clone())
        .await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    assert_contiguous(&events, 1);
    assert_eq!(events.len(), 3, "{events:#?}");
    let contacts = contacts(&events);
    assert!(contacts[0].email.is_some() && contacts[0].reused_from.is_some());
    let counts = completed(&events).counts.unwrap();
    assert_eq!((counts.delivered, counts.reused, counts.credits), (1, 1, 0));
    assert_eq!((counts.expected, counts.missing), (Some(1), Some(0)));
    assert_eq!(
        stage.sandbox.counters().requests(START_CONTACT_ENRICHMENT),
        0
    );
    assert_eq!(stage.sandbox.counters().credits_spent(), before);
    let again = stage
        .server
        .contacts()
        .start_contact_enrichment(request)
        .await;
    assert_eq!(
        again.unwrap().into_inner().job.unwrap().id,
        events[0].job_id
    );
}

#[tokio::test]
async fn a_job_delivers_the_known_part_first() {
    let stage = Stage::start().await;
    let bought = with_profile(&stage).await;
    let mut request = later(reusing(bought));
    request.enrichment_type.push(EnrichmentType::Phone.into());
    request.phone_country_codes = vec!["FR".to_owned(), "US".to_owned()];
    let stream = stage.server.contacts().enrich_contact_async(request).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    let contacts = contacts(&events);
    assert_eq!(contacts.len(), 2, "{events:#?}");
    assert!(contacts[0].email.is_some() && contacts[0].reused_from.is_some());
    assert!(contacts[1].email.is_none() && contacts[1].reused_from.is_none());
    let completed = completed(&events);
    let counts = completed.counts.unwrap();
    assert_eq!(
        (counts.expected, counts.delivered, counts.reused),
        (Some(2), 2, 1)
    );
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    let spent = stage.sandbox.counters().credits_spent();
    assert_eq!(spent, 30 * contacts[1].phones.len() as u64);
    assert_eq!(counts.credits as u64, spent);
}

#[tokio::test]
async fn of_a_batch_only_the_rest_is_sent() {
    let stage = Stage::start().await;
    let names = found(&stage, 2).await;
    stage.sandbox.reset().await;
    let events = run(&stage, batch(&["X1", &names[0], "X2", "X3", &names[1]])).await;
    let contacts = contacts(&events);
    let indexes: Vec<_> = contacts
        .iter()
        .map(|contact| contact.index.unwrap())
        .collect();
    assert_eq!(indexes[..2], [1, 4], "what is known comes first");
    for contact in &contacts {
        let index = contact.index.unwrap();
        assert_eq!(contact.reused_from.is_some(), index == 1 || index == 4);
        assert_eq!(contact.custom, custom(index as usize));
    }
    let completed = completed(&events);
    let counts = completed.counts.unwrap();
    assert_eq!(
        (counts.expected, counts.delivered, counts.reused),
        (Some(5), 5, 2)
    );
    assert_eq!(
        (completed.outcome(), counts.missing),
        (JobOutcome::Complete, Some(0))
    );
    assert!(completed.missing_indexes.is_empty());
    let findings = stage.sandbox.findings("", "");
    assert_eq!(findings[0].keys.len(), 3);
    assert_eq!(
        counts.credits as u64,
        stage.sandbox.counters().credits_spent()
    );
}

#[tokio::test]
async fn the_last_one_of_a_batch_is_sent_alone() {
    let stage = Stage::start().await;
    let names = found(&stage, 2).await;
    stage.sandbox.reset().await;
    let events = run(&stage, batch(&[&names[0], "X1", &names[1]])).await;
    let contacts = contacts(&events);
    let indexes: Vec<_> = contacts
        .iter()
        .map(|contact| contact.index.unwrap())
        .collect();
    assert_eq!(indexes, [0, 2, 1]);
    assert_eq!(contacts[2].custom, custom(1));
    assert_eq!(completed(&events).outcome(), JobOutcome::Complete);
    let counters = stage.sandbox.counters();
    assert_eq!(counters.requests(START_BULK_CONTACT_ENRICHMENT), 0);
    assert_eq!(counters.requests(START_CONTACT_ENRICHMENT), 1);
}

#[tokio::test]
async fn a_batch_that_is_known_is_not_sent() {
    let stage = Stage::start().await;
    let names = found(&stage, 2).await;
    stage.sandbox.reset().await;
    let request = batch(&[&names[0], &names[1]]);
    let estimate = EstimateCostRequest {
        request: Some(Asked::BulkEnrichContacts(request.clone())),
    };
    let estimate = stage.server.usage().estimate_cost(estimate).await;
    let estimate = estimate.unwrap().into_inner();
    assert_eq!(
        (estimate.reused, estimate.estimate.unwrap().maximum),
        (2, 0)
    );
    let elsewhere = BulkEnrichContactsRequest {
        webhook_url: Some("https://hooks.example.com/x".to_owned()),
        ..request.clone()
    };
    let elsewhere = EstimateCostRequest {
        request: Some(Asked::BulkEnrichContacts(elsewhere)),
    };
    let elsewhere = stage.server.usage().estimate_cost(elsewhere).await;
    let elsewhere = elsewhere.unwrap().into_inner();
    assert_eq!(
        (elsewhere.reused, elsewhere.estimate.unwrap().maximum),
        (0, 6)
    );
    let events = run(&stage, request).await;
    let counts = completed(&events).counts.unwrap();
    assert_eq!((counts.delivered, counts.reused, counts.credits), (2, 2, 0));
    assert_eq!(stage.sandbox.counters().describe(0).requests.len(), 0);
}

#[tokio::test]
async fn what_a_job_bought_is_reused_until_it_is_purged() {
    let stage = Stage::start().await;
    let mut request = batch(&["X1", "X2", "X3", "X4", "X5"]);
    request.reuse_within = None;
    let events = run(&stage, request.clone()).await;
    let with_email = |event: &&JobEvent| match &event.event {
        Some(Event::Contact(contact)) => contact.email.is_some(),
        _ => false,
    };
    let event = events.iter().find(with_email).unwrap();
    let index = contacts(std::slice::from_ref(event))[0].index.unwrap() as usize;
    let somebody = || reusing(email_of(&request.contacts[index].last_name, ""));
    let spent = stage.sandbox.counters().credits_spent();
    let known = enrich(&stage, somebody()).await;
    assert_eq!((known.reused_from, known.index), (event.event_time, None));
    assert_eq!(stage.sandbox.counters().credits_spent(), spent);

    let purge = PurgeJobRequest {
        job_id: events[0].job_id.clone(),
    };
    stage.server.jobs().purge_job(purge).await.unwrap();
    assert_eq!(enrich(&stage, somebody()).await.reused_from, None);
    assert_eq!(stage.sandbox.counters().credits_spent(), spent + 3);
    // That purchase is another one.
    assert!(enrich(&stage, somebody()).await.reused_from.is_some());
}

/// The results of an enrichment by page may not say whose they are.
#[tokio::test]
async fn what_was_bought_by_a_page_is_erased_by_it() {
    let stage = Stage::start().await;
    let mut request = with_profile(&stage).await;
    request.enrichment_type = vec![EnrichmentType::Phone.into()];
    let job = later(request.clone());
    let job = stage.server.contacts().enrich_contact_async(job).await;
    let events = read_all(&mut job.unwrap().into_inner()).await;
    assert!(!contacts(&events)[0].phones.is_empty());
    request.request_id = "repeated".to_owned();
    let spent = stage.sandbox.counters().credits_spent();
    let reused = enrich(&stage, reusing(request.clone())).await;
    assert!(reused.reused_from.is_some());
    assert_eq!(stage.sandbox.counters().credits_spent(), spent);

    let purge = PurgePersonRequest {
        linkedin_url: request.linkedin_url.clone().unwrap(),
        ..Default::default()
    };
    let erased = stage.server.jobs().purge_person(purge).await.unwrap();
    let erased = erased.into_inner();
    // Of the search that told the page, too.
    assert_eq!((erased.erased_results, erased.jobs), (2, 2), "{events:#?}");
    request.request_id = String::new();
    assert_eq!(enrich(&stage, reusing(request)).await.reused_from, None);
    assert!(stage.sandbox.counters().credits_spent() > spent);
    let mut stream = stage.server.watch(&events[0].job_id, 0).await;
    let events = read_all(&mut stream).await;
    assert!(contacts(&events).is_empty());
}

#[tokio::test]
async fn what_is_known_comes_also_when_the_answer_is_lost() {
    let stage = Stage::start().await;
    let names = found(&stage, 1).await;
    stage.sandbox.switches().write().faults = vec![SandboxFault {
        kind: FaultKind::AnswerLost.into(),
        endpoint: "StartBulkContactEnrichment".to_owned(),
        ..Default::default()
    }]
    .into();
    let events = run(&stage, batch(&["X1", &names[0], "X2"])).await;
    let Some(Event::Started(started)) = &events[0].event else {
        panic!("{events:?}")
    };
    assert_eq!(started.acceptance, None);
    let contacts = contacts(&events);
    assert_eq!(contacts[0].index, Some(1));
    assert!(contacts[0].reused_from.is_some());
    let counts = completed(&events).counts.unwrap();
    assert_eq!((counts.expected, counts.delivered), (Some(3), 3));
}
