//! Errors about who may call.

use tonic::Status;

use super::status;
use crate::access::{Identity, UnknownClient};
use crate::proto::v1::ErrorReason;

/// It is not known who calls.
#[must_use]
pub fn unknown_client(unknown: UnknownClient) -> Status {
    status(ErrorReason::UnauthenticatedClient, unknown.to_string())
}

/// A client brought a key and may not.
#[must_use]
pub fn key_refused(identity: &Identity) -> Status {
    let message = match &identity.client {
        Some(client) => format!(
            "the client {client} may not bring a key of its own: leave `x-api-key` out, or set \
             pass-through for it in the server's access file"
        ),
        None => "keys of callers are not accepted: leave `x-api-key` out, or set the server's \
                 option `pass-through`"
            .to_owned(),
    };
    status(ErrorReason::KeyRefused, message)
}
