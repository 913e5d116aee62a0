//! The manual of the configuration: what the options say is what docs/configuration.md
//! shows.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};
use pronto_grpc::access::file::AccessFile;
use pronto_grpc::config::CommandLine;
use pronto_grpc::reload::Reader;

/// The command that writes the manual anew.
const REFRESH: &str = "PRONTO_GRPC_REFRESH=1 cargo test --test it configuration";

/// Where the keys of the access file are documented.
const ACCESS_FILE: &str = include_str!("../../src/access/file.rs");

/// What the manual says beside the options.
const HEAD: &str = include_str!("configuration/head.md");
const ACCESS: &str = include_str!("configuration/access.md");

fn command(name: &str) -> Command {
    let mut all = CommandLine::command();
    all.build();
    all.find_subcommand(name).unwrap().clone()
}

fn options(command: &Command) -> Vec<&Arg> {
    let options = command.get_arguments().filter(|option| {
        let name = option.get_long();
        name.is_some_and(|name| name != "help" && name != "version")
    });
    options.collect()
}

/// One sentence after the other.
fn text(option: &Arg) -> String {
    let text = option.get_long_help().or(option.get_help());
    let text = text.unwrap_or_else(|| panic!("{} has no text", option.get_id()));
    let text = text.to_string();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{text}{end}")
}

fn values(option: &Arg) -> Option<String> {
    let values = option.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set());
    let values: Vec<_> = values
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn default(option: &Arg) -> String {
    let defaults = option.get_default_values().iter();
    let defaults: Vec<_> = defaults
        .map(|it| format!("`{}`", it.to_string_lossy()))
        .collect();
    match defaults.is_empty() {
        true => "none".to_owned(),
        false => defaults.join(", "),
    }
}

fn section(out: &mut String, option: &Arg) {
    let name = option.get_long().unwrap();
    let takes_value = option.get_action().takes_values();
    let value = option.get_value_names().unwrap_or_default().first();
    let value = value
        .filter(|_| takes_value)
        .map(|value| format!(" {value}"));
    let variable = option
        .get_env()
        .unwrap_or_else(|| panic!("{name} has no variable"));
    writeln!(out, "\n### {name}\n\n{}\n", text(option)).unwrap();
    writeln!(out, "* Flag: `--{name}{}`", value.unwrap_or_default()).unwrap();
    writeln!(out, "* Variable: `{}`", variable.to_string_lossy()).unwrap();
    if let Some(values) = values(option).filter(|_| takes_value) {
        writeln!(out, "* Values: {values}").unwrap();
    }
    writeln!(out, "* Default: {}", default(option)).unwrap();
}

fn manual() -> String {
    let mut out = HEAD.to_owned();
    let serve = command("serve");
    let mut heading = None;
    for option in options(&serve) {
        if option.get_help_heading() != heading {
            heading = option.get_help_heading();
            writeln!(out, "\n## {}", heading.unwrap_or("Other")).unwrap();
        }
        section(&mut out, option);
    }
    writeln!(out, "\n## The sandbox alone\n").unwrap();
    out += "The command `sandbox` takes the options of the section Sandbox, but for `sandbox`, and this one:\n";
    let sandbox = command("sandbox");
    let known: Vec<_> = options(&serve).into_iter().map(Arg::get_id).collect();
    for option in options(&sandbox) {
        if !known.contains(&option.get_id()) {
            section(&mut out, option);
        }
    }
    writeln!(out, "\n{}", ACCESS.trim_end()).unwrap();
    for (table, name) in [
        ("credentials.NAME", "CredentialEntry"),
        ("clients.NAME", "ClientEntry"),
    ] {
        writeln!(out, "\n### [{table}]\n").unwrap();
        for (key, text) in keys(name) {
            writeln!(out, "* `{key}`: {text}").unwrap();
        }
    }
    out
}

/// The keys of a table with their comments.
fn keys(name: &str) -> Vec<(String, String)> {
    let (_, rest) = ACCESS_FILE
        .split_once(&format!("pub struct {name} {{"))
        .unwrap();
    let (fields, _) = rest.split_once("\n}").unwrap();
    let mut keys = Vec::new();
    let mut comment = Vec::new();
    for line in fields.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push(text.trim());
        } else if let Some(field) = line.strip_prefix("pub ") {
            let (field, _) = field.split_once(':').unwrap();
            keys.push((field.replace('_', "-"), comment.join(" ")));
            comment.clear();
        }
    }
    keys
}

#[test]
fn the_manual_is_what_the_options_say() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let manual = manual();
    if std::env::var_os("PRONTO_GRPC_REFRESH").is_some() {
        std::fs::write(&path, &manual).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == manual,
        "refresh docs/configuration.md: {REFRESH}"
    );
}

#[test]
fn every_option_has_a_heading_a_text_and_a_variable_like_its_name() {
    for name in ["serve", "sandbox"] {
        for option in options(&command(name)) {
            let long = option.get_long().unwrap();
            assert!(text(option).len() > 10, "{long}");
            let spelled = long.to_uppercase().replace('-', "_");
            let variable = option.get_env().unwrap().to_str().unwrap();
            let expected = match name {
                "sandbox" if long == "address" => "PRONTO_GRPC_SANDBOX_ADDRESS".to_owned(),
                _ => format!("PRONTO_GRPC_{spelled}"),
            };
            assert_eq!(variable, expected);
            let may_be_alone = long == "config" || long == "address";
            assert!(
                may_be_alone || option.get_help_heading().is_some(),
                "{long}"
            );
        }
    }
}

#[test]
fn every_key_of_the_access_file_is_documented() {
    for table in ["CredentialEntry", "ClientEntry"] {
        let keys = keys(table);
        assert!(keys.len() >= 2, "{table}");
        for (key, text) in keys {
            assert!(
                text.ends_with('.') && text.len() > 10,
                "{table}: {key}: {text}"
            );
        }
    }
}

#[test]
fn the_access_file_of_the_manual_is_one() {
    let example = ACCESS.split("```toml\n").nth(1).unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.toml");
    std::fs::write(&path, example).unwrap();
    let file = AccessFile::read(&path, &mut Reader::default()).unwrap();
    assert!(file.credentials.contains_key("sales") && file.clients.contains_key("crm"));
}
