//! How a sandbox starts.

use std::time::Duration;

use crate::proto::json::Spelling;
use crate::proto::v1::{FinalMessage, Generation, SandboxFault, StreamingShape};

/// The API key that a sandbox accepts unless told otherwise.
pub const DEFAULT_API_KEY: &str = "sandbox-key";

/// How a sandbox starts. What may change while it runs is copied into
/// [`super::Switches`].
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Which world: the same seed gives the same companies and people. Default 1.
    pub seed: u64,
    /// The API keys that are accepted. Default: [`DEFAULT_API_KEY`].
    pub api_keys: Vec<String>,
    /// Which generation of results is sent. Default: observed.
    pub generation: Generation,
    /// The shape of streamed leads. Default: flat.
    pub streaming_shape: StreamingShape,
    /// How a streamed lead search ends. Default: with a message of all leads.
    pub final_message: FinalMessage,
    /// Credits at the start. Default 100,000.
    pub credits: i64,
    /// Whether the terms of personal email enrichment were accepted. Default: yes.
    pub personal_email_consent: bool,
    /// Whether rate limits are enforced. Default: yes.
    pub rate_limits: bool,
    /// Time between two deliveries, or two steps of progress. Default 20 ms.
    pub pace: Duration,
    /// Companies of the world; at least one. Default 2,000.
    pub companies: usize,
    /// People of the world. Default 20,000.
    pub people: usize,
    /// How long a synchronous contact enrichment takes. Default 50 ms.
    pub sync_latency: Duration,
    /// What goes wrong. Default: nothing.
    pub faults: Vec<SandboxFault>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            api_keys: vec![DEFAULT_API_KEY.to_owned()],
            generation: Generation::Observed,
            streaming_shape: StreamingShape::Flat,
            final_message: FinalMessage::Repeating,
            credits: 100_000,
            personal_email_consent: true,
            rate_limits: true,
            pace: Duration::from_millis(20),
            companies: 2_000,
            people: 20_000,
            sync_latency: Duration::from_millis(50),
            faults: Vec::new(),
        }
    }
}

impl Generation {
    /// The spelling of its results. One that alternates has none of its own: by
    /// then its turn has decided.
    #[must_use]
    pub fn spelling(self) -> Spelling {
        match self {
            Self::Documented => Spelling::Documented,
            Self::Observed | Self::Alternating | Self::Unspecified => Spelling::Observed,
        }
    }
}
