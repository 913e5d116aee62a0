//! What the documented answers hold that is not modelled. This is all of it: whoever
//! adds a body to the fixtures, or takes a field from a message, sees it here.

use std::collections::BTreeSet;

use pronto_grpc::proto::endpoint::ENDPOINTS;
use pronto_grpc::proto::json::{self, Drift};
use pronto_grpc::proto::v1::{AccountDelivery, ContactDelivery, LeadDelivery, VendorDriftKind};
use serde_json::json;

use super::{forms, stem_of};

/// The places of the drift in all forms of a body.
fn places(stem: &str, drifts: impl Fn(&[u8]) -> Vec<Drift>) -> BTreeSet<String> {
    let forms = forms("answers", stem);
    forms
        .values()
        .flat_map(|body| drifts(body.to_string().as_bytes()))
        .map(|drift| format!("{stem} {:?} {} {}", drift.kind, drift.place, drift.sample))
        .collect()
}

#[test]
fn documented_answers_are_modelled_but_for_these() {
    let mut found = BTreeSet::new();
    for endpoint in ENDPOINTS {
        found.extend(places(&stem_of(endpoint), endpoint.drifts));
    }
    found.extend(places("webhook_leads", json::drifts::<LeadDelivery>));
    found.extend(places("webhook_accounts", json::drifts::<AccountDelivery>));
    found.extend(places("webhook_contacts", json::drifts::<ContactDelivery>));
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    // None of these was seen: they stand for what may come.
    let expected = [
        "get_credits UnknownField GetCreditsResponse.plan text \"aaa\"",
        "get_credits UnknownField GetCreditsResponse.remaining object of 1",
        "get_lists UnknownField ListListsResponse.total number",
        "get_lists_id UnknownField GetListResponse.members list of 1",
        "post_accounts_single_enrich UnknownField EnrichAccountResponse.domain text \"aaaaa.aaaaaaa\"",
        "post_accounts_single_enrich UnknownField EnrichAccountResponse.employee_count number",
        "post_accounts_single_enrich UnknownField EnrichAccountResponse.year_founded number",
        "post_contacts_check_data_availability UnknownField CheckDataAvailabilityResponse.available object of 1",
    ];
    assert_eq!(found, expected);
}

fn drift(body: &serde_json::Value) -> Vec<(VendorDriftKind, String, String, u64)> {
    let drifts = json::drifts::<LeadDelivery>(body.to_string().as_bytes());
    drifts
        .into_iter()
        .map(|drift| (drift.kind, drift.place, drift.sample, drift.count))
        .collect()
}

fn found(
    kind: VendorDriftKind,
    place: &str,
    sample: &str,
) -> (VendorDriftKind, String, String, u64) {
    (kind, place.to_owned(), sample.to_owned(), 1)
}

use VendorDriftKind::{ChangedType, UnknownField, UnknownText};

#[test]
fn unknown_fields_are_told_where_they_stand() {
    let body = json!({
        "leads": [{
            "lead": {"first_name": "Ada", "shoe_size": 38, "phone": [{"number": "+33", "carrier": {"name": "x"}}]},
            "company": {"headquarters": {"floor": [1, 2]}},
        }],
        "ada@verdant.example": "Ada",
        "custom": {"mine": 1},
    });
    let expected = [
        found(UnknownField, "LeadDelivery.?", "text \"Aaa\""),
        found(
            UnknownField,
            "LeadDelivery.leads[].company.headquarters.floor",
            "list of 2",
        ),
        found(
            UnknownField,
            "LeadDelivery.leads[].lead.phone[].carrier",
            "object of 1",
        ),
        found(
            UnknownField,
            "LeadDelivery.leads[].lead.shoe_size",
            "number",
        ),
    ];
    let mut drift = drift(&body);
    drift.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(drift, expected);
}

#[test]
fn equal_places_are_counted_together() {
    let people: Vec<_> = (0..500)
        .map(|n| json!({"lead": {"first_name": "A", "iq": n}}))
        .collect();
    let expected = (
        UnknownField,
        "LeadDelivery[].lead.iq".to_owned(),
        "number".to_owned(),
        500,
    );
    assert_eq!(drift(&json!(people)), [expected]);
}

#[test]
fn unknown_texts_of_open_sets_are_read_and_told() {
    let body = json!({"lead": {"status": "MAYBE-7"}, "company": {"employee_range": "3-9"}});
    let expected = [
        found(
            UnknownText,
            "LeadDelivery.company.employee_range",
            "text \"0-0\"",
        ),
        found(UnknownText, "LeadDelivery.lead.status", "text \"AAAAA-0\""),
    ];
    let mut told = drift(&body);
    told.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(told, expected);
    let read: LeadDelivery = super::read(&body);
    let lead = read.lead.and_then(|result| result.lead).unwrap();
    assert_eq!(lead.status.as_deref(), Some("MAYBE-7"));
}

#[test]
fn changed_types_are_told() {
    for (key, value, place, sample) in [
        (
            "first_name",
            json!({"given": "Ada"}),
            "first_name",
            "object of 1",
        ),
        ("first_name", json!(["Ada"]), "first_name", "list of 1"),
        ("first_name", json!(true), "first_name", "true/false"),
        (
            "years_in_position",
            json!("two"),
            "years_in_position",
            "text \"aaa\"",
        ),
        (
            "is_premium_linkedin",
            json!(7),
            "is_premium_linkedin",
            "number",
        ),
        (
            "rejection_reasons",
            json!(["title", {"code": 7}]),
            "rejection_reasons[]",
            "object of 1",
        ),
        ("phone", json!(["+33", null]), "phone[]", "null"),
        (
            "current_position",
            json!("CTO"),
            "current_position",
            "text \"AAA\"",
        ),
        ("status", json!(false), "status", "true/false"),
    ] {
        let body = json!({"lead": {"last_name": "Example", key: value}});
        let place = format!("LeadDelivery.lead.{place}");
        assert_eq!(drift(&body), [found(ChangedType, &place, sample)], "{body}");
    }
    let custom = json!({"lead": {"last_name": "Example"}, "custom": "text"});
    assert_eq!(
        drift(&custom),
        [found(ChangedType, "LeadDelivery.custom", "text \"aaaa\"")]
    );
    let search = json!({"search": {"created_at": 1_754_492_373}, "leads": []});
    assert_eq!(
        drift(&search),
        [found(
            ChangedType,
            "LeadDelivery.search.created_at",
            "number"
        )]
    );
}

#[test]
fn a_body_of_no_known_form_is_told_as_a_whole() {
    assert_eq!(
        drift(&json!("maintenance")),
        [found(ChangedType, "LeadDelivery", "text \"aaaaaaaaaaa\"")]
    );
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let drifts = json::drifts::<LeadDelivery>(deep.as_bytes());
    assert_eq!(drifts[0].kind, ChangedType);
    // No drift of the API: a proxy wrote it, or it was cut.
    for body in ["", "<html>", "{\"lead\":"] {
        assert_eq!(json::drifts::<LeadDelivery>(body.as_bytes()), []);
    }
}

#[test]
fn known_forms_are_no_drift() {
    for body in [
        json!({"lead": {"email": null, "years_in_position": "2", "linkedin_id": 7}, "custom": {"a": {"b": [1]}}}),
        json!({"first_name": "Ada", "company_name": "Acme", "phone": "+33"}),
        json!({"email": "a@b.example", "most_probable_email": "c@d.example"}),
        json!([]),
    ] {
        assert_eq!(drift(&body), [], "{body}");
    }
}
