//! What may change while a sandbox runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::config::{Generation, SandboxConfig, StreamingShape};

/// A handle to the switches of a running sandbox. Take the lock shortly; each
/// request and each delivery reads the switches anew.
pub type SwitchHandle = Arc<RwLock<Switches>>;

/// How the sandbox behaves now.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Which generation of results is sent.
    pub generation: Generation,
    /// The shape of streamed leads.
    pub streaming_shape: StreamingShape,
    /// Whether a streamed lead search ends with a message of all leads.
    pub final_message: bool,
    /// Whether the first result is delivered, and its receiver's answer
    /// awaited, before the request that started the work is answered.
    pub callback_before_response: bool,
    /// Whether the terms of personal email enrichment were accepted.
    pub personal_email_consent: bool,
    /// Whether rate limits are enforced.
    pub rate_limits: bool,
    /// Time between two deliveries, or two steps of progress.
    pub pace: Duration,
    /// How long a synchronous contact enrichment takes.
    pub sync_latency: Duration,
    /// Credits that are left. Below zero when an enrichment that had started
    /// found more than was left for it.
    pub credits: i64,
    /// Keys that are valid but may only read account and credits.
    pub restricted_keys: HashSet<String>,
}

impl From<&SandboxConfig> for Switches {
    fn from(config: &SandboxConfig) -> Self {
        Self {
            generation: config.generation,
            streaming_shape: config.streaming_shape,
            final_message: config.final_message,
            callback_before_response: false,
            personal_email_consent: config.personal_email_consent,
            rate_limits: config.rate_limits,
            pace: config.pace,
            sync_latency: config.sync_latency,
            credits: config.credits,
            restricted_keys: HashSet::new(),
        }
    }
}
