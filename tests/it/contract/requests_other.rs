//! The requests of lists and locations, and those that are only a path.

use pronto_grpc::proto::endpoint::UpstreamRequest;
use pronto_grpc::proto::json::{self, Spelling};
use pronto_grpc::proto::v1::{self, ListKind};
use serde_json::{Map, Value, json};

use super::{form, object, read, sends, some, webhook};

const ID: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

#[test]
fn list_creation() {
    let verdant = v1::CompanyToList {
        name: "Verdant Acres".to_owned(),
        country_code: some("FR"),
        domain: some("verdant-acres.example"),
        linkedin_url: some("https://www.linkedin.com/company/verdant-acres"),
        additional_fields: None,
    };
    let tidal = v1::CompanyToList {
        name: "Tidal".to_owned(),
        ..Default::default()
    };
    let request = v1::CreateListRequest {
        name: "Farms".to_owned(),
        companies: vec![verdant, tidal],
        webhook_url: webhook(),
        ..Default::default()
    };
    sends("companies", &request);

    let request = v1::CreateListRequest {
        name: "People to call".to_owned(),
        kind: Some(ListKind::Lead.into()),
        ..Default::default()
    };
    sends("empty", &request);
}

/// The list's id stands in the path, not in the body.
#[test]
fn list_change() {
    let tidal = v1::CompanyToList {
        name: "Tidal".to_owned(),
        domain: some("tidal.example"),
        ..Default::default()
    };
    for (name, companies) in [("rename", vec![]), ("companies", vec![tidal])] {
        let request = v1::UpdateListRequest {
            id: ID.to_owned(),
            name: some("Farms in France"),
            companies,
            additional_fields: None,
        };
        let documented = form("requests", "put_lists_id", name);
        assert_eq!(
            Value::Object(json::write(&request, Spelling::Observed)),
            documented
        );
        assert_eq!(request.path(), format!("/lists/{ID}"));

        let body = v1::UpdateListRequest {
            id: String::new(),
            ..request
        };
        assert_eq!(read::<v1::UpdateListRequest>(&documented), body);
    }
}

#[test]
fn location_search() {
    for (form, name, hiring) in [
        ("full", "United Arab Emirates", false),
        ("hiring", "Paris", true),
    ] {
        let request = v1::SearchLocationsRequest {
            name: name.to_owned(),
            hiring: Some(hiring),
            additional_fields: None,
        };
        sends(form, &request);
    }
}

/// A request that is only a path sends no field of its own.
fn is_only<M: UpstreamRequest>(path: &str, request: &M) {
    assert_eq!(request.path(), path);
    assert_eq!(
        json::write(request, Spelling::Observed),
        Map::new(),
        "{path}"
    );
}

#[test]
fn requests_without_a_body() {
    let id = ID.to_owned();
    is_only("/account", &v1::GetAccountRequest::default());
    is_only("/credits", &v1::GetCreditsRequest::default());
    is_only("/searches", &v1::ListSearchesRequest::default());
    is_only("/lists", &v1::ListListsRequest::default());
    is_only("/personas", &v1::ListPersonasRequest::default());
    let request = v1::GetContactEnrichmentRequest {
        id: id.clone(),
        additional_fields: None,
    };
    is_only(&format!("/contacts/{ID}"), &request);
    let request = v1::GetSearchRequest {
        id: id.clone(),
        additional_fields: None,
    };
    is_only(&format!("/searches/{ID}"), &request);
    let request = v1::DeleteSearchRequest {
        id: id.clone(),
        additional_fields: None,
    };
    is_only(&format!("/searches/{ID}"), &request);
    let request = v1::GetListRequest {
        id: id.clone(),
        additional_fields: None,
    };
    is_only(&format!("/lists/{ID}"), &request);
    let request = v1::GetPersonaRequest {
        id,
        additional_fields: None,
    };
    is_only(&format!("/personas/{ID}"), &request);
}

/// The filter on qualification has no legible name; callers can send one.
#[test]
fn unknown_query_parameters_are_kept() {
    let request = v1::GetSearchRequest {
        id: ID.to_owned(),
        additional_fields: Some(object(json!({"qualification": "qualified"}))),
    };
    let sent = Value::Object(json::write(&request, Spelling::Observed));
    assert_eq!(sent, json!({"qualification": "qualified"}));
}

/// An id never leads to another endpoint.
#[test]
fn ids_are_escaped_in_paths() {
    for id in [
        "../credits",
        "a/b",
        "a?b",
        "a#b",
        "a%2Fb",
        "é",
        " ",
        ".",
        "..",
    ] {
        let request = v1::GetSearchRequest {
            id: id.to_owned(),
            additional_fields: None,
        };
        let path = request.path();
        let segment = path.strip_prefix("/searches/").expect("the same endpoint");
        assert!(!segment.contains(['/', '?', '#', ' ']), "{id}: {segment}");
        assert!(
            ![".", "..", "%2E", "%2E%2E"].contains(&segment),
            "{id}: {segment}"
        );
    }
}
