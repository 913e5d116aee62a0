//! What the options and the access file say together: credentials, and who may use them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::clients::{Clients, KnownClient};
use super::file::{AccessFile, ClientEntry, CredentialEntry};
use crate::pronto::Credential;
use crate::pronto::credential::{ANONYMOUS, DEFAULT, Digest, secret};
use crate::reload::{Problems, Reader};

/// No token is shorter: it must not be possible to guess it.
const SHORTEST_TOKEN: usize = 16;

/// Where keys and clients come from.
#[derive(Clone, Debug)]
pub struct AccessSources {
    /// The key of `api-key`.
    pub api_key: Option<SecretString>,
    /// The file of `api-key-file`, instead.
    pub api_key_file: Option<PathBuf>,
    /// The access file.
    pub access_file: Option<PathBuf>,
    /// Whether callers may bring keys of their own, when no clients are configured.
    pub pass_through: bool,
    /// Whether client certificates are verified.
    pub has_client_ca: bool,
    /// The key that is used instead of each configured one: the sandbox's.
    pub only_key: Option<SecretString>,
    /// Looks an environment variable up.
    pub variable: fn(&str) -> Option<String>,
}

impl AccessSources {
    /// Nothing but this key, which callers may replace by their own.
    #[must_use]
    pub fn key(api_key: Option<SecretString>) -> Self {
        Self {
            api_key,
            api_key_file: None,
            access_file: None,
            pass_through: true,
            has_client_ca: false,
            only_key: None,
            variable: |name| std::env::var(name).ok(),
        }
    }

    /// Reads all files.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, with its file, table and key.
    pub fn read(&self, reader: &mut Reader) -> Result<Rules, Problems> {
        let mut reading = Loading {
            sources: self,
            reader,
            folder: self.access_file.as_deref().and_then(Path::parent),
            file: String::new(),
            problems: Problems::new(),
        };
        let rules = reading.rules();
        match reading.problems.is_empty() {
            true => Ok(rules),
            false => Err(reading.problems),
        }
    }
}

/// Credentials, and who may use them.
#[derive(Debug, Default)]
pub struct Rules {
    /// Keys of Pronto's with their names.
    pub credentials: Vec<Credential>,
    /// Who may call; anybody, when there are none.
    pub clients: Clients,
}

/// Rules while they are read.
struct Loading<'a> {
    sources: &'a AccessSources,
    reader: &'a mut Reader,
    /// What relative paths in the access file are relative to.
    folder: Option<&'a Path>,
    /// How problems begin.
    file: String,
    problems: Problems,
}

impl Loading<'_> {
    fn rules(&mut self) -> Rules {
        let default = self.default_key();
        let file = match &self.sources.access_file {
            None => AccessFile::default(),
            Some(path) => {
                self.file = format!("{}: ", path.display());
                AccessFile::read(path, self.reader).unwrap_or_else(|problems| {
                    self.problems.extend(problems);
                    AccessFile::default()
                })
            }
        };
        let has_default = default.is_some() || self.sources.only_key.is_some();
        let mut credentials = self.credentials(&file.credentials);
        let is_credential =
            |name: &str| file.credentials.contains_key(name) || (name == DEFAULT && has_default);
        let clients = self.clients(&file.clients, is_credential);
        // Last: of several names for the sandbox's key this is its name.
        credentials.extend(default.map(|key| Credential {
            name: DEFAULT.to_owned(),
            key,
        }));
        self.check_keys(&credentials);
        Rules {
            credentials: self.replaced(credentials),
            clients,
        }
    }

    /// In the sandbox every key is the sandbox's.
    fn replaced(&self, mut credentials: Vec<Credential>) -> Vec<Credential> {
        let Some(only) = &self.sources.only_key else {
            return credentials;
        };
        credentials.retain(|credential| credential.name != DEFAULT);
        let names = credentials.into_iter().map(|credential| credential.name);
        let names = names.chain([DEFAULT.to_owned()]);
        let named = names.map(|name| Credential {
            name,
            key: only.clone(),
        });
        named.collect()
    }

    fn problem(&mut self, what: impl AsRef<str>) {
        let problem = format!("{}{}", self.file, what.as_ref());
        self.problems.push(problem);
    }

    fn default_key(&mut self) -> Option<SecretString> {
        let (place, key) = match &self.sources.api_key_file {
            Some(path) => ("api-key-file", self.secret_in(path)),
            None => {
                let key = self.sources.api_key.as_ref()?;
                ("api-key", secret(key.expose_secret()))
            }
        };
        self.checked(place, key)
    }

    fn credentials(&mut self, entries: &BTreeMap<String, CredentialEntry>) -> Vec<Credential> {
        let mut credentials = Vec::new();
        for (name, entry) in entries {
            if name == DEFAULT || name.starts_with(ANONYMOUS) {
                self.problem(format!(
                    "credentials.{name}: this name is taken: `{DEFAULT}` is the key of the option \
                     `api-key`, and `{ANONYMOUS}...` are keys that callers bring"
                ));
            }
            let key = match (&entry.api_key_file, &entry.api_key_variable) {
                (Some(path), None) => {
                    let place = format!("credentials.{name}: api-key-file");
                    let key = self.secret_in(&self.resolved(path));
                    self.checked(&place, key)
                }
                (None, Some(variable)) => {
                    let place = format!("credentials.{name}: api-key-variable");
                    let key = self.secret_of(variable);
                    self.checked(&place, key)
                }
                _ => {
                    self.problem(format!(
                        "credentials.{name}: needs one of api-key-file and api-key-variable"
                    ));
                    None
                }
            };
            credentials.extend(key.map(|key| Credential {
                name: name.clone(),
                key,
            }));
        }
        credentials
    }

    fn clients(
        &mut self,
        entries: &BTreeMap<String, ClientEntry>,
        is_credential: impl Fn(&str) -> bool,
    ) -> Clients {
        let mut clients = Clients::default();
        for (name, entry) in entries {
            let credential = entry.credential.as_deref().unwrap_or(DEFAULT);
            let brings_its_own = entry.pass_through && entry.credential.is_none();
            if !is_credential(credential) && !brings_its_own {
                self.problem(match credential == DEFAULT {
                    true => format!(
                        "clients.{name}: credential: there is no `{DEFAULT}` one without the \
                         option `api-key` or `api-key-file`; name another, or set \
                         pass-through = true"
                    ),
                    false => format!("clients.{name}: credential: there is no {credential:?}"),
                });
            }
            let client = Arc::new(KnownClient {
                name: name.as_str().into(),
                credential: credential.into(),
                pass_through: entry.pass_through,
            });
            self.tokens(entry, &client, &mut clients);
            self.certificates(entry, &client, &mut clients);
        }
        clients
    }

    fn tokens(&mut self, entry: &ClientEntry, client: &Arc<KnownClient>, clients: &mut Clients) {
        let mut found = Vec::new();
        for path in &entry.token_files {
            let place = format!("clients.{}: token-files", client.name);
            let token = self.secret_in(&self.resolved(path)).and_then(long_enough);
            found.push((self.checked(&place, token), place));
        }
        for variable in &entry.token_variables {
            let place = format!("clients.{}: token-variables", client.name);
            let token = self.secret_of(variable).and_then(long_enough);
            found.push((self.checked(&place, token), place));
        }
        for (index, text) in entry.token_sha256.iter().enumerate() {
            let place = format!("clients.{}: token-sha256[{index}]", client.name);
            let digest = hash(text).ok_or_else(|| "must be 64 hexadecimal digits".to_owned());
            found.push((self.checked(&place, digest), place));
        }
        if found.is_empty() && entry.certificates.is_empty() {
            self.problem(format!(
                "clients.{}: needs a token (token-files, token-variables or token-sha256) or \
                 certificates",
                client.name
            ));
        }
        for (token, place) in found {
            let other = token.and_then(|token| clients.add_token(token, client));
            if let Some(other) = other.filter(|other| *other != client.name) {
                self.problem(format!("{place}: a token is also that of clients.{other}"));
            }
        }
    }

    fn certificates(
        &mut self,
        entry: &ClientEntry,
        client: &Arc<KnownClient>,
        clients: &mut Clients,
    ) {
        let place = format!("clients.{}: certificates", client.name);
        if !entry.certificates.is_empty() && !self.sources.has_client_ca {
            self.problem(format!(
                "{place}: need the option `tls-client-ca`: without it no client shows a \
                 certificate"
            ));
        }
        for name in &entry.certificates {
            if name.trim().is_empty() {
                self.problem(format!("{place}: a name is empty"));
            }
            let other = clients.add_certificate(name.clone(), client);
            if let Some(other) = other.filter(|other| *other != client.name) {
                self.problem(format!("{place}: {name:?} is also that of clients.{other}"));
            }
        }
    }

    /// Two names for one key would be two owners of the same jobs and credits.
    fn check_keys(&mut self, credentials: &[Credential]) {
        let mut names: HashMap<Digest, &str> = HashMap::new();
        for credential in credentials.iter().rev() {
            let digest = Digest::of(&credential.key);
            if let Some(other) = names.insert(digest, &credential.name) {
                self.problem(format!(
                    "credentials.{}: has the same key as {other}",
                    credential.name
                ));
            }
        }
    }

    /// A path as it is meant: relative to the folder of the access file.
    fn resolved(&self, path: &Path) -> PathBuf {
        self.folder
            .map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    fn secret_in(&mut self, path: &Path) -> Result<SecretString, String> {
        let text = self.reader.text(path).map_err(|error| error.to_string());
        let found = text.and_then(|text| secret(text.trim()));
        found.map_err(|why| format!("{}: {why}", path.display()))
    }

    fn secret_of(&self, variable: &str) -> Result<SecretString, String> {
        let text = (self.sources.variable)(variable);
        let text = text.ok_or_else(|| format!("{variable}: there is no such variable"))?;
        secret(text.trim()).map_err(|why| format!("{variable}: {why}"))
    }

    fn checked<T>(&mut self, place: &str, value: Result<T, String>) -> Option<T> {
        value
            .map_err(|why| self.problem(format!("{place}: {why}")))
            .ok()
    }
}

fn long_enough(token: SecretString) -> Result<Digest, String> {
    match token.expose_secret().len() >= SHORTEST_TOKEN {
        true => Ok(Digest::of(&token)),
        false => Err(format!("must have at least {SHORTEST_TOKEN} characters")),
    }
}

fn hash(text: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(Digest(bytes))
}

#[cfg(test)]
mod tests;
