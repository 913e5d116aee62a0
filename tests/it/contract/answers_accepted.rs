//! What Pronto answers when results come later.

use pronto_grpc::proto::v1::{Acceptance, ResultPreview};
use serde_json::json;

use super::{answer, object, some, texts};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";
const SOON: &str = "started successfully. You will receive the results on your webhook shortly.";

fn id() -> Acceptance {
    Acceptance {
        id: some(ID),
        ..Default::default()
    }
}

fn companies() -> Vec<ResultPreview> {
    let pronto = ResultPreview {
        company_name: some("Pronto"),
        industry: some("Technology, Information and Internet"),
        linkedin_id: some("104885158"),
        linkedin_url: some("https://www.linkedin.com/company/104885158"),
        ..Default::default()
    };
    let verdant = ResultPreview {
        company_name: some("Verdant Acres"),
        ..Default::default()
    };
    vec![pronto, verdant]
}

#[test]
fn account_searches() {
    let search: Acceptance = answer("post_accounts_search", "documented");
    let message = format!("Account search {SOON}");
    let expected = Acceptance {
        message: some(&message),
        total: Some(342),
        preview: companies(),
        ..id()
    };
    assert_eq!(search, expected);

    let search: Acceptance = answer("post_accounts_search", "client");
    assert_eq!(
        search,
        Acceptance {
            total: Some(0),
            ..id()
        }
    );

    let extraction: Acceptance = answer("post_accounts", "like_leads");
    assert_eq!(
        extraction,
        Acceptance {
            status: some("processing"),
            ..id()
        }
    );

    let extraction: Acceptance = answer("post_accounts", "like_search");
    let expected = Acceptance {
        message: some("Started"),
        total: Some(7),
        preview: companies(),
        ..id()
    };
    assert_eq!(extraction, expected);
}

#[test]
fn extraction_of_leads() {
    let extraction: Acceptance = answer("post_leads", "documented");
    assert_eq!(
        extraction,
        Acceptance {
            status: some("processing"),
            ..id()
        }
    );
}

#[test]
fn company_lead_searches_in_three_generations() {
    let first: Acceptance = answer("post_leads_search", "first");
    assert_eq!(
        first,
        Acceptance {
            status: some("processing"),
            ..id()
        }
    );

    let newest = Acceptance {
        search_name: some("Finance at Verdant"),
        search_url: some("https://www.linkedin.com/sales/search/people?query=x"),
        created_at: "2026-05-30T10:00:00Z".parse().ok(),
        custom: Some(object(json!({"deal": {"stage": 3}}))),
        ..id()
    };
    assert!(newest.created_at.is_some());
    assert_eq!(answer::<Acceptance>("post_leads_search", "newest"), newest);
    assert_eq!(
        answer::<Acceptance>("post_leads_advanced_search", "like_company_search"),
        newest
    );

    let second = Acceptance {
        total: Some(26),
        ..newest
    };
    assert_eq!(answer::<Acceptance>("post_leads_search", "second"), second);
}

#[test]
fn advanced_searches() {
    let search: Acceptance = answer("post_leads_advanced_search", "client");
    let ada = ResultPreview {
        full_name: some("Ada Example"),
        headline: some("CTO at Verdant"),
        current_company: some("Verdant"),
        current_title: some("CTO"),
        linkedin_id: some("1818"),
        profile_url: some(
            "https://www.linkedin.com/in/urn:li:fs_salesProfile:(ACoAAB,NAME_SEARCH,xYzAb)",
        ),
        ..Default::default()
    };
    assert_eq!(
        search,
        Acceptance {
            total: Some(1234),
            preview: vec![ada],
            ..id()
        }
    );

    let search: Acceptance = answer("post_leads_advanced_search", "numeric_id");
    let expected = Acceptance {
        id: some("7358966630862757888"),
        total: Some(12),
        ..Default::default()
    };
    assert_eq!(search, expected);
}

#[test]
fn single_contact_enrichment() {
    let started: Acceptance = answer("post_contacts_single_enrich", "documented");
    let expected = Acceptance {
        first_name: some("Ada"),
        last_name: some("Example"),
        status: some("pending"),
        custom: Some(object(json!({"crm": "1"}))),
        ..id()
    };
    assert_eq!(started, expected);

    let started: Acceptance = answer("post_contacts_single_enrich", "id");
    assert_eq!(
        started,
        Acceptance {
            status: some("pending"),
            ..id()
        }
    );
}

/// A user reads the id of a single enrichment under `contact`, too.
#[test]
fn single_contact_enrichment_wrapped_in_contact() {
    assert_eq!(
        answer::<Acceptance>("post_contacts_single_enrich", "nested"),
        id()
    );
}

#[test]
fn bulk_enrichments() {
    for stem in ["post_accounts_bulk_enrich", "post_leads_bulk_enrich"] {
        assert_eq!(answer::<Acceptance>(stem, "client"), id(), "{stem}");
    }
    let stem = "post_contacts_bulk_enrich";
    assert_eq!(answer::<Acceptance>(stem, "documented"), id());
    let old: Acceptance = answer(stem, "old");
    assert_eq!(
        old,
        Acceptance {
            status: some("queued"),
            ..id()
        }
    );
}

/// The message is null when there are results, and there is no id when there are none.
#[test]
fn hiring_signal() {
    let stem = "post_intents_accounts_hiring";
    let newest: Acceptance = answer(stem, "newest");
    let expected = Acceptance {
        total: Some(13),
        null_fields: texts(["message"]),
        ..id()
    };
    assert_eq!(newest, expected);

    let nothing: Acceptance = answer(stem, "nothing");
    let expected = Acceptance {
        total: Some(0),
        message: some("No results found"),
        ..Default::default()
    };
    assert_eq!(nothing, expected);

    let draft: Acceptance = answer(stem, "draft");
    let expected = Acceptance {
        id: some("abc123"),
        status: some("pending"),
        ..Default::default()
    };
    assert_eq!(draft, expected);
}

#[test]
fn growth_and_lookalike_signals() {
    let growth: Acceptance = answer("post_intents_accounts_growth", "newest");
    let message = format!("Growth search {SOON}");
    let expected = Acceptance {
        message: some(&message),
        total: Some(9),
        preview: companies(),
        account_url: some("https://www.linkedin.com/sales/search/company?query=g"),
        ..id()
    };
    assert_eq!(growth, expected);

    let lookalikes: Acceptance = answer("post_intents_accounts_lookalikes", "documented");
    let message = format!("Lookalike search {SOON}");
    let expected = Acceptance {
        message: some(&message),
        total: Some(30),
        preview: companies(),
        ..id()
    };
    assert_eq!(lookalikes, expected);
}

#[test]
fn lead_signals() {
    for name in [
        "posts_engagers",
        "posts",
        "reactions",
        "comments",
        "track_job_changes",
        "find_new_hires",
    ] {
        let stem = format!("post_intents_leads_{name}");
        assert_eq!(answer::<Acceptance>(&stem, "client"), id(), "{stem}");
        assert_eq!(
            answer::<Acceptance>(&stem, "empty"),
            Acceptance::default(),
            "{stem}"
        );
    }
}

/// One count, under every name that it has.
#[test]
fn counts_have_many_names() {
    for key in [
        "total",
        "total_count",
        "preview_count",
        "expected_profiles_count",
    ] {
        for count in [json!(26), json!("26"), json!(26.0)] {
            let read: Acceptance = super::read(&json!({key: count}));
            assert_eq!(read.total, Some(26), "{key}: {count}");
        }
    }
}
