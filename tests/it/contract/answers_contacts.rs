//! The answers of `/contacts` that come at once.

use pronto_grpc::proto::v1::{self, Contact, PhoneNumber};
use serde_json::json;

use super::answers_leads::phones;
use super::{answer, object, read, some, texts};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

/// Who is enriched in the fixtures.
pub fn ada() -> Contact {
    Contact {
        enrichment_id: some(ID),
        first_name: some("Ada"),
        last_name: some("Example"),
        ..Default::default()
    }
}

fn synchronous(form: &str) -> Contact {
    let read: v1::EnrichContactResponse = answer("post_contacts_single_enrich_sync", form);
    read.contact.expect("a contact")
}

fn found(kinds: Contact) -> Contact {
    let status = kinds.status.clone().or_else(|| some("success"));
    let linkedin_url = some("https://www.linkedin.com/in/ada-example");
    let Contact {
        enrichment_id,
        first_name,
        last_name,
        ..
    } = ada();
    Contact {
        enrichment_id,
        first_name,
        last_name,
        linkedin_url,
        status,
        ..kinds
    }
}

#[test]
fn synchronous_success() {
    let email = Contact {
        email: some("ada@verdant.example"),
        email_status: some("valid"),
        custom: Some(object(json!({"crm": "1"}))),
        ..Default::default()
    };
    assert_eq!(synchronous("email"), found(email));

    let phone = Contact {
        phones: phones(["+33612345678", "+33187654321"]),
        phone_status: some("valid"),
        ..Default::default()
    };
    assert_eq!(synchronous("phone"), found(phone));

    let all = Contact {
        status: some("finished"),
        email: some("ada@verdant.example"),
        email_status: some("catch-all"),
        phones: phones(["+33612345678"]),
        phone_status: some("valid"),
        personal_email: some("ada@home.example"),
        personal_email_status: some("valid"),
        ..Default::default()
    };
    assert_eq!(synchronous("all"), found(all));

    let old = Contact {
        phones: vec![PhoneNumber {
            number: some("+33612345678"),
            phone_type: some("mobile"),
            ..Default::default()
        }],
        phone_status: some("valid"),
        ..Default::default()
    };
    assert_eq!(synchronous("old"), found(old));
}

/// `email` was looked for and is null; `personal_email` was not looked for.
#[test]
fn synchronous_nothing_found() {
    let nothing = Contact {
        status: some("error"),
        message: some("No email or phone found for this profile"),
        email_status: some("N/A"),
        phone_status: some("not_found"),
        null_fields: texts(["email"]),
        ..Default::default()
    };
    assert_eq!(synchronous("nothing"), found(nothing));
}

#[test]
fn poll() {
    let poll = |form| answer::<v1::GetContactEnrichmentResponse>("get_contacts_id", form).contact;
    let finished = Contact {
        status: some("finished"),
        ..ada()
    };

    let pending = Contact {
        status: some("pending"),
        ..ada()
    };
    assert_eq!(poll("pending"), Some(pending));

    let both = Contact {
        email: some("ada@verdant.example"),
        email_status: some("deliverable"),
        phones: phones(["+12015550123"]),
        custom: Some(object(json!({"crm": "1"}))),
        ..finished.clone()
    };
    assert_eq!(poll("email_and_phone"), Some(both));

    let personal = Contact {
        personal_email: some("ada@home.example"),
        personal_email_status: some("catch-all"),
        ..finished.clone()
    };
    assert_eq!(poll("personal"), Some(personal));

    let nothing = Contact {
        email_status: some("N/A"),
        null_fields: texts(["email"]),
        ..finished
    };
    assert_eq!(poll("nothing"), Some(nothing));
}

#[test]
fn the_id_has_many_names() {
    for body in [
        json!({"enrichment_id": ID}),
        json!({"id": ID}),
        json!({"contact": {"id": ID}}),
        json!({"contact": {"enrichment_id": ID}}),
    ] {
        let read: v1::GetContactEnrichmentResponse = read(&body);
        let expected = Contact {
            enrichment_id: some(ID),
            ..Default::default()
        };
        assert_eq!(read.contact, Some(expected), "{body}");
    }
}

#[test]
fn null_fields_of_every_kind_are_told_from_absent_ones() {
    let body = json!({
        "email": null, "personal_email": null, "phones": null, "custom": null, "extra": null,
    });
    let contact: Contact = read(&body);
    let mut nulls = contact.null_fields.clone();
    nulls.sort();
    assert_eq!(
        nulls,
        texts(["custom", "email", "personal_email", "phones"])
    );
    assert_eq!(contact.email, None);
    assert_eq!(contact.custom, None);
    assert_eq!(
        contact.additional_fields,
        Some(object(json!({"extra": null})))
    );
}

#[test]
fn data_availability() {
    let stem = "post_contacts_check_data_availability";
    let read: v1::CheckDataAvailabilityResponse = answer(stem, "presumed");
    let expected = v1::CheckDataAvailabilityResponse {
        email: Some(true),
        phone: Some(false),
        personal_email: Some(true),
        additional_fields: None,
    };
    assert_eq!(read, expected);

    let read: v1::CheckDataAvailabilityResponse = answer(stem, "other");
    let expected = v1::CheckDataAvailabilityResponse {
        additional_fields: Some(object(json!({"available": {"email": true}}))),
        ..Default::default()
    };
    assert_eq!(read, expected);
}
