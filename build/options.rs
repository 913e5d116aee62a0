//! Reads options of `upstream.proto` off descriptors.

use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, Kind, ReflectMessage, Value};

use crate::schema::PACKAGE;

pub fn option_of(pool: &DescriptorPool, name: &str) -> prost_reflect::ExtensionDescriptor {
    // `rule` of messages and `upstream` of methods have distinct names, so the name alone finds them.
    pool.get_extension_by_name(&format!("{PACKAGE}.{name}"))
        .unwrap_or_else(|| panic!("upstream.proto defines no option {name}"))
}

pub fn extension(options: &DynamicMessage, pool: &DescriptorPool, name: &str) -> Option<Value> {
    let extension = option_of(pool, name);
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

pub fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub fn flag(message: &DynamicMessage, field: &str) -> bool {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_bool())
        .unwrap_or_default()
}

pub fn unsigned(message: &DynamicMessage, field: &str) -> u32 {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_u32())
        .unwrap_or_default()
}

pub fn list(message: &DynamicMessage, field: &str) -> Vec<Value> {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_list().map(<[Value]>::to_vec))
        .unwrap_or_default()
}

pub fn texts(message: &DynamicMessage, field: &str) -> Vec<String> {
    list(message, field)
        .iter()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

pub fn nested(message: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_message().cloned())
}

pub fn lifts(json: &DynamicMessage) -> Vec<(String, String)> {
    list(json, "lift")
        .iter()
        .filter_map(Value::as_message)
        .map(|lift| (text(lift, "key"), text(lift, "field")))
        .collect()
}

pub fn enum_name(message: &DynamicMessage, field: &str) -> String {
    let number = message
        .get_field_by_name(field)
        .and_then(|value| value.as_enum_number())
        .unwrap_or_default();
    match message
        .descriptor()
        .get_field_by_name(field)
        .map(|field| field.kind())
    {
        Some(Kind::Enum(kind)) => kind
            .get_value(number)
            .map(|value| value.name().to_owned())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

pub fn enum_number(kind: &EnumDescriptor, name: &str) -> i32 {
    kind.get_value_by_name(name)
        .unwrap_or_else(|| panic!("{} has no value {name}", kind.full_name()))
        .number()
}
