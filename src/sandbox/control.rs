//! The sandbox's own HTTP API, under `/sandbox/`: settings, counters and
//! findings, as the JSON of the messages of `sandbox.proto`.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use prost::{Message, Name};
use serde_json::{Value, json};

use super::Sandbox;
use super::reply::{Fault, HttpResponse, json_response};
use crate::proto::canonical;
use crate::proto::v1::{ListFindingsResponse, SandboxSettings};
use crate::proto::validate::{Violation, Violations};

/// Where its paths start.
pub const PREFIX: &str = "/sandbox/";

/// Answers a request whose path is below [`PREFIX`].
pub async fn answer(sandbox: &Sandbox, parts: &Parts, body: Result<Bytes, Fault>) -> HttpResponse {
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let method = parts.method.as_str();
    let query = Query::new(parts);
    match (method, path) {
        ("GET", "settings") => message(&sandbox.settings()),
        ("PATCH", "settings") => match body {
            Ok(body) => update(sandbox, &body),
            Err(fault) => fault.into_response(),
        },
        ("POST", "reset") => message(&sandbox.reset().await),
        ("GET", "counters") => match query.flag("when_idle") {
            Ok(when_idle) => {
                if when_idle {
                    sandbox.idle().await;
                }
                message(&sandbox.describe_counters())
            }
            Err(violation) => refused(vec![violation]),
        },
        ("GET", "findings") => findings(sandbox, "", &query.text("webhook_url_part")),
        ("GET", path) if path.starts_with("findings/") => {
            let id = path.trim_start_matches("findings/");
            findings(sandbox, id, &query.text("webhook_url_part"))
        }
        (_, "settings" | "reset" | "counters" | "findings") => json_response(
            StatusCode::METHOD_NOT_ALLOWED,
            &json!({"error": 405, "message": format!("{method} is not possible here")}),
        ),
        _ => Fault::NoSuchPage.into_response(),
    }
}

fn message<M: Message + Name>(message: &M) -> HttpResponse {
    json_response(StatusCode::OK, &canonical::write(message))
}

fn update(sandbox: &Sandbox, body: &[u8]) -> HttpResponse {
    let json: Value = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => {
            let message = format!("The body is not valid JSON: {error}");
            return json_response(
                StatusCode::BAD_REQUEST,
                &json!({"error": 400, "message": message}),
            );
        }
    };
    let updated = canonical::read::<SandboxSettings>(&json)
        .and_then(|read| sandbox.update(&read.message, &read.fields));
    match updated {
        Ok(settings) => message(&settings),
        Err(violations) => refused(violations),
    }
}

fn findings(sandbox: &Sandbox, id: &str, webhook_part: &str) -> HttpResponse {
    let findings = sandbox.findings(id, webhook_part);
    if findings.is_empty() && !id.is_empty() {
        return Fault::NotFound("Nothing was started under this id").into_response();
    }
    message(&ListFindingsResponse { findings })
}

/// 400 with every field.
fn refused(violations: Violations) -> HttpResponse {
    let errors: Vec<String> = violations
        .into_iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect();
    json_response(
        StatusCode::BAD_REQUEST,
        &json!({"error": 400, "message": errors.join("; "), "errors": errors}),
    )
}

/// The parameters of a query.
struct Query(Vec<(String, String)>);

impl Query {
    fn new(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn text(&self, name: &str) -> String {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn flag(&self, name: &str) -> Result<bool, Violation> {
        match self.text(name).as_str() {
            "" | "false" => Ok(false),
            "true" => Ok(true),
            _ => Err(Violation {
                field: name.to_owned(),
                description: "must be true or false".to_owned(),
            }),
        }
    }
}
