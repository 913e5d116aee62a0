//! For whom a call is made.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::{Audience, Credential};

/// For whom a call is made, and for how long.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose key is used.
    pub credential: Credential,
    /// Who shares the credential's limits fairly with others: the client, or where
    /// clients have no names the connection from which the call came.
    pub party: Arc<str>,
    /// When nobody waits for the answer any more.
    pub deadline: Option<Instant>,
    /// Who waits, where that may be several. Their deadlines count then.
    pub audience: Option<Audience>,
}

impl Caller {
    /// When the last one who waits gives up.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.audience {
            Some(audience) => audience.deadline(),
            None => self.deadline,
        }
    }

    /// Waits until then.
    pub async fn late(&self) {
        match (&self.audience, self.deadline) {
            (Some(audience), _) => audience.late().await,
            (None, Some(deadline)) => sleep_until(deadline).await,
            (None, None) => std::future::pending().await,
        }
    }

    /// Waits until nobody waits for the call.
    pub async fn left(&self) {
        match &self.audience {
            Some(audience) => audience.left().await,
            None => std::future::pending().await,
        }
    }
}
