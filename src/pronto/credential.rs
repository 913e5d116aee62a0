//! API keys and whom they belong to.

use std::collections::HashMap;

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// An API key of Pronto with a name that can be stored and logged.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The configured name, or `key-` and a fingerprint of the key.
    pub name: String,
    /// The key.
    pub key: SecretString,
}

impl Credential {
    /// A credential for a key that no configuration names.
    #[must_use]
    pub fn anonymous(key: SecretString) -> Self {
        let digest = Sha256::digest(key.expose_secret().as_bytes());
        let fingerprint: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            name: format!("key-{fingerprint}"),
            key,
        }
    }
}

/// The keys that are known: the configured one, and those that callers brought.
///
/// Keys of callers who start jobs are kept, in memory only and while such a job runs,
/// so that it can be polled; after a restart such a key is known again once its caller
/// asks for a job that goes on, or starts one.
#[derive(Debug, Default)]
pub struct Keyring {
    configured: Option<Credential>,
    brought: RwLock<HashMap<String, Brought>>,
}

/// A key that a caller brought.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The name of the credential.
    pub name: String,
    credential: Credential,
    /// How often it has been brought.
    times: u64,
}

/// The name of the configured credential.
const DEFAULT: &str = "default";

impl Keyring {
    /// A ring with the configured key, if there is one.
    #[must_use]
    pub fn new(configured: Option<SecretString>) -> Self {
        let configured = configured.map(|key| Credential {
            name: DEFAULT.to_owned(),
            key,
        });
        Self {
            configured,
            brought: RwLock::default(),
        }
    }

    /// The credential of a caller who brought a key, or none.
    pub fn resolve(&self, brought: Option<SecretString>) -> Option<Credential> {
        let Some(key) = brought else {
            return self.configured.clone();
        };
        let configured = self.configured.as_ref();
        if let Some(same) = configured.filter(|c| c.key.expose_secret() == key.expose_secret()) {
            return Some(same.clone());
        }
        Some(Credential::anonymous(key))
    }

    /// Keeps the key of a caller whose job goes on, so that it can be polled.
    pub fn remember(&self, credential: &Credential) {
        if self.is_configured(&credential.name) {
            return;
        }
        let mut brought = self.brought.write();
        let known = brought.entry(credential.name.clone());
        let known = known.or_insert_with(|| Brought {
            name: credential.name.clone(),
            credential: credential.clone(),
            times: 0,
        });
        known.times += 1;
    }

    /// The keys that callers brought.
    pub fn brought(&self) -> Vec<Brought> {
        self.brought.read().values().cloned().collect()
    }

    /// Forgets a key, unless it has been brought again since.
    pub fn forget(&self, old: &Brought) {
        self.brought
            .write()
            .retain(|name, brought| *name != old.name || brought.times != old.times);
    }

    /// Whether this is the configured credential.
    #[must_use]
    pub fn is_configured(&self, name: &str) -> bool {
        self.configured.as_ref().is_some_and(|c| c.name == name)
    }

    /// The credential with a name, while its key is known.
    pub fn named(&self, name: &str) -> Option<Credential> {
        let configured = self
            .configured
            .as_ref()
            .filter(|credential| credential.name == name);
        configured
            .cloned()
            .or_else(|| Some(self.brought.read().get(name)?.credential.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brought_key_that_is_the_configured_one_is_the_same_credential() {
        let keyring = Keyring::new(Some("secret".into()));
        let brought = keyring.resolve(Some("secret".into())).unwrap();
        assert_eq!(brought.name, "default");
    }

    #[test]
    fn another_key_is_named_by_its_fingerprint_and_found_again() {
        let keyring = Keyring::new(Some("secret".into()));
        let brought = keyring.resolve(Some("other".into())).unwrap();
        assert!(brought.name.starts_with("key-") && !brought.name.contains("other"));
        assert!(
            keyring.named(&brought.name).is_none(),
            "a key without a job is not kept"
        );
        keyring.remember(&brought);
        assert_eq!(
            keyring.named(&brought.name).unwrap().key.expose_secret(),
            "other"
        );
        assert!(keyring.named("key-0000000000000000").is_none());
    }

    #[test]
    fn a_key_is_forgotten_unless_it_came_again() {
        let keyring = Keyring::new(None);
        let credential = keyring.resolve(Some("other".into())).unwrap();
        keyring.remember(&credential);
        let old = keyring.brought().remove(0);
        keyring.remember(&credential);
        keyring.forget(&old);
        assert!(keyring.named(&credential.name).is_some());
        keyring.forget(&keyring.brought()[0]);
        assert!(keyring.named(&credential.name).is_none());
    }

    #[test]
    fn no_key_at_all_is_nobody() {
        assert!(Keyring::new(None).resolve(None).is_none());
    }
}
