//! A Pronto that runs here: every endpoint of both hosts, synthetic companies
//! and people, keys, rate limits, credits, searches that progress and webhooks
//! that fire. It is how the product is tried without a key, how tests run, and
//! how an operator rehearses failure.
//!
//! It does what is known of Pronto, not what our client happens to send. Paths,
//! limits, prices, keys and enum texts come from the proto, through
//! [`crate::proto`], which is all that it knows of this package.
//!
//! * [`SandboxConfig`]: how it starts. [`Switches`]: what may change while it
//!   runs. [`Counters`]: what it has done.
//! * `faults`: what goes wrong, and when. `settings`: switches and faults as users
//!   set them. `control`: the same over HTTP. `findings`: what was truly found.
//! * `server`: connections. `answers`: what faults do to answers. `router`: from
//!   path to endpoint, keys and limits. `call`: reading requests strictly. `reply`:
//!   answers and refusals.
//! * `api`: the endpoints, one file for each service.
//! * `searches`, `search_run`, `contacts`, `bulk`, `lists`, `workspace`: what Pronto keeps,
//!   and how it goes on in the background. `outbox`: what faults do to deliveries, with `drift`
//!   and `trickle`; `receipts`: which are over. `webhook`: the only place that delivers.
//! * `journal`: the file of a sandbox that outlives its process. `restore`: how it goes on.
//! * `find`, `find_leads`, `find_accounts`: filters. `enrichment`: what is known
//!   of a contact. `render`: the world as messages.
//! * `world`: companies and people, the same for the same seed.
//!
//! ```no_run
//! # use pronto_grpc::sandbox::{Sandbox, SandboxConfig};
//! # async fn example() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let sandbox = Sandbox::new(SandboxConfig::default());
//! let switches = sandbox.switches();
//! tokio::spawn(sandbox.serve(listener, std::future::pending()));
//! switches.write().rate_limits = false;
//! # Ok(())
//! # }
//! ```

mod answers;
mod api;
mod bulk;
mod call;
mod config;
mod contacts;
mod control;
mod counters;
mod drift;
mod enrichment;
mod faults;
mod find;
mod find_accounts;
mod find_leads;
mod findings;
mod journal;
mod limits;
mod lists;
mod outbox;
mod receipts;
mod render;
mod reply;
mod restore;
mod router;
mod search_run;
mod searches;
mod server;
mod settings;
mod state;
mod switches;
#[cfg(test)]
mod tests;
mod trickle;
mod webhook;
mod workspace;
mod world;

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::proto::v1::{Findings, SandboxCounters, SandboxSettings};
use crate::proto::validate::Violations;

pub use crate::proto::v1::{FaultKind, FinalMessage, Generation, SandboxFault, StreamingShape};
pub use config::{DEFAULT_API_KEY, SandboxConfig};
pub use counters::Counters;
pub use faults::{Faults, parse as parse_fault};
use journal::Entry;
pub use journal::JournalError;
pub use switches::{SwitchHandle, Switches};

/// Where the main host's paths start.
pub const MAIN_BASE_PATH: &str = "/api/v2";
/// Where the synchronous host's paths start.
pub const SYNCHRONOUS_BASE_PATH: &str = "/v2";

/// A sandbox. Clones are handles to the same one.
#[derive(Clone)]
pub struct Sandbox {
    state: Arc<state::State>,
}

impl Sandbox {
    /// Makes the world; takes some milliseconds.
    #[must_use]
    pub fn new(config: SandboxConfig) -> Self {
        Self {
            state: Arc::new(state::State::new(&config)),
        }
    }

    /// The same, but what it does is noted in a file, and what the file tells goes on: see
    /// [`Self::resume`]. No other process may use the file meanwhile. What is changed through
    /// [`Self::switches`] is not noted.
    ///
    /// # Errors
    ///
    /// When the file cannot be used; the error says what to do.
    pub fn open(config: SandboxConfig, file: &Path) -> Result<Self, JournalError> {
        let mut state = state::State::new(&config);
        restore::open(&mut state, &config, file)?;
        Ok(Self {
            state: Arc::new(state),
        })
    }

    /// Goes on with the work of another process. To be called once webhooks are received
    /// and the sandbox serves: what is delivered before that is lost.
    pub fn resume(&self) {
        let state = &self.state;
        let go_on = |work: Vec<_>| {
            work.into_iter()
                .for_each(|kept| restore::go_on(state, kept))
        };
        state.wake(go_on);
    }

    /// Ends the work in the background for good, and waits until it has; requests are
    /// answered as before. To be called before webhooks are received no more: what was not
    /// delivered, another process delivers.
    pub async fn halt(&self) {
        self.state.stop.cancel();
        self.state.rested().await;
    }

    /// What may change while it runs.
    #[must_use]
    pub fn switches(&self) -> SwitchHandle {
        Arc::clone(&self.state.switches)
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.state.counters
    }

    /// Waits until no search, enrichment or import is under way.
    pub async fn idle(&self) {
        self.state.idle().await;
    }

    /// How it behaves, as users set it.
    #[must_use]
    pub fn settings(&self) -> SandboxSettings {
        settings::describe(&self.state.switches.read())
    }

    /// Sets the named fields, all or none, and returns how it behaves then.
    ///
    /// # Errors
    ///
    /// Every field that does not exist or cannot have its value.
    pub fn update(
        &self,
        changes: &SandboxSettings,
        fields: &[String],
    ) -> Result<SandboxSettings, Violations> {
        let mut switches = self.state.switches.write();
        settings::apply(&mut switches, changes, fields)?;
        // Under the lock: what is left depends on the order of charges and settings.
        self.state.journal.note(|| {
            let mut changed = settings::object(&switches);
            changed.retain(|name, _| fields.contains(name));
            Entry::Set(changed)
        });
        Ok(settings::describe(&switches))
    }

    /// Ends work under way, and makes everything as it was at the start.
    pub async fn reset(&self) -> SandboxSettings {
        self.state.reset().await;
        self.settings()
    }

    /// What it has done and what is under way.
    #[must_use]
    pub fn describe_counters(&self) -> SandboxCounters {
        self.state.counters.describe(self.state.under_way() as u64)
    }

    /// What was truly found by the work with an id of Pronto's, and by work whose
    /// webhook's URL has a part; an empty text selects all.
    #[must_use]
    pub fn findings(&self, id: &str, webhook_part: &str) -> Vec<Findings> {
        self.state.ledger.list(id, webhook_part)
    }

    /// Serves both hosts until the shutdown resolves. Requests that were
    /// accepted are answered; work in the background ends undelivered.
    ///
    /// # Errors
    ///
    /// When the client for webhooks cannot be made.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let clients = webhook::Clients::new()?;
        self.state.clients.get_or_init(|| clients);
        server::serve(self, listener, shutdown).await;
        Ok(())
    }
}
