//! The store: its commits, and what it holds.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::Metric;

const COMMIT: &str = "pronto_grpc_store_commit_seconds";
const COMMIT_FAILURES: &str = "pronto_grpc_store_commit_failures_total";
const WRITABLE: &str = "pronto_grpc_store_writable";
const BYTES: &str = "pronto_grpc_store_bytes";
const JOBS: &str = "pronto_grpc_store_jobs";
const UNMATCHED: &str = "pronto_grpc_store_unmatched_callbacks";

/// Bounds of the times of commits that are told apart, in seconds.
const COMMITS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

pub const METRICS: &[Metric] = &[
    Metric::histogram(
        COMMIT,
        &[],
        COMMITS,
        "How long commits took, from their first write until the disk had them.",
    ),
    Metric::counter(
        COMMIT_FAILURES,
        &[],
        "Commits that did not get onto the disk.",
    ),
    Metric::gauge(
        WRITABLE,
        &[],
        "1 while the last commit got onto the disk, else 0, as before the store is open.",
    ),
    Metric::gauge(
        BYTES,
        &[],
        "Bytes that the store holds, counted each minute.",
    ),
    Metric::gauge(JOBS, &[], "Jobs that the store holds, counted each minute."),
    Metric::gauge(
        UNMATCHED,
        &[],
        "Callbacks without a job that the store holds, counted each minute.",
    ),
];

/// A commit got onto the disk.
pub fn commit_took(time: Duration) {
    histogram!(COMMIT).record(time.as_secs_f64());
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::jobs::store::sqlite::SqliteStore;

    #[test]
    fn a_store_is_writable_from_its_opening_on() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = |value: u8| {
            let text = recorder.handle().render();
            assert!(text.contains(&format!("{WRITABLE} {value}\n")), "{text}");
        };
        metrics::with_local_recorder(&recorder, || {
            crate::metrics::begin_all();
            shown(0);
            let data = tempfile::tempdir().unwrap();
            let _store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
            shown(1);
        });
    }
}
