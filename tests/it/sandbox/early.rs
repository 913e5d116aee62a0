//! Callbacks that overtake the answer to the request that caused them.

use std::time::SystemTime;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, BulkEnrichLeadsRequest, CallbackSource, ContactToEnrich,
    EnrichContactAsyncRequest, EnrichmentType, JobEvent, LeadToEnrich, ListCallbacksRequest,
    PublishedDate, SearchAccountsRequest, SearchHiringAccountsRequest,
};
use pronto_grpc::sandbox::FaultKind;
use tonic::{Response, Status, Streaming};

use super::assert_complete;
use crate::harness::read_all;
use crate::harness::stage::{Stage, people_search};

async fn early() -> Stage {
    let stage = Stage::start().await;
    stage.sandbox.switches().write().faults = FaultKind::Early.into();
    stage
}

/// The whole job, whose first callback was stored before Pronto's answer.
async fn overtaken(
    stage: &Stage,
    answer: Result<Response<Streaming<JobEvent>>, Status>,
) -> Vec<JobEvent> {
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    let request = ListCallbacksRequest {
        job_id: events[0].job_id.clone(),
        ..Default::default()
    };
    let listed = stage.server.jobs().list_callbacks(request).await.unwrap();
    let first = listed.into_inner().callbacks.remove(0);
    assert_eq!(first.source(), CallbackSource::Callback);
    let received = SystemTime::try_from(first.receive_time.unwrap()).unwrap();
    let started = SystemTime::try_from(events[0].event_time.unwrap()).unwrap();
    assert!(received <= started, "{received:?} {started:?}");
    events
}

#[tokio::test]
async fn a_lead_search() {
    let stage = early().await;
    let answer = stage.server.leads().search_leads(people_search(5)).await;
    assert_complete(&overtaken(&stage, answer).await, "lead", 5);
}

#[tokio::test]
async fn an_account_search() {
    let stage = early().await;
    let request = SearchAccountsRequest {
        limit: Some(12),
        ..Default::default()
    };
    let answer = stage.server.accounts().search_accounts(request).await;
    assert_complete(&overtaken(&stage, answer).await, "account", 12);
}

#[tokio::test]
async fn a_signal() {
    let stage = early().await;
    let request = SearchHiringAccountsRequest {
        published_date: Some(PublishedDate::Last90Days.into()),
        limit: Some(3),
        ..Default::default()
    };
    let answer = stage.server.signals().search_hiring_accounts(request).await;
    assert_complete(&overtaken(&stage, answer).await, "account signal", 3);
}

#[tokio::test]
async fn a_contact() {
    let stage = early().await;
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        company_name: Some("Acme".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let answer = stage.server.contacts().enrich_contact_async(request).await;
    assert_complete(&overtaken(&stage, answer).await, "contact", 1);
}

#[tokio::test]
async fn a_batch_of_contacts() {
    let stage = early().await;
    let contact = |name: &str| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: name.to_owned(),
        company_name: Some("Acme".to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: ["Lovelace", "Hopper", "Nobody"].map(contact).to_vec(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let answer = stage.server.contacts().bulk_enrich_contacts(request).await;
    let events = overtaken(&stage, answer).await;
    assert_complete(&events, "contact", 3);
    let Some(Event::Contact(first)) = &events[1].event else {
        unreachable!("checked above")
    };
    assert_eq!((first.index, &first.custom), (Some(0), &None));
}

#[tokio::test]
async fn a_batch_of_leads() {
    let stage = early().await;
    let lead = |linkedin_url: String| LeadToEnrich {
        linkedin_url,
        ..Default::default()
    };
    let profiles = stage.profiles(3).await;
    let request = BulkEnrichLeadsRequest {
        leads: profiles.into_iter().map(lead).collect(),
        ..Default::default()
    };
    let answer = stage.server.leads().bulk_enrich_leads(request).await;
    assert_complete(&overtaken(&stage, answer).await, "lead", 3);
}
