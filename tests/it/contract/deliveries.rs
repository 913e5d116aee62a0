//! The bodies that Pronto posts to a webhook. Most are not documented; these
//! are the shapes that users met or expect.

use pronto_grpc::proto::v1::{
    AccountDelivery, AccountResult, Company, Contact, ContactDelivery, Headquarters, JobPosting,
    Lead, LeadDelivery, LeadResult, PhoneNumber,
};
use serde_json::json;

use super::answers_accounts::{documented as documented_company, observed as observed_company};
use super::answers_contacts::ada;
use super::answers_leads::{documented, observed, phones};
use super::answers_other::finished;
use super::{answer, object, read, some, texts};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn one(lead: LeadResult) -> LeadDelivery {
    LeadDelivery {
        lead: Some(lead),
        ..Default::default()
    }
}

#[test]
fn a_flat_lead() {
    let jane = Lead {
        status: some("QUALIFIED"),
        first_name: some("Jane"),
        last_name: some("Doe"),
        full_name: some("Jane Doe"),
        title: some("CFO"),
        linkedin_url: some("https://www.linkedin.com/in/jane-doe"),
        linkedin_id: some("ACwAAA2"),
        years_in_position: Some(2),
        months_in_position: Some(3),
        ..Default::default()
    };
    let expected = LeadResult {
        lead: Some(jane),
        company: Some(Company {
            name: some("Acme"),
            ..Default::default()
        }),
        custom: Some(object(json!({"hubspot_id": "134567"}))),
        ..Default::default()
    };
    assert_eq!(
        answer::<LeadDelivery>("webhook_leads", "flat"),
        one(expected)
    );
}

#[test]
fn a_flat_lead_of_the_documented_generation() {
    let jane = Lead {
        first_name: some("Jane"),
        linkedin_url: some("https://www.linkedin.com/in/jane-doe"),
        phones: phones(["+33612345678"]),
        status: some("DISQUALIFIED"),
        rejection_reasons: texts(["title"]),
        ..Default::default()
    };
    let expected = one(LeadResult {
        lead: Some(jane),
        ..Default::default()
    });
    assert_eq!(
        answer::<LeadDelivery>("webhook_leads", "flat_documented"),
        expected
    );
}

#[test]
fn a_nested_lead_of_both_generations() {
    let expected = one(LeadResult {
        lead: Some(observed()),
        company: Some(observed_company()),
        custom: Some(object(json!({"hubspot_id": "134567"}))),
        ..Default::default()
    });
    assert_eq!(answer::<LeadDelivery>("webhook_leads", "nested"), expected);

    let expected = one(LeadResult {
        lead: Some(documented()),
        company: Some(documented_company()),
        ..Default::default()
    });
    assert_eq!(
        answer::<LeadDelivery>("webhook_leads", "nested_documented"),
        expected
    );
}

/// A body with `leads` is the last one of a search.
#[test]
fn the_final_message() {
    let read: LeadDelivery = answer("webhook_leads", "final");
    let jane = Lead {
        status: some("QUALIFIED"),
        first_name: some("Jane"),
        ..Default::default()
    };
    let acme = Company {
        name: some("Acme"),
        ..Default::default()
    };
    let expected = LeadResult {
        lead: Some(jane),
        company: Some(acme),
        ..Default::default()
    };
    assert_eq!(read.search, Some(finished()));
    assert_eq!(read.leads, [expected]);
    let rest = read.lead.expect("the rest of the message");
    assert_eq!(rest.lead, None, "the message itself is no lead");
    assert_eq!(rest.custom, Some(object(json!({"hubspot_id": "134567"}))));

    let read: LeadDelivery = answer("webhook_leads", "final_empty");
    let expected = LeadDelivery {
        search: Some(finished()),
        ..Default::default()
    };
    assert_eq!(read, expected);
}

/// One client expects the search's id and status at the top level.
#[test]
fn a_flat_search_is_no_lead() {
    let body = json!({"id": ID, "status": "FINISHED", "leads": [{"lead": {"first_name": "Ada"}}]});
    let read: LeadDelivery = read(&body);
    let ada = Lead {
        first_name: some("Ada"),
        ..Default::default()
    };
    assert_eq!(
        read.leads,
        [LeadResult {
            lead: Some(ada),
            ..Default::default()
        }]
    );
}

#[test]
fn a_bare_list_of_leads() {
    let read: LeadDelivery = answer("webhook_leads", "bare");
    let named = |name| {
        Some(Lead {
            first_name: some(name),
            ..Default::default()
        })
    };
    let jane = LeadResult {
        lead: named("Jane"),
        ..Default::default()
    };
    let ada = LeadResult {
        lead: named("Ada"),
        company: Some(Company {
            name: some("Acme"),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        read,
        LeadDelivery {
            leads: vec![jane, ada],
            ..Default::default()
        }
    );
}

fn acme() -> AccountResult {
    let company = Company {
        name: some("Acme"),
        website: some("acme.example"),
        industry: some("Farming"),
        linkedin_url: some("https://www.linkedin.com/company/acme"),
        linkedin_id: some("123"),
        employee_range: some("51-200"),
        headquarters: Some(Headquarters {
            city: some("Lyon"),
            country: some("FR"),
            ..Default::default()
        }),
        ..Default::default()
    };
    AccountResult {
        company: Some(company),
        ..Default::default()
    }
}

#[test]
fn batches_of_accounts() {
    let tidal = Company {
        name: some("Tidal"),
        linkedin_id: some("1441"),
        ..Default::default()
    };
    let tidal = AccountResult {
        company: Some(tidal),
        ..Default::default()
    };
    let batch = AccountDelivery {
        id: some(ID),
        accounts: vec![acme(), tidal],
        ..Default::default()
    };
    let hiring = AccountResult {
        job_postings: vec![JobPosting {
            job_title: some("Backend Engineer"),
            ..Default::default()
        }],
        ..acme()
    };
    let list = |accounts| AccountDelivery {
        accounts,
        ..Default::default()
    };
    let polled = AccountDelivery {
        search: Some(finished()),
        ..list(vec![acme()])
    };
    for (form, expected) in [
        ("batch", batch),
        ("hiring", list(vec![hiring])),
        ("bare", list(vec![acme()])),
        ("results", polled),
    ] {
        assert_eq!(
            answer::<AccountDelivery>("webhook_accounts", form),
            expected,
            "{form}"
        );
    }
}

#[test]
fn single_accounts() {
    let echoed = AccountResult {
        custom: Some(object(json!({"crm": "1"}))),
        ..acme()
    };
    let sparse = Company {
        name: some("Acme"),
        linkedin_id: some("123"),
        ..Default::default()
    };
    let sparse = AccountResult {
        company: Some(sparse),
        ..Default::default()
    };
    for (form, account) in [
        ("flat", acme()),
        ("nested", echoed),
        ("wrapped", acme()),
        ("preview_like", sparse),
    ] {
        let expected = AccountDelivery {
            account: Some(account),
            ..Default::default()
        };
        assert_eq!(
            answer::<AccountDelivery>("webhook_accounts", form),
            expected,
            "{form}"
        );
    }
}

#[test]
fn contacts() {
    let done = Contact {
        status: some("finished"),
        ..ada()
    };
    let bare_id = Contact {
        enrichment_id: some(ID),
        ..Default::default()
    };
    let typed = PhoneNumber {
        number: some("+33612345678"),
        phone_type: some("mobile"),
        ..Default::default()
    };
    let found = Contact {
        email: some("ada@verdant.example"),
        email_status: some("deliverable"),
        phones: phones(["+33612345678"]),
        custom: Some(object(json!({"crm": "1"}))),
        ..done.clone()
    };
    let nested = Contact {
        linkedin_url: some("https://www.linkedin.com/in/ada-example"),
        email: some("ada@verdant.example"),
        ..done.clone()
    };
    let nothing = Contact {
        email_status: some("N/A"),
        null_fields: texts(["email"]),
        ..done.clone()
    };
    let numbered = Contact {
        phones: phones(["+33612345678"]),
        ..bare_id.clone()
    };
    for (form, contact) in [
        ("finished", found),
        (
            "id",
            Contact {
                status: some("finished"),
                ..numbered.clone()
            },
        ),
        ("single_phone", numbered),
        (
            "phone_object",
            Contact {
                phones: vec![typed],
                ..bare_id
            },
        ),
        ("nested", nested),
        ("nothing", nothing),
    ] {
        let expected = ContactDelivery {
            contact: Some(contact),
            ..Default::default()
        };
        assert_eq!(
            answer::<ContactDelivery>("webhook_contacts", form),
            expected,
            "{form}"
        );
    }

    let expected = ContactDelivery {
        contacts: vec![done],
        contact: None,
    };
    assert_eq!(
        answer::<ContactDelivery>("webhook_contacts", "bare"),
        expected
    );
}
