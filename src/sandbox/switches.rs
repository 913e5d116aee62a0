//! What may change while a sandbox runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::config::SandboxConfig;
use super::faults::Faults;
use crate::proto::v1::{FinalMessage, Generation, StreamingShape};

/// A handle to the switches of a running sandbox. Take the lock shortly; each
/// request and each delivery reads the switches anew.
pub type SwitchHandle = Arc<RwLock<Switches>>;

/// How the sandbox behaves now. `sandbox.proto` describes the same fields as its
/// users set them.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Which generation of results is sent.
    pub generation: Generation,
    /// The shape of streamed leads.
    pub streaming_shape: StreamingShape,
    /// How a streamed lead search ends.
    pub final_message: FinalMessage,
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
    /// What goes wrong.
    pub faults: Faults,
}

impl From<&SandboxConfig> for Switches {
    fn from(config: &SandboxConfig) -> Self {
        Self {
            generation: config.generation,
            streaming_shape: config.streaming_shape,
            final_message: config.final_message,
            personal_email_consent: config.personal_email_consent,
            rate_limits: config.rate_limits,
            pace: config.pace,
            sync_latency: config.sync_latency,
            credits: config.credits,
            restricted_keys: HashSet::new(),
            faults: config.faults.clone().into(),
        }
    }
}

impl Switches {
    /// Whether forms come by turns.
    pub(super) fn alternates(&self) -> bool {
        self.generation == Generation::Alternating
            || self.streaming_shape == StreamingShape::Alternating
    }

    /// The same with one form where forms alternate: in four turns every
    /// generation meets every shape.
    pub(super) fn at_turn(mut self, turn: u64) -> Self {
        if self.generation == Generation::Alternating {
            self.generation = match turn % 2 {
                0 => Generation::Observed,
                _ => Generation::Documented,
            };
        }
        if self.streaming_shape == StreamingShape::Alternating {
            self.streaming_shape = match turn / 2 % 2 {
                0 => StreamingShape::Flat,
                _ => StreamingShape::Nested,
            };
        }
        self
    }
}
