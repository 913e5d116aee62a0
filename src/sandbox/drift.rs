//! What an API that changes without notice sends: unknown fields, and unknown
//! texts where texts are one of a set.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::proto::json::{JsonMessage, Spelling, write};
use crate::proto::v1;

/// A key that nobody knows.
const UNKNOWN_KEY: &str = "sandbox_drift";
/// A text that no set has.
const UNKNOWN_TEXT: &str = "sandbox_drift_unknown";

/// The keys of texts that are one of a set.
static SETS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let text = || Some(String::new());
    let lead = v1::Lead {
        email_status: text(),
        gender: text(),
        ..Default::default()
    };
    let company = v1::Company {
        employee_range: text(),
        ..Default::default()
    };
    let contact = v1::Contact {
        email_status: text(),
        personal_email_status: text(),
        phone_status: text(),
        ..Default::default()
    };
    [keys(&lead), keys(&company), keys(&contact)]
        .concat()
        .into_iter()
        .collect()
});

/// Where the caller's own values are, which Pronto only echoes.
static ECHO: LazyLock<Vec<String>> = LazyLock::new(|| {
    keys(&v1::LeadResult {
        custom: Some(prost_types::Struct::default()),
        ..Default::default()
    })
});

/// The keys of the fields that are set, in both spellings.
fn keys<M: JsonMessage>(message: &M) -> Vec<String> {
    let spelled =
        [Spelling::Observed, Spelling::Documented].map(|spelling| write(message, spelling));
    spelled.into_iter().flatten().map(|(key, _)| key).collect()
}

/// Changes an object and the objects in it.
pub fn drift(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drift),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut().filter(|(key, _)| !ECHO.contains(key)) {
                match value {
                    Value::String(text) if SETS.contains(key) => UNKNOWN_TEXT.clone_into(text),
                    value => drift(value),
                }
            }
            let unknown = json!({"number": 7, "list": [true, null, "text"]});
            fields.insert(UNKNOWN_KEY.to_owned(), unknown);
        }
        _ => {}
    }
}
