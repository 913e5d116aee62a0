//! Everything that is generated from `proto/`, and the small runtime below it.
//!
//! * [`v1`]: messages and services.
//! * [`canonical`]: the JSON of our own messages.
//! * [`json`]: how messages are read from Pronto's JSON and written to it.
//! * [`wire`]: what Pronto writes for enum values.
//! * [`validate`]: the documented rules for requests.
//! * [`endpoint`]: the table of Pronto's endpoints.
//! * [`reason`]: what errors look like.
//! * [`method`]: which methods answer with a stream.
//! * [`rpc`]: the table of RPCs.

pub mod canonical;
pub mod endpoint;
pub mod json;
pub mod method;
pub mod reason;
pub mod rpc;
pub mod validate;
pub mod wire;

/// The package `pronto.v1`.
#[allow(missing_docs, clippy::all)]
pub mod v1 {
    tonic::include_proto!("pronto.v1");
}

/// The encoded descriptor set: every file of the API, with options and comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
