//! What holds for requests in general.

use pronto_grpc::proto::json::{self, JsonMessage, Spelling};
use pronto_grpc::proto::v1::{self, CompanySize, JobFunction};
use serde_json::{Value, json};

use super::{object, read, some, texts, values};

fn written<M: JsonMessage>(message: &M) -> Value {
    Value::Object(json::write(message, Spelling::Observed))
}

#[test]
fn unset_fields_and_empty_lists_are_left_out() {
    assert_eq!(written(&v1::SearchLeadsRequest::default()), json!({}));
    assert_eq!(
        written(&v1::BulkEnrichContactsRequest::default()),
        json!({})
    );
    let request = v1::SearchLeadsRequest {
        filters: Some(v1::LeadFilters::default()),
        ..Default::default()
    };
    assert_eq!(
        written(&request),
        json!({}),
        "filters stand at the top level"
    );
}

#[test]
fn false_zero_and_empty_text_are_sent_when_set() {
    let request = v1::SearchAccountsRequest {
        filters: Some(v1::AccountFilters {
            min_revenue: Some(0.0),
            keyword: some(""),
            ..Default::default()
        }),
        streaming: Some(false),
        limit: Some(0),
        ..Default::default()
    };
    let sent = json!({"min_revenue": 0, "keyword": "", "streaming": false, "limit": 0});
    assert_eq!(written(&request), sent);
}

#[test]
fn an_empty_custom_object_is_sent() {
    let request = v1::SearchLeadsRequest {
        custom: Some(object(json!({}))),
        ..Default::default()
    };
    assert_eq!(written(&request), json!({"custom": {}}));
}

#[test]
fn additional_fields_are_merged_and_never_override() {
    let request = v1::SearchLeadsRequest {
        filters: Some(v1::LeadFilters {
            job_titles: texts(["CTO"]),
            additional_fields: Some(object(json!({
                "job_titles": ["overridden"],
                "spoken_languages": ["fr"],
                "weight": 3,
            }))),
            ..Default::default()
        }),
        limit: Some(5),
        additional_fields: Some(object(json!({
            "limit": 9,
            "job_titles": "overridden",
            "priority": {"level": 1.5, "why": null},
        }))),
        ..Default::default()
    };
    let sent = json!({
        "job_titles": ["CTO"],
        "spoken_languages": ["fr"],
        "weight": 3,
        "limit": 5,
        "priority": {"level": 1.5, "why": null},
    });
    assert_eq!(written(&request), sent);
}

#[test]
fn additional_fields_of_items_stay_with_the_item() {
    let contact = |name: &str, extra: Value| v1::ContactToEnrich {
        first_name: name.to_owned(),
        additional_fields: Some(object(extra)),
        ..Default::default()
    };
    let request = v1::BulkEnrichContactsRequest {
        contacts: vec![
            contact("Ada", json!({"crm": 1})),
            contact("Bo", json!({"firstname": "X"})),
        ],
        additional_fields: Some(object(json!({"locale": "fr"}))),
        ..Default::default()
    };
    let sent = json!({
        "contacts": [{"firstname": "Ada", "crm": 1}, {"firstname": "Bo"}],
        "locale": "fr",
    });
    assert_eq!(written(&request), sent);
    let body = json!({"contacts": [{"firstname": "Ada", "crm": 1}], "locale": "fr"});
    let request: v1::BulkEnrichContactsRequest = read(&body);
    assert_eq!(
        request.contacts[0].additional_fields,
        Some(object(json!({"crm": 1})))
    );
    assert_eq!(
        request.additional_fields,
        Some(object(json!({"locale": "fr"})))
    );
}

/// So that a server can tell an invalid value from an unknown key.
#[test]
fn values_outside_a_closed_set_are_kept_under_their_key() {
    let request: v1::SearchHiringAccountsRequest = read(&json!({
        "published_date": "yesterday",
        "company_size": ["51-200", "huge", 7],
        "limit": "many",
    }));
    assert_eq!(request.published_date, None);
    assert_eq!(
        request.company_size,
        values([CompanySize::CompanySize51200])
    );
    assert_eq!(request.limit, None);
    let odd = json!({"published_date": "yesterday", "company_size": ["huge", 7], "limit": "many"});
    assert_eq!(request.additional_fields, Some(object(odd)));
}

#[test]
fn headcount_departments_outside_the_set_are_kept_too() {
    let request: v1::GetHeadcountRequest = read(&json!({"departments": ["Legal", "Gardening"]}));
    assert_eq!(request.departments, values([JobFunction::Legal]));
    assert_eq!(
        request.additional_fields,
        Some(object(json!({"departments": ["Gardening"]})))
    );
}

/// Items may be a text, an integer, or an object with an id.
#[test]
fn company_references_are_read_in_every_documented_form() {
    let request: v1::SearchLeadsRequest = read(&json!({
        "included_companies": ["1818", 104_885_158, {"id": "1441"}],
        "excluded_companies": [{"id": 7}],
        "past_companies": [9_007_199_254_740_993_u64],
    }));
    let filters = request.filters.expect("filters");
    assert_eq!(
        filters.included_companies,
        texts(["1818", "104885158", "1441"])
    );
    assert_eq!(filters.excluded_companies, texts(["7"]));
    assert_eq!(filters.past_companies, texts(["9007199254740993"]));
}

/// Older documentation spells them as texts.
#[test]
fn signal_locations_are_read_as_texts_and_integers() {
    let request: v1::SearchHiringAccountsRequest =
        read(&json!({"included_locations": ["105015875", 103_644_278]}));
    assert_eq!(
        request.included_locations,
        texts(["105015875", "103644278"])
    );
}

/// The service takes it for a hyphen; it is what text editors make of one.
#[test]
fn an_en_dash_in_a_company_size_is_read_as_a_hyphen() {
    let request: v1::SearchLeadsRequest = read(&json!({"company_size": ["11\u{2013}50"]}));
    let filters = request.filters.expect("filters");
    assert_eq!(filters.company_size, values([CompanySize::CompanySize1150]));
}
