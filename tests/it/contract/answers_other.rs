//! The answers about the account, searches, lists, personas and locations.

use pronto_grpc::proto::v1::{self, LeadResult, Location, Persona, SavedList, Search};
use serde_json::json;

use super::answers_accounts::{documented as documented_company, observed as observed_company};
use super::answers_leads::{documented, observed_with_extras};
use super::{answer, object, some};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";
const PERSONA: &str = "0b5a7a0e-6c67-4f38-9a55-3c4f7a2f9d11";

/// A time, by the digits that it must have.
fn time(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

#[test]
fn account() {
    let read: v1::GetAccountResponse = answer("get_account", "full");
    let expected = v1::GetAccountResponse {
        email: some("ada@verdant.example"),
        name: some("Ada Example"),
        organization: Some(v1::Organization {
            id: some("org_1"),
            name: some("Verdant"),
            additional_fields: None,
        }),
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::GetAccountResponse = answer("get_account", "sparse");
    assert_eq!(read.name, None);
    assert_eq!(read.organization.expect("an organization").id, some("42"));

    let read: v1::GetAccountResponse = answer("get_account", "empty");
    assert_eq!(read, v1::GetAccountResponse::default());
}

/// The shape is not documented: no name of a field may be relied on.
#[test]
fn credits() {
    let read: v1::GetCreditsResponse = answer("get_credits", "suggested");
    assert_eq!(
        read,
        v1::GetCreditsResponse {
            credits: Some(1250.0),
            additional_fields: None
        }
    );

    let read: v1::GetCreditsResponse = answer("get_credits", "other");
    let other = object(json!({"remaining": {"email": 12}, "plan": "pro"}));
    assert_eq!(
        read,
        v1::GetCreditsResponse {
            credits: None,
            additional_fields: Some(other)
        }
    );
}

#[test]
fn searches_bare_and_wrapped() {
    let cfos = Search {
        id: some(ID),
        name: some("CFOs"),
        leads_count: Some(12),
        created_at: time(1_754_492_373, 284_000_000),
        ..Default::default()
    };
    let farms = Search {
        id: some("77"),
        name: some("Farms"),
        status: some("ONGOING"),
        created_at: time(1_754_553_600, 0),
        ..Default::default()
    };
    for form in ["observed", "bare"] {
        let read: v1::ListSearchesResponse = answer("get_searches", form);
        let searches = vec![cfos.clone(), farms.clone()];
        let expected = v1::ListSearchesResponse {
            searches,
            additional_fields: None,
        };
        assert_eq!(read, expected, "{form}");
    }
    let read: v1::ListSearchesResponse = answer("get_searches", "none");
    assert_eq!(read, v1::ListSearchesResponse::default());
}

/// The search of the fixtures.
pub fn finished() -> Search {
    Search {
        id: some(ID),
        name: some("CFO search"),
        created_at: time(1_780_135_200, 0),
        status: some("FINISHED"),
        ..Default::default()
    }
}

#[test]
fn search_with_leads_of_both_generations() {
    let read: v1::GetSearchResponse = answer("get_searches_id", "documented");
    let lead = LeadResult {
        lead: Some(documented()),
        company: Some(documented_company()),
        ..Default::default()
    };
    let expected = v1::GetSearchResponse {
        search: Some(finished()),
        leads: vec![lead],
        ..Default::default()
    };
    assert_eq!(read, expected);

    let read: v1::GetSearchResponse = answer("get_searches_id", "observed");
    let lead = LeadResult {
        lead: Some(observed_with_extras()),
        company: Some(observed_company()),
        ..Default::default()
    };
    let expected = v1::GetSearchResponse {
        search: Some(finished()),
        leads: vec![lead],
        custom: Some(object(json!({"hubspot_id": "134567"}))),
        ..Default::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn search_status_nested_flat_and_absent() {
    let read: v1::GetSearchResponse = answer("get_searches_id", "old");
    let expected = v1::GetSearchResponse {
        search: Some(Search {
            status: None,
            ..finished()
        }),
        ..Default::default()
    };
    assert_eq!(read, expected);

    let read: v1::GetSearchResponse = answer("get_searches_id", "flat");
    let search = Search {
        id: some(ID),
        status: some("ONGOING"),
        ..Default::default()
    };
    let lead = v1::Lead {
        first_name: some("Ada"),
        ..Default::default()
    };
    let expected = v1::GetSearchResponse {
        search: Some(search),
        leads: vec![LeadResult {
            lead: Some(lead),
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn search_with_accounts() {
    let account = v1::AccountResult {
        company: Some(observed_company()),
        ..Default::default()
    };
    let read: v1::GetSearchResponse = answer("get_searches_id", "accounts");
    let expected = v1::GetSearchResponse {
        search: Some(finished()),
        accounts: vec![account],
        ..Default::default()
    };
    assert_eq!(read, expected);

    let read: v1::GetSearchResponse = answer("get_searches_id", "flat_accounts");
    let account = v1::AccountResult {
        company: Some(documented_company()),
        ..Default::default()
    };
    let expected = v1::GetSearchResponse {
        search: Some(Search {
            id: some(ID),
            status: some("RATE_LIMITED"),
            ..Default::default()
        }),
        accounts: vec![account],
        ..Default::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn deletion() {
    let read: v1::DeleteSearchResponse = answer("delete_searches_id", "empty");
    assert_eq!(read, v1::DeleteSearchResponse::default());
    let read: v1::DeleteSearchResponse = answer("delete_searches_id", "message");
    assert_eq!(
        read.additional_fields,
        Some(object(json!({"message": "deleted"})))
    );
}

#[test]
fn lists_bare_and_wrapped() {
    let list = |id, name, kind| SavedList {
        id: some(id),
        name: some(name),
        kind: some(kind),
        ..Default::default()
    };
    let lists = vec![list(ID, "Farms", "account"), list("5", "People", "lead")];
    let read: v1::ListListsResponse = answer("get_lists", "bare");
    assert_eq!(
        read,
        v1::ListListsResponse {
            lists: lists.clone(),
            additional_fields: None
        }
    );
    let read: v1::ListListsResponse = answer("get_lists", "wrapped");
    let additional_fields = Some(object(json!({"total": 2})));
    assert_eq!(
        read,
        v1::ListListsResponse {
            lists,
            additional_fields
        }
    );

    let read: v1::UpdateListResponse = answer("put_lists_id", "renamed");
    assert_eq!(read.list, Some(list(ID, "Farms in France", "account")));
    let read: v1::UpdateListResponse = answer("put_lists_id", "empty");
    assert_eq!(read.list.unwrap_or_default(), SavedList::default());
}

/// The ids have 19 digits: as a double, a number would lose the last ones.
#[test]
fn list_ids_keep_all_digits() {
    let created = SavedList {
        id: some(ID),
        linkedin_id: some("7358966630862757888"),
        kind: some("companies"),
        ..Default::default()
    };
    for form in ["observed", "number"] {
        let read: v1::CreateListResponse = answer("post_lists", form);
        assert_eq!(read.list, Some(created.clone()), "{form}");
    }

    let read: v1::GetListResponse = answer("get_lists_id", "long");
    let expected = SavedList {
        id: some(ID),
        linkedin_id: some("7358966630862757888"),
        status: some("pending"),
        additional_fields: Some(object(json!({"members": [{"name": "Verdant"}]}))),
        ..Default::default()
    };
    assert_eq!(read.list, Some(expected));
}

#[test]
fn list() {
    let read: v1::GetListResponse = answer("get_lists_id", "documented");
    let expected = SavedList {
        id: some(ID),
        name: some("Farms"),
        linkedin_id: some("123456789"),
        created_at: time(1_780_135_200, 0),
        updated_at: time(1_780_227_000, 500_000_000),
        status: some("completed"),
        ..Default::default()
    };
    assert_eq!(read.list, Some(expected));
}

#[test]
fn personas_with_uuid_and_id() {
    let finance = Persona {
        id: some(PERSONA),
        name: some("Finance"),
        additional_fields: None,
    };
    let tech = Persona {
        id: some("0b5a7a0e-6c67-4f38-9a55-3c4f7a2f9d12"),
        name: some("Tech"),
        additional_fields: Some(object(json!({"included_job_titles": ["CTO"]}))),
    };
    for form in ["bare", "wrapped"] {
        let read: v1::ListPersonasResponse = answer("get_personas", form);
        let personas = vec![finance.clone(), tech.clone()];
        assert_eq!(
            read,
            v1::ListPersonasResponse {
                personas,
                additional_fields: None
            },
            "{form}"
        );
    }

    for form in ["uuid", "nested"] {
        let read: v1::GetPersonaResponse = answer("get_personas_id", form);
        let persona = Some(finance.clone());
        assert_eq!(
            read,
            v1::GetPersonaResponse {
                persona,
                additional_fields: None
            },
            "{form}"
        );
    }
    let read: v1::GetPersonaResponse = answer("get_personas_id", "id");
    let persona = Persona {
        additional_fields: None,
        ..tech.clone()
    };
    assert_eq!(read.persona, Some(persona));
    assert_eq!(read.additional_fields, tech.additional_fields);
}

#[test]
fn locations_with_numeric_and_text_ids() {
    let place = |id, name, kind: Option<&str>| Location {
        id: some(id),
        name: some(name),
        r#type: kind.map(str::to_owned),
        additional_fields: None,
    };
    let emirates = place("104305776", "United Arab Emirates", None);
    let france = place("105015875", "France", Some("COUNTRY"));
    for (form, locations) in [
        ("observed", vec![emirates, france]),
        ("other", vec![place("7", "Paris", None)]),
        ("wrapped", vec![place("1", "Paris", None)]),
        ("none", vec![]),
    ] {
        let read: v1::SearchLocationsResponse = answer("post_locations", form);
        let expected = v1::SearchLocationsResponse {
            locations,
            additional_fields: None,
        };
        assert_eq!(read, expected, "{form}");
    }
}
