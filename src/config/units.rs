//! Values with units, and texts with a form.

use std::time::Duration;

use bytesize::ByteSize;
use secrecy::SecretString;
use tracing_subscriber::filter::LevelFilter;
use url::{Host, Url};

/// The longest duration, so that none reaches the end of the clock: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A duration such as `20ms` or `0s`; a bare number is refused.
pub fn pause(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number with a unit, such as 30s, 5m or 2h"))?;
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err("must be at most 3650d".to_owned()),
    }
}

/// A duration such as `30s` or `2h` that is not zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = pause(text)?;
    match duration.is_zero() {
        true => Err("must be longer than zero".to_owned()),
        false => Ok(duration),
    }
}

/// The time between two `progress` events.
pub fn progress_interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        interval if interval <= Duration::from_secs(20) => Ok(interval),
        _ => Err("must be at most 20s".to_owned()),
    }
}

/// A number of things, at least one.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("must be a whole number of at least 1".to_owned()),
    }
}

/// A number of streams, at least one.
pub fn streams(text: &str) -> Result<u32, String> {
    let count = count(text)?;
    u32::try_from(count).map_err(|_| format!("must be at most {}", u32::MAX))
}

/// What browsers call the place of a script, or any place.
pub fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let origin = Url::parse(text).map(|url| url.origin().ascii_serialization());
    match origin.as_deref() == Ok(text) {
        true => Ok(text.to_owned()),
        false => Err(
            "must be a scheme, a host and a port where it is not the usual one, in lower case \
             and without a path, such as https://app.example.com; or *"
                .to_owned(),
        ),
    }
}

/// The mode of a file, such as `0660`.
pub fn socket_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("must be an octal number of at most 0777, such as 0660".to_owned()),
    }
}

/// A size such as `8MiB`; a bare number is refused.
pub fn byte_size(text: &str) -> Result<ByteSize, String> {
    let usage = "write a number with a unit, such as 512KiB or 8MiB";
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(usage.to_owned());
    }
    match text.parse::<ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size),
        Ok(_) => Err("must be larger than zero".to_owned()),
        Err(_) => Err(usage.to_owned()),
    }
}

/// A size as this machine counts memory.
pub fn to_usize(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

/// An http or https URL.
pub fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must be an http or https URL".to_owned());
    }
    // URLs are shown and logged.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or a password".to_owned());
    }
    Ok(url)
}

/// A URL that Pronto can reach: https, or http to this machine for tests.
pub fn public_url(text: &str) -> Result<Url, String> {
    let url = url(text)?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !is_loopback {
        return Err("must be an https URL; Pronto refuses others".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment".to_owned());
    }
    Ok(url)
}

/// Any text, as a secret.
pub fn unchecked_secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

/// A share, from 0 to 1.
pub fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text
        .parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "write a number from 0 to 1, such as 0.1".to_owned())
}

/// A filter for the log. A word alone must be a level: as the name of a crate it would
/// silence all others, and it is mostly a level with a mistake in it.
pub fn log_filter(text: &str) -> Result<String, String> {
    for part in text.split(',').map(str::trim) {
        let is_level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        if !is_level && !part.contains(['=', '[']) {
            return Err(format!(
                "`{part}` is no level: write off, error, warn, info, debug or trace, or give a \
                 module a level, such as pronto_grpc=debug"
            ));
        }
    }
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_no_percentage() {
        assert_eq!(ratio("0.25"), Ok(0.25));
        for wrong in ["25", "-0.1", "NaN", "25%", ""] {
            assert!(ratio(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn units_are_required() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert!(duration("90").is_err() && duration("0s").is_err());
        assert!(duration("3650d").is_ok() && duration("3651d").is_err());
        assert!(duration("18446744073709551615s").is_err());
        assert_eq!(byte_size("8MiB").map(to_usize), Ok(8 << 20));
        assert!(byte_size("8").is_err() && byte_size("eight").is_err());
        assert!(progress_interval("21s").is_err());
        assert_eq!(count("10000"), Ok(10_000));
        assert!(count("0").is_err() && count("-1").is_err() && count("1k").is_err());
    }

    #[test]
    fn an_origin_is_spelt_as_browsers_do() {
        for text in ["*", "https://app.example.com", "http://localhost:3000"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in [
            "app.example.com",
            "https://app.example.com/",
            "https://App.example.com",
            "https://app.example.com:443",
            "null",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_url_is_https_unless_it_stays_here() {
        assert!(public_url("https://hooks.example.com/x").is_ok());
        assert!(public_url("http://127.0.0.1:8080").is_ok());
        assert!(public_url("http://hooks.example.com").is_err());
        assert!(public_url("https://hooks.example.com?a=b").is_err());
    }

    #[test]
    fn a_url_holds_no_credentials() {
        for text in ["https://ada@example.com", "https://:secret@example.com"] {
            assert!(url(text).is_err() && public_url(text).is_err(), "{text}");
        }
        assert!(url("https://example.com/@ada").is_ok());
    }

    #[test]
    fn a_filter_that_would_silence_the_log_by_mistake_is_refused() {
        for filter in [
            "info",
            "DEBUG",
            "off",
            "info,pronto_grpc=debug",
            "warn,[rpc]=trace",
        ] {
            assert_eq!(log_filter(filter).as_deref(), Ok(filter));
        }
        for filter in [
            "",
            " ",
            "inof",
            "nonsense",
            "pronto_grpc",
            "info,",
            "a=loud",
        ] {
            assert!(log_filter(filter).is_err(), "{filter}");
        }
    }
}
