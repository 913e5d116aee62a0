//! The requests of `/accounts`.

use pronto_grpc::proto::v1::{self, CompanySize, JobFunction, RevenueCurrency};
use serde_json::json;

use super::{object, sends, some, texts, values, webhook};

fn filters() -> v1::AccountFilters {
    v1::AccountFilters {
        included_industries: texts(["4", "96"]),
        excluded_industries: texts(["43"]),
        included_locations: texts(["105015875"]),
        excluded_locations: texts(["101165590"]),
        company_size: values([
            CompanySize::CompanySize1150,
            CompanySize::CompanySize10001Plus,
        ]),
        keyword: some("\"vertical farming\" OR aquaponics"),
        min_revenue: Some(2.5),
        max_revenue: Some(1000.0),
        revenue_currency: Some(RevenueCurrency::Eur.into()),
        additional_fields: None,
    }
}

#[test]
fn search() {
    let request = v1::SearchAccountsRequest {
        max_credits: None,
        request_id: String::new(),
        filters: Some(filters()),
        name: some("Farms in France"),
        limit: Some(250),
        streaming: Some(true),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::SearchAccountsRequest {
        filters: Some(v1::AccountFilters {
            keyword: some("farm"),
            ..Default::default()
        }),
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("smallest", &request);
}

#[test]
fn search_preview() {
    let request = v1::PreviewAccountSearchRequest {
        filters: Some(filters()),
        additional_fields: None,
    };
    sends("full", &request);
    sends("empty", &v1::PreviewAccountSearchRequest::default());
}

#[test]
fn extraction() {
    let request = v1::ExtractAccountsRequest {
        max_credits: None,
        request_id: String::new(),
        search_url: "https://www.linkedin.com/sales/search/company?query=(keywords%3Afarm)"
            .to_owned(),
        name: some("Farms"),
        limit: Some(40),
        streaming: Some(false),
        custom: Some(object(json!({"crm": "88"}))),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

#[test]
fn enrichment() {
    let request = v1::EnrichAccountRequest {
        max_credits: None,
        request_id: String::new(),
        company_linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        name: some("Verdant Acres"),
        domain: some("verdant-acres.example"),
        country: some("FR"),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::EnrichAccountRequest {
        name: some("Verdant Acres"),
        country: some("FR"),
        ..Default::default()
    };
    sends("by_name", &request);
}

#[test]
fn bulk_enrichment() {
    let first = v1::AccountToEnrich {
        company_linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        name: some("Verdant Acres"),
        domain: some("verdant-acres.example"),
        country: some("FR"),
        additional_fields: None,
    };
    let second = v1::AccountToEnrich {
        domain: some("tidal.example"),
        ..Default::default()
    };
    let request = v1::BulkEnrichAccountsRequest {
        max_credits: None,
        request_id: String::new(),
        accounts: vec![first, second],
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

#[test]
fn company_stack() {
    let request = v1::GetCompanyStackRequest {
        max_credits: None,
        request_id: String::new(),
        company_domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        company_linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        additional_fields: None,
    };
    sends("full", &request);

    let request = v1::GetCompanyStackRequest {
        company_domain: some("tidal.example"),
        ..Default::default()
    };
    sends("by_domain", &request);
}

#[test]
fn company_hiring() {
    let request = v1::ListCompanyJobPostingsRequest {
        max_credits: None,
        request_id: String::new(),
        company_domain: some("verdant-acres.example"),
        company_name: some("Verdant Acres"),
        company_linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        posted_within_days: Some(30),
        additional_fields: None,
    };
    sends("full", &request);
}

/// Departments travel as labels here, as ids everywhere else.
#[test]
fn headcount() {
    let request = v1::GetHeadcountRequest {
        company_linkedin_id: some("1818"),
        departments: values([
            JobFunction::Engineering,
            JobFunction::CustomerSuccessAndSupport,
            JobFunction::ArtsAndDesign,
        ]),
        ..Default::default()
    };
    sends("full", &request);

    let request = v1::GetHeadcountRequest {
        company_linkedin_url: some("https://www.linkedin.com/company/1818"),
        ..Default::default()
    };
    sends("by_url", &request);
}

#[test]
fn count_profiles() {
    let request = v1::CountProfilesRequest {
        max_credits: None,
        request_id: String::new(),
        company_linkedin_id: some("1818"),
        company_linkedin_url: None,
        title_to_include: texts(["CTO", "VP Engineering"]),
        title_to_exclude: texts(["Assistant"]),
        included_locations: texts(["103644278"]),
        excluded_locations: texts(["102221843"]),
        additional_fields: None,
    };
    sends("by_id", &request);

    let request = v1::CountProfilesRequest {
        company_linkedin_url: some("https://www.linkedin.com/sales/company/1818"),
        title_to_include: texts(["CTO"]),
        ..Default::default()
    };
    sends("by_url", &request);
}
