//! The contracts of error reasons, from `(error)` and `(call_metadata)`.

use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, EnumValueDescriptor, Value};

use crate::methods::variant;
use crate::options::{extension, flag, list, text, texts};
use crate::schema::PACKAGE;

/// The codes of errors, as gRPC and tonic name them.
const CODES: [(&str, &str); 16] = [
    ("CANCELLED", "Cancelled"),
    ("UNKNOWN", "Unknown"),
    ("INVALID_ARGUMENT", "InvalidArgument"),
    ("DEADLINE_EXCEEDED", "DeadlineExceeded"),
    ("NOT_FOUND", "NotFound"),
    ("ALREADY_EXISTS", "AlreadyExists"),
    ("PERMISSION_DENIED", "PermissionDenied"),
    ("RESOURCE_EXHAUSTED", "ResourceExhausted"),
    ("FAILED_PRECONDITION", "FailedPrecondition"),
    ("ABORTED", "Aborted"),
    ("OUT_OF_RANGE", "OutOfRange"),
    ("UNIMPLEMENTED", "Unimplemented"),
    ("INTERNAL", "Internal"),
    ("UNAVAILABLE", "Unavailable"),
    ("DATA_LOSS", "DataLoss"),
    ("UNAUTHENTICATED", "Unauthenticated"),
];

pub fn generate(pool: &DescriptorPool) -> Result<String, String> {
    let reasons = pool
        .get_enum_by_name(&format!("{PACKAGE}.ErrorReason"))
        .ok_or("errors.proto defines no ErrorReason")?;
    let call_metadata = call_metadata(&reasons);
    let mut arms = String::new();
    let mut all = Vec::new();
    for value in reasons.values() {
        let reason = variant(value.name(), "ERROR_REASON_");
        arms += &match value.number() {
            0 => format!("v1::ErrorReason::{reason} => &Contract::NONE,\n"),
            _ => {
                all.push(format!("v1::ErrorReason::{reason}"));
                let contract = contract(&value, &call_metadata)?;
                format!("v1::ErrorReason::{reason} => &{contract},\n")
            }
        };
    }
    Ok(format!(
        "/// Every reason that an error can have.
pub static REASONS: &[v1::ErrorReason] = &[{}];
/// What an error with this reason looks like.
#[must_use]
pub fn contract(reason: v1::ErrorReason) -> &'static Contract {{
    match reason {{\n{arms}    }}\n}}\n",
        all.join(", ")
    ))
}

fn call_metadata(reasons: &EnumDescriptor) -> Vec<Value> {
    let options = reasons.options();
    let keys = extension(&options, reasons.parent_pool(), "call_metadata");
    let keys = keys.as_ref().and_then(Value::as_list);
    keys.map(<[Value]>::to_vec).unwrap_or_default()
}

fn contract(value: &EnumValueDescriptor, call_metadata: &[Value]) -> Result<String, String> {
    let options = value.options();
    let pool = value.parent_enum().parent_pool();
    let contract = extension(&options, pool, "error");
    let contract = contract
        .as_ref()
        .and_then(Value::as_message)
        .ok_or_else(|| format!("{}: has no (error)", value.name()))?;
    let name = text(contract, "code");
    let (_, code) = CODES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| format!("{}: {name:?} is no code of an error", value.name()))?;
    let calls = flag(contract, "call").then_some(call_metadata);
    let metadata = list(contract, "metadata");
    let metadata: Vec<_> = calls
        .unwrap_or_default()
        .iter()
        .chain(&metadata)
        .filter_map(Value::as_message)
        .map(key)
        .collect();
    Ok(format!(
        "Contract {{ code: Code::{code}, code_name: {name:?}, metadata: &[{}], details: &{:?} }}",
        metadata.join(", "),
        texts(contract, "details")
    ))
}

fn key(metadata: &DynamicMessage) -> String {
    let (key, meaning) = (text(metadata, "key"), text(metadata, "meaning"));
    format!("MetadataKey {{ key: {key:?}, meaning: {meaning:?} }}")
}
