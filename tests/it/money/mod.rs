//! What is paid, and that nothing is paid twice.

mod budgets;
mod queued;
mod repeated_calls;
mod repeated_jobs;
mod reuse;
mod reused_jobs;
mod usage;

use std::time::Duration;

use pronto_grpc::proto::v1::{EnrichContactAsyncRequest, EnrichContactRequest, EnrichmentType};
use tokio::task::JoinSet;
use tonic::Status;

use crate::harness::error_info;
use crate::harness::stage::Stage;

/// Somebody whose email can be looked for.
pub fn email_of(last_name: &str, request_id: &str) -> EnrichContactRequest {
    EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: last_name.to_owned(),
        domain: Some("acme.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

/// The same, to be answered later.
pub fn later(request: EnrichContactRequest) -> EnrichContactAsyncRequest {
    EnrichContactAsyncRequest {
        first_name: request.first_name,
        last_name: request.last_name,
        domain: request.domain,
        enrichment_type: request.enrichment_type,
        linkedin_url: request.linkedin_url,
        request_id: request.request_id,
        max_credits: request.max_credits,
        reuse_within: request.reuse_within,
        ..Default::default()
    }
}

/// The last names of so many people whose emails were bought.
pub async fn found(stage: &Stage, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0.. {
        if names.len() == count {
            break;
        }
        let name = format!("L{number}");
        let request = email_of(&name, "");
        let answer = stage.server.contacts().enrich_contact(request).await;
        let contact = answer.unwrap().into_inner().contact.unwrap();
        names.extend(contact.email.map(|_| name));
    }
    names
}

/// The name of an error's reason.
#[track_caller]
pub fn reason(status: &Status) -> String {
    error_info(status).reason
}

/// A value of an error's metadata.
#[track_caller]
pub fn metadata(status: &Status, key: &str) -> String {
    let info = error_info(status);
    let value = info.metadata.get(key);
    value
        .unwrap_or_else(|| panic!("no {key}: {status:?}"))
        .clone()
}

/// Does something so often at once.
pub async fn at_once<F, T>(times: usize, call: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..times {
        calls.spawn(call(number));
    }
    calls.join_all().await
}

/// Waits until something holds.
pub async fn until(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, wait)
        .await
        .unwrap();
}
