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
/// Keys of callers who start jobs are kept, in memory only, so that these can be polled;
/// after a restart such a key is known again once its caller is back.
#[derive(Debug, Default)]
pub struct Keyring {
    configured: Option<Credential>,
    brought: RwLock<HashMap<String, Credential>>,
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

    /// Keeps the key of a caller who starts a job, so that it can be polled.
    pub fn remember(&self, credential: &Credential) {
        let is_configured = self
            .configured
            .as_ref()
            .is_some_and(|c| c.name == credential.name);
        if !is_configured {
            self.brought
                .write()
                .insert(credential.name.clone(), credential.clone());
        }
    }

    /// The credential with a name, while its key is known.
    pub fn named(&self, name: &str) -> Option<Credential> {
        let configured = self
            .configured
            .as_ref()
            .filter(|credential| credential.name == name);
        configured
            .cloned()
            .or_else(|| self.brought.read().get(name).cloned())
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
    fn no_key_at_all_is_nobody() {
        assert!(Keyring::new(None).resolve(None).is_none());
    }
}
