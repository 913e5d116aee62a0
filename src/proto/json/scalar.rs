//! Texts, numbers and flags in the forms in which Pronto mixes them.

use serde_json::Value;

use super::{cursor, structs};

/// A value that fits in one JSON token.
pub trait Scalar: Sized {
    /// Reads a JSON token; `None` when it does not fit.
    fn from_token(token: &str) -> Option<Self>;

    /// The JSON value.
    fn to_json(&self) -> Value;
}

/// The text of a token: of a string or, as ids come in both forms, of a number.
pub fn text(token: &str) -> Option<String> {
    match token.as_bytes().first()? {
        b'"' => Some(cursor::text(token).into_owned()),
        b'-' | b'0'..=b'9' => Some(token.to_owned()),
        _ => None,
    }
}

impl Scalar for String {
    fn from_token(token: &str) -> Option<Self> {
        text(token)
    }

    fn to_json(&self) -> Value {
        self.as_str().into()
    }
}

impl Scalar for bool {
    fn from_token(token: &str) -> Option<Self> {
        match token.trim_matches('"') {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl Scalar for i64 {
    fn from_token(token: &str) -> Option<Self> {
        let text = text(token)?;
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            let exact = number.fract() == 0.0 && number.abs() <= 9e15;
            exact.then_some(number as Self)
        })
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl Scalar for i32 {
    fn from_token(token: &str) -> Option<Self> {
        i64::from_token(token)?.try_into().ok()
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl Scalar for f64 {
    fn from_token(token: &str) -> Option<Self> {
        text(token)?
            .parse()
            .ok()
            .filter(|number: &Self| number.is_finite())
    }

    fn to_json(&self) -> Value {
        structs::number_to_json(*self)
    }
}
