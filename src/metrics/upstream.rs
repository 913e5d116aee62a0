//! Requests to Pronto.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::Metric;
use crate::proto::endpoint::Endpoint;

const REQUESTS: &str = "pronto_grpc_upstream_requests_total";
const TIME: &str = "pronto_grpc_upstream_seconds";
const RETRIES: &str = "pronto_grpc_upstream_retries_total";
const RATE_LIMITED: &str = "pronto_grpc_upstream_rate_limited_total";
const IN_FLIGHT: &str = "pronto_grpc_upstream_in_flight";
const WAITING: &str = "pronto_grpc_upstream_waiting";
const WAITED: &str = "pronto_grpc_upstream_wait_seconds";
const REFUSALS: &str = "pronto_grpc_upstream_queue_refusals_total";
const SHARED: &str = "pronto_grpc_upstream_shared_answers_total";

/// Bounds of the waits that are told apart, in seconds: from no wait at all to that for
/// two requests a minute.
const WAITS: &[f64] = &[
    0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0,
];

/// Bounds of the times of answers that are told apart, in seconds.
const TIMES: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

const DRIFT: &str = "pronto_grpc_vendor_drift_total";

pub const METRICS: &[Metric] = &[
    Metric::counter(
        REQUESTS,
        &["operation", "outcome", "key"],
        "Requests to Pronto by operation, by outcome (ok, or the reason of the error), and by \
         whose key it was: `configured` here, or `brought` by the caller.",
    ),
    Metric::histogram(
        TIME,
        &["operation"],
        TIMES,
        "How long Pronto took to answer, without waits for rate limits, by operation.",
    ),
    Metric::counter(
        RETRIES,
        &["operation"],
        "Requests to Pronto that repeated one that failed, by operation.",
    ),
    Metric::counter(
        RATE_LIMITED,
        &["operation"],
        "Requests that Pronto answered 429, by operation.",
    ),
    Metric::gauge(
        IN_FLIGHT,
        &["host"],
        "Requests to Pronto under way, by host.",
    ),
    Metric::gauge(
        WAITING,
        &["operation"],
        "Requests that wait for Pronto's rate limit or for others under way, by operation.",
    ),
    Metric::histogram(
        WAITED,
        &["operation"],
        WAITS,
        "How long requests of callers waited before they were sent, by operation.",
    ),
    Metric::counter(
        REFUSALS,
        &["operation"],
        "Calls refused because their turn would have come too late, by operation.",
    ),
    Metric::counter(
        SHARED,
        &["operation", "source"],
        "Calls answered without a request of their own, by operation and source: `flight` where \
         it waited for the request of another, `cache` where that had ended before.",
    ),
    Metric::counter(
        DRIFT,
        &["operation", "kind"],
        "Fields, texts and types from Pronto that are not known, by operation and kind.",
    ),
];

/// A request to Pronto ended.
pub fn upstream_ended(endpoint: &Endpoint, outcome: &'static str, is_brought: bool) {
    let key = if is_brought { "brought" } else { "configured" };
    let labels = [
        ("operation", endpoint.rpc),
        ("outcome", outcome),
        ("key", key),
    ];
    counter!(REQUESTS, &labels).increment(1);
}

/// A request to Pronto took so long, answered or not.
pub fn upstream_took(endpoint: &Endpoint, time: Duration) {
    histogram!(TIME, "operation" => endpoint.rpc).record(time.as_secs_f64());
}

/// A request to Pronto is repeated.
pub fn upstream_retried(endpoint: &Endpoint) {
    counter!(RETRIES, "operation" => endpoint.rpc).increment(1);
}

/// Pronto answered 429.
pub fn upstream_rate_limited(endpoint: &Endpoint) {
    counter!(RATE_LIMITED, "operation" => endpoint.rpc).increment(1);
}

/// More or fewer requests to Pronto are under way.
pub fn upstream_in_flight(is_main: bool, change: f64) {
    let host = if is_main { "main" } else { "synchronous" };
    gauge!(IN_FLIGHT, "host" => host).increment(change);
}

/// More or fewer requests wait for their turn.
pub fn upstream_waiting(endpoint: &Endpoint, change: f64) {
    gauge!(WAITING, "operation" => endpoint.rpc).increment(change);
}

/// A request of a caller had its turn.
pub fn upstream_waited(endpoint: &Endpoint, time: Duration) {
    histogram!(WAITED, "operation" => endpoint.rpc).record(time.as_secs_f64());
}

/// A call was refused instead of letting it wait.
pub fn upstream_refused(endpoint: &Endpoint) {
    counter!(REFUSALS, "operation" => endpoint.rpc).increment(1);
}

/// A call was answered by the request of another: `flight` when both waited for it,
/// `cache` when it had ended before.
pub fn upstream_shared(operation: &'static str, source: &'static str) {
    counter!(SHARED, "operation" => operation, "source" => source).increment(1);
}

/// Pronto sent so often what is not known.
pub fn vendor_drifted(operation: &'static str, kind: &'static str, times: u64) {
    counter!(DRIFT, "operation" => operation, "kind" => kind).increment(times);
}
