//! The reasons with which an RPC may end, because of what it takes and gives.

use prost_reflect::MethodDescriptor;

use super::api::{Api, comment};
use super::{checks, links, options, upstream};

/// Fields of requests of our own that are checked without an option saying how.
const CHECKED_BY_HAND: &[&str] = &["page_token", "after_sequence", "first_day", "email"];

/// Links to them: those that its comment names, and those that follow.
pub fn of_method(api: &Api, method: &MethodDescriptor) -> Vec<String> {
    let file = method.parent_service().parent_file();
    let text = comment(&file, method.path()).join(" ");
    let named = text.split(|letter: char| letter != '_' && !letter.is_ascii_uppercase());
    let follow = follow(api, method);
    let follow = follow.iter().filter(|(_, may_be)| *may_be);
    let mut reasons: Vec<_> = follow.map(|(reason, _)| *reason).collect();
    for reason in named {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.into_iter().filter_map(links::to_reason).collect()
}

fn follow(api: &Api, method: &MethodDescriptor) -> Vec<(&'static str, bool)> {
    let request = method.input();
    let has = |name: &str| request.get_field_by_name(name).is_some();
    let known = options::upstream(method);
    let streams = method.is_server_streaming();
    let is_by_id = known
        .as_ref()
        .is_some_and(|it| upstream::endpoint(it).contains('{'));
    let needs_callbacks = known
        .and_then(|known| known.late)
        .is_some_and(|late| !late.webhook_optional);
    let is_about_a_job = api.job_requests().any(|name| name == request.name());
    vec![
        (
            "INVALID_REQUEST",
            checks::are_made(&request) || CHECKED_BY_HAND.iter().any(|name| has(name)),
        ),
        ("NOT_FOUND", is_by_id || is_about_a_job),
        ("REQUEST_ID_REUSED", has("request_id")),
        // A stream begins nevertheless.
        ("OUTCOME_UNKNOWN", has("request_id") && !streams),
        ("BUDGET_EXCEEDED", has("max_credits")),
        ("CALLBACK_URL_NOT_CONFIGURED", needs_callbacks),
        ("SEQUENCE_OUT_OF_RANGE", has("after_sequence")),
        ("SEQUENCE_EXPIRED", streams),
        ("JOB_FAILED", streams),
        ("JOB_CANCELLED", streams),
        ("DRAINING", streams),
        ("STREAM_TOO_OLD", streams),
    ]
}
