//! The switches as users of the sandbox read and set them: by gRPC, and as JSON
//! by HTTP.

use std::time::Duration;

use serde_json::Value;

use super::faults;
use super::switches::Switches;
use crate::proto::canonical;
use crate::proto::json::Object;
use crate::proto::v1::{FinalMessage, Generation, SandboxSettings, StreamingShape};
use crate::proto::validate::{Violation, Violations};

/// Longest pace and latency.
const MAX_PAUSE: Duration = Duration::from_secs(3_600);

/// The settings that the switches stand for.
#[must_use]
pub fn describe(switches: &Switches) -> SandboxSettings {
    let mut restricted_keys: Vec<String> = switches.restricted_keys.iter().cloned().collect();
    restricted_keys.sort_unstable();
    SandboxSettings {
        generation: Some(switches.generation.into()),
        streaming_shape: Some(switches.streaming_shape.into()),
        final_message: Some(switches.final_message.into()),
        personal_email_consent: Some(switches.personal_email_consent),
        rate_limits: Some(switches.rate_limits),
        pace: switches.pace.try_into().ok(),
        sync_latency: switches.sync_latency.try_into().ok(),
        credits: Some(switches.credits),
        restricted_keys,
        faults: switches.faults.to_vec(),
    }
}

/// The same as a JSON object with each of them.
#[must_use]
pub fn object(switches: &Switches) -> Object {
    match canonical::write(&describe(switches)) {
        Value::Object(settings) => settings,
        // A message is an object.
        _ => Object::new(),
    }
}

/// Sets the named fields, all or none.
///
/// # Errors
///
/// Every field that does not exist or cannot have its value.
pub fn apply(
    switches: &mut Switches,
    settings: &SandboxSettings,
    fields: &[String],
) -> Result<(), Violations> {
    let mut changed = switches.clone();
    let mut violations = Violations::new();
    for field in fields {
        violations.extend(set(&mut changed, settings, field));
    }
    if violations.is_empty() {
        *switches = changed;
        return Ok(());
    }
    Err(violations)
}

fn set(switches: &mut Switches, settings: &SandboxSettings, field: &str) -> Violations {
    let done = match field {
        "generation" => choice(settings.generation, &mut switches.generation),
        "streaming_shape" => choice(settings.streaming_shape, &mut switches.streaming_shape),
        "final_message" => choice(settings.final_message, &mut switches.final_message),
        "personal_email_consent" => copy(
            settings.personal_email_consent,
            &mut switches.personal_email_consent,
        ),
        "rate_limits" => copy(settings.rate_limits, &mut switches.rate_limits),
        "pace" => pause(settings.pace, &mut switches.pace),
        "sync_latency" => pause(settings.sync_latency, &mut switches.sync_latency),
        "credits" => copy(settings.credits, &mut switches.credits),
        "restricted_keys" => {
            switches.restricted_keys = settings.restricted_keys.iter().cloned().collect();
            Ok(())
        }
        "faults" => {
            let faults = settings.faults.iter().enumerate();
            let wrong: Violations = faults
                .flat_map(|(index, fault)| faults::check(fault, &format!("faults[{index}].")))
                .collect();
            switches.faults = settings.faults.clone().into();
            return wrong;
        }
        _ => Err("there is no such setting"),
    };
    let wrong = done.err().map(|description| Violation {
        field: field.to_owned(),
        description: description.to_owned(),
    });
    wrong.into_iter().collect()
}

fn copy<T>(value: Option<T>, into: &mut T) -> Result<(), &'static str> {
    *into = value.ok_or("must be set, because update_mask names it")?;
    Ok(())
}

fn choice<E>(number: Option<i32>, into: &mut E) -> Result<(), &'static str>
where
    E: TryFrom<i32> + Default + PartialEq,
{
    let value = number.and_then(|number| E::try_from(number).ok());
    *into = value
        .filter(|value| *value != E::default())
        .ok_or("must be one of the values that are documented")?;
    Ok(())
}

fn pause(duration: Option<prost_types::Duration>, into: &mut Duration) -> Result<(), &'static str> {
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    *into = duration
        .filter(|duration| *duration <= MAX_PAUSE)
        .ok_or("must be from 0s to 3600s")?;
    Ok(())
}

/// The values of an enum as a command line spells them.
macro_rules! command_line_choices {
    ($($kind:ident $prefix:literal [$($variant:ident),*];)*) => {$(
        impl clap::ValueEnum for $kind {
            fn value_variants<'a>() -> &'a [Self] {
                &[$($kind::$variant),*]
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                let name = self.as_str_name().strip_prefix($prefix)?;
                Some(clap::builder::PossibleValue::new(name.to_lowercase()))
            }
        }
    )*};
}

command_line_choices! {
    Generation "GENERATION_" [Observed, Documented, Alternating];
    StreamingShape "STREAMING_SHAPE_" [Flat, Nested, Alternating];
    FinalMessage "FINAL_MESSAGE_" [Repeating, Bare, Twice, Off];
}
