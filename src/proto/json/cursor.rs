//! Walks a JSON text from value to value, in one pass and without a tree.
//!
//! The text has been checked before, by `serde_json`, so walking cannot fail;
//! only values that are nested too deeply are passed over, and remembered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use super::Fit;
use super::drift::{self, Drift, Drifts};
use super::structs::number_from_token;
use crate::proto::v1::VendorDriftKind;

/// Objects and lists may be nested this deeply. A level of JSON is up to three of
/// protobuf, of which common decoders take a hundred.
const MAX_DEPTH: usize = 30;

/// So many values of a body are kept as they are, in `Struct`s: each takes up to two hundred
/// bytes of memory, however short it is. Ten thousand results may have a hundred each that
/// no field takes, which is far more than Pronto has ever changed at once.
const MAX_VALUES: usize = 1_000_000;

/// A place in a JSON text, before a value.
#[derive(Debug)]
pub struct Cursor<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// The keys of the objects and lists that it is in, as they stand.
    path: [&'t str; MAX_DEPTH],
    /// What is not known, where that is asked for.
    drifts: Option<Drifts>,
    /// Values that were returned.
    values: usize,
    too_deep: bool,
    too_long: bool,
}

impl<'t> Cursor<'t> {
    /// Before the value that `text`, which must be valid JSON, is.
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            path: [""; MAX_DEPTH],
            drifts: None,
            values: 0,
            too_deep: false,
            too_long: false,
        }
    }

    /// The same, noting what is not known about this message.
    pub(super) fn comparing(text: &'t str, message: &'static str) -> Self {
        Self {
            drifts: Some(Drifts::of(message)),
            ..Self::new(text)
        }
    }

    /// What was not known.
    pub(super) fn into_drifts(self) -> Vec<Drift> {
        self.drifts.map(Drifts::into_vec).unwrap_or_default()
    }

    /// Notes that the next value is not known.
    pub fn note(&mut self, kind: VendorDriftKind) {
        self.note_at(kind, self.at);
    }

    /// Notes that the value at a place that it has passed is not known.
    pub(super) fn note_at(&mut self, kind: VendorDriftKind, at: usize) {
        if let Some(drifts) = &mut self.drifts {
            let path = self.path.get(..self.depth).unwrap_or_default();
            let value = self.text.get(at..).unwrap_or_default();
            drifts.note(kind, path, || drift::shape(value));
        }
    }

    /// Passes a value that does not fit where it stands.
    pub fn odd(&mut self) -> Fit {
        self.note(VendorDriftKind::ChangedType);
        Fit::Odd(self.any())
    }

    /// Where it is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Passes the same value once more.
    pub(super) fn again(&self) -> Self {
        Self {
            at: self.at,
            depth: self.depth,
            ..Self::new(self.text)
        }
    }

    /// The key that it is at is one of many that are no names.
    pub(super) fn is_at_entry(&mut self) {
        self.step(drift::ENTRY);
    }

    fn step(&mut self, key: &'t str) {
        let inner = self.depth.checked_sub(1);
        if let Some(place) = inner.and_then(|inner| self.path.get_mut(inner)) {
            *place = key;
        }
    }

    /// Whether a value was passed over because it is nested too deeply.
    pub fn is_too_deep(&self) -> bool {
        self.too_deep
    }

    /// Whether a list was too long, or too much is not modelled.
    pub fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// Passes a value of a list that is too long, and remembers that.
    pub fn skip_surplus(&mut self) {
        self.too_long = true;
        self.skip();
    }

    /// The first byte of the next value; 0 at the end.
    pub fn peek(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        self.byte(self.at)
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// Passes a text, a number, a flag or null, and returns it as it stands.
    pub fn token(&mut self) -> &'t str {
        let start = self.at;
        match self.peek() {
            b'"' => self.at = self.end_of_text(),
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let ends = |byte: &u8| b",]}:".contains(byte) || byte.is_ascii_whitespace();
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        self.text[start..self.at].trim_ascii()
    }

    fn end_of_text(&self) -> usize {
        let mut at = self.at + 1;
        loop {
            match self.byte(at) {
                b'\\' => at += 2,
                b'"' => return at + 1,
                0 if at >= self.text.len() => return self.text.len(),
                _ => at += 1,
            }
        }
    }

    /// Passes an object: `entry` passes the value of each key.
    pub fn object(&mut self, mut entry: impl FnMut(&mut Self, &str)) {
        if !self.enter() {
            return;
        }
        loop {
            match self.peek() {
                b',' => self.at += 1,
                b'"' => {
                    let token = self.token();
                    self.step(token);
                    let key = text(token);
                    self.peek();
                    self.at += 1; // The colon.
                    // Of what is too long nothing more is kept.
                    match self.too_long {
                        true => self.skip(),
                        false => entry(self, &key),
                    }
                }
                _ => return self.leave(),
            }
        }
    }

    /// Passes a list: `item` passes each value.
    pub fn list(&mut self, mut item: impl FnMut(&mut Self)) {
        if !self.enter() {
            return;
        }
        self.step(drift::ITEM);
        loop {
            match self.peek() {
                b',' => self.at += 1,
                b']' | 0 => return self.leave(),
                _ => item(self),
            }
        }
    }

    /// Steps into an object or a list, or passes one that is nested too deeply.
    fn enter(&mut self) -> bool {
        if self.depth == MAX_DEPTH {
            self.too_deep = true;
            self.skip();
            return false;
        }
        self.peek();
        self.at += 1;
        self.depth += 1;
        true
    }

    fn leave(&mut self) {
        self.at = (self.at + 1).min(self.text.len());
        self.depth -= 1;
    }

    /// Passes any value, however deep.
    pub fn skip(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                0 if self.at >= self.text.len() => return,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                _ => {
                    self.token();
                }
            }
            if open == 0 {
                return;
            }
        }
    }

    /// Passes any value, and returns it.
    pub fn any(&mut self) -> Value {
        self.values += 1;
        if self.values > MAX_VALUES {
            self.skip_surplus();
            return Kind::NullValue(0).into();
        }
        let kind = match self.peek() {
            b'{' => {
                let mut fields = BTreeMap::new();
                self.object(|cursor, key| {
                    fields.insert(key.to_owned(), cursor.any());
                });
                Kind::StructValue(Struct { fields })
            }
            b'[' => {
                let mut values = Vec::new();
                self.list(|cursor| values.push(cursor.any()));
                Kind::ListValue(ListValue { values })
            }
            b'"' => Kind::StringValue(text(self.token()).into_owned()),
            b't' | b'f' => Kind::BoolValue(self.token() == "true"),
            b'n' => {
                self.token();
                Kind::NullValue(0)
            }
            _ => number_from_token(self.token()),
        };
        Value { kind: Some(kind) }
    }
}

/// The characters of a text token. One with an escape that is no character (half
/// of an emoji) keeps its escapes.
pub fn text(token: &str) -> Cow<'_, str> {
    let inner = token
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(token);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str(token).map_or(Cow::Borrowed(inner), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::json::structs::to_json;

    #[track_caller]
    fn survives(json: &str) {
        let mut cursor = Cursor::new(json);
        let value = to_json(&cursor.any());
        assert_eq!(
            value,
            serde_json::from_str::<serde_json::Value>(json).unwrap()
        );
        assert_eq!(cursor.peek(), 0, "the whole text is passed");
    }

    #[test]
    fn every_kind_of_value_is_walked() {
        for json in [
            "null",
            " true ",
            "-1.25e1",
            "\"\"",
            "[]",
            "{}",
            "[[],{},[1]]",
            r#" { "a" : [ 1 , "b,]}" , { "c\"d" : null } ] , "e\u00e9\\" : false } "#,
        ] {
            survives(json);
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_passed_over() {
        let deep = format!("[{}{}, 2]", "[".repeat(100_000), "]".repeat(100_000));
        let mut cursor = Cursor::new(&deep);
        let mut items = 0;
        cursor.list(|cursor| {
            cursor.any();
            items += 1;
        });
        assert!(cursor.is_too_deep());
        assert_eq!((items, cursor.peek()), (2, 0));
    }

    #[test]
    fn half_a_character_keeps_its_escape() {
        assert_eq!(text(r#""cut \ud83d""#), r"cut \ud83d");
        assert_eq!(text(r#""whole \ud83d\ude00""#), "whole 😀");
    }
}
