//! What errors look like, for each reason of `errors.proto`.

use tonic::Code;

use super::v1;

pub use contracts::{REASONS, contract};

/// What an error looks like: what a client may branch on.
#[derive(Debug, PartialEq)]
pub struct Contract {
    /// The gRPC code.
    pub code: Code,
    /// The code as gRPC spells it.
    pub code_name: &'static str,
    /// Metadata that it can have.
    pub metadata: &'static [MetadataKey],
    /// Further details that it can have, by the message's name.
    pub details: &'static [&'static str],
}

/// An entry in the metadata of an error.
#[derive(Debug, PartialEq)]
pub struct MetadataKey {
    /// The key.
    pub key: &'static str,
    /// What stands under it.
    pub meaning: &'static str,
}

impl Contract {
    /// Of an error without a reason.
    const NONE: Self = Self {
        code: Code::Unknown,
        code_name: "UNKNOWN",
        metadata: &[],
        details: &[],
    };

    /// Whether the metadata can have this key.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.metadata.iter().any(|known| known.key == key)
    }

    /// Whether the details can have this message, such as `google.rpc.RetryInfo`.
    #[must_use]
    pub fn has_detail(&self, message: &str) -> bool {
        self.details.contains(&message)
    }
}

/// The name of a reason as `google.rpc.ErrorInfo` carries it.
#[must_use]
pub fn name(reason: v1::ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// The contracts that the build wrote.
mod contracts {
    use super::{Code, Contract, MetadataKey, v1};

    include!(concat!(env!("OUT_DIR"), "/errors.rs"));
}
