//! Types of fields, in words and as links.

use prost_reflect::{Cardinality, ExtensionDescriptor, FieldDescriptor, Kind};

use super::api::{Api, PACKAGE};
use super::links;

/// Where Protobuf documents its own types.
const WELL_KNOWN: &str = "https://protobuf.dev/reference/protobuf/google.protobuf/";

/// What a field holds: `optional string`, `repeated [Lead](...)`.
pub fn of(api: &Api, field: &FieldDescriptor) -> String {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else {
            unreachable!("maps are messages")
        };
        let key = kind(api, &entry.map_entry_key_field().kind());
        let value = kind(api, &entry.map_entry_value_field().kind());
        return format!("map of {key} to {value}");
    }
    let kind = kind(api, &field.kind());
    let has_presence = field.field_descriptor_proto().proto3_optional();
    match field.cardinality() {
        Cardinality::Repeated => format!("repeated {kind}"),
        _ if has_presence => format!("optional {kind}"),
        _ => kind,
    }
}

/// What an option holds.
pub fn of_extension(api: &Api, option: &ExtensionDescriptor) -> String {
    let kind = kind(api, &option.kind());
    match option.cardinality() {
        Cardinality::Repeated => format!("repeated {kind}"),
        _ => kind,
    }
}

/// The type alone.
fn kind(api: &Api, kind: &Kind) -> String {
    let name = match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(kind) => kind.full_name().to_owned(),
        Kind::Double => return "double".to_owned(),
        Kind::Bool => return "bool".to_owned(),
        Kind::String => return "string".to_owned(),
        Kind::Bytes => return "bytes".to_owned(),
        Kind::Int32 => return "int32".to_owned(),
        Kind::Int64 => return "int64".to_owned(),
        Kind::Uint32 => return "uint32".to_owned(),
        Kind::Uint64 => return "uint64".to_owned(),
        kind => panic!("no word for {kind:?}"),
    };
    link(api, &name)
}

/// A type's name, linked.
pub fn link(api: &Api, name: &str) -> String {
    if let Some(ours) = name.strip_prefix(&format!("{PACKAGE}.")) {
        return format!("[{ours}]({})", links::to(api, ours).unwrap());
    }
    let short = name.rsplit('.').next().unwrap();
    match name.starts_with("google.protobuf.") {
        true => format!("[{short}]({WELL_KNOWN}#{})", anchor(short)),
        false => panic!("no link for {name}"),
    }
}

/// `FieldMask` is `field-mask` there.
fn anchor(name: &str) -> String {
    let mut anchor = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !anchor.is_empty() {
            anchor.push('-');
        }
        anchor.push(letter.to_ascii_lowercase());
    }
    anchor
}
