//! The requests of `/leads`.

use pronto_grpc::proto::v1::{
    self, CompanySize, CompanyType, JobFunction, RecentJobChange, Relationship, SeniorityLevel,
    Tenure,
};
use serde_json::json;

use super::{object, sends, some, texts, values, webhook};

const ADA: &str = "https://www.linkedin.com/in/ada-example";

/// Every filter of the advanced search.
fn filters() -> v1::LeadFilters {
    v1::LeadFilters {
        live: Some(true),
        keyword: some("robotics"),
        job_titles: texts(["CTO"]),
        excluded_job_titles: texts(["Interim CTO"]),
        past_titles: texts(["Engineer"]),
        excluded_past_titles: texts(["Intern"]),
        included_locations: texts(["103644278"]),
        excluded_locations: texts(["101452733"]),
        included_industries: texts(["6"]),
        excluded_industries: texts(["12"]),
        included_companies: texts(["1818", "104885158"]),
        excluded_companies: texts(["162479"]),
        past_companies: texts(["1441"]),
        company_headquarters: texts(["105015875"]),
        functions: values([JobFunction::Engineering, JobFunction::InformationTechnology]),
        seniority_levels: values([SeniorityLevel::InTraining, SeniorityLevel::OwnerPartner]),
        years_of_experience: values([Tenure::Tenure6To10Years, Tenure::MoreThan10Years]),
        years_at_current_company: values([Tenure::LessThan1Year]),
        years_in_current_position: values([Tenure::Tenure1To2Years, Tenure::Reserved8]),
        company_size: values([
            CompanySize::CompanySize110,
            CompanySize::CompanySize500110000,
        ]),
        company_type: values([CompanyType::PrivatelyHeld, CompanyType::Public]),
        included_account_lists: texts(["7358966630862757888"]),
        excluded_account_lists: texts(["7358966630862757889"]),
        included_lead_lists: texts(["7358966630862757890"]),
        excluded_lead_lists: texts(["7358966630862757891"]),
        relationship: values([Relationship::FirstDegree, Relationship::GroupMembers]),
        recently_changed_jobs: values([RecentJobChange::RecentlyChanged]),
        connections_of_profile: some(ADA),
        follows_your_company: Some(true),
        viewed_your_profile: Some(true),
        with_shared_experiences: Some(true),
        posted_on_linkedin: Some(true),
        past_colleague: Some(true),
        additional_fields: None,
    }
}

#[test]
fn advanced_search() {
    let custom = json!({"campaign": "spring", "tags": ["a", "b"], "weight": 0.5, "owner": null});
    let request = v1::SearchLeadsRequest {
        max_credits: None,
        request_id: String::new(),
        filters: Some(filters()),
        name: some("Robotics CTOs"),
        limit: Some(500),
        streaming: Some(true),
        scale: Some(true),
        custom: Some(object(custom)),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

/// What is explicitly false is sent: Pronto's default of `live` is true.
#[test]
fn advanced_search_in_the_database() {
    let request = v1::SearchLeadsRequest {
        filters: Some(v1::LeadFilters {
            live: Some(false),
            keyword: some("robotics"),
            ..Default::default()
        }),
        streaming: Some(false),
        scale: Some(false),
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("database", &request);
}

#[test]
fn advanced_search_preview() {
    let request = v1::PreviewLeadSearchRequest {
        filters: Some(filters()),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::PreviewLeadSearchRequest {
        filters: Some(v1::LeadFilters {
            live: Some(false),
            job_titles: texts(["CTO"]),
            ..Default::default()
        }),
        additional_fields: None,
    };
    sends("database", &request);
}

#[test]
fn company_search() {
    let request = v1::FindCompanyLeadsRequest {
        company_linkedin_id: some("1818"),
        job_titles: texts(["CFO", "Head of Finance"]),
        excluded_job_titles: texts(["Assistant"]),
        included_locations: texts(["105015875"]),
        excluded_locations: texts(["101165590"]),
        functions: values([JobFunction::Finance, JobFunction::CustomerSuccessAndSupport]),
        seniority_levels: values([SeniorityLevel::Director, SeniorityLevel::Cxo]),
        name: some("Finance at Verdant"),
        limit: Some(20),
        streaming: Some(false),
        scale: Some(true),
        custom: Some(object(json!({"deal": {"stage": 3}}))),
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("titles", &request);

    let request = v1::FindCompanyLeadsRequest {
        company_linkedin_url: some("https://www.linkedin.com/sales/company/1818"),
        persona_id: some("0b5a7a0e-6c67-4f38-9a55-3c4f7a2f9d11"),
        ..Default::default()
    };
    sends("persona", &request);

    let request = v1::FindCompanyLeadsRequest {
        company_linkedin_id: some("1818"),
        job_titles: texts(["*"]),
        ..Default::default()
    };
    sends("everybody", &request);
}

#[test]
fn extraction() {
    let request = v1::ExtractLeadsRequest {
        max_credits: None,
        request_id: String::new(),
        search_url: "https://www.linkedin.com/sales/search/people?query=(keywords%3Acfo)"
            .to_owned(),
        name: "CFOs".to_owned(),
        limit: Some(75),
        streaming: Some(true),
        scale: Some(false),
        custom: Some(object(json!({"hubspot_id": "134567"}))),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::ExtractLeadsRequest {
        search_url: "https://www.linkedin.com/sales/search/people?query=x".to_owned(),
        name: "CFOs".to_owned(),
        ..Default::default()
    };
    sends("smallest", &request);
}

#[test]
fn enrichment() {
    let request = v1::EnrichLeadRequest {
        max_credits: None,
        request_id: String::new(),
        linkedin_url: ADA.to_owned(),
        first_name: some("Ada"),
        last_name: some("Example"),
        company_name: some("Verdant Acres"),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::EnrichLeadRequest {
        linkedin_url: ADA.to_owned(),
        ..Default::default()
    };
    sends("documented", &request);
}

#[test]
fn bulk_enrichment() {
    let ada = v1::LeadToEnrich {
        linkedin_url: ADA.to_owned(),
        custom: Some(object(json!({"row": 1}))),
        additional_fields: None,
    };
    let bo = v1::LeadToEnrich {
        linkedin_url: "https://www.linkedin.com/in/bo-example".to_owned(),
        ..Default::default()
    };
    let request = v1::BulkEnrichLeadsRequest {
        max_credits: None,
        request_id: String::new(),
        leads: vec![ada, bo],
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}
