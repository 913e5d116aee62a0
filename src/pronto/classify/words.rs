//! Pronto's words in the body of an error, whatever its form.

use secrecy::SecretString;
use serde_json::Value;

use super::hide::hide;
use crate::pronto::failure::cut;

/// The words of a body, in one line, without the key and cut: of its JSON, or plain text.
/// An HTML page has none.
pub fn words(body: &[u8], key: &SecretString) -> Option<String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => said(&json).unwrap_or_else(|| json.to_string()),
        Err(_) => plain(body)?,
    };
    line(&hide(&text, key))
}

/// The text that JSON holds for its reader. The vendor's own client looks in this
/// order; nobody knows of more forms than these.
fn said(json: &Value) -> Option<String> {
    let error = json.get("error");
    let errors = || json.get("errors").and_then(text);
    error
        .filter(|error| error.is_string())
        .and_then(text)
        .or_else(|| json.get("message").and_then(text))
        .or_else(errors)
        .or_else(|| error.and_then(text))
        .or_else(|| Some(json).filter(|json| !json.is_object()).and_then(text))
}

/// A text, several, or those of an object: its `message`, or what it has for each field.
/// Numbers tell nothing.
fn text(value: &Value) -> Option<String> {
    let joined = |texts: Vec<String>| Some(texts.join("; ")).filter(|text| !text.is_empty());
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) => joined(items.iter().filter_map(text).collect()),
        Value::Object(fields) => fields.get("message").and_then(text).or_else(|| {
            let each = fields
                .iter()
                .filter_map(|(field, value)| Some(format!("{field}: {}", text(value)?)));
            joined(each.collect())
        }),
        _ => None,
    }
}

/// A body that is no JSON, or was cut off.
fn plain(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    (!text.trim_start().starts_with('<')).then(|| text.into_owned())
}

/// Without control characters, which could steer the terminal of whoever reads them.
fn line(text: &str) -> Option<String> {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    // Enough for the cut, and no more of a large body.
    let line: String = text.trim().chars().map(clean).take(MAX_CHARS).collect();
    let line = cut(line.trim()).trim_end();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A character has at least one byte.
const MAX_CHARS: usize = crate::pronto::failure::MAX_TEXT + 1;
