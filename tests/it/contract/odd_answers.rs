//! Answers that are not as known: nothing of them is lost, and one odd value
//! does not cost the others.

use pronto_grpc::proto::v1::{self, Contact, Lead, LeadResult};
use serde_json::json;

use super::{object, read, read_text, some, texts};

#[test]
fn unknown_keys_are_kept_where_they_stood() {
    let body = json!({
        "lead": {"first_name": "Ada", "shoe_size": 38},
        "company": {"name": "Acme", "headquarters": {"city": "Lyon", "floor": 3}},
        "score": {"value": 0.5},
    });
    let read: LeadResult = read(&body);
    assert_eq!(
        read.additional_fields,
        Some(object(json!({"score": {"value": 0.5}})))
    );
    let lead = read.lead.expect("a lead");
    assert_eq!(
        lead.additional_fields,
        Some(object(json!({"shoe_size": 38})))
    );
    let headquarters = read.company.and_then(|company| company.headquarters);
    let headquarters = headquarters.expect("headquarters");
    assert_eq!(headquarters.city, some("Lyon"));
    assert_eq!(
        headquarters.additional_fields,
        Some(object(json!({"floor": 3})))
    );
}

#[test]
fn values_of_another_type_are_kept_under_their_key() {
    let odd = json!({
        "first_name": {"given": "Ada"},
        "years_in_position": "two",
        "is_premium_linkedin": "yes",
        "custom": "text",
        "phone": true,
        "current_position": "CTO",
    });
    let mut body = odd.clone();
    body["last_name"] = json!("Example");
    body["title"] = json!("CTO");
    let read: Lead = read(&body);
    assert_eq!(read.last_name, some("Example"));
    assert_eq!(read.title, some("CTO"));
    assert_eq!(read.first_name, None);
    assert_eq!(read.additional_fields, Some(object(odd)));
}

#[test]
fn odd_items_of_a_list_are_kept_and_the_others_read() {
    let lead: Lead = read(&json!({
        "rejection_reasons": ["title", {"code": 7}, "location"],
        "phones": ["+331", false, {"number": "+332"}],
    }));
    assert_eq!(lead.rejection_reasons, texts(["title", "location"]));
    let numbers: Vec<_> = lead.phones.into_iter().map(|phone| phone.number).collect();
    assert_eq!(numbers, [some("+331"), some("+332")]);
    let odd = json!({"rejection_reasons": [{"code": 7}], "phones": [false]});
    assert_eq!(lead.additional_fields, Some(object(odd)));
}

/// Both spellings in one body, with different values: neither is lost.
#[test]
fn a_field_that_comes_twice_keeps_both_values() {
    let bodies = [
        (
            "a@work.example",
            "a@guess.example",
            "email",
            "most_probable_email",
        ),
        (
            "https://x.example/in/a",
            "https://x.example/in/ACw",
            "linkedin_url",
            "linkedin_profile_url",
        ),
    ];
    for (first, second, first_key, second_key) in bodies {
        let lead: Lead = read(&json!({first_key: first, second_key: second}));
        let text = format!("{lead:?}");
        assert!(text.contains(first), "{first_key} is lost: {text}");
        assert!(text.contains(second), "{second_key} is lost: {text}");
    }
    let contact: Contact = read(&json!({"id": "contact-1", "enrichment_id": "batch-1"}));
    let text = format!("{contact:?}");
    assert!(text.contains("contact-1"), "id is lost: {text}");
    assert!(text.contains("batch-1"), "enrichment_id is lost: {text}");
    let accepted: v1::Acceptance = read(&json!({"total": 342, "preview_count": 17}));
    let text = format!("{accepted:?}");
    assert!(
        text.contains("342") && text.contains("17"),
        "a count is lost: {text}"
    );
}

#[test]
fn a_null_does_not_hide_the_value_under_another_key() {
    for body in [
        r#"{"email":null,"most_probable_email":"a@b"}"#,
        r#"{"most_probable_email":"a@b","email":null}"#,
    ] {
        let lead: Lead = read_text(body);
        assert_eq!(lead.email, some("a@b"), "{body}");
    }
}

/// Where a number, a text or an object is read, and where anything is.
const PLACES: [&str; 9] = [
    "years_in_position",
    "first_name",
    "rejection_reasons",
    "phone",
    "current_position",
    "gender",
    "is_premium_linkedin",
    "unknown",
    "nested",
];

#[test]
fn numbers_that_no_double_holds_do_not_cost_the_other_fields() {
    let huge = [
        "1e400",
        "-1e400",
        "123456789012345678901234567890",
        "0.1e-500",
    ];
    for number in huge {
        for place in PLACES {
            for value in [
                number.to_owned(),
                format!("[{number}]"),
                format!("{{\"a\":{number}}}"),
            ] {
                let body = format!(r#"{{"last_name":"Example","{place}":{value},"title":"CTO"}}"#);
                let lead: Lead = read_text(&body);
                assert_eq!(lead.last_name, some("Example"), "{body}");
                assert_eq!(lead.title, some("CTO"), "{body}");
            }
        }
    }
}

#[test]
fn digits_of_huge_integers_are_kept_everywhere() {
    const DIGITS: &str = "123456789012345678901234567890";
    for place in PLACES {
        let lead: Lead = read_text(&format!(r#"{{"{place}":{DIGITS}}}"#));
        assert!(format!("{lead:?}").contains(DIGITS), "{place}: {lead:?}");
    }
}

/// What a serializer makes of a text that was cut within an emoji.
#[test]
fn half_a_character_does_not_cost_the_other_fields() {
    for place in PLACES {
        for value in [
            r#""cut \ud83d""#,
            r#"["cut \ud83d"]"#,
            r#"{"a":"cut \ud83d"}"#,
        ] {
            let body = format!(r#"{{"last_name":"Example","{place}":{value},"title":"CTO"}}"#);
            let lead: Lead = read_text(&body);
            assert_eq!(lead.last_name, some("Example"), "{body}");
            assert_eq!(lead.title, some("CTO"), "{body}");
            assert!(format!("{lead:?}").contains("cut "), "{body}");
        }
    }
}

#[test]
fn times_of_another_form_are_kept() {
    let search: v1::Search = read(&json!({"created_at": "yesterday", "name": "CFOs"}));
    assert_eq!(search.created_at, None);
    assert_eq!(search.name, some("CFOs"));
    assert_eq!(
        search.additional_fields,
        Some(object(json!({"created_at": "yesterday"})))
    );
    let search: v1::Search = read(&json!({"created_at": 1_754_492_373}));
    assert_eq!(
        search.additional_fields,
        Some(object(json!({"created_at": 1_754_492_373})))
    );
}

#[test]
fn odd_items_of_a_bare_list_are_kept_and_the_others_read() {
    let read: v1::ListSearchesResponse = read(&json!([{"name": "CFOs"}, "odd-item"]));
    assert_eq!(read.searches.len(), 1);
    assert_eq!(read.searches[0].name, some("CFOs"));
    assert_eq!(
        read.additional_fields,
        Some(object(json!({"searches": ["odd-item"]})))
    );
}

/// A callback that is a list with one odd item: the people are read, nothing is lost.
#[test]
fn odd_items_of_a_delivered_list_are_kept_and_the_others_read() {
    let delivery: v1::LeadDelivery = read(&json!([{"first_name": "Jane"}, "odd-item"]));
    assert_eq!(delivery.leads.len(), 1);
    assert!(format!("{delivery:?}").contains("odd-item"), "{delivery:?}");
    let delivery: v1::LeadDelivery =
        read(&json!({"leads": [{"first_name": "Jane"}, "odd-item"], "search": "odd-search"}));
    assert_eq!(delivery.leads.len(), 1);
    let text = format!("{delivery:?}");
    assert!(
        text.contains("odd-item") && text.contains("odd-search"),
        "{text}"
    );
}

#[test]
fn odd_values_of_a_delivery_itself_are_kept() {
    let accounts: v1::AccountDelivery =
        read(&json!({"id": {"odd": "odd-id"}, "accounts": [{"name": "Acme"}, "odd-item"]}));
    assert_eq!(accounts.accounts.len(), 1);
    let text = format!("{accounts:?}");
    assert!(
        text.contains("odd-id") && text.contains("odd-item"),
        "{text}"
    );
    let contacts: v1::ContactDelivery = read(&json!({"contacts": "odd-contacts", "id": "c"}));
    assert!(
        format!("{contacts:?}").contains("odd-contacts"),
        "{contacts:?}"
    );
    let search: v1::GetSearchResponse =
        read(&json!({"search": "odd-search", "leads": "odd-leads"}));
    let odd = json!({"search": "odd-search", "leads": "odd-leads"});
    assert_eq!(search.additional_fields, Some(object(odd)));
}
