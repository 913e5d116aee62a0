//! What Pronto's error answers mean.
//!
//! Pronto tells several things apart by text only. This is the one place where
//! its texts steer anything.

mod hide;
mod words;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use secrecy::SecretString;
use serde_json::Value;

use super::failure::Failure;
use crate::proto::endpoint::Endpoint;
use crate::proto::json;
use crate::proto::v1::{Contact, ErrorReason, Host};
use words::words;

/// Pronto is not waited for longer than this, whatever it asks for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The failure behind an answer that is no success, to a request with this key.
pub fn classify(
    endpoint: &'static Endpoint,
    key: &SecretString,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Failure {
    let text = words(body, key);
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

/// The failure that a success of the synchronous host may hold: users of it know an
/// `insufficient_credits`, but nobody has shown where it stands.
pub fn refused_in_success(
    endpoint: &'static Endpoint,
    key: &SecretString,
    status: StatusCode,
    body: &[u8],
) -> Option<Failure> {
    if endpoint.host != Host::Synchronous {
        return None;
    }
    let answer: Value = serde_json::from_slice(body).ok()?;
    let found = answer.get("status").and_then(Value::as_str) == Some("success") || holds_data(body);
    let texts = ["error", "code", "message"].map(|key| answer.get(key).and_then(Value::as_str));
    // A contact's message may also say that no credits were charged.
    let told = texts.into_iter().flatten().any(tells_of_too_few_credits);
    let reason = ErrorReason::InsufficientCredits;
    (told && !found).then(|| Failure {
        http_status: Some(status.as_u16()),
        upstream_message: words(body, key),
        ..Failure::new(reason, endpoint, describe(reason, status))
    })
}

/// Whether something was found, which is paid whatever else an answer says.
fn holds_data(body: &[u8]) -> bool {
    let contact: Contact = json::read(body).unwrap_or_default();
    let has_email = contact.email.is_some() || contact.personal_email.is_some();
    has_email || !contact.phones.is_empty()
}

fn tells_of_too_few_credits(text: &str) -> bool {
    let words = [
        "insufficient credit",
        "insufficient_credit",
        "insufficient enrichment credit",
    ];
    tells(text, &words)
}

fn reason(endpoint: &Endpoint, status: StatusCode, text: &str) -> ErrorReason {
    match status.as_u16() {
        401 | 403 if tells_of_sales_navigator(text) => ErrorReason::SalesNavigatorRequired,
        401 => ErrorReason::UnauthenticatedKey,
        402 => ErrorReason::InsufficientCredits,
        403 => ErrorReason::KeyNotAllowed,
        404 => ErrorReason::NotFound,
        429 => ErrorReason::RateLimited,
        // Said by a proxy in between, which does not know what became of it.
        408 | 499 | 500..=599 if endpoint.repeatable => ErrorReason::UpstreamUnavailable,
        408 | 499 | 500..=599 => ErrorReason::OutcomeUnknown,
        code @ 400..=499 => refusal(code, text),
        _ => ErrorReason::UpstreamMalformed,
    }
}

/// Tells refusals apart, as the vendor's own command line does.
fn refusal(code: u16, text: &str) -> ErrorReason {
    if tells_of_credits(text) {
        ErrorReason::InsufficientCredits
    } else if tells(text, &["import limits", "plan limit"]) {
        ErrorReason::PlanLimit
    } else if tells(text, &["without consenting"]) {
        ErrorReason::ConsentRequired
    } else if [400, 422].contains(&code) && tells_of_sales_navigator(text) {
        ErrorReason::SalesNavigatorRequired
    } else {
        ErrorReason::UpstreamRejected
    }
}

fn tells(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn tells_of_credits(text: &str) -> bool {
    let words = [
        "enrichment credits",
        "insufficient credits",
        "insufficient_credits",
    ];
    tells(text, &words)
}

/// Not seen yet. What is wrong with the URL of a search in it is another matter.
fn tells_of_sales_navigator(text: &str) -> bool {
    tells(text, &["sales navigator", "sales_navigator"]) && !tells(text, &["url"])
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
        ErrorReason::SalesNavigatorRequired => {
            "the search needs a LinkedIn Sales Navigator connected to the Pronto account"
        }
        ErrorReason::UpstreamRejected => "Pronto refused the request",
        ErrorReason::UpstreamUnavailable => "Pronto failed; the request can be repeated",
        ErrorReason::OutcomeUnknown => "Pronto failed; the request may have been carried out",
        _ => "Pronto's answer is not what it should be",
    };
    format!("{what} (HTTP {})", status.as_u16())
}

/// `Retry-After`, as seconds or as a date. Fractions are not allowed there, but clear.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = value.chars().all(|c| c.is_ascii_digit() || c == '.');
    let time = match value.parse::<f64>() {
        Ok(seconds) if is_number => {
            Duration::from_secs_f64(seconds.min(MAX_RETRY_AFTER.as_secs_f64()))
        }
        _ => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(SystemTime::now()).ok()?
        }
    };
    Some(time.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests;
