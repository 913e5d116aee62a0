//! The secret in a job's callback URL: all that tells Pronto's callbacks from
//! those of anybody else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Bytes of randomness.
const LENGTH: usize = 32;

/// A secret that only Pronto is told. Only its hash is stored.
pub struct CallbackSecret(String);

impl CallbackSecret {
    /// A new secret.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The secret as it stands in the URL.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a text could be a secret of ours.
    #[must_use]
    pub fn is_well_formed(secret: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|bytes| bytes.len() == LENGTH)
    }

    /// The hash of a secret.
    #[must_use]
    pub fn hash(secret: &str) -> [u8; 32] {
        Sha256::digest(secret.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_fit_a_url() {
        let (one, other) = (
            CallbackSecret::generate().unwrap(),
            CallbackSecret::generate().unwrap(),
        );
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 43);
        assert!(CallbackSecret::is_well_formed(one.expose()));
        assert!(!CallbackSecret::is_well_formed("wp-login.php"));
        assert!(
            one.expose()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
    }
}
