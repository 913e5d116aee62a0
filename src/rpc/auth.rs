//! Whose call it is.

use secrecy::SecretString;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::call_info::{CallInfo, CallerName};
use super::peer::Peer;
use super::status;
use crate::deadline::Deadline;
use crate::pronto::{Caller, Credential, Keyring};

/// The metadata key with which a caller brings an API key of Pronto.
pub const API_KEY: &str = "x-api-key";

/// For whom a call is made.
///
/// # Errors
///
/// UNAUTHENTICATED when there is no key.
pub fn caller<R>(keyring: &Keyring, request: &Request<R>) -> Result<Caller, Status> {
    let peer = request.extensions().get::<Peer>();
    let credential = credential(keyring, request.metadata())?;
    tell(request, &credential);
    Ok(Caller {
        credential,
        connection: peer.map_or_else(|| "".into(), |peer| peer.connection.clone()),
        deadline: deadline(request),
        audience: None,
    })
}

/// Tells who makes a call, for the log.
fn tell<R>(request: &Request<R>, credential: &Credential) {
    if let Some(info) = request.extensions().get::<CallInfo>() {
        info.tell(CallerName {
            client: None,
            credential: credential.name.clone(),
        });
    }
}

/// When the caller gives up.
pub fn deadline<R>(request: &Request<R>) -> Option<Instant> {
    let deadline = request.extensions().get::<Deadline>();
    deadline.map(|deadline| deadline.0)
}

/// The credential of a call: the key that it brings, or the configured one.
///
/// # Errors
///
/// UNAUTHENTICATED when there is neither.
pub fn credential(keyring: &Keyring, metadata: &MetadataMap) -> Result<Credential, Status> {
    let brought = match metadata.get(API_KEY) {
        None => None,
        Some(value) => match value.to_str().map(str::trim) {
            Ok(key) if !key.is_empty() => Some(SecretString::from(key)),
            _ => return Err(status::no_key("x-api-key is empty or not ASCII")),
        },
    };
    let missing =
        "no API key: set the server's `api-key` option, or send `x-api-key` metadata with the call";
    keyring
        .resolve(brought)
        .ok_or_else(|| status::no_key(missing))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_brings_its_deadline() {
        let keyring = Keyring::new(Some("key".into()));
        let mut request = Request::new(());
        assert_eq!(caller(&keyring, &request).unwrap().deadline, None);
        let deadline = Instant::now();
        request.extensions_mut().insert(Deadline(deadline));
        let caller = caller(&keyring, &request).unwrap();
        assert_eq!(caller.deadline, Some(deadline));
    }
}
