//! Flags over environment over file over defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use super::{Command, CommandLine};

const PREFIX: &str = "PRONTO_GRPC_";
const CONFIG: &str = "PRONTO_GRPC_CONFIG";

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
/// When an option is unknown or its value unusable.
pub fn parse(
    arguments: Vec<OsString>,
    environment: &[(String, String)],
) -> Result<CommandLine, ConfigError> {
    let mut command = CommandLine::command();
    check_environment(&command, environment)?;
    if let Some(file) = config_file(&arguments, environment) {
        command = with_file(command, &file)?;
    }
    let matches = command.try_get_matches_from(arguments)?;
    let mut command_line = CommandLine::from_arg_matches(&matches)?;
    if let Command::Serve(args) = &mut command_line.command {
        // Each says where the key comes from; one in a file gives way.
        let is_from_file = |id: &str| {
            let serve = matches.subcommand_matches("serve");
            let source = serve.and_then(|serve| serve.value_source(id));
            source == Some(ValueSource::DefaultValue)
        };
        if args.access.api_key.is_some() && is_from_file("api_key_file") {
            args.access.api_key_file = None;
        }
        if args.access.api_key_file.is_some() && is_from_file("api_key") {
            args.access.api_key = None;
        }
        args.check()?;
    }
    Ok(command_line)
}

/// A misspelt variable would otherwise be ignored in silence.
fn check_environment(
    command: &clap::Command,
    environment: &[(String, String)],
) -> Result<(), ConfigError> {
    let is_known = |name: &str| {
        let arguments = command
            .get_subcommands()
            .flat_map(clap::Command::get_arguments);
        arguments
            .filter_map(clap::Arg::get_env)
            .any(|known| known == name)
    };
    let ours = environment
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(PREFIX));
    match ours
        .into_iter()
        .find(|name| !is_known(name) && !is_service_link(name))
    {
        Some(name) => Err(ConfigError::new(format!("{name}: there is no such option"))),
        None => Ok(()),
    }
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

/// The options of a file become the defaults of `serve`.
fn with_file(command: clap::Command, file: &Path) -> Result<clap::Command, ConfigError> {
    let unusable = |why: String| ConfigError::new(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error| unusable(format!("{error}")))?;
    let mut command = command;
    for (key, value) in table {
        let serve = command.find_subcommand("serve");
        let argument = serve
            .into_iter()
            .flat_map(clap::Command::get_arguments)
            .find(|argument| argument.get_long() == Some(key.as_str()) && key != "config")
            .ok_or_else(|| unusable(format!("{key}: there is no such option")))?;
        let id = argument.get_id().clone();
        let value = option_value(value, argument.get_value_delimiter())
            .map_err(|right| unusable(format!("{key}: must be {right}")))?;
        command = command.mut_subcommand("serve", |serve| {
            serve.mut_arg(id, |argument| argument.default_value(value))
        });
    }
    Ok(command)
}

/// The value of an option as a flag has it; else what would be right. Options that take
/// several values take a list of texts, too.
fn option_value(value: toml::Value, delimiter: Option<char>) -> Result<String, &'static str> {
    let right = match delimiter {
        Some(_) => "a text or a list of texts",
        None => "a text, a number or a flag",
    };
    match (value, delimiter) {
        (toml::Value::String(text), _) => Ok(text),
        (toml::Value::Boolean(flag), None) => Ok(flag.to_string()),
        (toml::Value::Integer(number), _) => Ok(number.to_string()),
        (toml::Value::Array(items), Some(delimiter)) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            let texts = texts.ok_or(right)?;
            Ok(texts.join(&delimiter.to_string()))
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
