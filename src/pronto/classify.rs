//! What Pronto's error answers mean.
//!
//! Pronto tells several things apart by text only. This is the one place where
//! its texts steer anything.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::failure::{Failure, cut};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ErrorReason;

/// The failure behind an answer that is no success.
pub fn classify(
    endpoint: &'static Endpoint,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Failure {
    let text = message(body);
    let reason = reason(endpoint, status, text.as_deref().unwrap_or_default());
    Failure {
        reason,
        message: describe(reason, status),
        endpoint,
        http_status: Some(status.as_u16()),
        retry_after: retry_after(headers),
        upstream_message: text,
    }
}

fn reason(endpoint: &Endpoint, status: StatusCode, text: &str) -> ErrorReason {
    match status.as_u16() {
        401 => ErrorReason::UnauthenticatedKey,
        402 => ErrorReason::InsufficientCredits,
        403 => ErrorReason::KeyNotAllowed,
        404 => ErrorReason::NotFound,
        429 => ErrorReason::RateLimited,
        // Said by a proxy in between, which does not know what became of it.
        408 | 499 | 500..=599 if endpoint.repeatable => ErrorReason::UpstreamUnavailable,
        408 | 499 | 500..=599 => ErrorReason::OutcomeUnknown,
        400..=499 => refusal(text),
        _ => ErrorReason::UpstreamMalformed,
    }
}

/// Tells refusals apart, as the vendor's own command line does.
fn refusal(text: &str) -> ErrorReason {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "enrichment credits",
        "insufficient credits",
        "insufficient_credits",
    ]) {
        ErrorReason::InsufficientCredits
    } else if says(&["import limits", "plan limit"]) {
        ErrorReason::PlanLimit
    } else if says(&["without consenting"]) {
        ErrorReason::ConsentRequired
    } else {
        ErrorReason::UpstreamRejected
    }
}

fn describe(reason: ErrorReason, status: StatusCode) -> String {
    let what = match reason {
        ErrorReason::UnauthenticatedKey => {
            "Pronto does not accept the API key, or its LinkedIn credentials are missing or expired"
        }
        ErrorReason::KeyNotAllowed => "the API key may not use this endpoint",
        ErrorReason::NotFound => "Pronto does not know it",
        ErrorReason::RateLimited => "Pronto's rate limit was met",
        ErrorReason::InsufficientCredits => "the Pronto account has too few credits",
        ErrorReason::PlanLimit => "a limit of the Pronto plan was met",
        ErrorReason::ConsentRequired => {
            "personal emails need consent in the settings of the Pronto account"
        }
        ErrorReason::UpstreamRejected => "Pronto refused the request",
        ErrorReason::UpstreamUnavailable => "Pronto failed; the request can be repeated",
        ErrorReason::OutcomeUnknown => "Pronto failed; the request may have been carried out",
        _ => "Pronto's answer is not what it should be",
    };
    format!("{what} (HTTP {})", status.as_u16())
}

/// Pronto's words in an error body: `{"error": "text"}`, `{"error": 400,
/// "message": "text"}`, `{"message": "text"}`, `{"errors": ["text", ...]}`, or
/// plain text. An HTML page has none.
fn message(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => {
            let error = json.get("error").and_then(Value::as_str).map(str::to_owned);
            let message = || {
                json.get("message")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            let errors = || json.get("errors").map(join);
            let nested = || {
                json.pointer("/error/message")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            error
                .or_else(message)
                .or_else(errors)
                .or_else(nested)
                .or_else(|| Some(json.to_string()))
        }
        Err(_) => {
            let text = String::from_utf8_lossy(body).trim().to_owned();
            (!text.starts_with('<')).then_some(text)
        }
    };
    text.map(|text| cut(&text).to_owned())
        .filter(|text| !text.is_empty())
}

fn join(errors: &Value) -> String {
    match errors {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(join).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// `Retry-After`, as seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    date.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints::{GET_SEARCH, START_LEAD_SEARCH};

    fn classified(status: u16, body: &str) -> (ErrorReason, Option<String>) {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = classify(
            START_LEAD_SEARCH,
            status,
            &HeaderMap::new(),
            body.as_bytes(),
        );
        (failure.reason, failure.upstream_message)
    }

    #[test]
    fn every_known_body_shape_gives_its_text() {
        for (body, text) in [
            (r#"{"error":"Unauthorized"}"#, Some("Unauthorized")),
            (
                r#"{"error":400,"message":"Provide at least one"}"#,
                Some("Provide at least one"),
            ),
            (r#"{"message":"no"}"#, Some("no")),
            (r#"{"errors":["a","b"]}"#, Some("a; b")),
            ("plain words", Some("plain words")),
            ("<!DOCTYPE html><html></html>", None),
            ("", None),
        ] {
            assert_eq!(classified(400, body).1.as_deref(), text, "{body}");
        }
    }

    #[test]
    fn refusals_are_told_apart_by_their_text() {
        let consent = "You can't use the personal email enrichment feature without consenting with our terms of use";
        for (text, reason) in [
            (
                "Insufficient enrichment credits",
                ErrorReason::InsufficientCredits,
            ),
            ("insufficient_credits", ErrorReason::InsufficientCredits),
            (
                "Search exceeds your monthly import limits",
                ErrorReason::PlanLimit,
            ),
            (consent, ErrorReason::ConsentRequired),
            ("functions: 99 is invalid", ErrorReason::UpstreamRejected),
        ] {
            let body = serde_json::json!({ "message": text }).to_string();
            assert_eq!(classified(422, &body).0, reason, "{text}");
        }
    }

    #[test]
    fn statuses_have_their_reasons() {
        for (status, reason) in [
            (401, ErrorReason::UnauthenticatedKey),
            (403, ErrorReason::KeyNotAllowed),
            (404, ErrorReason::NotFound),
            (429, ErrorReason::RateLimited),
            (503, ErrorReason::OutcomeUnknown),
            (408, ErrorReason::OutcomeUnknown),
            (302, ErrorReason::UpstreamMalformed),
        ] {
            assert_eq!(classified(status, "").0, reason, "{status}");
        }
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let repeatable = classify(GET_SEARCH, status, &HeaderMap::new(), b"");
        assert_eq!(repeatable.reason, ErrorReason::UpstreamUnavailable);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        headers.insert(header::RETRY_AFTER, date.parse().unwrap());
        assert!(retry_after(&headers).is_some_and(|wait| wait > Duration::from_secs(3000)));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = classified(400, &"é".repeat(2000)).1.unwrap();
        assert_eq!(text.len(), 1024);
    }
}
