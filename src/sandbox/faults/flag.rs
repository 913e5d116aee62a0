//! A fault as one word of a command line.

use std::time::Duration;

use serde_json::{Value, json};

use super::check;
use crate::proto::canonical;
use crate::proto::json::Object;
use crate::proto::v1::{FaultKind, SandboxFault};

/// Reads `KIND[=SHARE][,FIELD=VALUE]...`, such as `drop=10%`, `refuse=1/3`,
/// `answer-unavailable=2x,endpoint=StartLeadSearch` or `stall,duration=2s`.
///
/// # Errors
///
/// What is wrong, with the name of the field.
pub fn parse(text: &str) -> Result<SandboxFault, String> {
    let mut parts = text.split(',').map(str::trim);
    let head = parts.next().unwrap_or_default();
    let (kind, share) = match head.split_once('=') {
        Some((kind, share)) => (kind, Some(share)),
        None => (head, None),
    };
    let mut fields = Object::new();
    fields.insert("kind".to_owned(), number(kind)?.into());
    if let Some(share) = share {
        let (field, value) = self::share(share)?;
        fields.insert(field.to_owned(), value);
    }
    for part in parts {
        let (field, value) = part
            .split_once('=')
            .ok_or_else(|| format!("{part}: must be FIELD=VALUE"))?;
        fields.insert(field.replace('-', "_"), self::value(field, value)?);
    }
    let fault = canonical::read::<SandboxFault>(&Value::Object(fields));
    let violations = match fault {
        Ok(read) => match check(&read.message, "") {
            violations if violations.is_empty() => return Ok(read.message),
            violations => violations,
        },
        Err(violations) => violations,
    };
    let said = violations
        .into_iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description));
    Err(said.collect::<Vec<_>>().join("; "))
}

/// `answer-lost` is FAULT_KIND_ANSWER_LOST.
fn number(kind: &str) -> Result<i32, String> {
    let name = kind.to_uppercase().replace('-', "_");
    match FaultKind::from_str_name(&format!("FAULT_KIND_{name}")) {
        Some(kind) if kind != FaultKind::Unspecified => Ok(kind.into()),
        _ => Err(format!("{kind}: there is no such kind of fault")),
    }
}

/// `10%`, `1/3` (every third) or `2x` (two times).
fn share(text: &str) -> Result<(&'static str, Value), String> {
    let (field, digits) = if let Some(percent) = text.strip_suffix('%') {
        ("percent", percent)
    } else if let Some(every) = text.strip_prefix("1/") {
        ("every", every)
    } else if let Some(count) = text.strip_suffix('x') {
        ("count", count)
    } else {
        ("", text)
    };
    match digits.parse::<u32>() {
        Ok(number) if !field.is_empty() => Ok((field, number.into())),
        _ => Err(format!(
            "{text}: must be a share such as 10%, 1/3 (every third) or 2x (two times)"
        )),
    }
}

fn value(field: &str, text: &str) -> Result<Value, String> {
    if field == "duration" {
        let duration: Duration =
            humantime::parse_duration(text).map_err(|error| format!("{field}: {error}"))?;
        return Ok(json!(format!(
            "{}.{:09}s",
            duration.as_secs(),
            duration.subsec_nanos()
        )));
    }
    // Numbers and flags as such; the rest are texts.
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_fields() {
        let drop = SandboxFault {
            kind: FaultKind::Drop.into(),
            ..Default::default()
        };
        assert_eq!(parse("drop"), Ok(drop.clone()));
        let percent = Some(10);
        assert_eq!(
            parse("drop=10%"),
            Ok(SandboxFault {
                percent,
                ..drop.clone()
            })
        );
        let every = Some(3);
        assert_eq!(
            parse("drop=1/3"),
            Ok(SandboxFault {
                every,
                ..drop.clone()
            })
        );
        let count = Some(2);
        assert_eq!(parse("drop=2x"), Ok(SandboxFault { count, ..drop }));
        let lost = parse("answer-unavailable=2x,carried-out=true,endpoint=POST /leads/search");
        let lost = lost.expect("a fault");
        assert_eq!(lost.kind(), FaultKind::AnswerUnavailable);
        assert_eq!((lost.count, lost.carried_out), (Some(2), Some(true)));
        assert_eq!(lost.endpoint, "POST /leads/search");
        let stall = parse("stall,duration=1500ms").expect("a fault");
        let duration = stall.duration.expect("a duration");
        assert_eq!((duration.seconds, duration.nanos), (1, 500_000_000));
    }

    #[test]
    fn every_kind_has_a_flag() {
        for kind in (1..100).filter_map(|number| FaultKind::try_from(number).ok()) {
            let name = kind.as_str_name().trim_start_matches("FAULT_KIND_");
            let flag = name.to_lowercase().replace('_', "-");
            assert_eq!(parse(&flag).map(|fault| fault.kind()), Ok(kind));
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        for (text, word) in [
            ("", "no such kind"),
            ("dorp", "dorp"),
            ("unspecified", "unspecified"),
            ("drop=often", "often"),
            ("drop=5", "share"),
            ("drop=101%", "percent"),
            ("drop,percent=x", "percent"),
            ("drop,color=red", "color"),
            ("drop,duration=2s", "duration"),
            ("stall,duration=2", "duration"),
            ("drop,endpoint=/x", "endpoint"),
            ("drop,endpoint", "FIELD=VALUE"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
