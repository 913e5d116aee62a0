#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;
use crate::pronto::failure::MAX_TEXT;
use crate::proto::endpoint::endpoints::{ENRICH_CONTACT, GET_SEARCH, START_LEAD_SEARCH};

/// The key that requests carry.
const KEY: &str = "sk_live_0123456789";

fn classified(status: u16, body: impl AsRef<[u8]>) -> (ErrorReason, Option<String>) {
    let status = StatusCode::from_u16(status).unwrap();
    let body = body.as_ref();
    let failure = classify(
        START_LEAD_SEARCH,
        &KEY.into(),
        status,
        &HeaderMap::new(),
        body,
    );
    (failure.reason, failure.upstream_message)
}

#[test]
fn every_known_form_of_a_body_gives_its_words() {
    let cases: &[(&[u8], Option<&str>)] = &[
        // Documented and seen, in the order in which the vendor's client looks.
        (br#"{"error":"Unauthorized"}"#, Some("Unauthorized")),
        (br#"{"error":"e","message":"m","errors":["s"]}"#, Some("e")),
        (
            br#"{"error":400,"message":"Provide at least one of: domain"}"#,
            Some("Provide at least one of: domain"),
        ),
        (br#"{"message":"no"}"#, Some("no")),
        (br#"{"message":"m","errors":["s"]}"#, Some("m")),
        (br#"{"errors":["a","b"]}"#, Some("a; b")),
        // Other forms of the same.
        (br#"{"message":["a","b"]}"#, Some("a; b")),
        (br#"{"errors":"a"}"#, Some("a")),
        (
            br#"{"errors":[{"message":"a"},{"message":"b","code":7}]}"#,
            Some("a; b"),
        ),
        (
            br#"{"errors":{"limit":["is too large","is odd"],"name":"is missing"}}"#,
            Some("limit: is too large; is odd; name: is missing"),
        ),
        (
            br#"{"error":{"message":"inside","code":3}}"#,
            Some("inside"),
        ),
        (br#"{"error":{"limit":["is odd"]}}"#, Some("limit: is odd")),
        (br#"["a","b"]"#, Some("a; b")),
        (br#""text""#, Some("text")),
        // What says nothing gives way to what does, or is shown as it is.
        (br#"{"error":"","message":" ","errors":["s"]}"#, Some("s")),
        (br#"{"error":null,"message":"m"}"#, Some("m")),
        (br#"{"error":true,"message":"m"}"#, Some("m")),
        (br#"{"error":400}"#, Some(r#"{"error":400}"#)),
        (br#"{"status":"failed"}"#, Some(r#"{"status":"failed"}"#)),
        (b"{}", Some("{}")),
        // No JSON.
        (b"plain words\n", Some("plain words")),
        (
            br#"{"error":"Insufficient cre"#,
            Some(r#"{"error":"Insufficient cre"#),
        ),
        (b"caf\xe9 ferm\xe9", Some("caf\u{fffd} ferm\u{fffd}")),
        (b"\xef\xbb\xbf{\"error\":\"marked\"}", Some("marked")),
        (b"<!DOCTYPE html><html></html>", None),
        (b"\n  <html><body>404</body></html>", None),
        (b"", None),
        (b" \r\n", None),
    ];
    for (body, text) in cases {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(classified(400, body).1.as_deref(), *text, "{shown}");
    }
}

#[test]
fn words_are_one_line_without_control_characters() {
    let body = serde_json::json!({"error": "a\nb\u{1b}[31mc\u{0}d\u{85}ü 漢字 🎉"}).to_string();
    let text = classified(400, body).1.unwrap();
    assert_eq!(text, "a b [31mc d ü 漢字 🎉");
}

#[test]
fn the_key_is_not_among_the_words() {
    let body = format!(r#"{{"error":"Invalid API key: {KEY}"}}"#);
    assert_eq!(classified(401, body).1.unwrap(), "Invalid API key: <key>");
    let refused = format!(r#"{{"error":"insufficient_credits","key":"{KEY}"}}"#);
    let endpoint = ENRICH_CONTACT;
    let failure =
        refused_in_success(endpoint, &KEY.into(), StatusCode::OK, refused.as_bytes()).unwrap();
    assert!(!failure.upstream_message.unwrap().contains(KEY));
    // Nor its beginning, where the words are cut.
    for padding in MAX_TEXT - KEY.len()..=MAX_TEXT {
        let text = classified(401, "x".repeat(padding) + KEY).1.unwrap();
        assert!(!text.contains("sk"), "{text}");
    }
}

#[test]
fn long_words_are_cut_at_a_character() {
    for body in [
        "é".repeat(100_000),
        format!(r#"{{"error":"x{}"}}"#, "é".repeat(100_000)),
    ] {
        let text = classified(400, body).1.unwrap();
        assert!(
            (MAX_TEXT - 1..=MAX_TEXT).contains(&text.len()),
            "{}",
            text.len()
        );
        assert!(text.ends_with('é'));
    }
}

#[test]
fn refusals_are_told_apart_by_their_words() {
    let consent = "You can't use the personal email enrichment feature without consenting with our terms of use";
    for (text, reason) in [
        (
            "Insufficient enrichment credits",
            ErrorReason::InsufficientCredits,
        ),
        ("insufficient_credits", ErrorReason::InsufficientCredits),
        ("INSUFFICIENT CREDITS.", ErrorReason::InsufficientCredits),
        (
            "Search exceeds your monthly import limits",
            ErrorReason::PlanLimit,
        ),
        ("Plan limit reached", ErrorReason::PlanLimit),
        (consent, ErrorReason::ConsentRequired),
        (
            "A Sales Navigator account is required",
            ErrorReason::SalesNavigatorRequired,
        ),
        (
            "The Sales Navigator URL is invalid",
            ErrorReason::UpstreamRejected,
        ),
        ("functions: 99 is invalid", ErrorReason::UpstreamRejected),
    ] {
        for body in [
            serde_json::json!({ "message": text }).to_string(),
            serde_json::json!({ "errors": [text] }).to_string(),
            text.to_owned(),
        ] {
            for status in [400, 422] {
                assert_eq!(classified(status, &body).0, reason, "{status} {body}");
            }
        }
    }
}

#[test]
fn a_missing_sales_navigator_may_look_like_a_missing_right() {
    let body = r#"{"error":"Connect your LinkedIn Sales Navigator first"}"#;
    for status in [401, 403] {
        assert_eq!(
            classified(status, body).0,
            ErrorReason::SalesNavigatorRequired
        );
    }
    for (status, reason) in [
        (404, ErrorReason::NotFound),
        (409, ErrorReason::UpstreamRejected),
        (429, ErrorReason::RateLimited),
        (500, ErrorReason::OutcomeUnknown),
    ] {
        assert_eq!(classified(status, body).0, reason, "{status}");
    }
}

#[test]
fn statuses_have_their_reasons() {
    for (status, reason) in [
        (400, ErrorReason::UpstreamRejected),
        (401, ErrorReason::UnauthenticatedKey),
        (402, ErrorReason::InsufficientCredits),
        (403, ErrorReason::KeyNotAllowed),
        (404, ErrorReason::NotFound),
        (405, ErrorReason::UpstreamRejected),
        (408, ErrorReason::OutcomeUnknown),
        (409, ErrorReason::UpstreamRejected),
        (422, ErrorReason::UpstreamRejected),
        (429, ErrorReason::RateLimited),
        (499, ErrorReason::OutcomeUnknown),
        (500, ErrorReason::OutcomeUnknown),
        (503, ErrorReason::OutcomeUnknown),
        (302, ErrorReason::UpstreamMalformed),
        (600, ErrorReason::UpstreamMalformed),
    ] {
        assert_eq!(classified(status, "").0, reason, "{status}");
    }
    for status in [408, 499, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        let repeatable = classify(GET_SEARCH, &KEY.into(), status, &HeaderMap::new(), b"");
        assert_eq!(repeatable.reason, ErrorReason::UpstreamUnavailable);
    }
}

#[test]
fn a_success_of_the_synchronous_host_may_tell_of_missing_credits() {
    let told = |endpoint, body: &str| {
        let failure = refused_in_success(endpoint, &KEY.into(), StatusCode::OK, body.as_bytes());
        failure.map(|failure| failure.reason)
    };
    for body in [
        r#"{"error":"insufficient_credits"}"#,
        r#"{"code":"insufficient_credits","message":"Buy more"}"#,
        r#"{"status":"error","message":"Insufficient enrichment credits"}"#,
    ] {
        assert_eq!(
            told(ENRICH_CONTACT, body),
            Some(ErrorReason::InsufficientCredits),
            "{body}"
        );
        assert_eq!(told(GET_SEARCH, body), None, "{body}");
    }
    for body in [
        r#"{"status":"error","message":"Nothing found, no enrichment credits charged"}"#,
        r#"{"status":"success","email":"a@x.test","message":"insufficient_credits for phones"}"#,
        r#"{"status":"error","company":"Insufficient Credits Inc."}"#,
        r#"{"email":"a@x.test","message":"phone not searched: insufficient credits"}"#,
        r#"{"status":"error","message":"Insufficient data. No credits were charged."}"#,
        "insufficient_credits",
        "",
    ] {
        assert_eq!(told(ENRICH_CONTACT, body), None, "{body}");
    }
}

fn waits(value: &[u8]) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    let value = http::HeaderValue::from_bytes(value).unwrap();
    headers.insert(header::RETRY_AFTER, value);
    retry_after(&headers)
}

#[test]
fn retry_after_is_read_as_seconds() {
    let day = Some(MAX_RETRY_AFTER);
    for (value, time) in [
        ("7", Some(Duration::from_secs(7))),
        (" 7 ", Some(Duration::from_secs(7))),
        ("0", Some(Duration::ZERO)),
        ("1.5", Some(Duration::from_millis(1500))),
        ("86401", day),
        ("99999999999999999999999999", day),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        ("NaN", None),
        (".", None),
        ("", None),
        ("soon", None),
        ("7 s", None),
    ] {
        assert_eq!(waits(value.as_bytes()), time, "{value}");
    }
    assert_eq!(waits(b"\xff"), None);
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[test]
fn retry_after_is_read_as_a_date() {
    let now = SystemTime::now();
    let at = |time| waits(httpdate::fmt_http_date(time).as_bytes());
    let hour = at(now + Duration::from_secs(3600)).unwrap();
    assert!((3000..=3600).contains(&hour.as_secs()), "{hour:?}");
    assert_eq!(at(now + 2 * MAX_RETRY_AFTER), Some(MAX_RETRY_AFTER));
    // The clocks differ, or it took long to arrive.
    assert_eq!(at(now - Duration::from_secs(3600)), None);
    assert_eq!(waits(b"Mon, 30 Feb 2026 25:00:00 GMT"), None);
}
