//! What requests must look like, in words.

use std::collections::BTreeSet;

use pronto_grpc::proto::v1::{Check, Condition, Format, Json, Rule};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::options;

/// Whether a request, or something in it, has to look like something.
pub fn are_made(request: &MessageDescriptor) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![request.clone()];
    while let Some(message) = left.pop() {
        let is_checked = |field: FieldDescriptor| options::check(&field) != Check::default();
        if !options::rules(&message).is_empty() || message.fields().any(is_checked) {
            return true;
        }
        if seen.insert(message.full_name().to_owned()) {
            let kinds = message.fields().map(|field| field.kind());
            left.extend(kinds.filter_map(|kind| kind.as_message().cloned()));
        }
    }
    false
}

/// What must hold for a field: sentences, or nothing.
pub fn of_field(check: &Check) -> Vec<String> {
    let mut sentences = Vec::new();
    if check.required {
        sentences.push("Required.".to_owned());
    }
    match (check.min_items, check.max_items) {
        (0, 0) => {}
        (0, most) => sentences.push(format!("At most {}.", items(most))),
        (least, 0) => sentences.push(format!("At least {}.", items(least))),
        (least, most) => sentences.push(format!("{least} to {most} items.")),
    }
    match (check.min, check.max) {
        (None, None) => {}
        (Some(least), None) => sentences.push(format!("At least {least}.")),
        (None, Some(most)) => sentences.push(format!("At most {most}.")),
        (Some(least), Some(most)) => sentences.push(format!("From {least} to {most}.")),
    }
    if !check.values.is_empty() {
        let values: Vec<_> = check.values.iter().map(f64::to_string).collect();
        sentences.push(format!("One of {}.", values.join(", ")));
    }
    sentences.extend(form(check.format()).map(|form| format!("Form: {form}.")));
    sentences
}

fn items(count: u32) -> String {
    match count {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    }
}

fn form(format: Format) -> Option<&'static str> {
    Some(match format {
        Format::Unspecified => return None,
        Format::HttpsUrl => "an https URL",
        Format::LinkedinProfileUrl => {
            "a LinkedIn profile, `/in/<handle>`, `/in/<urn>` or `/sales/lead/<id>`"
        }
        Format::LinkedinCompanyUrl => {
            "a LinkedIn company page, `/company/<name>`, `/school/<name>`, `/showcase/<name>` or `/sales/company/<id>`"
        }
        Format::SalesNavigatorUrl => "a search in Sales Navigator, `/sales/search/...`",
        Format::CountryCode => "an ISO 3166-1 alpha-2 code in capitals, such as `FR`",
        Format::Digits => "digits",
        Format::Uuid => "a UUID",
        Format::RequestId => "at most 128 printable ASCII characters without spaces",
    })
}

/// How Pronto spells a field, where that differs.
pub fn spelling(json: &Json) -> Option<String> {
    let mut keys: Vec<_> = [&json.name, &json.documented]
        .into_iter()
        .chain(&json.aliases)
        .collect();
    keys.retain(|key| !key.is_empty());
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    (!keys.is_empty()).then(|| format!("Pronto's JSON: {}.", keys.join(", ")))
}

/// A rule, as a sentence.
pub fn of_rule(rule: &Rule) -> String {
    let mut parts = Vec::new();
    for (words, fields) in [
        ("at least one of %s is set", &rule.any_of),
        ("at most one of %s is set", &rule.at_most_one_of),
        ("%s must be set", &rule.required),
        ("%s must not be set", &rule.forbidden),
    ] {
        if !fields.is_empty() {
            parts.push(words.replace("%s", &names(fields, "and")));
        }
    }
    let mut sentence = parts.join(", and ");
    if !rule.each.is_empty() {
        sentence = format!("in each of `{}`, {sentence}", rule.each);
    }
    if let Some(when) = &rule.when {
        sentence = format!("where {}, {sentence}", condition(when));
    }
    if !rule.because.is_empty() {
        sentence = format!("{sentence}: {}", rule.because);
    }
    let (first, rest) = sentence.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

fn condition(when: &Condition) -> String {
    let mut parts = Vec::new();
    if !when.any_set.is_empty() {
        parts.push(format!("{} is set", names(&when.any_set, "or")));
    }
    if !when.field.is_empty() {
        parts.push(format!(
            "`{}` has {}",
            when.field,
            names(&when.values, "or")
        ));
    }
    if !when.is_false.is_empty() {
        parts.push(format!("`{}` is false", when.is_false));
    }
    parts.join(" and ")
}

/// `a`, `b` and `c`.
fn names(names: &[String], last: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        _ => names.concat(),
    }
}
