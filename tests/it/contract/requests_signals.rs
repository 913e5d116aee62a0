//! The requests of `/intents`.

use pronto_grpc::proto::v1::{self, CompanySize, JobFunction, PublishedDate};
use serde_json::json;

use super::{form, object, read, sends, some, texts, values, webhook};

/// Locations travel as integers here.
#[test]
fn hiring() {
    let request = v1::SearchHiringAccountsRequest {
        max_credits: None,
        request_id: String::new(),
        published_date: Some(PublishedDate::Last7Days.into()),
        exclude_consulting_recruiting: Some(true),
        exclude_internships: Some(false),
        company_size: values([CompanySize::CompanySize51200, CompanySize::SelfEmployed]),
        selected_keywords: texts(["Rust"]),
        excluded_keywords: texts(["PHP"]),
        selected_titles: texts(["Backend Engineer"]),
        excluded_titles: texts(["Intern"]),
        included_locations: texts(["105015875", "103644278"]),
        excluded_locations: texts(["101165590"]),
        included_industries: texts(["6"]),
        job_min_posted: Some(2),
        limit: Some(13),
        streaming: Some(true),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

fn growth() -> v1::SearchGrowingAccountsRequest {
    v1::SearchGrowingAccountsRequest {
        company_size: values([CompanySize::CompanySize201500]),
        included_locations: texts(["105015875"]),
        excluded_locations: texts(["104305776"]),
        included_industries: texts(["96"]),
        limit: Some(1000),
        streaming: Some(false),
        webhook_url: webhook(),
        ..Default::default()
    }
}

fn company_growth() -> v1::SearchGrowingAccountsRequest {
    v1::SearchGrowingAccountsRequest {
        min_headcount_growth_percentage: Some(-5.0),
        max_headcount_growth_percentage: Some(12.5),
        ..growth()
    }
}

#[test]
fn growth_of_a_company() {
    sends("company", &company_growth());
}

/// A smallest headcount of 0 is sent, too.
#[test]
fn growth_of_a_department() {
    let request = v1::SearchGrowingAccountsRequest {
        department: Some(JobFunction::Engineering.into()),
        min_department_headcount: Some(0),
        max_department_headcount: Some(400),
        min_department_headcount_growth_percentage: Some(10.0),
        max_department_headcount_growth_percentage: Some(90.0),
        ..growth()
    };
    sends("department", &request);
}

/// The documentation's prose wraps everything in `account`, its example nothing.
#[test]
fn growth_is_read_wrapped_and_flat() {
    for name in ["wrapped", "company"] {
        let body = form("requests", "post_intents_accounts_growth", name);
        let request: v1::SearchGrowingAccountsRequest = read(&body);
        assert_eq!(request, company_growth(), "{name}");
    }
}

#[test]
fn lookalikes() {
    let request = v1::SearchLookalikeAccountsRequest {
        company_linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        company_size: values([CompanySize::CompanySize1150]),
        included_locations: texts(["105015875"]),
        excluded_locations: texts(["100506914"]),
        limit: Some(30),
        streaming: Some(true),
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("one", &request);

    let request = v1::SearchLookalikeAccountsRequest {
        company_linkedin_urls: texts([
            "https://www.linkedin.com/company/verdant-acres",
            "https://www.linkedin.com/sales/company/1818",
        ]),
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("several", &request);
}

#[test]
fn job_change_tracking() {
    let request = v1::TrackJobChangesRequest {
        max_credits: None,
        request_id: String::new(),
        lead_list_id: "3c90c3cc-0d44-4b50-8888-8dd25736052a".to_owned(),
        webhook_url: webhook(),
        additional_fields: None,
    };
    sends("full", &request);
}

/// Of these only the names are known; what to look at is up to the caller.
#[test]
fn signals_without_a_documented_body() {
    macro_rules! sends_all {
        ($($request:ident),*) => {$(
            sends("full", &v1::$request {
                request_id: String::new(),
                max_credits: None,
                limit: Some(15),
                streaming: Some(false),
                webhook_url: webhook(),
                additional_fields: Some(object(json!({
                    "post_urls": ["https://www.linkedin.com/posts/ada_1"],
                }))),
            });
        )*};
    }
    sends_all!(
        SearchPostEngagersRequest,
        SearchPostsRequest,
        SearchReactionsRequest,
        SearchCommentsRequest,
        FindNewHiresRequest
    );
}
