//! The id under which a call is found in the log.

use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// The metadata key of a call's id, of the request and of the answer.
pub const REQUEST_ID: &str = "x-request-id";

/// The longest id that a caller may choose.
const MAX_REQUEST_ID: usize = 128;

/// The id under which a call is found in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the caller chose, or a new one where there is none that is fit to be
    /// logged.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let chosen = headers.get(REQUEST_ID).filter(|id| is_fit(id.as_bytes()));
        Self(chosen.cloned().unwrap_or_else(random))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// For the metadata of the answer.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// An id that nobody else has; later ones sort behind it.
fn random() -> HeaderValue {
    let id = Uuid::now_v7().to_string();
    HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// What is logged as it came must not be able to look like another line.
fn is_fit(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn id(chosen: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(chosen).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_caller_may_choose_the_id_of_its_call() {
        assert_eq!(id(b"order-7/2"), "order-7/2");
        assert_eq!(id(&[b'x'; 128]).len(), 128);
    }

    #[test]
    fn an_id_that_cannot_be_logged_is_replaced() {
        for unfit in [&b""[..], b"two words", "\u{e9}".as_bytes(), &[b'x'; 129]] {
            assert!(Uuid::try_parse(&id(unfit)).is_ok(), "{unfit:?}");
        }
        assert!(Uuid::try_parse(RequestId::of(&HeaderMap::new()).as_str()).is_ok());
    }
}
