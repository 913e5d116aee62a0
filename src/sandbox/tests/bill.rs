//! What each call cost, whatever became of its answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::fixture::{Fixture, quick};
use crate::proto::endpoint::endpoints;
use crate::proto::json::structs;
use crate::proto::v1::{FaultKind, Findings, SandboxFault};
use crate::sandbox::Faults;

fn contact(last_name: &str) -> Value {
    json!({
        "firstname": "Ada", "lastname": last_name, "enrichment_type": ["email", "phone"],
        "linkedin_url": format!("https://www.linkedin.com/in/{last_name}"),
        "custom": {"call": last_name},
    })
}

/// The bill of a call with this body.
fn bill(fixture: &Fixture, body: &Value) -> Vec<Findings> {
    let is_of = |findings: &Findings| {
        let request = findings.request.as_ref();
        request.is_some_and(|request| structs::to_map(request) == *body.as_object().unwrap())
    };
    let mut bill = fixture.sandbox.findings("", "");
    bill.retain(is_of);
    bill
}

fn set(fixture: &Fixture, fault: SandboxFault) {
    fixture.sandbox.switches().write().faults = Faults::from(vec![fault]);
}

#[tokio::test]
async fn a_synchronous_enrichment_is_billed_by_what_it_finds() {
    let fixture = Fixture::start(quick()).await;
    let prices = &endpoints::ENRICH_CONTACT.credits;
    let mut total = 0;
    for last_name in ["nobody", "l1", "l2", "l3"] {
        let body = contact(last_name);
        let found = fixture.post(endpoints::ENRICH_CONTACT, body.clone()).await;
        let found = found.json();
        let phones = found["phones"].as_array().map_or(0, Vec::len) as u64;
        let expected = phones * u64::from(prices.phone_number)
            + u64::from(found["email"].is_string()) * u64::from(prices.email);
        let [billed] = &bill(&fixture, &body)[..] else {
            panic!("{last_name} is not billed once");
        };
        assert_eq!(billed.operation, endpoints::ENRICH_CONTACT.rpc);
        assert_eq!(billed.upstream_id, found["enrichment_id"]);
        assert_eq!((billed.credits, billed.finished), (expected, true));
        total += expected;
    }
    assert!(total > 0);
    assert_eq!(fixture.sandbox.counters().credits_spent(), total);
}

#[tokio::test]
async fn requests_about_companies_are_billed_also_when_nothing_is_found() {
    let fixture = Fixture::start(quick()).await;
    for endpoint in [
        endpoints::GET_COMPANY_STACK,
        endpoints::LIST_COMPANY_JOB_POSTINGS,
    ] {
        let unknown = json!({"company_name": format!("Nothing {}", endpoint.rpc)});
        fixture.post(endpoint, unknown.clone()).await;
        let [billed] = &bill(&fixture, &unknown)[..] else {
            panic!("{} is not billed once", endpoint.rpc);
        };
        assert_eq!(billed.credits, u64::from(endpoint.credits.request));
        let invalid = json!({"company_name": ""});
        fixture.post(endpoint, invalid.clone()).await;
        assert_eq!(bill(&fixture, &invalid), []);
    }
}

#[tokio::test]
async fn what_is_carried_out_is_billed_and_nothing_else() {
    let fixture = Fixture::start(quick()).await;
    let refused = |carried_out| SandboxFault {
        carried_out: Some(carried_out),
        ..kind(FaultKind::AnswerUnavailable)
    };
    for (number, (fault, bills)) in [
        (kind(FaultKind::AnswerReset), 0),
        (kind(FaultKind::AnswerRateLimited), 0),
        (refused(false), 0),
        (refused(true), 1),
        (kind(FaultKind::AnswerLost), 1),
        (kind(FaultKind::AnswerHtml), 1),
        (kind(FaultKind::AnswerEmpty), 1),
        (kind(FaultKind::AnswerTruncated), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"company_name": format!("company {number}")});
        let name = fault.kind().as_str_name();
        set(&fixture, fault);
        // There may be no answer.
        let _ = fixture
            .try_post(endpoints::GET_COMPANY_STACK, body.clone())
            .await;
        assert_eq!(bill(&fixture, &body).len(), bills, "{name}");
    }
}

fn kind(kind: FaultKind) -> SandboxFault {
    SandboxFault {
        kind: kind.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_is_carried_out_and_billed() {
    let fixture = Fixture::start(quick()).await;
    let stall = SandboxFault {
        duration: Duration::from_millis(200).try_into().ok(),
        ..kind(FaultKind::AnswerStall)
    };
    set(&fixture, stall);
    let body = json!({"company_name": "abandoned"});
    {
        let call = fixture.try_post(endpoints::GET_COMPANY_STACK, body.clone());
        let mut call = std::pin::pin!(call);
        // Until the sandbox has it.
        while fixture.sandbox.describe_counters().under_way == 0 {
            tokio::select! {
                _ = &mut call => panic!("it was answered at once"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(bill(&fixture, &body), []);
    fixture.sandbox.idle().await;
    assert_eq!(bill(&fixture, &body).len(), 1);
}
