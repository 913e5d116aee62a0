//! Page sizes and tokens. A token is opaque to clients: it says where the next
//! page begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use prost::Message;

use crate::proto::validate::Violation;

const DEFAULT_SIZE: i32 = 50;
const MAX_SIZE: i32 = 1000;

/// Clients take 4 MiB unless told otherwise.
const MAX_BYTES: usize = 1024 * 1024;

/// The size of a page.
///
/// # Errors
///
/// When it is negative.
pub fn size(page_size: i32) -> Result<usize, Violation> {
    match page_size {
        0 => Ok(DEFAULT_SIZE as usize),
        1.. => Ok(page_size.min(MAX_SIZE) as usize),
        _ => Err(violation("page_size", "must not be negative")),
    }
}

/// The first messages, as many as an answer may hold, and one at least: what a page has of
/// batches can be large.
pub fn fitting<M: Message>(messages: impl Iterator<Item = M>) -> Vec<M> {
    let mut bytes = 0;
    let mut fitting: Vec<M> = Vec::new();
    for message in messages {
        bytes += message.encoded_len();
        if bytes > MAX_BYTES && !fitting.is_empty() {
            break;
        }
        fitting.push(message);
    }
    fitting
}

/// The token of a position.
#[must_use]
pub fn token(position: &str) -> String {
    URL_SAFE_NO_PAD.encode(position)
}

/// The position of a token; none for the first page.
///
/// # Errors
///
/// When it is no token of ours.
pub fn position<T>(token: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(read) {
        Some(position) => Ok(Some(position)),
        None => Err(violation(
            "page_token",
            "must be the next_page_token of an earlier answer",
        )),
    }
}

/// A violation of a field.
#[must_use]
pub fn violation(field: &str, description: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        description: description.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        let read = |text: &str| text.parse::<i64>().ok();
        assert_eq!(position(&token("42"), read).unwrap(), Some(42));
        assert_eq!(position("", read).unwrap(), None);
        assert!(position("!", read).is_err() && position(&token("x"), read).is_err());
    }

    #[test]
    fn a_page_has_a_mebibyte_or_one_message() {
        let fit = |sizes: &[usize]| {
            let texts = sizes.iter().map(|size| "x".repeat(*size));
            fitting(texts).len()
        };
        let half = MAX_BYTES / 2;
        assert_eq!(fit(&[half - 10, half - 10, 1, 1]), 4);
        assert_eq!(fit(&[half, half, 1]), 1);
        assert_eq!(fit(&[2 * MAX_BYTES, 1]), 1);
        assert_eq!(fit(&[]), 0);
    }

    #[test]
    fn sizes_have_a_default_and_a_maximum() {
        assert_eq!(
            [size(0), size(7), size(5000)].map(Result::unwrap),
            [50, 7, 1000]
        );
        assert!(size(-1).is_err());
    }
}
