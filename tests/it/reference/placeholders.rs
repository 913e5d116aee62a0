//! What differs from run to run, by what stands for it.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What stands for an id, but for the number at its end; for every time; for every day.
const ID: &str = "01a1fd85-0000-7000-8000-";
const TIME: &str = "2026-01-02T03:04:05Z";
const DAY: &str = "2026-01-02";
/// The time in names that the sandbox gives.
const NAMED_TIME: &str = "02/01/2026 03:04";
/// Where the next page begins.
const PAGE: &str = "AAAA";

/// `x` is a hexadecimal digit and `0` a decimal one. Ids of version 7 have the time in them;
/// others are those of the sandbox's world, which is always the same.
const ANY_ID: &str = "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx";
const ANY_TIME: &str = "0000-00-00T00:00:00";
const ANY_DAY: &str = "0000-00-00";
const ANY_NAMED_TIME: &str = "00/00/0000 00:00";

/// Ids are numbered in the order in which they come.
#[derive(Default)]
pub struct Placeholders(HashMap<String, String>);

impl Placeholders {
    /// The text of a field with what stands for its ids and times. Bodies of callbacks are
    /// base64.
    pub fn fill_in(&mut self, field: &str, text: &str) -> String {
        if field == "nextPageToken" {
            return PAGE.to_owned();
        }
        let body = STANDARD.decode(text).ok();
        let body = body.and_then(|body| String::from_utf8(body).ok());
        match body.filter(|body| body.starts_with('{')) {
            Some(body) => STANDARD.encode(self.plain(&body)),
            None => self.plain(text),
        }
    }

    fn plain(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let length = if fits(rest, ANY_ID) {
                out.push_str(self.id(&rest[..ANY_ID.len()]));
                ANY_ID.len()
            } else if let Some(length) = time(rest) {
                out.push_str(TIME);
                length
            } else if fits(rest, ANY_DAY) {
                out.push_str(DAY);
                ANY_DAY.len()
            } else if fits(rest, ANY_NAMED_TIME) {
                out.push_str(NAMED_TIME);
                ANY_NAMED_TIME.len()
            } else {
                out.push(letter);
                letter.len_utf8()
            };
            rest = &rest[length..];
        }
        out
    }

    fn id(&mut self, id: &str) -> &str {
        let number = self.0.len() + 1;
        let known = self.0.entry(id.to_owned());
        known.or_insert_with(|| format!("{ID}{number:012}"))
    }
}

/// The length of the time with which a text begins.
fn time(text: &str) -> Option<usize> {
    let rest = fits(text, ANY_TIME).then(|| &text[ANY_TIME.len()..])?;
    let fraction = rest.trim_start_matches(|it: char| it == '.' || it.is_ascii_digit());
    let zone = fraction.strip_prefix('Z')?;
    Some(text.len() - zone.len())
}

fn fits(text: &str, pattern: &str) -> bool {
    let mut letters = text.bytes();
    pattern.bytes().all(|expected| {
        letters.next().is_some_and(|letter| match expected {
            b'x' => letter.is_ascii_hexdigit(),
            b'0' => letter.is_ascii_digit(),
            expected => letter == expected,
        })
    })
}

#[test]
fn placeholders_stand_for_what_differs() {
    let mut placeholders = Placeholders::default();
    let (one, two) = (
        "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee",
        "0199aaaa-bbbb-7ccc-8ddd-ffffffffffff",
    );
    let of_the_world = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    let text =
        format!("ä{two}/{one} {two} at 2031-12-01T23:59:59.123Z, 1999-01-01. {of_the_world}");
    let expected = format!(
        "ä{ID}000000000001/{ID}000000000002 {ID}000000000001 at {TIME}, {DAY}. {of_the_world}"
    );
    assert_eq!(placeholders.fill_in("", &text), expected);
    let body = placeholders.fill_in("body", &STANDARD.encode(format!("{{\"id\":\"{one}\"}}")));
    let body = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap();
    assert_eq!(body, format!("{{\"id\":\"{ID}000000000002\"}}"));
}
