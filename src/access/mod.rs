//! Who may call, and with which key of Pronto.
//!
//! * [`file`]: the access file, as it is written.
//! * [`rules`]: what it and the options say together.
//! * [`clients`]: who a caller is.
//!
//! Without clients everybody may call: see `allow-insecure`.

pub mod clients;
pub mod file;
pub mod rules;

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;

use crate::pronto::Keyring;
use crate::pronto::credential::DEFAULT;
use crate::reload::{Problems, Reader, Reading, Seen, Source};

pub use clients::{Clients, KnownClient, UnknownClient};
pub use rules::{AccessSources, Rules};

/// Who may call, as the files say now.
#[derive(Clone, Debug)]
pub struct Access {
    keyring: Arc<Keyring>,
    clients: Arc<RwLock<Arc<Clients>>>,
    pass_through: bool,
}

/// As whom a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The client; none when no clients are configured.
    pub client: Option<Arc<str>>,
    /// The credential whose key is used.
    pub credential: Arc<str>,
    /// Whether the call may bring a key of its own.
    pub pass_through: bool,
}

impl Access {
    /// What the sources say, and what they looked like.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn load(sources: &AccessSources) -> Result<(Self, Seen), Problems> {
        let mut reader = Reader::default();
        let rules = sources.read(&mut reader)?;
        let access = Self {
            keyring: Arc::new(Keyring::with(rules.credentials)),
            clients: Arc::new(RwLock::new(Arc::new(rules.clients))),
            pass_through: sources.pass_through,
        };
        Ok((access, reader.finish()))
    }

    /// Everybody may call, with this key or their own.
    #[must_use]
    pub fn open(api_key: Option<SecretString>) -> Self {
        Self {
            keyring: Arc::new(Keyring::new(api_key)),
            clients: Arc::default(),
            pass_through: true,
        }
    }

    /// The keys.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.clone()
    }

    /// Whether only clients that are configured may call.
    #[must_use]
    pub fn has_clients(&self) -> bool {
        !self.clients.read().is_empty()
    }

    /// The names of credentials and clients, for operators.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let credentials = self.keyring.names().join(", ");
        let credentials = (!credentials.is_empty()).then(|| format!("Credentials: {credentials}"));
        let clients = self.clients.read().known();
        let clients = clients.iter().map(|client| {
            let KnownClient {
                name, credential, ..
            } = &**client;
            let may_bring = match client.pass_through {
                true => ", or a key of its own",
                false => "",
            };
            format!("Client {name}: uses {credential}{may_bring}")
        });
        credentials.into_iter().chain(clients).collect()
    }

    /// As whom a call is made that shows these.
    ///
    /// # Errors
    ///
    /// When clients are configured and it is not known, or not sure, which one calls.
    pub fn identify(
        &self,
        token: impl FnOnce() -> Result<Option<SecretString>, UnknownClient>,
        certificates: Option<&[CertificateDer<'_>]>,
    ) -> Result<Identity, UnknownClient> {
        let clients = self.clients.read().clone();
        if clients.is_empty() {
            return Ok(Identity {
                client: None,
                credential: DEFAULT.into(),
                pass_through: self.pass_through,
            });
        }
        let client = clients.identify(token()?.as_ref(), certificates)?;
        Ok(Identity {
            client: Some(client.name.clone()),
            credential: client.credential.clone(),
            pass_through: client.pass_through,
        })
    }

    /// From now on these rules hold. Whom only a client may call does not become open to
    /// everybody while it runs.
    fn replace(&self, rules: Rules) -> Result<(), Problems> {
        if rules.clients.is_empty() && self.has_clients() {
            let problem = "no client is left, so everybody could call; restart the server if \
                           that is meant";
            return Err(vec![problem.to_owned()]);
        }
        self.keyring.replace(rules.credentials);
        *self.clients.write() = Arc::new(rules.clients);
        Ok(())
    }
}

/// Keys, tokens and clients, read again.
pub struct AccessReload {
    /// What is replaced.
    pub access: Access,
    /// What is read.
    pub sources: AccessSources,
}

impl Source for AccessReload {
    fn name(&self) -> &'static str {
        "keys and clients"
    }

    fn read(&self) -> Reading {
        let mut reader = Reader::default();
        let rules = self.sources.read(&mut reader);
        let access = self.access.clone();
        Reading {
            seen: reader.finish(),
            apply: Box::new(move || access.replace(rules?)),
        }
    }
}
