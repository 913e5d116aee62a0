//! The requests of `/contacts`. Names have no underscore there.

use pronto_grpc::proto::v1::{self, EnrichmentType};
use serde_json::json;

use super::{object, sends, some, texts, values, webhook};

const ADA: &str = "https://www.linkedin.com/in/ada-example";

#[test]
fn asynchronous_enrichment() {
    let request = v1::EnrichContactAsyncRequest {
        max_credits: None,
        request_id: String::new(),
        reuse_within: None,
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        enrichment_type: values([EnrichmentType::Email, EnrichmentType::Phone]),
        linkedin_url: some(ADA),
        domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        phone_country_codes: texts(["FR", "BE"]),
        custom: Some(object(json!({"crm": "1"}))),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        enrichment_type: values([EnrichmentType::Email]),
        company_name: some("Verdant Acres"),
        ..Default::default()
    };
    sends("smallest", &request);
}

#[test]
fn synchronous_enrichment() {
    let request = v1::EnrichContactRequest {
        max_credits: None,
        request_id: String::new(),
        reuse_within: None,
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        enrichment_type: values([
            EnrichmentType::Email,
            EnrichmentType::Phone,
            EnrichmentType::PersonalEmail,
        ]),
        linkedin_url: some(ADA),
        domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        phone_country_codes: texts(["FR"]),
        custom: Some(object(json!({"crm": "1"}))),
        additional_fields: None,
    };
    sends("full", &request);
}

#[test]
fn bulk_enrichment() {
    let ada = v1::ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        linkedin_url: some(ADA),
        custom: Some(object(json!({"row": "1"}))),
        additional_fields: None,
    };
    let bo = v1::ContactToEnrich {
        first_name: "Bo".to_owned(),
        last_name: "Example".to_owned(),
        linkedin_url: some("https://www.linkedin.com/in/bo-example"),
        custom: Some(object(json!({"row": "2"}))),
        ..Default::default()
    };
    let request = v1::BulkEnrichContactsRequest {
        max_credits: None,
        request_id: String::new(),
        reuse_within: None,
        contacts: vec![ada, bo],
        enrichment_type: values([EnrichmentType::Phone]),
        phone_country_codes: texts(["FR", "CH"]),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

#[test]
fn data_availability() {
    let request = v1::CheckDataAvailabilityRequest {
        max_credits: None,
        request_id: String::new(),
        first_name: some("Ada"),
        last_name: some("Example"),
        linkedin_url: some(ADA),
        domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        additional_fields: None,
    };
    sends("full", &request);
}
