//! What makes a request safe to repeat: its caller's id, and what it asks for.

use prost::Message;
use sha2::{Digest, Sha256};

use super::model::RequestKey;
use crate::proto::endpoint::SpendingRequest;

impl RequestKey {
    /// The key of a request as its caller sent it; none where it has no id.
    #[must_use]
    pub fn of<R: SpendingRequest>(request: &R) -> Option<Self> {
        let id = request.request_id().to_owned();
        (!id.is_empty()).then(|| Self {
            id,
            fingerprint: fingerprint(request),
        })
    }
}

/// A hash of the endpoint and of everything in a request but its id. No field of a
/// request is a map without order, so equal requests have equal bytes.
fn fingerprint<R: SpendingRequest>(request: &R) -> [u8; 32] {
    let mut bare = request.clone();
    bare.set_request_id(String::new());
    let mut hash = Sha256::new();
    hash.update(R::ENDPOINT.rpc);
    hash.update([0]);
    hash.update(Message::encode_to_vec(&bare));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::json::structs::from_map;
    use crate::proto::v1::{EnrichContactAsyncRequest, EnrichContactRequest};

    fn request(id: &str) -> EnrichContactRequest {
        EnrichContactRequest {
            request_id: id.to_owned(),
            first_name: "Ada".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn a_request_without_id_has_no_key() {
        assert_eq!(RequestKey::of(&request("")), None);
    }

    #[test]
    fn everything_but_the_id_is_in_the_fingerprint() {
        let known = fingerprint(&request("a"));
        assert_eq!(known, fingerprint(&request("b")));
        let dearer = EnrichContactRequest {
            max_credits: Some(5),
            ..request("a")
        };
        assert_ne!(known, fingerprint(&dearer));
        let elsewhere = EnrichContactAsyncRequest {
            first_name: "Ada".to_owned(),
            ..Default::default()
        };
        assert_ne!(known, fingerprint(&elsewhere));
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let with = |text: &str| {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            EnrichContactRequest {
                custom: json.as_object().map(from_map),
                ..request("a")
            }
        };
        let (one, other) = (with(r#"{"a":1,"b":2}"#), with(r#"{"b":2,"a":1}"#));
        assert_eq!(fingerprint(&one), fingerprint(&other));
        assert_ne!(fingerprint(&one), fingerprint(&with(r#"{"a":1,"b":3}"#)));
    }
}
