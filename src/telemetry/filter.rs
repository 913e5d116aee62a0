//! What is logged, as it can be changed while the server runs.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::units::log_filter;

/// What is logged.
#[derive(Clone)]
pub struct LogFilter {
    handle: reload::Handle<EnvFilter, Registry>,
    shown: Arc<Mutex<String>>,
}

impl LogFilter {
    pub(super) fn new(handle: reload::Handle<EnvFilter, Registry>, shown: String) -> Self {
        Self {
            handle,
            shown: Arc::new(Mutex::new(shown)),
        }
    }

    /// The filter.
    #[must_use]
    pub fn get(&self) -> String {
        self.shown.lock().clone()
    }

    /// Changes the filter, until it is changed again or the process ends.
    ///
    /// # Errors
    ///
    /// When it is no filter; the error says what is wrong with it.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        let filter = log_filter(filter.trim())?;
        let mut shown = self.shown.lock();
        let parsed = EnvFilter::try_new(&filter).map_err(|error| error.to_string())?;
        // Before the new filter could drop it, and at a level that most filters show.
        tracing::warn!(filter, "The log is changed.");
        self.handle
            .reload(parsed)
            .map_err(|error| error.to_string())?;
        *shown = filter;
        Ok(())
    }
}
