//! What the server counts, for Prometheus. Names and help texts stand here, once.

use std::time::Duration;

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::proto::endpoint::Endpoint;

const CALLBACKS: &str = "pronto_grpc_callbacks_total";
const RESULTS: &str = "pronto_grpc_results_total";
const SUPPRESSED: &str = "pronto_grpc_results_suppressed_total";
const LATE: &str = "pronto_grpc_results_late_total";
const COMMIT_FAILURES: &str = "pronto_grpc_store_commit_failures_total";
const WRITABLE: &str = "pronto_grpc_store_writable";
const BYTES: &str = "pronto_grpc_store_bytes";
const JOBS: &str = "pronto_grpc_store_jobs";
const UNMATCHED: &str = "pronto_grpc_store_unmatched_callbacks";
const REQUESTS: &str = "pronto_grpc_upstream_requests_total";
const RETRIES: &str = "pronto_grpc_upstream_retries_total";
const RATE_LIMITED: &str = "pronto_grpc_upstream_rate_limited_total";
const IN_FLIGHT: &str = "pronto_grpc_upstream_in_flight";
const WAITING: &str = "pronto_grpc_upstream_waiting";
const WAITED: &str = "pronto_grpc_upstream_wait_seconds";
const REFUSALS: &str = "pronto_grpc_upstream_queue_refusals_total";
const RELOADED: &str = "pronto_grpc_config_reload_success";
const SHARED: &str = "pronto_grpc_upstream_shared_answers_total";
const DRIFT: &str = "pronto_grpc_vendor_drift_total";

/// Bounds of the waits that are told apart, in seconds: from no wait at all to that for
/// two requests a minute.
const WAITS: [f64; 11] = [
    0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0,
];

/// Counts from now on, for the whole process.
///
/// # Errors
///
/// When something counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(WAITED.to_owned()), &WAITS)?
        .install_recorder()?;
    describe_upstream();
    describe_counter!(
        CALLBACKS,
        "Callbacks by the HTTP status that answered them."
    );
    describe_counter!(RESULTS, "Results recorded, by what brought them.");
    describe_counter!(SUPPRESSED, "Results suppressed because they were known.");
    describe_counter!(LATE, "Results that came after their job had ended.");
    describe_counter!(COMMIT_FAILURES, "Commits that did not get onto the disk.");
    describe_gauge!(
        WRITABLE,
        "1 while the last commit got onto the disk, else 0."
    );
    describe_gauge!(BYTES, Unit::Bytes, "Bytes that the store holds.");
    describe_gauge!(JOBS, "Jobs that the store holds.");
    describe_gauge!(UNMATCHED, "Callbacks without a job that the store holds.");
    describe_gauge!(
        RELOADED,
        "1 while the files of keys, clients and certificates could be used when they last \
         changed, else 0."
    );
    gauge!(RELOADED).set(1);
    gauge!(WRITABLE).set(1);
    counter!(COMMIT_FAILURES).absolute(0);
    Ok(handle)
}

fn describe_upstream() {
    describe_counter!(
        REQUESTS,
        "Requests to Pronto by operation and outcome: ok, or the reason of the error."
    );
    describe_counter!(
        RETRIES,
        "Requests to Pronto that repeated one that failed, by operation."
    );
    describe_counter!(
        RATE_LIMITED,
        "Requests that Pronto answered 429, by operation."
    );
    describe_gauge!(IN_FLIGHT, "Requests to Pronto under way, by host.");
    describe_gauge!(
        WAITING,
        "Requests that wait for Pronto's rate limit or for others under way, by operation."
    );
    describe_histogram!(
        WAITED,
        Unit::Seconds,
        "How long requests of callers waited before they were sent, by operation."
    );
    describe_counter!(
        REFUSALS,
        "Calls refused because their turn would have come too late, by operation."
    );
    describe_counter!(
        SHARED,
        "Calls answered without a request of their own, by operation and source."
    );
    describe_counter!(
        DRIFT,
        "Fields, texts and types from Pronto that are not known, by operation and kind."
    );
}

/// A request to Pronto ended.
pub fn upstream_ended(endpoint: &Endpoint, outcome: &'static str) {
    counter!(REQUESTS, "operation" => endpoint.rpc, "outcome" => outcome).increment(1);
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

/// A callback was answered.
pub fn callback_answered(status: http::StatusCode) {
    counter!(CALLBACKS, "status" => status.as_str().to_owned()).increment(1);
}

/// Results were recorded.
pub fn results_recorded(source: &'static str, results: u64) {
    counter!(RESULTS, "source" => source).increment(results);
}

/// Results were suppressed.
pub fn results_suppressed(results: u64) {
    counter!(SUPPRESSED).increment(results);
}

/// Results came late.
pub fn results_late(results: u64) {
    counter!(LATE).increment(results);
}

/// A commit failed.
pub fn commit_failed() {
    counter!(COMMIT_FAILURES).increment(1);
}

/// Whether the store can be written.
pub fn store_writable(is_writable: bool) {
    gauge!(WRITABLE).set(if is_writable { 1.0 } else { 0.0 });
}

/// What the store holds.
pub fn store_holds(bytes: u64, jobs: u64, unmatched: u64) {
    gauge!(BYTES).set(bytes as f64);
    gauge!(JOBS).set(jobs as f64);
    gauge!(UNMATCHED).set(unmatched as f64);
}

/// Whether files that were read again could be used.
pub fn config_reloaded(is_usable: bool) {
    gauge!(RELOADED).set(if is_usable { 1.0 } else { 0.0 });
}
