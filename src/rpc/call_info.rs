//! What is known of a call beside its request: who makes it.

use std::sync::{Arc, OnceLock};

/// Who makes a call, told by whoever finds it out, for the log. An extension of each
/// request.
#[derive(Clone, Debug, Default)]
pub struct CallInfo(Arc<OnceLock<CallerName>>);

/// Who makes a call, by names that can be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerName {
    /// The client, where clients have names.
    pub client: Option<Arc<str>>,
    /// The credential that it uses.
    pub credential: String,
}

impl CallInfo {
    /// Tells who makes the call. Only the first time counts.
    pub fn tell(&self, caller: CallerName) {
        let _ = self.0.set(caller);
    }

    /// Who makes the call, where that is known.
    #[must_use]
    pub fn caller(&self) -> Option<&CallerName> {
        self.0.get()
    }
}
