//! `google.protobuf.Struct`, value-exact in both directions.
//!
//! A `Struct` holds numbers as doubles. Integers that a double cannot hold
//! become texts of their digits, and integers stay integers when written.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::Number;

use super::Object;

/// Integers up to this one are exact in a double.
const MAX_EXACT: u64 = 1 << 53;

/// The number of a token.
pub(super) fn number_from_token(token: &str) -> Kind {
    let is_integer = !token.contains(['.', 'e', 'E']);
    match token.parse::<f64>() {
        Ok(number) if is_integer => match token.trim_start_matches('-').parse::<u64>() {
            Ok(magnitude) if magnitude <= MAX_EXACT => Kind::NumberValue(number),
            _ => Kind::StringValue(token.to_owned()),
        },
        Ok(number) if number.is_finite() => Kind::NumberValue(number),
        _ => Kind::StringValue(token.to_owned()),
    }
}

/// The JSON object of a `Struct`.
#[must_use]
pub fn to_map(value: &Struct) -> Object {
    value
        .fields
        .iter()
        .map(|(key, value)| (key.clone(), to_json(value)))
        .collect()
}

/// The JSON of a `Value`. A number that JSON cannot express (NaN, infinity)
/// becomes null.
#[must_use]
pub fn to_json(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::NumberValue(number)) => number_to_json(*number),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::BoolValue(flag)) => (*flag).into(),
        Some(Kind::StructValue(object)) => to_map(object).into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(to_json).collect(),
    }
}

/// A number, without a fraction where it has none.
#[must_use]
pub fn number_to_json(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT as f64 {
        return (number as i64).into();
    }
    Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// The `Struct` of a JSON object.
#[must_use]
pub fn from_map(object: &Object) -> Struct {
    let fields = object
        .iter()
        .map(|(key, value)| (key.clone(), from_json(value)))
        .collect();
    Struct { fields }
}

/// The `Value` of a JSON value.
#[must_use]
pub fn from_json(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(flag) => Kind::BoolValue(*flag),
        serde_json::Value::Number(number) => number_from_token(&number.to_string()),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(items) => Kind::ListValue(ListValue {
            values: items.iter().map(from_json).collect(),
        }),
        serde_json::Value::Object(object) => Kind::StructValue(from_map(object)),
    };
    Value { kind: Some(kind) }
}
