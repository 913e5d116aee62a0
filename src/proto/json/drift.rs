//! What a body holds that we do not know: where, and what it looks like. Never a value.

use super::cursor::{self, Cursor};
use crate::proto::v1::VendorDriftKind;

/// So many places of a body are told apart.
const MAX_PLACES: usize = 64;

/// So much of a body is looked at; the rest is counted.
const MAX_LOOKS: u64 = 10_000;

/// So many characters of a text's shape are shown.
const MAX_TEXT: usize = 32;

/// Names of fields are not longer, and have no more digits.
const MAX_KEY: usize = 40;
const MAX_DIGITS: usize = 3;

/// The place of what is beyond [`MAX_PLACES`], here and in longer lists.
pub const ELSEWHERE: &str = "(other)";

/// In a path: any item of a list.
pub(super) const ITEM: &str = "[]";

/// In a path: any entry of a map.
pub(super) const ENTRY: &str = "*";

/// What is not known at one place of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What is not known.
    pub kind: VendorDriftKind,
    /// The message and the keys on the way, such as `LeadResult.lead.seniority`.
    pub place: String,
    /// What the value looks like.
    pub sample: String,
    /// How often it stands there.
    pub count: u64,
}

/// The drift of one body.
#[derive(Debug)]
pub(super) struct Drifts {
    message: &'static str,
    found: Vec<Drift>,
    looks: u64,
}

impl Drifts {
    /// Those of a body that is read as this message.
    pub fn of(message: &'static str) -> Self {
        Self {
            message,
            found: Vec::new(),
            looks: 0,
        }
    }

    /// Notes what stands below a path.
    pub fn note(&mut self, kind: VendorDriftKind, path: &[&str], sample: impl FnOnce() -> String) {
        self.looks += 1;
        let mut place = match self.looks <= MAX_LOOKS {
            true => place(self.message, path),
            false => ELSEWHERE.to_owned(),
        };
        let is_full = self.found.len() >= MAX_PLACES;
        if is_full && self.known(kind, &place).is_none() {
            ELSEWHERE.clone_into(&mut place);
        }
        match self.known(kind, &place) {
            Some(known) => known.count += 1,
            None => self.found.push(Drift {
                kind,
                place,
                sample: sample(),
                count: 1,
            }),
        }
    }

    fn known(&mut self, kind: VendorDriftKind, place: &str) -> Option<&mut Drift> {
        let is_it = |drift: &&mut Drift| drift.kind == kind && drift.place == place;
        self.found.iter_mut().find(is_it)
    }

    /// All of it.
    pub fn into_vec(self) -> Vec<Drift> {
        self.found
    }
}

/// A body that is of no known form at all.
#[must_use]
pub fn whole(message: &'static str, body: &[u8]) -> Drift {
    let json = serde_json::from_slice::<&serde_json::value::RawValue>(body);
    Drift {
        kind: VendorDriftKind::ChangedType,
        place: message.to_owned(),
        sample: json.map_or_else(|_| "no JSON".to_owned(), |json| shape(json.get())),
        count: 1,
    }
}

fn place(message: &str, path: &[&str]) -> String {
    let mut place = message.to_owned();
    for step in path {
        match *step {
            ITEM => place += ITEM,
            ENTRY => place += ".*",
            token => {
                place.push('.');
                place += key(&cursor::text(token));
            }
        }
    }
    place
}

/// A key, where it is written like the name of a field: whoever is to add the field needs
/// it. A number may stand before it, as in `3_months_evolution`. Others could be somebody's
/// data: a name, an address, a number, a domain.
fn key(key: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let word = match key.split_once('_') {
        Some((number, word)) if number.bytes().all(|byte| byte.is_ascii_digit()) => word,
        _ => key,
    };
    let is_name = word.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= MAX_KEY
        && digits <= MAX_DIGITS
        && key.chars().all(is_plain);
    if is_name { key } else { "?" }
}

/// What a JSON text looks like.
pub(super) fn shape(json: &str) -> String {
    let mut cursor = Cursor::new(json);
    match cursor.peek() {
        b'{' => {
            let mut entries = 0_usize;
            cursor.object(|cursor, _| {
                entries += 1;
                cursor.skip();
            });
            format!("object of {entries}")
        }
        b'[' => {
            let mut items = 0_usize;
            cursor.list(|cursor| {
                items += 1;
                cursor.skip();
            });
            format!("list of {items}")
        }
        b'"' => format!("text \"{}\"", text_shape(&cursor::text(cursor.token()))),
        b't' | b'f' => "true/false".to_owned(),
        b'n' => "null".to_owned(),
        _ => "number".to_owned(),
    }
}

/// A text with its letters and digits made equal.
fn text_shape(text: &str) -> String {
    let alike = |c: char| match c {
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        c if c.is_numeric() => '0',
        ' ' => ' ',
        // Whoever looks for addresses in a log must find none, not even masked ones.
        '@' => '?',
        c if c.is_ascii_punctuation() => c,
        _ => '?',
    };
    text.chars().take(MAX_TEXT).map(alike).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_no_value() {
        for (json, expected) in [
            (
                r#""jane.Doe+7@acme.example""#,
                r#"text "aaaa.Aaa+0?aaaa.aaaaaaa""#,
            ),
            (r#""+33 6 12""#, r#"text "+00 0 00""#),
            (r#""Zoë 東京 ٣ 😀""#, r#"text "Aaa aa 0 ?""#),
            ("\"\\u0000\\n\"", "text \"??\""),
            (r#""cut \ud83d""#, r#"text "aaa \aa00a""#),
            ("-1.5e3", "number"),
            ("true", "true/false"),
            ("null", "null"),
            ("[1, [2, 3], {}]", "list of 3"),
            ("[]", "list of 0"),
            (
                r#"{"JohnSmith": 1, "jane-doe-acme": {"x": []}, "AKIAIOSFODNN": 2}"#,
                "object of 3",
            ),
        ] {
            assert_eq!(shape(json), expected, "{json}");
        }
        let long = format!("\"{}\"", "x".repeat(1_000));
        assert_eq!(shape(&long), format!("text \"{}\"", "a".repeat(MAX_TEXT)));
    }

    #[test]
    fn keys_that_could_be_data_are_hidden() {
        for name in ["first_name", "line1", "postalCode", "3_months_evolution"] {
            assert_eq!(key(name), name);
        }
        let long = "x".repeat(MAX_KEY + 1);
        for data in [
            "",
            "a@b.example",
            "acme.example",
            "33612345678",
            "7",
            "Jane Doe",
            "JohnSmith",
            "jane-doe-acme",
            "AKIAIOSFODNN",
            "lead_123456",
            "Zoë",
            &long,
        ] {
            assert_eq!(key(data), "?", "{data}");
        }
    }

    #[test]
    fn few_places_are_told_apart_and_everything_is_counted() {
        let mut drifts = Drifts::of("Lead");
        let names: Vec<_> = (0..100_u8).map(|n| format!("\"k{n}\"")).collect();
        for name in names.iter().chain(&names) {
            drifts.note(VendorDriftKind::UnknownField, &[name], String::new);
        }
        for _ in 0..2 * MAX_LOOKS {
            drifts.note(VendorDriftKind::ChangedType, &["\"k0\""], String::new);
        }
        let found = drifts.into_vec();
        assert!(found.len() <= MAX_PLACES + 2);
        let total: u64 = found.iter().map(|drift| drift.count).sum();
        assert_eq!(total, 200 + 2 * MAX_LOOKS);
        assert_eq!(found[0].place, "Lead.k0");
        assert_eq!(found[0].count, 2);
    }
}
