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
//! * `server`: connections. `router`: from path to endpoint, keys and limits.
//!   `call`: reading requests strictly. `reply`: answers and refusals.
//! * `api`: the endpoints, one file for each service.
//! * `searches`, `contacts`, `lists`, `workspace`: what Pronto keeps, and how it
//!   goes on in the background. `webhook`: the only place that delivers.
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
//! switches.write().final_message = false;
//! # Ok(())
//! # }
//! ```

mod api;
mod call;
mod config;
mod contacts;
mod counters;
mod enrichment;
mod find;
mod find_accounts;
mod find_leads;
mod limits;
mod lists;
mod render;
mod reply;
mod router;
mod searches;
mod server;
mod state;
mod switches;
#[cfg(test)]
mod tests;
mod webhook;
mod workspace;
mod world;

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use config::{DEFAULT_API_KEY, Generation, SandboxConfig, StreamingShape};
pub use counters::Counters;
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
        let client = webhook::client()?;
        self.state.client.get_or_init(|| client);
        server::serve(self.state, listener, shutdown).await;
        Ok(())
    }
}
