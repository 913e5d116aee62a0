//! Looks for pages and addresses in texts, however they were escaped.

use crate::jobs::identity;

/// Texts are escaped so often at most: JSON may stand in a text of JSON.
const ESCAPES: usize = 3;

/// A body as one text in which pages and addresses stand in normal form, however
/// they were escaped. It need not be JSON.
pub(super) fn normal_text(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for _ in 0..ESCAPES {
        if !text.contains('\\') {
            break;
        }
        text = unescape(&text);
    }
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
    decoded.to_lowercase()
}

/// Decodes the escapes of JSON texts. What else an escape stands for is a blank:
/// line ends and tabs part words.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut units = Vec::new();
        if !rest.starts_with('u') {
            let escaped = rest.chars().next();
            out.push(
                escaped
                    .filter(|c| !c.is_ascii_alphanumeric())
                    .unwrap_or(' '),
            );
            rest = &rest[escaped.map_or(0, char::len_utf8)..];
            continue;
        }
        rest = &rest[1..];
        while let Some(unit) = rest
            .get(..4)
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
        {
            units.push(unit);
            rest = &rest[4..];
            match rest.strip_prefix("\\u") {
                Some(more) => rest = more,
                None => break,
            }
        }
        out.push_str(&String::from_utf16_lossy(&units));
    }
    out + rest
}

/// Whether a text has a person's page, or their member id alone.
pub(super) fn names_page(text: &str, key: &str) -> bool {
    let name = key.trim_start_matches("lead:");
    let wanted = name.to_lowercase();
    let as_page = identity::PROFILES.iter().any(|head| {
        let page = format!("linkedin.com{head}{wanted}");
        has(text, &page, |_| true, |after| !starts_with_name(after))
    });
    let is_id = identity::is_member_id(name);
    let before = |before: &str| !before.chars().next_back().is_some_and(is_of_name);
    as_page || (is_id && has(text, &wanted, before, |after| !starts_with_name(after)))
}

fn starts_with_name(text: &str) -> bool {
    text.chars().next().is_some_and(is_of_name)
}

/// Whether a character may stand in the name of a page.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// Whether a text has an address, and not only as a part of another one.
pub(super) fn has_address(text: &str, address: &str) -> bool {
    let before = |before: &str| {
        let last = before.chars().next_back();
        !last.is_some_and(|c| is_of_name(c) || matches!(c, '.' | '+'))
    };
    let after = |after: &str| {
        let longer = after.strip_prefix('.').unwrap_or(after);
        !starts_with_name(longer)
    };
    has(text, address, before, after)
}

/// Whether a text has a part between what may stand before and after it.
fn has(
    text: &str,
    part: &str,
    before: impl Fn(&str) -> bool,
    after: impl Fn(&str) -> bool,
) -> bool {
    !part.is_empty()
        && text
            .match_indices(part)
            .any(|(at, found)| before(&text[..at]) && after(&text[at + found.len()..]))
}
