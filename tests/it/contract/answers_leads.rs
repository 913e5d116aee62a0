//! The answers of `/leads` that come at once, and what a lead looks like.

use pronto_grpc::proto::v1::{self, Company, Lead, LeadResult, PhoneNumber};

use super::answers_accounts::observed as observed_company;
use super::{answer, read, some, texts};

/// Numbers without anything else known of them.
pub fn phones<const N: usize>(numbers: [&str; N]) -> Vec<PhoneNumber> {
    let phone = |number| PhoneNumber {
        number: some(number),
        ..Default::default()
    };
    numbers.map(phone).into()
}

/// What both generations say of the fixtures' person.
fn ada() -> Lead {
    Lead {
        first_name: some("Ada"),
        last_name: some("Example"),
        email: some("ada@verdant.example"),
        title: some("CTO"),
        linkedin_url: some("https://www.linkedin.com/in/ada-example"),
        profile_image_url: some("https://media.example/ada.png"),
        years_in_position: Some(2),
        months_in_position: Some(3),
        years_in_company: Some(4),
        months_in_company: Some(0),
        ..Default::default()
    }
}

/// The generation that the documentation shows.
pub fn documented() -> Lead {
    Lead {
        status: some("DISQUALIFIED"),
        rejection_reasons: texts(["title", "location"]),
        full_name: some("Ada Example"),
        gender: some("female"),
        email_status: some("deliverable"),
        phones: phones(["+33612345678", "+33187654321"]),
        title_description: some("Leads robotics."),
        summary: some("Builds robots."),
        sales_navigator_profile_url: some("https://www.linkedin.com/sales/lead/ACwAAA1"),
        is_premium_linkedin: Some(true),
        is_open_profile_linkedin: Some(false),
        is_open_to_work_linkedin: Some(false),
        connection_degree: Some(2),
        current_positions_count: Some(1),
        connections_count: Some(512),
        headline: some("CTO at Verdant"),
        ..ada()
    }
}

/// The generation that users meet.
pub fn observed() -> Lead {
    Lead {
        status: some("QUALIFIED"),
        email_status: some("catch-all"),
        phones: vec![PhoneNumber {
            number: some("+33612345678"),
            status: some("valid"),
            provider: some("directory"),
            phone_type: some("mobile"),
            additional_fields: None,
        }],
        location: some("Lyon, France"),
        linkedin_id_url: some("https://www.linkedin.com/in/ACwAAA1"),
        null_fields: texts(["gender"]),
        ..ada()
    }
}

/// The same with the fields that one user's export looks for.
pub fn observed_with_extras() -> Lead {
    Lead {
        full_name: some("Ada Example"),
        headline: some("CTO at Verdant"),
        connections_count: Some(512),
        start_date_job: some("2024-02"),
        start_date_company: some("2022-01"),
        sales_navigator_profile_url: some("https://www.linkedin.com/sales/lead/ACwAAA1"),
        ..observed()
    }
}

#[test]
fn search_preview() {
    let read: v1::PreviewLeadSearchResponse =
        answer("post_leads_advanced_search_preview", "documented");
    let ada = v1::LeadPreview {
        full_name: some("Ada Example"),
        headline: some("CTO at Verdant"),
        current_company: some("Verdant"),
        current_title: some("CTO"),
        linkedin_id: some("1818"),
        profile_url: some(
            "https://www.linkedin.com/in/urn:li:fs_salesProfile:(ACoAAB,NAME_SEARCH,xYzAb)",
        ),
        additional_fields: None,
    };
    let bo = v1::LeadPreview {
        full_name: some("Bo Example"),
        ..Default::default()
    };
    let expected = v1::PreviewLeadSearchResponse {
        total_count: Some(1234),
        preview: vec![ada, bo],
        additional_fields: None,
    };
    assert_eq!(read, expected);
}

#[test]
fn enrichment() {
    let read: v1::EnrichLeadResponse = answer("post_leads_single_enrich", "flat");
    let lead = Lead {
        status: some("QUALIFIED"),
        full_name: some("Ada Example"),
        first_name: some("Ada"),
        last_name: some("Example"),
        title: some("CTO"),
        linkedin_url: some("https://www.linkedin.com/in/ada-example"),
        email: some("ada@verdant.example"),
        email_status: some("deliverable"),
        phones: phones(["+33612345678"]),
        years_in_position: Some(2),
        years_in_company: Some(4),
        current_position: Some(v1::CurrentPosition {
            company_name: some("Verdant Acres"),
            additional_fields: None,
        }),
        ..Default::default()
    };
    let expected = LeadResult {
        lead: Some(lead),
        company: Some(Company {
            name: some("Verdant Acres"),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(read.result, Some(expected));

    let read: v1::EnrichLeadResponse = answer("post_leads_single_enrich", "nested");
    let expected = LeadResult {
        lead: Some(observed()),
        company: Some(observed_company()),
        ..Default::default()
    };
    assert_eq!(read.result, Some(expected));
}

#[test]
fn phones_in_every_form_under_both_keys() {
    use serde_json::json;
    let detailed = PhoneNumber {
        phone_type: some("mobile"),
        ..phones(["+331"]).remove(0)
    };
    let forms = [
        (json!("+331"), phones(["+331"])),
        (json!(331), phones(["331"])),
        (json!(["+331", "+332"]), phones(["+331", "+332"])),
        (
            json!([{"number": "+331", "phone_type": "mobile"}]),
            vec![detailed.clone()],
        ),
        (
            json!([{"number": "+331", "type": "mobile"}]),
            vec![detailed.clone()],
        ),
        (
            json!({"number": "+331", "phone_type": "mobile"}),
            vec![detailed.clone()],
        ),
        (json!([]), vec![]),
    ];
    for (form, expected) in forms {
        for key in ["phone", "phones"] {
            let body = json!({ key: form });
            assert_eq!(read::<Lead>(&body).phones, expected, "lead {body}");
            assert_eq!(
                read::<v1::Contact>(&body).phones,
                expected,
                "contact {body}"
            );
        }
    }
}

/// The two generations name these differently.
#[test]
fn aliases_of_a_lead() {
    use serde_json::json;
    let reads = |body: serde_json::Value, expected: Lead| {
        assert_eq!(read::<Lead>(&body), expected, "{body}");
    };
    for key in ["email", "most_probable_email"] {
        reads(
            json!({ key: "a@b" }),
            Lead {
                email: some("a@b"),
                ..Default::default()
            },
        );
    }
    for key in ["email_status", "most_probable_email_status"] {
        reads(
            json!({ key: "N/A" }),
            Lead {
                email_status: some("N/A"),
                ..Default::default()
            },
        );
    }
    for key in ["linkedin_url", "linkedin_profile_url"] {
        reads(
            json!({ key: "u" }),
            Lead {
                linkedin_url: some("u"),
                ..Default::default()
            },
        );
    }
    for key in ["rejection_reason", "rejection_reasons"] {
        let expected = Lead {
            rejection_reasons: texts(["title"]),
            ..Default::default()
        };
        reads(json!({ key: ["title"] }), expected.clone());
        reads(json!({ key: "title" }), expected);
    }
    for key in ["lk_headline", "linkedin_headline", "headline"] {
        reads(
            json!({ key: "h" }),
            Lead {
                headline: some("h"),
                ..Default::default()
            },
        );
    }
    for key in [
        "lk_connections_count",
        "linkedin_connections_count",
        "connections_count",
    ] {
        reads(
            json!({ key: 5 }),
            Lead {
                connections_count: Some(5),
                ..Default::default()
            },
        );
    }
}
