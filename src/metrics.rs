//! What the server counts, for Prometheus. Names and help texts stand here, once.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

const CALLBACKS: &str = "pronto_grpc_callbacks_total";
const RESULTS: &str = "pronto_grpc_results_total";
const SUPPRESSED: &str = "pronto_grpc_results_suppressed_total";
const LATE: &str = "pronto_grpc_results_late_total";
const COMMIT_FAILURES: &str = "pronto_grpc_store_commit_failures_total";
const WRITABLE: &str = "pronto_grpc_store_writable";
const BYTES: &str = "pronto_grpc_store_bytes";
const JOBS: &str = "pronto_grpc_store_jobs";
const UNMATCHED: &str = "pronto_grpc_store_unmatched_callbacks";

/// Counts from now on, for the whole process.
///
/// # Errors
///
/// When something counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
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
    gauge!(WRITABLE).set(1);
    counter!(COMMIT_FAILURES).absolute(0);
    Ok(handle)
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
