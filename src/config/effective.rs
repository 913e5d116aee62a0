//! The configuration as it takes effect, for `check`.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs::OpenOptions;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::{ConfigError, ServeArgs};
use crate::access::Access;

/// Options of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The options of `serve`.
    #[command(flatten)]
    pub serve: ServeArgs,

    /// Where each of them comes from.
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// An option with its values.
#[derive(Clone, Debug)]
pub struct Setting {
    heading: String,
    key: String,
    values: Vec<String>,
    /// Where they come from; nowhere when there are none.
    origin: Option<String>,
    takes_several: bool,
    is_secret: bool,
}

/// The options of a command, as they were found.
pub(super) fn settings(
    command: &clap::Command,
    matches: &ArgMatches,
    in_file: &HashSet<String>,
) -> Vec<Setting> {
    let options = command.get_arguments();
    let options = options.filter_map(|option| Some((option, option.get_long()?)));
    let options = options.filter(|(_, key)| !["config", "help", "version"].contains(key));
    let settings = options.map(|(option, key)| {
        let id = option.get_id().as_str();
        let values = matches.get_raw(id).into_iter().flatten();
        let origin = matches.value_source(id).map(|source| match source {
            ValueSource::CommandLine => "flag".to_owned(),
            ValueSource::EnvVariable => {
                let variable = option.get_env().unwrap_or_default();
                format!("environment, {}", variable.to_string_lossy())
            }
            _ if in_file.contains(key) => "file".to_owned(),
            _ => "default".to_owned(),
        });
        Setting {
            heading: option.get_help_heading().unwrap_or_default().to_owned(),
            key: key.to_owned(),
            values: values.map(|it| it.to_string_lossy().into_owned()).collect(),
            origin,
            takes_several: option.get_value_delimiter().is_some(),
            is_secret: option.is_hide_env_values_set(),
        }
    });
    settings.collect()
}

impl CheckArgs {
    /// The whole configuration as a TOML file, if nothing is wrong with it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in options and in the files that they name.
    pub fn effective(&self) -> Result<String, ConfigError> {
        let mut problems = self.serve.contradictions();
        problems.extend(self.serve.unusable_folder());
        let loaded = self.serve.load();
        match loaded {
            Ok(material) if problems.is_empty() => Ok(self.to_toml(&material.access)),
            loaded => {
                problems.extend(loaded.err().unwrap_or_default());
                Err(ConfigError::all(&problems))
            }
        }
    }

    fn to_toml(&self, access: &Access) -> String {
        let mut out = String::from("# The configuration of `pronto-grpc serve`.\n");
        for warning in self.serve.warnings(access) {
            // Writing to a text does not fail.
            let _ = writeln!(out, "# Warning: {warning}");
        }
        for line in access.describe() {
            let _ = writeln!(out, "# {line}");
        }
        let mut heading = "";
        for setting in &self.settings {
            if setting.heading != heading {
                heading = &setting.heading;
                let _ = writeln!(out, "\n# {heading}");
            }
            let _ = writeln!(out, "{}", setting.to_toml());
        }
        out
    }
}

impl Setting {
    /// A line of TOML. What cannot be read back is a comment.
    fn to_toml(&self) -> String {
        let key = &self.key;
        match &self.origin {
            None => format!("# {key} is not set"),
            Some(origin) if self.is_secret => format!("# {key} = \"<redacted>\" # {origin}"),
            Some(origin) => format!("{key} = {} # {origin}", self.value()),
        }
    }

    fn value(&self) -> toml::Value {
        match self.values.as_slice() {
            [one] if !self.takes_several => typed(one),
            several => several
                .iter()
                .cloned()
                .map(toml::Value::String)
                .collect::<Vec<_>>()
                .into(),
        }
    }
}

/// Flags and numbers as TOML has them.
fn typed(text: &str) -> toml::Value {
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(flag), _) => flag.into(),
        (_, Ok(number)) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

impl ServeArgs {
    /// What is wrong with the folder of the store. A server that runs may use it.
    fn unusable_folder(&self) -> Option<String> {
        let folder = &self.jobs.data_dir;
        let problem = |path: &Path, error: std::io::Error| {
            Some(format!("data-dir: {}: {error}", path.display()))
        };
        // It is created when it is missing.
        let absolute = match std::path::absolute(folder) {
            Ok(absolute) => absolute,
            Err(error) => return problem(folder, error),
        };
        let existing = absolute.ancestors().find(|folder| folder.exists())?;
        if let Err(error) = tempfile::tempfile_in(existing) {
            return problem(existing, error);
        }
        let store = self.store_file();
        if !store.exists() {
            return None;
        }
        let opened = OpenOptions::new().append(true).open(&store);
        opened.err().and_then(|error| problem(&store, error))
    }
}
