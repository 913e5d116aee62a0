//! Writes the fields of messages.

use std::collections::HashMap;

use prost_types::{Struct, Timestamp};
use serde_json::Value;

use super::scalar::Scalar;
use super::{JsonMessage, Object, Spelling, structs};
use crate::proto::wire::WireEnum;

/// Writes a message's fields, then what is not modelled, which never overrides.
pub fn fields<M: JsonMessage>(message: &M, spelling: Spelling, out: &mut Object) {
    message.write_fields(spelling, out);
    for key in message.null_fields() {
        out.entry(key).or_insert(Value::Null);
    }
    if let Some(additional) = message.additional_fields() {
        for (key, value) in &additional.fields {
            out.entry(key).or_insert_with(|| structs::to_json(value));
        }
    }
}

fn object<M: JsonMessage>(message: &M, spelling: Spelling) -> Value {
    match message.text() {
        Some(text) => text.into(),
        None => super::write(message, spelling).into(),
    }
}

fn insert(out: &mut Object, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

/// A field that holds one scalar.
pub trait ScalarField {
    /// Its JSON, if it is set.
    fn json(&self) -> Option<Value>;
}

impl<T: Scalar> ScalarField for Option<T> {
    fn json(&self) -> Option<Value> {
        self.as_ref().map(Scalar::to_json)
    }
}

impl ScalarField for String {
    fn json(&self) -> Option<Value> {
        (!self.is_empty()).then(|| self.to_json())
    }
}

pub fn scalar<F: ScalarField>(out: &mut Object, key: &str, field: &F) {
    if let Some(value) = field.json() {
        insert(out, key, value);
    }
}

pub fn scalars<T: Scalar>(out: &mut Object, key: &str, field: &[T]) {
    list(out, key, field, Scalar::to_json);
}

fn list<T>(out: &mut Object, key: &str, items: &[T], to_json: impl Fn(&T) -> Value) {
    if !items.is_empty() {
        insert(out, key, items.iter().map(to_json).collect());
    }
}

/// Digits as a number.
pub fn numbers(out: &mut Object, key: &str, field: &[String]) {
    list(out, key, field, |text| {
        text.parse::<u64>()
            .map_or_else(|_| text.to_json(), Value::from)
    });
}

fn enum_json<E: WireEnum>(number: i32, label: bool) -> Value {
    match E::try_from(number) {
        Ok(value) if label => value.label().into(),
        Ok(value) => value.wire().into(),
        Err(_) => number.into(),
    }
}

pub fn enumeration<E: WireEnum>(out: &mut Object, key: &str, field: &Option<i32>, label: bool) {
    if let Some(number) = field {
        insert(out, key, enum_json::<E>(*number, label));
    }
}

pub fn enumerations<E: WireEnum>(out: &mut Object, key: &str, field: &[i32], label: bool) {
    list(out, key, field, |number| enum_json::<E>(*number, label));
}

pub fn structure(out: &mut Object, key: &str, field: &Option<Struct>) {
    if let Some(value) = field {
        insert(out, key, structs::to_map(value).into());
    }
}

pub fn timestamp(out: &mut Object, key: &str, field: &Option<Timestamp>) {
    if let Some(time) = field {
        insert(out, key, time.to_string().into());
    }
}

pub fn message<M: JsonMessage>(out: &mut Object, key: &str, field: &Option<M>, spelling: Spelling) {
    if let Some(message) = field {
        insert(out, key, object(message, spelling));
    }
}

pub fn messages<M: JsonMessage>(out: &mut Object, key: &str, field: &[M], spelling: Spelling) {
    list(out, key, field, |message| object(message, spelling));
}

/// The fields of a message at the level of the one that holds it.
pub fn flattened<M: JsonMessage>(out: &mut Object, field: &Option<M>, spelling: Spelling) {
    if let Some(message) = field {
        fields(message, spelling, out);
    }
}

pub fn entries<M: JsonMessage>(out: &mut Object, field: &HashMap<String, M>, spelling: Spelling) {
    for (key, message) in field {
        insert(out, key, object(message, spelling));
    }
}
