//! Messages as grpcurl prints them: the JSON of proto3, its fields in the order of the proto.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, SerializeOptions,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::api::PACKAGE;

/// A longer list, map or text is cut.
const LONGEST_LIST: usize = 2;
const LONGEST_TEXT: usize = 120;

/// JSON whose objects have an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Object(Vec<(String, Json)>),
    /// Whatever its keys.
    Map(Vec<(String, Json)>),
    List(Vec<Json>),
    /// A text, a number, a truth.
    Leaf(Value),
}

/// How fields are named.
#[derive(Clone, Copy)]
pub enum Names {
    /// As in the proto: what people write.
    Proto,
    /// In camel case: what grpcurl prints.
    Camel,
}

impl Json {
    pub fn of(message: &DynamicMessage, names: Names) -> Self {
        let options = SerializeOptions::new();
        let options = options.use_proto_field_name(matches!(names, Names::Proto));
        let value = message.serialize_with_options(serde_json::value::Serializer, &options);
        ordered(&message.descriptor(), value.unwrap(), names)
    }

    pub fn printed(&self) -> String {
        serde_json::to_string_pretty(self).unwrap()
    }

    /// Changes every text, by the name of its field, in the order in which they are printed.
    pub fn change(&mut self, name: &str, change: &mut impl FnMut(&str, &str) -> String) {
        match self {
            Self::Object(fields) | Self::Map(fields) => fields
                .iter_mut()
                .for_each(|(name, json)| json.change(name, change)),
            Self::List(items) => items.iter_mut().for_each(|json| json.change(name, change)),
            Self::Leaf(Value::String(text)) => *text = change(name, text),
            Self::Leaf(_) => {}
        }
    }

    /// Cuts what is long, and tells by the names of fields how much was left out.
    pub fn cut(&mut self, name: &str, cuts: &mut Vec<String>) {
        match self {
            Self::Object(fields) => {
                for (name, json) in fields {
                    json.cut(name, cuts);
                }
            }
            Self::Map(entries) => {
                shorten(entries, name, cuts);
                entries
                    .iter_mut()
                    .for_each(|(_, json)| json.cut(name, cuts));
            }
            Self::List(items) => {
                shorten(items, name, cuts);
                items.iter_mut().for_each(|json| json.cut(name, cuts));
            }
            Self::Leaf(Value::String(text)) if text.chars().count() > LONGEST_TEXT => {
                let cut = format!("the end of `{name}`");
                if !cuts.contains(&cut) {
                    cuts.push(cut);
                }
                *text = text.chars().take(LONGEST_TEXT / 2).collect::<String>() + "...";
            }
            Self::Leaf(_) => {}
        }
    }
}

/// Leaves one where there are too many.
fn shorten<T>(items: &mut Vec<T>, name: &str, cuts: &mut Vec<String>) {
    if items.len() > LONGEST_LIST {
        cuts.push(format!("{} more of `{name}`", items.len() - 1));
        items.truncate(1);
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(fields) | Self::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, json) in fields {
                    map.serialize_entry(name, json)?;
                }
                map.end()
            }
            Self::List(items) => items.serialize(serializer),
            Self::Leaf(value) => value.serialize(serializer),
        }
    }
}

/// A message of ours. Those of Protobuf have forms of their own, and an order of the alphabet.
fn ordered(kind: &MessageDescriptor, value: Value, names: Names) -> Json {
    let mut object = match value {
        Value::Object(object) if kind.package_name() == PACKAGE => object,
        value => return plain(value),
    };
    let mut fields: Vec<_> = kind.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    let fields = fields.iter().filter_map(|field| {
        let name = match names {
            Names::Proto => field.name(),
            Names::Camel => field.json_name(),
        };
        let value = object.remove(name)?;
        Some((name.to_owned(), of_field(field, value, names)))
    });
    Json::Object(fields.collect())
}

fn of_field(field: &FieldDescriptor, value: Value, names: Names) -> Json {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let Kind::Message(kind) = kind else {
        return match plain(value) {
            Json::Object(entries) => Json::Map(entries),
            json => json,
        };
    };
    match value {
        Value::Object(entries) if field.is_map() => {
            let entries = entries.into_iter();
            let entries = entries.map(|(key, value)| (key, ordered(&kind, value, names)));
            Json::Map(entries.collect())
        }
        Value::Array(items) if field.is_list() => {
            let items = items.into_iter();
            Json::List(items.map(|item| ordered(&kind, item, names)).collect())
        }
        value => ordered(&kind, value, names),
    }
}

/// What has no order of the proto's.
fn plain(value: Value) -> Json {
    match value {
        Value::Object(object) => {
            let fields = object.into_iter();
            Json::Object(fields.map(|(name, value)| (name, plain(value))).collect())
        }
        Value::Array(items) => Json::List(items.into_iter().map(plain).collect()),
        // grpcurl prints a whole number without a point.
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 => Json::Leaf(Value::from(float as i64)),
            _ => Json::Leaf(Value::Number(number)),
        },
        value => Json::Leaf(value),
    }
}
