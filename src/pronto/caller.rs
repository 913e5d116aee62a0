//! For whom a call is made.

use std::sync::Arc;

use tokio::time::Instant;

use super::Credential;

/// For whom a call is made, and for how long.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose key is used.
    pub credential: Credential,
    /// Who shares the credential's limits fairly with others: the connection from
    /// which the call came.
    pub connection: Arc<str>,
    /// When nobody waits for the answer any more.
    pub deadline: Option<Instant>,
}
