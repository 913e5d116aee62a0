//! Flags over environment over file over defaults.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::effective::settings;
use super::{Command, CommandLine, ServeArgs};
use crate::access::file::toml_problem;

const PREFIX: &str = "PRONTO_GRPC_";
const CONFIG: &str = "PRONTO_GRPC_CONFIG";

/// The commands that take the options of a file.
const SERVING: [&str; 2] = ["serve", "check"];

/// The configuration is not usable, or the command line asks for help.
#[derive(Debug)]
pub struct ConfigError {
    message: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Something is wrong.
    Wrong,
    /// Help that was asked for.
    Help,
    /// Help because nothing was asked for.
    Usage,
}

impl ConfigError {
    /// An unusable configuration; the message names the option.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: Kind::Wrong,
        }
    }

    /// An unusable configuration for several reasons, each with its option.
    #[must_use]
    pub fn all(problems: &[String]) -> Self {
        match problems {
            [one] => Self::new(one),
            several => Self::new(format!(
                "{} problems:\n  {}",
                several.len(),
                several.join("\n  ")
            )),
        }
    }

    /// Whether this is help that was asked for, and no error.
    #[must_use]
    pub fn is_help(&self) -> bool {
        self.kind == Kind::Help
    }

    /// Whether this is how to use the command, because it was used without any.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.message.trim_end())
    }
}

impl std::error::Error for ConfigError {}

impl From<clap::Error> for ConfigError {
    fn from(error: clap::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Kind::Help,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Kind::Usage,
            _ => Kind::Wrong,
        };
        let message = error.render().to_string();
        let message = message.trim_start_matches("error: ").to_owned();
        Self { message, kind }
    }
}

/// The command line of a process with these arguments and this environment.
///
/// # Errors
///
/// When an option is unknown or its value unusable: as many of them as can be told.
pub fn parse(
    arguments: Vec<OsString>,
    environment: &[(String, String)],
) -> Result<CommandLine, ConfigError> {
    let mut command = CommandLine::command();
    let mut problems = unknown_variables(&command, environment);
    let mut in_file = HashSet::new();
    if let Some(file) = config_file(&arguments, environment) {
        in_file = take_file(&mut command, &file, &mut problems);
    }
    let parsed = command.clone().try_get_matches_from(arguments.clone());
    let matches = match parsed {
        Ok(matches) if problems.is_empty() => matches,
        // Help is there when something is wrong, too.
        Err(error) if !is_wrong(&error) => return Err(error.into()),
        parsed => {
            let first = parsed.err().filter(is_wrong);
            problems.extend(unusable_values(&command, &arguments, first));
            return Err(ConfigError::all(&problems));
        }
    };
    let mut command_line = CommandLine::from_arg_matches(&matches)?;
    match (&mut command_line.command, matches.subcommand()) {
        (Command::Serve(args), Some((_, matches))) => {
            take_one_key(args, matches)?;
            args.check()?;
        }
        (Command::Check(args), Some((name, matches))) => {
            take_one_key(&mut args.serve, matches)?;
            if let Some(command) = command.find_subcommand(name) {
                args.settings = settings(command, matches, &in_file);
            }
        }
        _ => {}
    }
    Ok(command_line)
}

/// Each of two options says where the key comes from; one in a file gives way.
fn take_one_key(args: &mut ServeArgs, matches: &ArgMatches) -> Result<(), ConfigError> {
    let is_from_file = |id: &str| matches.value_source(id) == Some(ValueSource::DefaultValue);
    let access = &mut args.access;
    if access.api_key.is_none() || access.api_key_file.is_none() {
        return Ok(());
    }
    match (is_from_file("api_key"), is_from_file("api_key_file")) {
        (true, true) => {
            let problem = "api-key, api-key-file: only one of them can be meant";
            return Err(ConfigError::new(problem));
        }
        (true, false) => access.api_key = None,
        _ => access.api_key_file = None,
    }
    Ok(())
}

/// Whether something is wrong, and it is no help that was asked for.
fn is_wrong(error: &clap::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// All options of the environment and the file whose values are unusable; clap itself
/// tells only of the first one.
fn unusable_values(
    command: &clap::Command,
    arguments: &[OsString],
    first: Option<clap::Error>,
) -> Vec<String> {
    let Some(first) = first else {
        return Vec::new();
    };
    let given: Vec<_> = arguments.iter().filter_map(|it| it.to_str()).collect();
    let options = given.get(1).and_then(|name| command.find_subcommand(name));
    let options = options.into_iter().flat_map(clap::Command::get_arguments);
    let is_given = |option: &clap::Arg| {
        let flag = format!("--{}", option.get_long().unwrap_or_default());
        let with_value = format!("{flag}=");
        given
            .iter()
            .any(|it| *it == flag || it.starts_with(&with_value))
    };
    let mut problems = vec![summary(&first)];
    for option in options.filter(|option| !is_given(option)) {
        let alone = option.clone().conflicts_with(Resettable::<clap::Id>::Reset);
        let alone = clap::Command::new("alone").arg(alone);
        let error = alone.try_get_matches_from(["alone"]).err();
        let problem = error.filter(is_wrong).map(|error| summary(&error));
        problems.extend(problem.filter(|problem| *problem != summary(&first)));
    }
    problems
}

/// What is wrong, without how to use the command.
fn summary(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ");
    let summary = match text.split_once("\n\nUsage") {
        Some((summary, _)) => summary,
        None => text.split("\n\nFor more").next().unwrap_or(text),
    };
    summary.trim_end().to_owned()
}

/// A misspelt variable would otherwise be ignored in silence.
fn unknown_variables(command: &clap::Command, environment: &[(String, String)]) -> Vec<String> {
    let is_known = |name: &str| {
        let arguments = command
            .get_subcommands()
            .flat_map(clap::Command::get_arguments);
        arguments
            .filter_map(clap::Arg::get_env)
            .any(|known| known == name)
    };
    let names = environment.iter().map(|(name, _)| name);
    let unknown =
        names.filter(|name| name.starts_with(PREFIX) && !is_known(name) && !is_service_link(name));
    unknown
        .map(|name| format!("{name}: there is no such option"))
        .collect()
}

/// Kubernetes gives every pod variables about a Service; those of one that is
/// named `pronto-grpc` begin like ours.
fn is_service_link(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    rest == "PORT"
        || ["SERVICE_", "PORT_"]
            .iter()
            .any(|link| rest.starts_with(link))
}

fn config_file(arguments: &[OsString], environment: &[(String, String)]) -> Option<PathBuf> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = argument.strip_prefix("--config=") {
            return Some(file.into());
        }
    }
    environment
        .iter()
        .find(|(name, _)| name == CONFIG)
        .map(|(_, file)| file.into())
}

/// The options of a file become the defaults of the commands that serve. Gives their
/// names.
fn take_file(
    command: &mut clap::Command,
    file: &Path,
    problems: &mut Vec<String>,
) -> HashSet<String> {
    let mut problem = |why: String| problems.push(format!("{}: {why}", file.display()));
    let mut taken = HashSet::new();
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let table = text.and_then(|text| {
        let table: Result<toml::Table, _> = text.parse();
        table.map_err(|error| toml_problem(&text, &error))
    });
    match table {
        Err(why) => problem(why),
        Ok(table) => {
            for (key, value) in table {
                match take_option(command, &key, value) {
                    Ok(()) => drop(taken.insert(key)),
                    Err(why) => problem(format!("{key}: {why}")),
                }
            }
        }
    }
    taken
}

/// The value of an option becomes its default.
fn take_option(command: &mut clap::Command, key: &str, value: toml::Value) -> Result<(), String> {
    for name in SERVING {
        let serving = command.find_subcommand(name);
        let argument = serving
            .into_iter()
            .flat_map(clap::Command::get_arguments)
            .find(|argument| argument.get_long() == Some(key) && key != "config")
            .ok_or("there is no such option")?;
        let id = argument.get_id().clone();
        let takes_several = argument.get_value_delimiter().is_some();
        let is_octal = argument.get_value_names() == Some(&["MODE".into()]);
        let values = match &value {
            // TOML has octal numbers of its own, and what they mean is gone here.
            toml::Value::Integer(_) if is_octal => Err("a text, such as \"0660\""),
            value => option_values((*value).clone(), takes_several),
        };
        let values = values.map_err(|right| format!("must be {right}"))?;
        *command = std::mem::take(command).mut_subcommand(name, |serving| {
            serving.mut_arg(id, |argument| argument.default_values(values))
        });
    }
    Ok(())
}

/// The values of an option as flags have them; else what would be right. Options that take
/// several values take a list of texts, too.
fn option_values(value: toml::Value, takes_several: bool) -> Result<Vec<String>, &'static str> {
    let right = match takes_several {
        true => "a text or a list of texts",
        false => "a text, a number or a flag",
    };
    match (value, takes_several) {
        (toml::Value::String(text), _) => Ok(vec![text]),
        (toml::Value::Boolean(flag), false) => Ok(vec![flag.to_string()]),
        (toml::Value::Integer(number), _) => Ok(vec![number.to_string()]),
        (toml::Value::Array(items), true) => {
            let texts = items.into_iter().map(|item| match item {
                toml::Value::String(text) => Ok(text),
                _ => Err(right),
            });
            texts.collect()
        }
        _ => Err(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_file_is_one_of_several_values() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("options.toml");
        std::fs::write(&file, "daily-budget = 1000\n").unwrap();
        let arguments = ["pronto-grpc", "serve", "--config", file.to_str().unwrap()];
        let parsed = parse(arguments.map(OsString::from).to_vec(), &[]).unwrap();
        let Command::Serve(args) = parsed.command else {
            panic!("serve is a command")
        };
        assert_eq!(args.money.budgets().common, Some(1000));
    }
}
