//! Callbacks, the results that they bring, and the jobs that these belong to.

use metrics::{counter, gauge};

use super::{Metric, zero_each};
use crate::jobs::model::state_name;
use crate::proto::v1::JobState;

const ANSWERED: &str = "pronto_grpc_callbacks_total";
const COMMITTED: &str = "pronto_grpc_callbacks_committed_total";
const UNMATCHED: &str = "pronto_grpc_callbacks_unmatched_total";
const RESULTS: &str = "pronto_grpc_results_total";
const SUPPRESSED: &str = "pronto_grpc_results_suppressed_total";
const LATE: &str = "pronto_grpc_results_late_total";
const STARTED: &str = "pronto_grpc_jobs_started_total";
const ENDED: &str = "pronto_grpc_jobs_ended_total";
const JOBS: &str = "pronto_grpc_jobs";

/// The states of a job.
const STATES: [JobState; 6] = [
    JobState::Pending,
    JobState::Running,
    JobState::Completed,
    JobState::Incomplete,
    JobState::Failed,
    JobState::Cancelled,
];

pub const METRICS: &[Metric] = &[
    Metric::counter(
        ANSWERED,
        &["status"],
        "Callbacks received, by the HTTP status that answered them.",
    ),
    Metric::counter(
        COMMITTED,
        &[],
        "Callbacks of jobs that are on the disk: those answered 204.",
    ),
    Metric::counter(
        UNMATCHED,
        &["kind"],
        "Callbacks without a job: of a `purged` one, or of one `unknown` here.",
    ),
    Metric::counter(
        RESULTS,
        &["source"],
        "Results recorded, by what brought them: `callback` or `poll`.",
    ),
    Metric::counter(
        SUPPRESSED,
        &[],
        "Results suppressed because they were known.",
    ),
    Metric::counter(LATE, &[], "Results that came after their job had ended."),
    Metric::counter(
        STARTED,
        &["operation"],
        "Jobs started, by operation. Refused ones do not count.",
    ),
    Metric::counter(
        ENDED,
        &["operation", "state"],
        "Jobs that ended by themselves or at their deadline, by operation and state.",
    ),
    Metric::gauge(
        JOBS,
        &["state"],
        "Jobs that the store holds, by state, counted each minute.",
    ),
];

/// What alerts look at counts zero before it happens.
pub fn begin() {
    zero_each(ANSWERED, ["204", "400", "404", "408", "413", "503"]);
    zero_each(UNMATCHED, ["purged", "unknown"]);
    zero_each(RESULTS, ["callback", "poll"]);
    zero_each(JOBS, STATES.map(state_name));
}

/// A callback was answered.
pub fn callback_answered(status: http::StatusCode) {
    counter!(ANSWERED, "status" => status.as_str().to_owned()).increment(1);
}

/// A callback is on the disk.
pub fn callback_committed() {
    counter!(COMMITTED).increment(1);
}

/// A callback without a job came.
pub fn callback_unmatched(is_of_purged: bool) {
    let kind = if is_of_purged { "purged" } else { "unknown" };
    counter!(UNMATCHED, "kind" => kind).increment(1);
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

/// A job started.
pub fn job_started(operation: &'static str) {
    counter!(STARTED, "operation" => operation).increment(1);
}

/// A job ended.
pub fn job_ended(operation: &'static str, state: JobState) {
    counter!(ENDED, "operation" => operation, "state" => state_name(state)).increment(1);
}

/// The jobs that the store holds.
pub fn jobs_in_store(jobs: &[(JobState, u64)]) {
    for state in STATES {
        let of_state = jobs.iter().filter(|(known, _)| *known == state);
        let count: u64 = of_state.map(|(_, count)| count).sum();
        gauge!(JOBS, "state" => state_name(state)).set(count as f64);
    }
}
