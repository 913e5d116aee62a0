//! The forms of texts.

use url::Url;

use super::Format;

/// Checks a text; the error says what would be right.
pub fn check(text: &str, format: Format) -> Result<(), &'static str> {
    let (fits, expected) = match format {
        Format::Unspecified => (true, ""),
        Format::HttpsUrl => (https_url(text), "must be an https URL"),
        Format::LinkedinProfileUrl => (
            linkedin_path(text).is_some_and(|path| has_tail(&path, &["/in/", "/sales/lead/"])),
            "must be a LinkedIn profile URL: https://www.linkedin.com/in/<handle>, /in/<urn> or /sales/lead/<id>",
        ),
        Format::LinkedinCompanyUrl => (
            linkedin_path(text).is_some_and(|path| has_tail(&path, COMPANY_PATHS)),
            "must be a LinkedIn company URL: https://www.linkedin.com/company/<name> or /sales/company/<id>",
        ),
        Format::SalesNavigatorUrl => (
            linkedin_path(text).is_some_and(|path| path.starts_with("/sales/")),
            "must be a LinkedIn Sales Navigator URL: https://www.linkedin.com/sales/search/...",
        ),
        Format::CountryCode => (
            text.len() == 2 && rust_iso3166::from_alpha2(text).is_some(),
            "must be an ISO 3166-1 alpha-2 country code such as FR",
        ),
        Format::Digits => (
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
            "must consist of digits",
        ),
        Format::Uuid => (uuid::Uuid::try_parse(text).is_ok(), "must be a UUID"),
        Format::RequestId => (
            text.len() <= MAX_REQUEST_ID && text.bytes().all(|byte| byte.is_ascii_graphic()),
            "must be at most 128 printable ASCII characters without spaces, such as a UUID",
        ),
    };
    if fits { Ok(()) } else { Err(expected) }
}

/// Bytes of a request id.
const MAX_REQUEST_ID: usize = 128;

const COMPANY_PATHS: &[&str] = &["/company/", "/sales/company/", "/school/", "/showcase/"];

fn https_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

/// The path of a LinkedIn URL. People write these without a scheme, too.
fn linkedin_path(text: &str) -> Option<String> {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    };
    let url = url
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    (host == "linkedin.com" || host.ends_with(".linkedin.com")).then(|| url.path().to_owned())
}

fn has_tail(path: &str, heads: &[&str]) -> bool {
    heads.iter().any(|head| {
        path.strip_prefix(head)
            .is_some_and(|tail| !tail.trim_matches('/').is_empty())
    })
}
