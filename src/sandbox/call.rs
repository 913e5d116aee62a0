//! One request, and how its body is read: by the same descriptions as the
//! client's, but strictly.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use url::{Host, Url};

use super::faults::{Group, Strike};
use super::journal::{Bill, Entry};
use super::reply::Fault;
use super::state::{State, now};
use super::world::company::Company;
use super::world::person::Person;
use crate::proto::endpoint::{Endpoint, UpstreamRequest};
use crate::proto::json::{self, JsonMessage, Object, ReadError, Spelling, structs};
use crate::proto::v1::FaultKind;
use crate::proto::validate::{Violation, validate};

/// A request that is allowed in.
pub struct Call {
    /// The sandbox.
    pub state: Arc<State>,
    /// What is called.
    pub endpoint: &'static Endpoint,
    /// Whose: a digest of the key, which alone is kept.
    pub owner: String,
    /// What stands for the parameter in the path; empty where there is none.
    pub id: String,
    /// The values of the query parameters.
    pub query: Vec<String>,
    /// The body.
    pub body: Bytes,
    /// The faults of the search that it starts; see [`Call::search_strikes`].
    pub search_strikes: OnceLock<Vec<Strike>>,
}

impl Call {
    /// The faults of the search that this request starts: one occasion, and only
    /// once it is clear that there will be a search.
    pub fn search_strikes(&self) -> &[Strike] {
        self.search_strikes
            .get_or_init(|| match self.endpoint.late {
                Some(_) => self.state.strike(Group::Search, self.endpoint),
                None => Vec::new(),
            })
    }

    /// Whether a fault keeps the search from finding anything.
    pub fn finds_nothing(&self) -> bool {
        let mut strikes = self.search_strikes().iter();
        strikes.any(|strike| strike.kind == FaultKind::SearchEmpty)
    }

    /// The people to search among.
    pub fn people(&self) -> impl Iterator<Item = Person<'_>> {
        let people = if self.finds_nothing() {
            None
        } else {
            Some(self.state.world.people())
        };
        people.into_iter().flatten()
    }

    /// The companies to search among.
    pub fn companies(&self) -> impl Iterator<Item = Company<'_>> {
        let companies = if self.finds_nothing() {
            None
        } else {
            Some(self.state.world.companies())
        };
        companies.into_iter().flatten()
    }

    /// Charges it, now that it is carried out, under an id.
    pub fn bill(&self, id: &str, credits: u64) {
        let body: Object = serde_json::from_slice(&self.body).unwrap_or_default();
        let bill = Bill {
            id: id.to_owned(),
            at: now(),
            endpoint: self.endpoint,
            request: Some(structs::from_map(&body)),
            credits,
        };
        self.state.ledger.bill(&bill);
        self.state.charge(credits, || Entry::Billed(bill));
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// 400 when it is not JSON; 422 when a field has a value that it cannot have.
    pub fn request<M: JsonMessage>(&self) -> Result<M, Fault> {
        let request: M = json::read(&self.body).map_err(unreadable)?;
        let raw: Object = serde_json::from_slice(&self.body)
            .map_err(|_| Fault::BadRequest("The body must be a JSON object".to_owned()))?;
        check_fit(&request)?;
        check_kinds::<M>(&raw, &json::write(&request, Spelling::Observed))?;
        Ok(request)
    }
}

fn unreadable(error: ReadError) -> Fault {
    Fault::BadRequest(match error {
        ReadError::Empty => "The body is empty".to_owned(),
        _ => "The body is not valid JSON".to_owned(),
    })
}

/// Reading is lenient towards lists and flags, and drops a value that fits
/// nowhere; Pronto refuses these.
fn check_kinds<M: JsonMessage>(raw: &Object, read: &Object) -> Result<(), Fault> {
    for (key, value) in raw.iter().filter(|(key, _)| M::knows(key)) {
        let fault = match (read.get(key), value) {
            (_, Value::Null) => continue,
            (Some(Value::Array(_)), value) if !value.is_array() => {
                format!("{key} must be an array")
            }
            (Some(Value::Bool(_)), value) if !value.is_boolean() => {
                format!("{key} must be a boolean")
            }
            (Some(Value::Array(read)), Value::Array(raw)) if read.len() < raw.len() => {
                invalid::<M>(key, value)
            }
            (None, value) if says_something(value) => invalid::<M>(key, value),
            _ => continue,
        };
        return Err(Fault::Unprocessable(fault));
    }
    Ok(())
}

/// What the writer leaves out says nothing; an object may be a wrapper.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn invalid<M: JsonMessage>(key: &str, value: &Value) -> String {
    match M::choices(key).as_slice() {
        [] => format!("{key}: invalid {value}"),
        valid => format!("{key}: invalid {value}. Valid values: {}", valid.join(", ")),
    }
}

/// Refuses values that were kept under a key which the message knows: they did
/// not fit their field.
fn check_fit<M: JsonMessage>(request: &M) -> Result<(), Fault> {
    let kept = request.kept().into_iter().flat_map(|kept| &kept.fields);
    let mut faults: Vec<String> = kept
        .filter(|(key, _)| M::knows(key))
        .map(|(key, value)| invalid::<M>(key, &json::structs::to_json(value)))
        .collect();
    match faults.len() {
        0 => Ok(()),
        1 => Err(Fault::Unprocessable(faults.remove(0))),
        _ => Err(Fault::Invalid(faults)),
    }
}

/// Refuses what breaks a documented rule.
///
/// # Errors
///
/// 422 with every violation.
pub fn check_rules<M: UpstreamRequest>(request: &M) -> Result<(), Fault> {
    // Only `check_webhook_url` knows which http URLs are fine here.
    let counts = |violation: &Violation| violation.field != "webhook_url";
    let broken: Vec<String> = validate(request)
        .into_iter()
        .filter(counts)
        .map(|violation| format!("{} {}", violation.field, violation.description))
        .collect();
    match broken.as_slice() {
        [] => Ok(()),
        [only] => Err(Fault::Unprocessable(only.clone())),
        _ => Err(Fault::Invalid(broken)),
    }
}

/// Refuses a `webhook_url` that is missing where one is needed, or is no URL.
///
/// # Errors
///
/// 400, which is what Pronto answers.
pub fn check_webhook_url(url: Option<&str>, required: bool) -> Result<Option<Url>, Fault> {
    let Some(text) = url.filter(|url| !url.trim().is_empty()) else {
        return match required {
            true => Err(Fault::BadRequest("webhook_url is required".to_owned())),
            false => Ok(None),
        };
    };
    let url = Url::parse(text).ok().filter(is_acceptable);
    url.map(Some)
        .ok_or_else(|| Fault::BadRequest("webhook_url must be a valid https URL".to_owned()))
}

/// https; and http to this machine, because a local run has no certificate.
fn is_acceptable(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_only() {
        for url in [
            "https://hooks.example/x",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/",
            "http://localhost/x",
        ] {
            assert!(check_webhook_url(Some(url), true).is_ok(), "{url}");
        }
        for url in [
            "http://hooks.example/x",
            "ftp://127.0.0.1/",
            "hooks.example",
            "https://",
        ] {
            assert!(check_webhook_url(Some(url), false).is_err(), "{url}");
        }
        assert!(check_webhook_url(None, true).is_err());
        assert_eq!(check_webhook_url(Some(" "), false), Ok(None));
    }
}
