//! What is refused, and how.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, quick};
use crate::proto::endpoint::{Endpoint, endpoints};
use crate::sandbox::SandboxConfig;

#[tokio::test]
async fn requests_that_break_a_documented_rule() {
    let fixture = Fixture::start(quick()).await;
    let hook = "https://hooks.example/x";
    let person = "https://www.linkedin.com/in/ada";
    let contact = json!({"firstname": "A", "lastname": "B", "domain": "b.example"});
    let cases: Vec<(&Endpoint, Value, u16)> = vec![
        (
            endpoints::START_LEAD_SEARCH,
            json!({"job_titles": ["CFO"]}),
            400,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"job_titles": ["CFO"], "webhook_url": "x"}),
            400,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook}),
            400,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "past_colleague": false}),
            400,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "functions": ["99"]}),
            422,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "functions": "8"}),
            422,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "keyword": "x", "live": "no"}),
            422,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "relationship": ["F"], "live": false}),
            422,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "included_companies": [{"name": "x"}]}),
            422,
        ),
        (
            endpoints::START_LEAD_SEARCH,
            json!({"webhook_url": hook, "keyword": "x", "limit": 0}),
            422,
        ),
        (
            endpoints::START_ACCOUNT_SEARCH,
            json!({"keyword": "x"}),
            400,
        ),
        (
            endpoints::PREVIEW_ACCOUNT_SEARCH,
            json!({"company_size": ["many"]}),
            422,
        ),
        (
            endpoints::PREVIEW_ACCOUNT_SEARCH,
            json!({"min_revenue": 3}),
            422,
        ),
        (
            endpoints::PREVIEW_ACCOUNT_SEARCH,
            json!({"revenue_currency": "XXX"}),
            422,
        ),
        (
            endpoints::START_COMPANY_LEAD_SEARCH,
            json!({"job_titles": ["*"]}),
            400,
        ),
        (
            endpoints::START_COMPANY_LEAD_SEARCH,
            json!({"company_linkedin_id": "10000019"}),
            400,
        ),
        (
            endpoints::START_COMPANY_LEAD_SEARCH,
            json!({"company_linkedin_id": "10000019", "job_titles": ["*"], "persona_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}),
            422,
        ),
        (endpoints::START_LEAD_EXTRACTION, json!({"name": "x"}), 400),
        (
            endpoints::GET_COMPANY_STACK,
            json!({"company_linkedin": "x"}),
            400,
        ),
        (
            endpoints::ENRICH_ACCOUNT,
            json!({"name": "Unheard Of"}),
            404,
        ),
        (
            endpoints::ENRICH_LEAD,
            json!({"linkedin_url": "https://www.linkedin.com/in/nobody"}),
            404,
        ),
        (
            endpoints::START_GROWING_ACCOUNT_SEARCH,
            json!({"webhook_url": hook, "min_growth_percent": 5}),
            422,
        ),
        (
            endpoints::START_GROWING_ACCOUNT_SEARCH,
            json!({"webhook_url": hook, "department": "8"}),
            422,
        ),
        (
            endpoints::START_GROWING_ACCOUNT_SEARCH,
            json!({"webhook_url": hook, "department": "8", "min_department_headcount": 1, "max_headcount_growth_percentage": 5}),
            422,
        ),
        (
            endpoints::START_BULK_CONTACT_ENRICHMENT,
            json!({"contacts": [contact], "enrichment_type": ["email"]}),
            422,
        ),
        (
            endpoints::START_BULK_CONTACT_ENRICHMENT,
            json!({"contacts": [contact, contact], "enrichment_type": ["phone"]}),
            422,
        ),
        (
            endpoints::ENRICH_CONTACT,
            json!({"lastname": "B", "linkedin_url": person, "enrichment_type": ["phone"]}),
            422,
        ),
        (
            endpoints::ENRICH_CONTACT,
            json!({"firstname": "A", "lastname": "B", "enrichment_type": ["fax"]}),
            422,
        ),
        (
            endpoints::START_CONTACT_ENRICHMENT,
            json!({"firstname": "A", "lastname": "B", "enrichment_type": ["email"]}),
            422,
        ),
        (endpoints::START_CONTACT_ENRICHMENT, json!([1]), 400),
    ];
    for (endpoint, body, status) in cases {
        let answer = fixture.post(endpoint, body.clone()).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{} {body}: {}",
            endpoint.rpc,
            answer.text
        );
    }
    assert_eq!(fixture.sandbox.counters().webhooks_attempted(), 0);
}

#[tokio::test]
async fn refusals_have_the_documented_bodies() {
    let fixture = Fixture::start(quick()).await;
    let stack = fixture.post(endpoints::GET_COMPANY_STACK, json!({})).await;
    let message = "Provide at least one of: company_domain, company_name, company_linkedin_url";
    assert_eq!(stack.json(), json!({"error": 400, "message": message}));
    let size = fixture
        .post(
            endpoints::PREVIEW_ACCOUNT_SEARCH,
            json!({"company_size": ["many"]}),
        )
        .await;
    let message = size.json()["message"]
        .as_str()
        .expect("a message")
        .to_owned();
    assert!(
        message.contains("many") && message.contains("51-200"),
        "{message}"
    );
}

#[tokio::test]
async fn keys_paths_and_permissions() {
    let fixture = Fixture::start(quick()).await;
    let account = "/api/v2/account";
    for key in [None, Some("wrong")] {
        let answer = fixture.send("GET", account, key, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json(), json!({"error": "Unauthorized"}));
    }
    let page = fixture
        .send("POST", "/api/v2/extract/leads/search", None, None)
        .await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.starts_with("<!DOCTYPE html>"));
    fixture
        .sandbox
        .switches()
        .write()
        .restricted_keys
        .insert("sandbox-key".to_owned());
    assert_eq!(
        fixture
            .send("GET", account, Some("sandbox-key"), None)
            .await
            .status,
        StatusCode::OK
    );
    let forbidden = fixture.call(endpoints::LIST_SEARCHES, "", None).await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN);
    assert_eq!(
        fixture.sandbox.counters().requests(endpoints::GET_ACCOUNT),
        3
    );
}

#[tokio::test]
async fn limits_are_those_of_the_table() {
    let fixture = Fixture::start(SandboxConfig {
        rate_limits: true,
        ..quick()
    })
    .await;
    // Counted by the minute, so that no window ends under the test.
    let endpoint = endpoints::GET_HEADCOUNT;
    let body = json!({"company_linkedin_id": "10000019"});
    for _ in 0..endpoint.rate.requests {
        assert_eq!(
            fixture.post(endpoint, body.clone()).await.status,
            StatusCode::OK
        );
    }
    let refused = fixture.post(endpoint, body).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=60).contains(&refused.retry_after.expect("Retry-After")));
}
