//! The access file: names for keys of Pronto's, and the clients that may use them.
//!
//! The comments of the keys are their manual: docs/configuration.md shows them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::reload::{Problems, Reader};

/// The file as it is written.
#[derive(Debug, Default)]
pub struct AccessFile {
    /// Keys of Pronto's, by their names.
    pub credentials: BTreeMap<String, CredentialEntry>,
    /// Callers, by their names.
    pub clients: BTreeMap<String, ClientEntry>,
}

/// A key of Pronto's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CredentialEntry {
    /// File that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// Environment variable that holds the key, instead of a file. Its name must not begin
    /// with `PRONTO_GRPC_`.
    pub api_key_variable: Option<String>,
}

/// A caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientEntry {
    /// Name of the credential whose key the client's calls use. Default: `default`, the key
    /// of `api-key`.
    pub credential: Option<String>,
    /// Files that hold a token each. The client sends one of them, as
    /// `authorization: Bearer TOKEN` metadata; while a token is replaced there are two. A
    /// token has at least 16 visible ASCII characters.
    pub token_files: Vec<PathBuf>,
    /// Environment variables that hold a token each.
    pub token_variables: Vec<String>,
    /// SHA-256 hashes of tokens, as 64 hexadecimal digits. Use them for random tokens only:
    /// one that can be guessed is found from its hash.
    pub token_sha256: Vec<String>,
    /// Names that are in the client's certificate, as URI or DNS name, exactly; of a
    /// certificate with neither, the common name of its subject. Needs `tls-client-ca`.
    pub certificates: Vec<String>,
    /// Whether the client may bring a key of its own as `x-api-key` metadata.
    /// Default: `false`.
    pub pass_through: bool,
}

/// The tables of the file, each read by itself so that an error can name it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Tables {
    credentials: BTreeMap<String, toml::Value>,
    clients: BTreeMap<String, toml::Value>,
}

impl AccessFile {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or has another form: everything that is wrong.
    pub fn read(path: &Path, reader: &mut Reader) -> Result<Self, Problems> {
        let unusable = |why: String| vec![format!("{}: {why}", path.display())];
        let text = reader
            .text(path)
            .map_err(|error| unusable(error.to_string()))?;
        let tables: Tables =
            toml::from_str(&text).map_err(|error| unusable(toml_problem(&text, &error)))?;
        let mut problems = Problems::new();
        let file = Self {
            credentials: entries("credentials", tables.credentials, &mut problems),
            clients: entries("clients", tables.clients, &mut problems),
        };
        match problems.is_empty() {
            true => Ok(file),
            false => Err(problems.into_iter().flat_map(unusable).collect()),
        }
    }
}

fn entries<T: DeserializeOwned>(
    table: &str,
    values: BTreeMap<String, toml::Value>,
    problems: &mut Problems,
) -> BTreeMap<String, T> {
    let mut entries = BTreeMap::new();
    for (name, value) in values {
        if !is_name(&name) {
            problems.push(format!(
                "{table}: {name:?} is no name; use up to 64 letters, digits, `.`, `_` and `-`"
            ));
        }
        match value.try_into() {
            Ok(entry) => {
                entries.insert(name, entry);
            }
            Err(error) => {
                let why = error.to_string();
                let why = without_text(why.trim()).replace('\n', " ");
                problems.push(format!("{table}.{name}: {why}"));
            }
        }
    }
    entries
}

/// Whether credentials and clients can have this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(is_usual)
}

/// What is wrong in a TOML text, and in which line. The text is not repeated: a secret may
/// have got into it.
#[must_use]
pub fn toml_problem(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let message = without_text(error.message().trim());
    match before {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// A message without the text that it quotes.
fn without_text(message: &str) -> String {
    let quoted = message.find('"').zip(message.rfind('"'));
    match quoted.filter(|(first, last)| first < last) {
        Some((first, last)) => {
            let (before, after) = (message.get(..first), message.get(last + 1..));
            format!(
                "{}...{}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AccessFile, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        std::fs::write(&path, text).unwrap();
        AccessFile::read(&path, &mut Reader::default())
    }

    #[track_caller]
    fn assert_problem(text: &str, words: &[&str]) {
        let problems = read(text).unwrap_err().join("\n");
        for word in [&["access.toml"], words].concat() {
            assert!(problems.contains(word), "no {word:?} in {problems}");
        }
        assert!(!problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn problems_name_table_and_key_and_repeat_no_secret() {
        assert_problem("[client.a]\n", &["line 1", "`client`", "`clients`"]);
        assert_problem(
            "[clients.a]\ntoken = \"hunter2\"\n",
            &["clients.a", "`token`", "`token-files`"],
        );
        assert_problem("\n[clients.a]\ntoken-files = \"hunter2\n", &["line 3"]);
        assert_problem(
            "[clients.a]\ntoken-files = \"hunter2\"\n",
            &["clients.a", "token-files", "sequence"],
        );
        assert_problem(
            "[credentials.b]\napi-key = \"hunter2\"\n",
            &["credentials.b", "`api-key`", "`api-key-file`"],
        );
        assert_problem("[clients.\"two words\"]\n", &["clients", "two words"]);
        assert_problem("clients = 1\n", &["line 1"]);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = read("[clients.a]\nx = 1\n[clients.b]\ny = 1\n[credentials.c]\nz = 1\n");
        assert_eq!(problems.unwrap_err().len(), 3);
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = AccessFile::read(Path::new("/missing/access.toml"), &mut Reader::default());
        assert!(missing.unwrap_err()[0].contains("/missing/access.toml"));
    }
}
