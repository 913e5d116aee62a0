//! What a sandbox has done so far, for tests and operators.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use parking_lot::Mutex;

use crate::proto::endpoint::Endpoint;
use crate::proto::v1::{FaultKind, RateCounters, SandboxCounters};

/// Counts since the start, or the last reset.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: HashMap<&'static str, u64>,
    attempted: u64,
    accepted: u64,
    credits: u64,
    faults: BTreeMap<&'static str, u64>,
    rates: HashMap<&'static str, Rate>,
}

#[derive(Debug, Default)]
struct Rate {
    accepted: u64,
    refused: u64,
    /// The first and the last request that was let in.
    span: Option<(Instant, Instant)>,
}

impl Rate {
    fn describe(&self) -> RateCounters {
        let span = self.span.map(|(first, last)| last - first);
        RateCounters {
            accepted: self.accepted,
            refused: self.refused,
            span: span.and_then(|span| span.try_into().ok()),
        }
    }
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

    /// How often a kind of fault struck.
    #[must_use]
    pub fn faults(&self, kind: FaultKind) -> u64 {
        let counts = self.0.lock();
        counts.faults.get(kind.as_str_name()).copied().unwrap_or(0)
    }

    /// All of them, beside how much is under way.
    #[must_use]
    pub fn describe(&self, under_way: u64) -> SandboxCounters {
        let counts = self.0.lock();
        let named = |(name, count): (&&'static str, &u64)| ((*name).to_owned(), *count);
        SandboxCounters {
            under_way,
            requests: counts.requests.iter().map(named).collect(),
            webhooks_attempted: counts.attempted,
            webhooks_accepted: counts.accepted,
            credits_spent: counts.credits,
            faults: counts.faults.iter().map(named).collect(),
            rates: counts
                .rates
                .iter()
                .map(|(rpc, rate)| ((*rpc).to_owned(), rate.describe()))
                .collect(),
        }
    }

    pub(super) fn reset(&self) {
        *self.0.lock() = Counts::default();
    }

    pub(super) fn count_fault(&self, kind: FaultKind) {
        let mut counts = self.0.lock();
        *counts.faults.entry(kind.as_str_name()).or_default() += 1;
    }

    pub(super) fn count_request(&self, endpoint: &Endpoint) {
        *self.0.lock().requests.entry(endpoint.rpc).or_default() += 1;
    }

    /// The rate limit of an endpoint decided about a request.
    pub(super) fn count_rated(&self, endpoint: &Endpoint, is_accepted: bool, now: Instant) {
        let mut counts = self.0.lock();
        let rate = counts.rates.entry(endpoint.rpc).or_default();
        if is_accepted {
            rate.accepted += 1;
            let first = rate.span.map_or(now, |(first, _)| first);
            rate.span = Some((first, now));
        } else {
            rate.refused += 1;
        }
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
