//! LinkedIn's pages, however their URLs are spelled.

use url::Url;

/// Where LinkedIn's profiles are.
pub const PROFILES: &[&str] = &["/in/", "/sales/lead/", "/sales/people/"];

/// Where LinkedIn's company pages are.
pub const COMPANIES: &[&str] = &["/company/", "/school/", "/showcase/", "/sales/company/"];

/// The name or id of a LinkedIn page in normal form. Vanity names are the same in
/// any case; member ids (`ACwAA...`) are not.
#[must_use]
pub fn page(url: &str, heads: &[&str]) -> Option<String> {
    let url = parse(url)?;
    let host = url.host_str()?;
    if host != "linkedin.com" && !host.ends_with(".linkedin.com") {
        return None;
    }
    let tail = heads
        .iter()
        .find_map(|head| url.path().strip_prefix(head))?;
    let decoded = percent_encoding::percent_decode_str(tail)
        .decode_utf8()
        .ok()?;
    // Behind the name come a language, a tab, or what Sales Navigator appends.
    let name = decoded
        .split(['/', ','])
        .next()
        .filter(|name| !name.is_empty())?;
    Some(if is_member_id(name) {
        name.to_owned()
    } else {
        name.to_lowercase()
    })
}

/// Whether a LinkedIn name is a member id, which no two people share.
#[must_use]
pub fn is_member_id(name: &str) -> bool {
    name.starts_with("AC") && name.len() > 20
}

/// A URL; people write them without a scheme, too.
#[must_use]
pub fn parse(url: &str) -> Option<Url> {
    let url = url.trim();
    match url.contains("://") {
        true => Url::parse(url).ok(),
        false => Url::parse(&format!("https://{url}")).ok(),
    }
}
