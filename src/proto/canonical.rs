//! The JSON form that proto3 itself defines, for messages of ours that people
//! write by hand: the same JSON that grpcurl takes. It is strict, unlike
//! [`super::json`], which reads what Pronto sends.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, SerializeOptions};
use serde_json::{Value, json};

use super::DESCRIPTORS;
use super::validate::{Violation, Violations};

/// The descriptors of this very build: decoding them cannot fail, and an empty
/// pool reads nothing.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).unwrap_or_default());

/// A message and the names of those fields that the JSON sets.
#[derive(Debug)]
pub struct Read<M> {
    /// The message.
    pub message: M,
    /// Fields of the message, in proto spelling. An empty list was set, too.
    pub fields: Vec<String>,
}

/// Reads a message.
///
/// # Errors
///
/// Every field that does not exist or cannot have its value, by its path.
pub fn read<M: Message + Name + Default>(json: &Value) -> Result<Read<M>, Violations> {
    let Some(descriptor) = POOL.get_message_by_name(&M::full_name()) else {
        return Err(vec![violation("", "is not described")]);
    };
    let mut violations = Violations::new();
    check(&descriptor, json, "", &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    let dynamic = DynamicMessage::deserialize(descriptor.clone(), json);
    let message = dynamic
        .map_err(|error| error.to_string())
        .and_then(|dynamic| dynamic.transcode_to().map_err(|error| error.to_string()))
        .map_err(|error| vec![violation("", &error)])?;
    let keys = json.as_object().into_iter().flatten();
    let fields = keys
        .filter_map(|(key, _)| Some(field(&descriptor, key)?.name().to_owned()))
        .collect();
    Ok(Read { message, fields })
}

/// Checks each field by itself, so that errors name it.
fn check(descriptor: &MessageDescriptor, json: &Value, at: &str, violations: &mut Violations) {
    let Value::Object(object) = json else {
        violations.push(violation(at, "must be a JSON object"));
        return;
    };
    for (key, value) in object {
        let path = match at {
            "" => key.clone(),
            at => format!("{at}.{key}"),
        };
        let Some(field) = field(descriptor, key) else {
            violations.push(violation(&path, "there is no such field"));
            continue;
        };
        match (field.kind(), value) {
            (Kind::Message(kind), Value::Array(items)) if field.is_list() && is_ours(&kind) => {
                for (index, item) in items.iter().enumerate() {
                    check(&kind, item, &format!("{path}[{index}]"), violations);
                }
            }
            (Kind::Message(kind), value) if !field.is_list() && is_ours(&kind) => {
                check(&kind, value, &path, violations);
            }
            (_, value) => {
                let alone = json!({ key: value });
                if let Err(error) = DynamicMessage::deserialize(descriptor.clone(), &alone) {
                    violations.push(violation(&path, &error.to_string()));
                }
            }
        }
    }
}

fn is_ours(descriptor: &MessageDescriptor) -> bool {
    descriptor.package_name() == PACKAGE
}

const PACKAGE: &str = "pronto.v1";

fn field(descriptor: &MessageDescriptor, key: &str) -> Option<prost_reflect::FieldDescriptor> {
    descriptor
        .get_field_by_name(key)
        .or_else(|| descriptor.get_field_by_json_name(key))
}

fn violation(field: &str, description: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        description: description.to_owned(),
    }
}

/// Writes a message: every field, under its name in the proto.
#[must_use]
pub fn write<M: Message + Name>(message: &M) -> Value {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false)
        .skip_default_fields(false);
    let written = dynamic(message).and_then(|dynamic| {
        let serializer = serde_json::value::Serializer;
        dynamic.serialize_with_options(serializer, &options).ok()
    });
    written.unwrap_or_default()
}

/// The names of the fields that are set; an empty list is not.
#[must_use]
pub fn populated<M: Message + Name>(message: &M) -> Vec<String> {
    let dynamic = dynamic(message);
    let fields = dynamic.iter().flat_map(DynamicMessage::fields);
    fields.map(|(field, _)| field.name().to_owned()).collect()
}

fn dynamic<M: Message + Name>(message: &M) -> Option<DynamicMessage> {
    let mut dynamic = DynamicMessage::new(POOL.get_message_by_name(&M::full_name())?);
    dynamic.transcode_from(message).ok()?;
    Some(dynamic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{FaultKind, SandboxFault, SandboxSettings};

    #[test]
    fn what_is_written_is_read() {
        let settings = SandboxSettings {
            credits: Some(-5),
            pace: Some(prost_types::Duration {
                seconds: 1,
                nanos: 500_000_000,
            }),
            faults: vec![SandboxFault {
                kind: FaultKind::Drop.into(),
                percent: Some(10),
                ..Default::default()
            }],
            ..Default::default()
        };
        let json = write(&settings);
        assert_eq!(populated(&settings), ["pace", "credits", "faults"]);
        assert_eq!(json["pace"], "1.500s");
        assert_eq!(json["faults"][0]["kind"], "FAULT_KIND_DROP");
        let read = read::<SandboxSettings>(&json).expect("its own JSON");
        assert_eq!(read.message, settings);
    }

    #[test]
    fn errors_name_their_fields() {
        let json = json!({
            "pace": "soon", "nosuch": 1, "faults": [{"kind": "FAULT_KIND_DROP"}, {"percent": "x"}]
        });
        let violations = read::<SandboxSettings>(&json).expect_err("nonsense");
        let mut fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["faults[1].percent", "nosuch", "pace"]);
        assert!(read::<SandboxSettings>(&json!([])).is_err());
    }

    #[test]
    fn an_empty_list_is_set() {
        let read = read::<SandboxSettings>(&json!({"faults": [], "syncLatency": "0s"}));
        let mut fields = read.expect("settings").fields;
        fields.sort_unstable();
        assert_eq!(fields, ["faults", "sync_latency"]);
    }
}
