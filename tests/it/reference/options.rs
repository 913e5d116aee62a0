//! The options of `upstream.proto`, off descriptors.

use pronto_grpc::proto::v1::{Check, Json, Rule, Upstream};
use prost::Message;
use prost_reflect::{
    DynamicMessage, EnumValueDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor,
    ReflectMessage, Value,
};
use prost_types::method_options::IdempotencyLevel;

use super::api::PACKAGE;

fn option(options: &DynamicMessage, name: &str) -> Option<Value> {
    let pool = options.descriptor().parent_pool().clone();
    let extension = pool.get_extension_by_name(&format!("{PACKAGE}.{name}"));
    let extension = extension.unwrap_or_else(|| panic!("there is no option {name}"));
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

fn message<M: Message + Default>(value: &Value) -> M {
    value.as_message().unwrap().transcode_to().unwrap()
}

/// The endpoint behind an RPC; that of a streaming one is its Start RPC's.
pub fn upstream(method: &MethodDescriptor) -> Option<Upstream> {
    let method = follows(method).unwrap_or_else(|| method.clone());
    Some(message(&option(&method.options(), "upstream")?))
}

/// The RPC that starts the job which a streaming one starts and follows.
pub fn follows(method: &MethodDescriptor) -> Option<MethodDescriptor> {
    let name = option(&method.options(), "follows")?;
    let mut methods = method.parent_service().methods();
    methods.find(|method| Some(method.name()) == name.as_str())
}

/// Whether an RPC may be repeated.
pub fn idempotency(method: &MethodDescriptor) -> IdempotencyLevel {
    let options = method.method_descriptor_proto().options.clone();
    options.unwrap_or_default().idempotency_level()
}

/// The rules of a message.
pub fn rules(message_: &MessageDescriptor) -> Vec<Rule> {
    let rules = option(&message_.options(), "rule");
    let rules = rules.as_ref().and_then(Value::as_list).unwrap_or_default();
    rules.iter().map(message).collect()
}

/// What a field must look like.
pub fn check(field: &FieldDescriptor) -> Check {
    let check = option(&field.options(), "check");
    check.as_ref().map(message).unwrap_or_default()
}

/// How a field is spelled.
pub fn json(field: &FieldDescriptor) -> Json {
    let json = option(&field.options(), "json");
    json.as_ref().map(message).unwrap_or_default()
}

/// What Pronto writes for an enum value, and its label.
pub fn wire(value: &EnumValueDescriptor) -> (Option<String>, Option<String>) {
    let text = |name| option(&value.options(), name)?.as_str().map(str::to_owned);
    (text("wire"), text("label"))
}
