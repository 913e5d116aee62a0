//! Reads the fields of messages.

use std::collections::HashMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Timestamp, Value};

use super::cursor::Cursor;
use super::scalar::{self, Scalar};
use super::{JsonMessage, structs};
use crate::proto::v1::VendorDriftKind;
use crate::proto::wire::WireEnum;

/// The most messages that a list may have. Ten bytes of JSON can become a thousand
/// in memory; Pronto's longest lists have some thousand items.
const MAX_MESSAGES: usize = 20_000;

/// How a value fits its field.
#[derive(Debug)]
pub enum Fit {
    /// It was read.
    Fits,
    /// It is null.
    Null,
    /// It does not fit: here it is.
    Odd(Value),
    /// No field has this key; the value has not been read yet.
    Unknown,
}

impl Fit {
    /// Nothing is left over, or these items are.
    fn of_items(odd: Vec<Value>) -> Self {
        match odd.is_empty() {
            true => Self::Fits,
            false => Self::Odd(Value {
                kind: Some(Kind::ListValue(ListValue { values: odd })),
            }),
        }
    }
}

/// Reads a field that may come under several keys: the first value stays, another
/// one is odd.
fn once<T: Default + PartialEq>(
    field: &mut T,
    from: &mut Cursor<'_>,
    read: impl FnOnce(&mut T, &mut Cursor<'_>) -> Fit,
) -> Fit {
    if *field == T::default() {
        return read(field, from);
    }
    let mut again = from.again();
    let mut second = T::default();
    match read(&mut second, from) {
        Fit::Fits if second != *field => Fit::Odd(again.any()),
        fit => fit,
    }
}

// === scalars ===

/// A field that holds one scalar.
pub trait ScalarField: Default + PartialEq {
    /// What it holds.
    type Scalar: Scalar;
    /// Sets it.
    fn set(&mut self, value: Self::Scalar);
}

impl<T: Scalar + PartialEq> ScalarField for Option<T> {
    type Scalar = T;
    fn set(&mut self, value: T) {
        *self = Some(value);
    }
}

impl ScalarField for String {
    type Scalar = Self;
    fn set(&mut self, value: Self) {
        *self = value;
    }
}

pub fn scalar<F: ScalarField>(field: &mut F, from: &mut Cursor<'_>) -> Fit {
    once(field, from, |field, from| {
        token(from, VendorDriftKind::ChangedType, |token| {
            F::Scalar::from_token(token)
                .map(|value| field.set(value))
                .is_some()
        })
    })
}

pub fn scalars<T: Scalar + PartialEq>(field: &mut Vec<T>, from: &mut Cursor<'_>) -> Fit {
    once(field, from, |field, from| {
        items(from, |from| {
            token(from, VendorDriftKind::ChangedType, |token| {
                push(field, T::from_token(token))
            })
        })
    })
}

/// Texts, of which each may also stand in an object, alone under a key.
pub fn wrapped_texts(field: &mut Vec<String>, from: &mut Cursor<'_>, key: &str) -> Fit {
    once(field, from, |field, from| {
        items(from, |from| match from.peek() {
            b'{' => {
                let at = from.position();
                match from.any() {
                    value if push(field, only_text(&value, key)) => Fit::Fits,
                    value => {
                        from.note_at(VendorDriftKind::ChangedType, at);
                        Fit::Odd(value)
                    }
                }
            }
            _ => token(from, VendorDriftKind::ChangedType, |token| {
                push(field, scalar::text(token))
            }),
        })
    })
}

/// The text or number in an object that has nothing else.
fn only_text(value: &Value, key: &str) -> Option<String> {
    let Some(Kind::StructValue(object)) = &value.kind else {
        return None;
    };
    match &object
        .fields
        .get(key)
        .filter(|_| object.fields.len() == 1)?
        .kind
    {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        Some(Kind::NumberValue(number)) => Some(structs::number_to_json(*number).to_string()),
        _ => None,
    }
}

fn push<T>(field: &mut Vec<T>, value: Option<T>) -> bool {
    value.map(|value| field.push(value)).is_some()
}

/// Reads one token; `take` tells whether it fits, and `drift` what it is otherwise.
fn token(from: &mut Cursor<'_>, drift: VendorDriftKind, take: impl FnOnce(&str) -> bool) -> Fit {
    match from.peek() {
        b'{' | b'[' => from.odd(),
        b'n' => {
            from.token();
            Fit::Null
        }
        first => {
            let at = from.position();
            let token = from.token();
            if take(token) {
                return Fit::Fits;
            }
            from.note_at(
                match first {
                    b't' | b'f' => VendorDriftKind::ChangedType,
                    _ => drift,
                },
                at,
            );
            Fit::Odd(Cursor::new(token).any())
        }
    }
}

/// Reads the items of a list, or a single one; `read` reads each.
fn items(from: &mut Cursor<'_>, mut read: impl FnMut(&mut Cursor<'_>) -> Fit) -> Fit {
    if from.peek() != b'[' {
        return read(from);
    }
    let mut odd = Vec::new();
    from.list(|from| {
        let at = from.position();
        match read(from) {
            Fit::Fits => {}
            Fit::Odd(value) => odd.push(value),
            Fit::Null | Fit::Unknown => {
                from.note_at(VendorDriftKind::ChangedType, at);
                odd.push(Kind::NullValue(0).into());
            }
        }
    });
    Fit::of_items(odd)
}

/// A text whose set is open: the texts known so far are those of an enum.
pub fn known<E: WireEnum>(field: &mut Option<String>, from: &mut Cursor<'_>) -> Fit {
    from.peek();
    let at = from.position();
    let fit = scalar(field, from);
    let is_known = |text: &String| E::from_wire(text).is_some();
    if matches!(fit, Fit::Fits) && !field.as_ref().is_none_or(is_known) {
        from.note_at(VendorDriftKind::UnknownText, at);
    }
    fit
}

// === enums ===

fn enum_from_token<E: WireEnum>(token: &str, label: bool) -> Option<i32> {
    // Pronto takes an en dash for a hyphen.
    let text = scalar::text(token)?.replace('\u{2013}', "-");
    let value = if label {
        E::from_label(&text)
    } else {
        E::from_wire(&text)
    };
    value.map(Into::into)
}

pub fn enumeration<E: WireEnum>(
    field: &mut Option<i32>,
    from: &mut Cursor<'_>,
    label: bool,
) -> Fit {
    once(field, from, |field, from| {
        token(from, VendorDriftKind::UnknownText, |token| {
            *field = enum_from_token::<E>(token, label);
            field.is_some()
        })
    })
}

pub fn enumerations<E: WireEnum>(field: &mut Vec<i32>, from: &mut Cursor<'_>, label: bool) -> Fit {
    once(field, from, |field, from| {
        items(from, |from| {
            token(from, VendorDriftKind::UnknownText, |token| {
                push(field, enum_from_token::<E>(token, label))
            })
        })
    })
}

// === well-known types ===

pub fn structure(field: &mut Option<Struct>, from: &mut Cursor<'_>) -> Fit {
    once(field, from, |field, from| {
        from.peek();
        let at = from.position();
        match from.any().kind {
            Some(Kind::StructValue(object)) => {
                *field = Some(object);
                Fit::Fits
            }
            Some(Kind::NullValue(_)) => Fit::Null,
            kind => {
                from.note_at(VendorDriftKind::ChangedType, at);
                Fit::Odd(Value { kind })
            }
        }
    })
}

pub fn timestamp(field: &mut Option<Timestamp>, from: &mut Cursor<'_>) -> Fit {
    once(field, from, |field, from| {
        token(from, VendorDriftKind::ChangedType, |token| {
            let text = scalar::text(token).filter(|_| token.starts_with('"'));
            *field = text.and_then(|text| text.parse().ok());
            field.is_some()
        })
    })
}

// === messages ===

/// Reads a value into a message that is there.
pub fn into_message<M: JsonMessage>(message: &mut M, from: &mut Cursor<'_>) -> Fit {
    match from.peek() {
        b'{' => {
            from.object(|from, key| {
                message.read_entry(key, from);
            });
            Fit::Fits
        }
        b'[' => message.read_list(from),
        _ => token(from, VendorDriftKind::ChangedType, |token| {
            scalar::text(token).is_some_and(|text| message.read_text(&text))
        }),
    }
}

/// Reads a message. One that is there already, because keys of it stand
/// elsewhere, is completed.
pub fn message<M: JsonMessage>(field: &mut Option<M>, from: &mut Cursor<'_>) -> Fit {
    if let Some(message) = field {
        return into_message(message, from);
    }
    let mut message = M::default();
    let fit = into_message(&mut message, from);
    if matches!(fit, Fit::Fits) {
        *field = Some(message);
    }
    fit
}

pub fn messages<M: JsonMessage + PartialEq>(field: &mut Vec<M>, from: &mut Cursor<'_>) -> Fit {
    once(field, from, |field, from| {
        items(from, |from| {
            if field.len() == MAX_MESSAGES {
                from.skip_surplus();
                return Fit::Fits;
            }
            let mut message = M::default();
            let fit = into_message(&mut message, from);
            if matches!(fit, Fit::Fits) {
                field.push(message);
            }
            fit
        })
    })
}

/// Reads a value into a map of messages.
pub fn entry<M: JsonMessage>(
    field: &mut HashMap<String, M>,
    key: &str,
    from: &mut Cursor<'_>,
) -> Fit {
    from.is_at_entry();
    let mut message = M::default();
    let fit = into_message(&mut message, from);
    if matches!(fit, Fit::Fits) {
        field.insert(key.to_owned(), message);
    }
    fit
}
