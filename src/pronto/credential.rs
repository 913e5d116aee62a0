//! API keys and whom they belong to.

use std::collections::{HashMap, HashSet};
use std::fmt;

use parking_lot::{Mutex, RwLock};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

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
        let digest = Digest::of(&key);
        let fingerprint = digest.0.iter().take(8).map(|byte| format!("{byte:02x}"));
        Self {
            name: format!("{ANONYMOUS}{}", fingerprint.collect::<String>()),
            key,
        }
    }

    /// Whether a caller brought the key: no configuration names it.
    #[must_use]
    pub fn is_brought(&self) -> bool {
        self.name.starts_with(ANONYMOUS)
    }
}

/// A secret that can travel in a header.
///
/// # Errors
///
/// When it cannot; the error does not repeat it.
pub fn secret(text: &str) -> Result<SecretString, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => Err("must consist of visible ASCII characters".to_owned()),
    }
}

/// The SHA-256 hash of a secret. Secrets are compared by it: how long that takes depends
/// on the hash, which nobody can choose, and so tells nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret().as_bytes()).into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Digest(..)")
    }
}

/// The keys that are known: the configured ones, and those that callers brought.
///
/// The key of a configured credential may change while its name stays: who asks for it by
/// name gets the one that is valid now.
///
/// Keys of callers who start jobs are kept, in memory only and while such a job runs,
/// so that it can be polled; after a restart such a key is known again once its caller
/// asks for a job that goes on, or starts one.
#[derive(Debug, Default)]
pub struct Keyring {
    configured: RwLock<Configured>,
    brought: RwLock<HashMap<String, Brought>>,
    /// Configured names that were asked for in vain, each once.
    missed: Mutex<HashSet<String>>,
}

/// The configured credentials.
#[derive(Debug, Default)]
struct Configured {
    by_name: HashMap<String, Credential>,
    /// The names of keys. Found by hash, so that the time tells nothing about the keys.
    names: HashMap<Digest, String>,
}

impl Configured {
    fn new(credentials: Vec<Credential>) -> Self {
        let names = credentials
            .iter()
            .map(|known| (Digest::of(&known.key), known.name.clone()))
            .collect();
        let by_name = credentials
            .into_iter()
            .map(|known| (known.name.clone(), known))
            .collect();
        Self { by_name, names }
    }
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

/// The name of the credential that `api-key` configures.
pub const DEFAULT: &str = "default";

/// How the names of keys begin that no configuration names.
pub const ANONYMOUS: &str = "key-";

impl Keyring {
    /// A ring with the key of `api-key`, if there is one.
    #[must_use]
    pub fn new(configured: Option<SecretString>) -> Self {
        let configured = configured.map(|key| Credential {
            name: DEFAULT.to_owned(),
            key,
        });
        Self::with(configured.into_iter().collect())
    }

    /// A ring with these configured credentials. Of several names for the same key the
    /// last one is its name.
    #[must_use]
    pub fn with(configured: Vec<Credential>) -> Self {
        Self {
            configured: RwLock::new(Configured::new(configured)),
            ..Self::default()
        }
    }

    /// From now on these credentials are the configured ones.
    pub fn replace(&self, configured: Vec<Credential>) {
        *self.configured.write() = Configured::new(configured);
        self.missed.lock().clear();
    }

    /// The credential of a key that a caller brought.
    pub fn of_key(&self, key: SecretString) -> Credential {
        let configured = self.configured.read();
        let name = configured.names.get(&Digest::of(&key));
        match name.and_then(|name| configured.by_name.get(name)) {
            Some(known) => known.clone(),
            None => Credential::anonymous(key),
        }
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

    /// The names of all configured credentials.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.configured.read().by_name.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Whether this is a configured credential.
    #[must_use]
    pub fn is_configured(&self, name: &str) -> bool {
        self.configured.read().by_name.contains_key(name)
    }

    /// Whether a credential sees what came for nobody: callbacks for unknown jobs. That is
    /// `default`, or the only one that is configured.
    #[must_use]
    pub fn sees_unknown(&self, name: &str) -> bool {
        let configured = &self.configured.read().by_name;
        configured.contains_key(name) && (name == DEFAULT || configured.len() == 1)
    }

    /// The configured credential with a name.
    #[must_use]
    pub fn configured(&self, name: &str) -> Option<Credential> {
        self.configured.read().by_name.get(name).cloned()
    }

    /// The credential of a job, by its name, while its key is known.
    pub fn named(&self, name: &str) -> Option<Credential> {
        let brought = || Some(self.brought.read().get(name)?.credential.clone());
        let known = self.configured(name).or_else(brought);
        if known.is_none() && !name.starts_with(ANONYMOUS) {
            self.miss(name);
        }
        known
    }

    fn miss(&self, name: &str) {
        if self.missed.lock().insert(name.to_owned()) {
            tracing::warn!(
                credential = name,
                "The credential is not configured any more: its jobs are not polled until it is."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brought_key_that_is_the_configured_one_is_the_same_credential() {
        let keyring = Keyring::new(Some("secret".into()));
        let brought = keyring.of_key("secret".into());
        assert_eq!(brought.name, "default");
        assert!(!brought.is_brought());
    }

    #[test]
    fn another_key_is_named_by_its_fingerprint_and_found_again() {
        let keyring = Keyring::new(Some("secret".into()));
        let brought = keyring.of_key("other".into());
        assert!(brought.name.starts_with("key-") && !brought.name.contains("other"));
        assert!(brought.is_brought());
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
        let credential = keyring.of_key("other".into());
        keyring.remember(&credential);
        let old = keyring.brought().remove(0);
        keyring.remember(&credential);
        keyring.forget(&old);
        assert!(keyring.named(&credential.name).is_some());
        keyring.forget(&keyring.brought()[0]);
        assert!(keyring.named(&credential.name).is_none());
    }

    #[test]
    fn a_rotated_key_keeps_its_name_and_a_removed_one_is_nobodys() {
        let sales = |key: &str| Credential {
            name: "sales".to_owned(),
            key: key.into(),
        };
        let keyring = Keyring::with(vec![sales("old")]);
        keyring.replace(vec![sales("new")]);
        let named = keyring.named("sales").unwrap();
        assert_eq!(named.key.expose_secret(), "new");
        assert_eq!(keyring.of_key("new".into()).name, "sales");
        assert!(keyring.of_key("old".into()).name.starts_with(ANONYMOUS));
        keyring.replace(Vec::new());
        assert!(keyring.named("sales").is_none() && keyring.configured("sales").is_none());
    }

    #[test]
    fn what_came_for_nobody_is_shown_to_one_credential_only() {
        let named = |names: &[&str]| {
            let credential = |name: &&str| Credential {
                name: (*name).to_owned(),
                key: (*name).into(),
            };
            Keyring::with(names.iter().map(credential).collect())
        };
        assert!(named(&["sales"]).sees_unknown("sales"));
        let several = named(&["default", "sales"]);
        assert!(several.sees_unknown("default") && !several.sees_unknown("sales"));
        assert!(!named(&["sales", "support"]).sees_unknown("sales"));
        assert!(!several.sees_unknown("key-0"));
    }
}
