//! Every documented rule, refused before anything is sent.

use pronto_grpc::proto::json::structs::from_map;
use pronto_grpc::proto::v1::*;
use pronto_grpc::proto::validate::{Validate, validate};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::fake::Fake;
use crate::harness::{Setup, error_info};

/// The request breaks exactly these fields' rules.
#[track_caller]
fn breaks(request: &impl Validate, fields: &[&str]) {
    let violations = validate(request);
    let broken: Vec<_> = violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(broken, fields, "{violations:#?}");
    assert!(
        violations
            .iter()
            .all(|violation| !violation.description.is_empty())
    );
}

#[track_caller]
fn is_valid(request: &impl Validate) {
    breaks(request, &[]);
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn titles() -> LeadFilters {
    LeadFilters {
        job_titles: texts(["CFO"]),
        ..Default::default()
    }
}

fn search_leads(filters: LeadFilters) -> SearchLeadsRequest {
    SearchLeadsRequest {
        filters: Some(filters),
        ..Default::default()
    }
}

#[test]
fn a_lead_search_needs_a_filter() {
    breaks(&SearchLeadsRequest::default(), &["filters"]);
    breaks(&search_leads(LeadFilters::default()), &["filters"]);
    breaks(
        &search_leads(LeadFilters {
            live: Some(true),
            ..Default::default()
        }),
        &["filters"],
    );
    breaks(
        &search_leads(LeadFilters {
            keyword: text(" "),
            ..Default::default()
        }),
        &["filters"],
    );
    is_valid(&search_leads(titles()));
    let unknown = serde_json::json!({"new_filter": ["x"]});
    is_valid(&search_leads(LeadFilters {
        additional_fields: unknown.as_object().map(from_map),
        ..Default::default()
    }));
}

#[test]
fn the_database_knows_no_relationships() {
    let filters = LeadFilters {
        live: Some(false),
        connections_of_profile: text("https://www.linkedin.com/in/ada"),
        relationship: vec![Relationship::FirstDegree.into()],
        follows_your_company: Some(true),
        viewed_your_profile: Some(true),
        with_shared_experiences: Some(true),
        posted_on_linkedin: Some(true),
        past_colleague: Some(true),
        ..titles()
    };
    breaks(
        &search_leads(filters.clone()),
        &[
            "filters.connections_of_profile",
            "filters.relationship",
            "filters.follows_your_company",
            "filters.viewed_your_profile",
            "filters.with_shared_experiences",
            "filters.posted_on_linkedin",
            "filters.past_colleague",
        ],
    );
    is_valid(&search_leads(LeadFilters {
        live: None,
        ..filters.clone()
    }));
    let preview = PreviewLeadSearchRequest {
        filters: Some(LeadFilters {
            live: Some(true),
            ..filters
        }),
        ..Default::default()
    };
    is_valid(&preview);
}

#[test]
fn enums_must_be_values_to_choose() {
    let filters = LeadFilters {
        functions: vec![1, 0, 99],
        ..Default::default()
    };
    breaks(
        &search_leads(filters),
        &["filters.functions[1]", "filters.functions[2]"],
    );
    let filters = AccountFilters {
        revenue_currency: Some(0),
        ..Default::default()
    };
    breaks(
        &SearchAccountsRequest {
            filters: Some(filters),
            ..Default::default()
        },
        &["filters.revenue_currency"],
    );
}

#[test]
fn revenues_are_those_that_pronto_knows() {
    let filters = AccountFilters {
        min_revenue: Some(1001.0),
        max_revenue: Some(0.0),
        ..Default::default()
    };
    breaks(
        &PreviewAccountSearchRequest {
            filters: Some(filters),
            ..Default::default()
        },
        &["filters.min_revenue", "filters.max_revenue"],
    );
    let filters = AccountFilters {
        min_revenue: Some(2.5),
        max_revenue: Some(1001.0),
        ..Default::default()
    };
    is_valid(&PreviewAccountSearchRequest {
        filters: Some(filters),
        ..Default::default()
    });
}

#[test]
fn webhook_urls_are_https_and_limits_positive() {
    for url in [
        "http://example.com/x",
        "example.com",
        "",
        "https://",
        "ftp://x.test",
    ] {
        let request = SearchLeadsRequest {
            webhook_url: text(url),
            ..search_leads(titles())
        };
        breaks(&request, &["webhook_url"]);
    }
    let request = SearchLeadsRequest {
        webhook_url: text("https://hooks.example.com/x"),
        limit: Some(0),
        ..search_leads(titles())
    };
    breaks(&request, &["limit"]);
}

#[test]
fn profile_urls_have_three_forms() {
    for url in [
        "https://www.linkedin.com/in/ada-l/",
        "https://www.linkedin.com/in/ACwAAC_x-1",
        "https://www.linkedin.com/sales/lead/ACwAAC,NAME_SEARCH,x",
        "linkedin.com/in/ada",
    ] {
        is_valid(&EnrichLeadRequest {
            linkedin_url: url.to_owned(),
            ..Default::default()
        });
    }
    for url in [
        "https://www.linkedin.com/company/acme",
        "https://www.linkedin.com/in/",
        "https://evil.example/in/ada",
        "https://linkedin.com.evil.example/in/ada",
        "ada",
    ] {
        let request = EnrichLeadRequest {
            linkedin_url: url.to_owned(),
            ..Default::default()
        };
        breaks(&request, &["linkedin_url"]);
    }
    breaks(&EnrichLeadRequest::default(), &["linkedin_url"]);
}

#[test]
fn people_of_a_company_need_the_company_a_filter_and_one_source_of_titles() {
    breaks(
        &FindCompanyLeadsRequest::default(),
        &["company_linkedin_id", ""],
    );
    let request = FindCompanyLeadsRequest {
        company_linkedin_id: text("1441"),
        persona_id: text("1f6b0f5a-2d8e-4c3a-9b8f-1a2b3c4d5e6f"),
        job_titles: texts(["CFO"]),
        excluded_job_titles: texts(["Intern"]),
        ..Default::default()
    };
    breaks(&request, &["job_titles", "excluded_job_titles"]);
    let request = FindCompanyLeadsRequest {
        company_linkedin_url: text("https://www.linkedin.com/sales/company/1441"),
        job_titles: texts(["*"]),
        ..Default::default()
    };
    is_valid(&request);
    breaks(
        &FindCompanyLeadsRequest {
            company_linkedin_id: text("Acme"),
            ..request
        },
        &["company_linkedin_id"],
    );
}

#[test]
fn an_extraction_needs_a_sales_navigator_search() {
    breaks(&ExtractLeadsRequest::default(), &["search_url", "name"]);
    let request = ExtractLeadsRequest {
        search_url: "https://www.linkedin.com/sales/search/people?query=x".to_owned(),
        name: "x".to_owned(),
        ..Default::default()
    };
    is_valid(&request);
    let search_url = "https://www.linkedin.com/search/results".to_owned();
    breaks(
        &ExtractAccountsRequest {
            search_url,
            ..Default::default()
        },
        &["search_url"],
    );
}

fn contact() -> ContactToEnrich {
    ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        ..Default::default()
    }
}

#[test]
fn a_batch_has_2_to_100_contacts_of_one_kind() {
    let batch = |count: usize, kinds: &[EnrichmentType]| BulkEnrichContactsRequest {
        contacts: vec![
            ContactToEnrich {
                domain: text("x.test"),
                ..contact()
            };
            count
        ],
        enrichment_type: kinds.iter().map(|kind| (*kind).into()).collect(),
        ..Default::default()
    };
    let email = [EnrichmentType::Email];
    breaks(&batch(1, &email), &["contacts"]);
    is_valid(&batch(2, &email));
    is_valid(&batch(100, &email));
    breaks(&batch(101, &email), &["contacts"]);
    breaks(&batch(2, &[]), &["enrichment_type"]);
    breaks(
        &batch(2, &[EnrichmentType::Email, EnrichmentType::Phone]),
        &[
            "enrichment_type",
            "contacts[0].linkedin_url",
            "contacts[1].linkedin_url",
        ],
    );
}

#[test]
fn each_contact_of_a_batch_has_what_its_kind_needs() {
    let mut request = BulkEnrichContactsRequest {
        contacts: vec![contact(), contact()],
        enrichment_type: vec![EnrichmentType::Email.into()],
        phone_country_codes: texts(["FR", "XX", "fr"]),
        ..Default::default()
    };
    request.contacts[1].first_name = String::new();
    breaks(
        &request,
        &[
            "contacts[1].first_name",
            "phone_country_codes[1]",
            "phone_country_codes[2]",
            "contacts[0].domain",
            "contacts[1].domain",
        ],
    );
}

#[test]
fn single_enrichments_have_what_their_kind_needs() {
    breaks(
        &EnrichContactRequest::default(),
        &["first_name", "last_name", "enrichment_type"],
    );
    let phone = EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        enrichment_type: vec![EnrichmentType::Phone.into()],
        ..Default::default()
    };
    breaks(&phone, &["linkedin_url"]);
    is_valid(&EnrichContactRequest {
        enrichment_type: vec![1],
        ..phone.clone()
    });
    let later = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        enrichment_type: vec![
            EnrichmentType::Email.into(),
            EnrichmentType::PersonalEmail.into(),
        ],
        ..Default::default()
    };
    breaks(&later, &["domain", "linkedin_url"]);
}

#[test]
fn growth_has_two_modes() {
    let company = SearchGrowingAccountsRequest {
        min_headcount_growth_percentage: Some(10.0),
        ..Default::default()
    };
    let department = SearchGrowingAccountsRequest {
        department: Some(JobFunction::Sales.into()),
        min_department_headcount: Some(3),
        ..Default::default()
    };
    is_valid(&company);
    is_valid(&department);
    breaks(
        &SearchGrowingAccountsRequest::default(),
        &["min_headcount_growth_percentage"],
    );
    let both = SearchGrowingAccountsRequest {
        min_headcount_growth_percentage: Some(10.0),
        ..department.clone()
    };
    breaks(&both, &["min_headcount_growth_percentage"]);
    let alone = SearchGrowingAccountsRequest {
        min_department_headcount: None,
        ..department
    };
    breaks(&alone, &["min_department_headcount"]);
    let orphan = SearchGrowingAccountsRequest {
        max_department_headcount: Some(5),
        ..Default::default()
    };
    breaks(&orphan, &["min_headcount_growth_percentage", "department"]);
}

#[test]
fn lookalikes_are_of_one_company_or_of_three() {
    let url = "https://www.linkedin.com/company/acme";
    breaks(
        &SearchLookalikeAccountsRequest::default(),
        &["company_linkedin_url"],
    );
    let four = SearchLookalikeAccountsRequest {
        company_linkedin_urls: texts([url; 4]),
        ..Default::default()
    };
    breaks(&four, &["company_linkedin_urls"]);
    let both = SearchLookalikeAccountsRequest {
        company_linkedin_url: text(url),
        company_linkedin_urls: texts([url]),
        ..Default::default()
    };
    breaks(&both, &["company_linkedin_urls"]);
    let page = SearchLookalikeAccountsRequest {
        company_linkedin_urls: texts([url, "https://acme.test"]),
        ..Default::default()
    };
    breaks(&page, &["company_linkedin_urls[1]"]);
}

#[test]
fn a_company_is_named_somehow() {
    breaks(&GetCompanyStackRequest::default(), &["company_domain"]);
    breaks(
        &ListCompanyJobPostingsRequest::default(),
        &["company_domain"],
    );
    breaks(&EnrichAccountRequest::default(), &["company_linkedin_url"]);
    breaks(&GetHeadcountRequest::default(), &["company_linkedin_id"]);
    breaks(&CountProfilesRequest::default(), &["company_linkedin_id"]);
    let request = EnrichAccountRequest {
        name: text("Acme"),
        country: text("FRA"),
        ..Default::default()
    };
    breaks(&request, &["country"]);
    let account = AccountToEnrich::default();
    breaks(
        &BulkEnrichAccountsRequest {
            accounts: vec![account],
            ..Default::default()
        },
        &["accounts[0].company_linkedin_url"],
    );
}

#[tokio::test]
async fn all_violations_arrive_at_once_and_nothing_is_sent() {
    let mut fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = SearchLeadsRequest {
        limit: Some(-1),
        webhook_url: text("http://x.test"),
        ..search_leads(LeadFilters {
            functions: vec![99],
            ..Default::default()
        })
    };
    for status in [
        server
            .leads()
            .search_leads(request.clone())
            .await
            .unwrap_err(),
        server.leads().start_lead_search(request).await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(error_info(&status).reason, "INVALID_REQUEST");
        let violations = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["filters.functions[0]", "limit", "webhook_url"]);
    }
    assert!(fake.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_stream_is_no_place_for_a_webhook_url() {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = SearchLeadsRequest {
        webhook_url: text("https://hooks.example.com/x"),
        ..search_leads(titles())
    };
    let status = server.leads().search_leads(request).await.unwrap_err();
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "webhook_url"
    );
}
