//! What is publicly known of Pronto's API, transcribed by hand into
//! `tests/fixtures`, against what the code makes of `proto/`.
//!
//! * `endpoints.tsv`, `enums.tsv`: the endpoints, and the closed sets of values.
//! * `requests/<endpoint>.json`, `answers/<endpoint>.json`: bodies, each file an
//!   object of named forms.

mod answers_accepted;
mod answers_accounts;
mod answers_contacts;
mod answers_leads;
mod answers_other;
mod deliveries;
mod drift;
mod endpoints;
mod enums;
mod odd_answers;
mod requests_accounts;
mod requests_contacts;
mod requests_leads;
mod requests_other;
mod requests_signals;
mod requests_special;

use std::fmt::Debug;
use std::fs;

use pronto_grpc::proto::endpoint::{Endpoint, UpstreamRequest};
use pronto_grpc::proto::json::{self, JsonMessage, Spelling};
use pronto_grpc::proto::v1::Host;
use pronto_grpc::proto::validate;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Map, Value};

/// The text of a fixture.
pub fn fixture(path: &str) -> String {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of a table, without comments and heading.
pub fn table(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| line.split('\t').collect())
}

/// All forms of a body, by name.
pub fn forms(folder: &str, stem: &str) -> Map<String, Value> {
    let text = fixture(&format!("{folder}/{stem}.json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{folder}/{stem}.json: {error}"))
}

/// One form of a body.
pub fn form(folder: &str, stem: &str, name: &str) -> Value {
    match forms(folder, stem).remove(name) {
        Some(body) => body,
        None => panic!("{folder}/{stem}.json has no form {name}"),
    }
}

/// The fixtures' name for an endpoint, such as `post_accounts_search`.
pub fn stem(method: &str, path: &str, synchronous_host: bool) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut stem = method.to_lowercase();
    for segment in segments {
        stem.push('_');
        stem += if segment.starts_with('{') {
            "id"
        } else {
            segment
        };
    }
    if synchronous_host {
        stem += "_sync";
    }
    stem
}

/// The fixtures' name for an endpoint of the table that is generated from the proto.
pub fn stem_of(endpoint: &Endpoint) -> String {
    stem(
        endpoint.method,
        endpoint.path,
        endpoint.host == Host::Synchronous,
    )
}

/// A request is sent as documented, read as it was meant, and valid.
pub fn sends<M>(name: &str, request: &M)
where
    M: UpstreamRequest + PartialEq + Debug,
{
    let stem = stem_of(M::ENDPOINT);
    let documented = form("requests", &stem, name);
    let sent = Value::Object(json::write(request, Spelling::Observed));
    assert_eq!(sent, documented, "{stem} {name}: sent");
    assert_eq!(&read::<M>(&documented), request, "{stem} {name}: read");
    assert_eq!(validate::validate(request), [], "{stem} {name}: validated");
}

/// Reads one form of an answer.
pub fn answer<M: JsonMessage>(stem: &str, name: &str) -> M {
    read(&form("answers", stem, name))
}

/// Reads a body.
pub fn read<M: JsonMessage>(body: &Value) -> M {
    read_text(&body.to_string())
}

/// Reads a body as text, for what a `Value` cannot hold.
pub fn read_text<M: JsonMessage>(body: &str) -> M {
    json::read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// An object as a `Struct`, made without the code that is tested.
pub fn object(json: Value) -> Struct {
    match value(json).kind {
        Some(Kind::StructValue(object)) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn value(json: Value) -> prost_types::Value {
    let kind = match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a finite number")),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(value).collect(),
        }),
        Value::Object(entries) => Kind::StructValue(Struct {
            fields: entries
                .into_iter()
                .map(|(key, json)| (key, value(json)))
                .collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A text that is there.
#[allow(
    clippy::unnecessary_wraps,
    reason = "optional fields are what it is for"
)]
pub fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A list of texts.
pub fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

/// A list of enum values.
pub fn values<E: Into<i32>, const N: usize>(values: [E; N]) -> Vec<i32> {
    values.map(Into::into).into()
}

/// The webhook of all fixtures.
pub fn webhook() -> Option<String> {
    some("https://hooks.example/pronto/7f3a")
}
