//! Faults of searches and enrichments, and what was found nevertheless.

use serde_json::Value;
use serde_json::json;

use super::faults::{fault, faulty, found, stream};
use super::fixture::Receiver;
use crate::proto::endpoint::{Endpoint, endpoints};
use crate::sandbox::{FaultKind, FinalMessage, SandboxFault};

#[tokio::test]
async fn searches_fail_after_some_results() {
    for (kind, status) in [
        (FaultKind::SearchRateLimited, "RATE_LIMITED"),
        (FaultKind::SearchUnauthorized, "UNAUTHORIZED"),
        (FaultKind::SearchForbidden, "FORBIDDEN"),
        (FaultKind::SearchError, "ERROR"),
    ] {
        for (after, count) in [(None, 2), (Some(3), 3), (Some(0), 0)] {
            let fixture = faulty(vec![SandboxFault {
                after,
                ..fault(kind)
            }])
            .await;
            fixture.sandbox.switches().write().final_message = FinalMessage::Repeating;
            let mut receiver = Receiver::start().await;
            let id = stream(&fixture, &receiver, 4).await;
            assert_eq!(receiver.arrived().len(), count);
            let read = fixture.call(endpoints::GET_SEARCH, &id, None).await.json();
            assert_eq!(read["search"]["status"], status);
            assert_eq!(read["leads"].as_array().map(Vec::len), Some(count));
            assert_eq!(found(&fixture).len(), count);
        }
    }
}

#[tokio::test]
async fn searches_find_nothing() {
    let company = "https://www.linkedin.com/company/10000019";
    let search = "https://www.linkedin.com/sales/search/people?query=x";
    let fixture = faulty(vec![fault(FaultKind::SearchEmpty)]).await;
    let searches: &[(&Endpoint, Value)] = &[
        (endpoints::START_LEAD_SEARCH, json!({"job_titles": ["*"]})),
        (
            endpoints::START_COMPANY_LEAD_SEARCH,
            json!({"company_linkedin_url": company, "job_titles": ["*"]}),
        ),
        (
            endpoints::START_LEAD_EXTRACTION,
            json!({"search_url": search, "name": "n", "limit": 3}),
        ),
        (endpoints::START_ACCOUNT_SEARCH, json!({"limit": 3})),
        (
            endpoints::START_ACCOUNT_EXTRACTION,
            json!({"search_url": search, "limit": 3}),
        ),
        (endpoints::START_HIRING_ACCOUNT_SEARCH, json!({})),
        (
            endpoints::START_LOOKALIKE_ACCOUNT_SEARCH,
            json!({"company_linkedin_url": company}),
        ),
        (endpoints::START_POST_SEARCH, json!({"limit": 3})),
        (endpoints::START_NEW_HIRE_SEARCH, json!({"limit": 3})),
    ];
    for (endpoint, body) in searches {
        let receiver = Receiver::start().await;
        let mut body = body.clone();
        body["webhook_url"] = json!(receiver.url);
        let answer = fixture.post(endpoint, body).await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            endpoint.rpc,
            answer.text
        );
        let total = &answer.json()["total"];
        assert!(total.is_null() || total == 0, "{}: {total}", endpoint.rpc);
        fixture.sandbox.idle().await;
    }
    for findings in fixture.sandbox.findings("", "") {
        assert!(
            findings.finished && findings.keys.is_empty(),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn batches_find_their_items_and_charge_for_them() {
    let fixture = faulty(vec![fault(FaultKind::Drop)]).await;
    let receiver = Receiver::start().await;
    let contact = |name: &str| json!({"firstname": "A", "lastname": name, "domain": "b.example"});
    let body = json!({
        "webhook_url": receiver.url, "enrichment_type": ["email"],
        "contacts": [contact("B"), contact("C"), contact("Nobody")],
    });
    let answer = fixture
        .post(endpoints::START_BULK_CONTACT_ENRICHMENT, body)
        .await;
    let leads = json!({
        "webhook_url": receiver.url, "leads": [{"linkedin_url": "https://www.linkedin.com/in/nobody"}]
    });
    let leads = fixture
        .post(endpoints::START_BULK_LEAD_ENRICHMENT, leads)
        .await;
    fixture.sandbox.idle().await;
    let contacts = fixture.sandbox.findings(&answer.id(), "").remove(0);
    assert_eq!(contacts.keys, ["0", "1", "2"]);
    assert_eq!(contacts.credits, fixture.sandbox.counters().credits_spent());
    assert!(contacts.credits > 0 && contacts.finished);
    let leads = fixture.sandbox.findings(&leads.id(), "").remove(0);
    assert_eq!(leads.keys, ["https://www.linkedin.com/in/nobody"]);
}
