//! What a sandbox has done so far, for tests and operators.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::proto::endpoint::Endpoint;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: HashMap<&'static str, u64>,
    attempted: u64,
    accepted: u64,
    credits: u64,
}

impl Counters {
    /// Requests that an endpoint received, refused ones included.
    #[must_use]
    pub fn requests(&self, endpoint: &Endpoint) -> u64 {
        self.0
            .lock()
            .requests
            .get(endpoint.rpc)
            .copied()
            .unwrap_or(0)
    }

    /// Webhook deliveries that were tried.
    #[must_use]
    pub fn webhooks_attempted(&self) -> u64 {
        self.0.lock().attempted
    }

    /// Webhook deliveries that were answered with a 2xx status.
    #[must_use]
    pub fn webhooks_accepted(&self) -> u64 {
        self.0.lock().accepted
    }

    /// Credits charged.
    #[must_use]
    pub fn credits_spent(&self) -> u64 {
        self.0.lock().credits
    }

    pub(super) fn count_request(&self, endpoint: &Endpoint) {
        *self.0.lock().requests.entry(endpoint.rpc).or_default() += 1;
    }

    pub(super) fn count_attempt(&self) {
        self.0.lock().attempted += 1;
    }

    pub(super) fn count_accepted(&self) {
        self.0.lock().accepted += 1;
    }

    pub(super) fn count_credits(&self, credits: u64) {
        self.0.lock().credits += credits;
    }
}
