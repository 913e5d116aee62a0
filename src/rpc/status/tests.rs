#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use tonic::Code;
use tonic_types::StatusExt;

use super::*;

#[track_caller]
fn assert_error(status: &Status, code: Code, reason: &str, metadata: &[(&str, &str)]) {
    let info = status.get_details_error_info().unwrap();
    assert_eq!((status.code(), info.reason.as_str()), (code, reason));
    assert_eq!(info.domain, DOMAIN);
    let expected = metadata.iter().copied();
    let found = info.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    assert_eq!(
        found.collect::<BTreeMap<_, _>>(),
        expected.collect::<BTreeMap<_, _>>()
    );
}

#[test]
fn a_reused_request_id_is_named_with_the_job_that_it_started() {
    let status = request_id_reused("order-7", Some("j"));
    let metadata = [("request_id", "order-7"), ("job_id", "j")];
    assert_error(&status, Code::AlreadyExists, "REQUEST_ID_REUSED", &metadata);
    let status = request_id_reused("order-7", None);
    assert_error(
        &status,
        Code::AlreadyExists,
        "REQUEST_ID_REUSED",
        &metadata[..1],
    );
}

#[test]
fn what_costs_too_much_names_the_limit_and_its_numbers() {
    let subject = |status: &Status| {
        let quota = status.get_details_quota_failure().unwrap();
        quota.violations[0].subject.clone()
    };
    let status = over_budget(60, &CreditLimit::Request { max_credits: 50 });
    let metadata = [("maximum", "60"), ("limit", "50")];
    assert_error(
        &status,
        Code::ResourceExhausted,
        "BUDGET_EXCEEDED",
        &metadata,
    );
    assert_eq!(subject(&status), "max_credits");

    let budget = CreditLimit::Budget {
        credential: "sales".to_owned(),
        day: "2026-01-31".to_owned(),
        limit: 1000,
        spent: 900,
        reserved: 70,
    };
    let status = over_budget(60, &budget);
    let metadata = [
        ("maximum", "60"),
        ("limit", "1000"),
        ("spent", "900"),
        ("reserved", "70"),
    ];
    assert_error(
        &status,
        Code::ResourceExhausted,
        "BUDGET_EXCEEDED",
        &metadata,
    );
    assert_eq!(subject(&status), "budget:sales:2026-01-31");
}

#[test]
fn a_deadline_names_the_place_to_continue_where_there_is_one() {
    let code = Code::DeadlineExceeded;
    assert_error(&deadline(), code, "DEADLINE_EXCEEDED", &[]);
    let metadata = [("job_id", "j"), ("last_sequence", "7")];
    assert_error(
        &deadline_of_job("j", 7),
        code,
        "DEADLINE_EXCEEDED",
        &metadata,
    );
}
