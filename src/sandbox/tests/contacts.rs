//! Contact enrichment, and what it costs.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, Receiver, quick};
use crate::proto::endpoint::endpoints;
use crate::sandbox::SandboxConfig;

fn contact(last_name: &str) -> Value {
    json!({"firstname": "Ada", "lastname": last_name, "domain": "acme.example"})
}

#[tokio::test]
async fn an_enrichment_is_pending_then_finished() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let mut body = contact("Lovelace");
    body["enrichment_type"] = json!(["email"]);
    body["webhook_url"] = json!(receiver.url);
    body["custom"] = json!({"crm": "1"});
    let started = fixture
        .post(endpoints::START_CONTACT_ENRICHMENT, body)
        .await;
    assert_eq!(started.json()["status"], "pending");
    assert_eq!(started.json()["custom"], json!({"crm": "1"}));
    let delivered = receiver.next().await;
    assert_eq!(delivered["status"], "finished");
    assert!(delivered.get("phone").is_none() && delivered.get("email").is_some());
    let read = fixture
        .call(endpoints::GET_CONTACT_ENRICHMENT, &started.id(), None)
        .await;
    assert_eq!(read.json(), delivered);
}

#[tokio::test]
async fn what_is_found_is_charged() {
    let fixture = Fixture::start(quick()).await;
    let prices = &endpoints::ENRICH_CONTACT.credits;
    let mut expected = 0;
    for number in 0..20 {
        let mut body = contact(&format!("L{number}"));
        body["linkedin_url"] = json!(format!("https://www.linkedin.com/in/ada-{number}"));
        body["enrichment_type"] = json!(["email", "phone"]);
        let found = fixture.post(endpoints::ENRICH_CONTACT, body).await.json();
        let phones = found["phones"].as_array().expect("phones").len() as u64;
        let email = u64::from(found["email"].is_string());
        expected += phones * u64::from(prices.phone_number) + email * u64::from(prices.email);
        let status = if phones + email > 0 {
            "success"
        } else {
            "error"
        };
        assert_eq!(found["status"], status);
    }
    assert_eq!(fixture.sandbox.counters().credits_spent(), expected);
    let left = fixture.call(endpoints::GET_CREDITS, "", None).await.json();
    assert_eq!(left["credits"], 100_000 - expected);
}

#[tokio::test]
async fn nothing_found_is_an_answer() {
    let fixture = Fixture::start(quick()).await;
    let mut body = contact("Nobody");
    body["linkedin_url"] = json!("https://www.linkedin.com/in/nobody");
    body["enrichment_type"] = json!(["email", "phone"]);
    let mut found = fixture.post(endpoints::ENRICH_CONTACT, body).await.json();
    assert!(
        found
            .as_object_mut()
            .expect("an object")
            .remove("enrichment_id")
            .is_some()
    );
    let expected = json!({
        "first_name": "Ada", "last_name": "Nobody", "status": "error",
        "linkedin_profile_url": "https://www.linkedin.com/in/nobody",
        "message": "No email or phone found for this profile",
        "email": null, "email_status": "N/A", "phones": [], "phone_status": "not_found"
    });
    assert_eq!(found, expected);
    assert_eq!(fixture.sandbox.counters().credits_spent(), 0);
}

#[tokio::test]
async fn a_batch_delivers_each_contact_with_its_custom() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let contacts: Vec<Value> = (0..4)
        .map(|number| {
            let mut contact = contact("Lovelace");
            contact["custom"] = json!({"number": number});
            contact
        })
        .collect();
    let body =
        json!({"contacts": contacts, "enrichment_type": ["email"], "webhook_url": receiver.url});
    let started = fixture
        .post(endpoints::START_BULK_CONTACT_ENRICHMENT, body)
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    fixture.sandbox.idle().await;
    let numbers: Vec<Value> = receiver
        .arrived()
        .iter()
        .map(|body| body["custom"]["number"].clone())
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    let read = fixture
        .call(endpoints::GET_CONTACT_ENRICHMENT, &started.id(), None)
        .await;
    assert_eq!(read.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_batch_is_checked_as_a_whole() {
    let fixture = Fixture::start(SandboxConfig {
        credits: 8,
        ..quick()
    })
    .await;
    let batch = |count: usize| {
        let contacts = vec![contact("Lovelace"); count];
        json!({"contacts": contacts, "enrichment_type": ["email"]})
    };
    let refused = fixture
        .post(endpoints::START_BULK_CONTACT_ENRICHMENT, batch(3))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.json(),
        json!({"message": "Insufficient enrichment credits"})
    );
    let started = fixture
        .post(endpoints::START_BULK_CONTACT_ENRICHMENT, batch(2))
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn personal_emails_need_consent() {
    let fixture = Fixture::start(quick()).await;
    let mut body = contact("Lovelace");
    body["linkedin_url"] = json!("https://www.linkedin.com/in/ada");
    body["enrichment_type"] = json!(["personal_email"]);
    let allowed = fixture.post(endpoints::ENRICH_CONTACT, body.clone()).await;
    assert_eq!(allowed.status, StatusCode::OK);
    fixture.sandbox.switches().write().personal_email_consent = false;
    let refused = fixture.post(endpoints::ENRICH_CONTACT, body).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .text
            .contains("without consenting with our terms of use")
    );
}
