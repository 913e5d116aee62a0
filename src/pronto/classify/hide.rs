//! The key that a request carried, taken out of what Pronto says: Pronto may repeat it,
//! and its words reach callers who must not know it.

use std::cmp::Reverse;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

/// What stands in place of the key.
const HIDDEN: &str = "<key>";

/// A text without a key, however the key is written in it. To be cut afterwards: a cut
/// before could leave the beginning of a key that is not found any more.
pub fn hide(text: &str, key: &SecretString) -> String {
    let mut text = text.to_owned();
    for spelling in spellings(key.expose_secret()) {
        text = replace(&text, &spelling);
    }
    text
}

/// How a key may be written, the longest first: one can hold another.
fn spellings(key: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(key).to_string();
    let json = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let mut spellings = vec![
        key.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        utf8_percent_encode(key, NON_ALPHANUMERIC).to_string(),
        form_urlencoded::byte_serialize(key.as_bytes()).collect(),
    ];
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    spellings.extend(engines.map(|engine| engine.encode(key)));
    spellings.retain(|spelling| !spelling.is_empty());
    spellings.sort_by_cached_key(|spelling| (Reverse(spelling.len()), spelling.clone()));
    spellings.dedup();
    spellings
}

/// Replaces a spelling, in whatever case: that of percent-encoding is free, and a text may
/// have been made lower case.
fn replace(text: &str, spelling: &str) -> String {
    let (lower, wanted) = (text.to_ascii_lowercase(), spelling.to_ascii_lowercase());
    let mut replaced = String::new();
    let mut end = 0;
    for (start, found) in lower.match_indices(&wanted) {
        replaced += part(text, end..start);
        replaced += HIDDEN;
        end = start + found.len();
    }
    replaced + part(text, end..text.len())
}

fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_however_it_is_written() {
        let key = "sk/Ab+\"9~x?>";
        for written in spellings(key) {
            for written in [written.to_lowercase(), written.to_uppercase(), written] {
                let hidden = hide(&format!("é {written}, {written}."), &key.into());
                assert_eq!(hidden, "é <key>, <key>.", "{written}");
            }
        }
        assert_eq!(hide("other words", &key.into()), "other words");
    }

    #[test]
    fn an_empty_key_hides_nothing() {
        assert_eq!(hide("words", &"".into()), "words");
    }
}
