//! What errors look like to clients. Reasons, codes, metadata and details are
//! documented in `errors.proto`.

mod access;
mod money;
mod report;

use std::time::Duration;

use tonic::{Code, Status};

use crate::jobs::model::StoredJob;
use crate::jobs::start::StartError;
use crate::jobs::store::StoreError;
use crate::jobs::stream::StreamEnd;
use crate::pronto::Failure;
use crate::proto::reason::name;
use crate::proto::v1::{ErrorReason, JobState};
use crate::proto::validate::Violations;

pub use access::{key_refused, unknown_client};
pub use money::{not_made, refused};
use report::Report;
pub use report::{DOMAIN, MAX_STATUS};

/// Wait so long before connecting to another server.
const DRAIN_RETRY: Duration = Duration::from_secs(1);

/// Wait so long until a server may have started.
const START_RETRY: Duration = Duration::from_secs(1);

fn status(reason: ErrorReason, message: impl AsRef<str>) -> Status {
    Report::new(reason, message).status()
}

/// An error that concerns a job.
fn of_job(reason: ErrorReason, message: impl AsRef<str>, job_id: &str) -> Report {
    Report::new(reason, message).with("job_id", job_id)
}

/// The request breaks rules.
#[must_use]
pub fn invalid(violations: Violations) -> Status {
    let count = violations.len();
    let first = violations.first();
    let message = match (first, count) {
        (Some(only), 1) => format!("{}: {}", only.field, only.description),
        (Some(first), _) => {
            format!(
                "{}: {} (and {} more)",
                first.field,
                first.description,
                count - 1
            )
        }
        (None, _) => "the request is invalid".to_owned(),
    };
    Report::new(ErrorReason::InvalidRequest, message)
        .violations(violations)
        .status()
}

/// No API key.
#[must_use]
pub fn no_key(message: &str) -> Status {
    status(ErrorReason::UnauthenticatedKey, message)
}

/// Pronto refused, or did not answer.
#[must_use]
pub fn failed(failure: &Failure) -> Status {
    call(failure).status()
}

/// Whether a job was started is not known; the job collects what comes.
#[must_use]
pub fn outcome_unknown(failure: &Failure, job_id: &str) -> Status {
    let unknown = Failure {
        reason: ErrorReason::OutcomeUnknown,
        // First, because what Pronto said may be long, and is cut.
        message: format!(
            "it is not known whether Pronto started job {job_id}; watch it: {}",
            failure.message
        ),
        ..failure.clone()
    };
    call(&unknown).with("job_id", job_id).status()
}

/// An error of a call to Pronto.
fn call(failure: &Failure) -> Report {
    let message = match &failure.upstream_message {
        Some(words) => format!("{}: {words}", failure.message),
        None => failure.message.clone(),
    };
    let mut report = Report::new(failure.reason, message)
        .with("endpoint", failure.endpoint.name())
        .retry_after(failure.retry_after);
    if let Some(http_status) = failure.http_status {
        report = report.with("http_status", http_status);
    }
    if let Some(words) = &failure.upstream_message {
        report = report.with("upstream_message", words);
    }
    report
}

/// Nothing was started.
#[must_use]
pub fn not_started(error: &StartError) -> Status {
    match error {
        StartError::Failed(failure) => failed(failure),
        StartError::Refused(refusal) => money::refused(refusal),
        StartError::Store(error) => store(error),
        StartError::Unrecorded { job_id, endpoint } => {
            let message = "Pronto answered, but the store failed; the job may be running";
            outcome_unknown(
                &Failure::new(ErrorReason::OutcomeUnknown, endpoint, message),
                job_id,
            )
        }
        StartError::UnderWay { job_id, endpoint } => {
            let message = "the server is stopping, and the first call with this request_id is \
                           not answered yet; repeat the request";
            outcome_unknown(
                &Failure::new(ErrorReason::OutcomeUnknown, endpoint, message),
                job_id,
            )
        }
        // The caller named no job, so it is told what its request has to do with one.
        StartError::Purged { request_id, job_id } => {
            of_job(ErrorReason::NotFound, error.to_string(), job_id)
                .with("request_id", request_id)
                .status()
        }
        StartError::NoCallbackUrl => status(
            ErrorReason::CallbackUrlNotConfigured,
            "results of this operation come by callback only: set the server's option \
             `callback-url` (PRONTO_GRPC_CALLBACK_URL) to its public https URL, or name a \
             webhook_url of your own in the Start RPC",
        ),
        StartError::StoreFull { size, limit } => {
            let message = format!("the store holds {size} bytes, and `max-store-size` is {limit}");
            Report::new(ErrorReason::StoreFull, message)
                .with("size", size)
                .with("limit", limit)
                .status()
        }
        StartError::Internal(message) => internal(message),
    }
}

/// The server has not started yet.
#[must_use]
pub fn starting() -> Status {
    let message = "the server starts; try again";
    Report::new(ErrorReason::Starting, message)
        .retry_after(Some(START_RETRY))
        .status()
}

/// The server ends, and begins no stream.
#[must_use]
pub fn draining() -> Status {
    let message = "the server is shutting down, and nothing was started; connect again";
    Report::new(ErrorReason::Draining, message)
        .retry_after(Some(DRAIN_RETRY))
        .status()
}

/// Something failed inside the server.
#[must_use]
pub fn internal(what: &str) -> Status {
    tracing::error!(what, "Something failed inside the server.");
    status(ErrorReason::Internal, what)
}

/// tonic refused a request that it could not read; none when that is not what it says.
#[must_use]
pub fn unread(bare: &Status) -> Option<Status> {
    let reason = match bare.code() {
        Code::Unimplemented => ErrorReason::Unimplemented,
        Code::OutOfRange | Code::ResourceExhausted => ErrorReason::MessageTooLarge,
        Code::Internal => ErrorReason::MalformedMessage,
        _ => return None,
    };
    let message = match bare.message() {
        "" => "there is no such method",
        message => message,
    };
    let mut explained = status(reason, message);
    // It may name the compressions that are known.
    *explained.metadata_mut() = bare.metadata().clone();
    Some(explained)
}

/// The store failed, or refused a change.
#[must_use]
pub fn store(error: &StoreError) -> Status {
    match error {
        StoreError::NoSuchJob(id) => no_job(id),
        StoreError::AlreadyEnded { id, state } => {
            let message = format!("job {id} has already ended");
            of_job(ErrorReason::JobFinished, message, id)
                .with("state", state.as_str_name())
                .status()
        }
        StoreError::Engine(_) | StoreError::Closed => {
            tracing::error!(%error, "The store failed.");
            status(ErrorReason::StoreUnavailable, "the store failed")
        }
    }
}

/// The job must have ended before.
#[must_use]
pub fn not_finished(job: &StoredJob) -> Status {
    let message = format!("job {} has not ended; cancel it first", job.id);
    of_job(ErrorReason::JobNotFinished, message, &job.id)
        .with("state", job.state.as_str_name())
        .status()
}

/// The job does not exist, or belongs to another credential.
#[must_use]
pub fn no_job(id: &str) -> Status {
    // Ids of ours have 36 characters; others come from the caller.
    let id: String = id.chars().take(64).collect();
    let message = format!("there is no job {id:?} of this API key");
    of_job(
        ErrorReason::NotFound,
        message,
        &id.escape_default().to_string(),
    )
    .status()
}

/// A cursor beyond the end of a job's log.
#[must_use]
pub fn beyond_end(job: &StoredJob, after: i64) -> Status {
    let last = job.last_sequence;
    let message = format!("after_sequence {after} is beyond the last event, {last}");
    of_job(ErrorReason::SequenceOutOfRange, message, &job.id)
        .with("last_sequence", last)
        .status()
}

/// A cursor before the oldest event that is kept.
#[must_use]
pub fn expired(job_id: &str, oldest_sequence: i64) -> Status {
    let message = format!("events before sequence {oldest_sequence} are no longer kept");
    of_job(ErrorReason::SequenceExpired, message, job_id)
        .with("oldest_sequence", oldest_sequence)
        .status()
}

/// The caller's deadline passed.
#[must_use]
pub fn deadline() -> Status {
    status(ErrorReason::DeadlineExceeded, "the deadline has passed")
}

/// The caller's deadline passed while it followed a job, which goes on.
#[must_use]
pub fn deadline_of_job(job_id: &str, last_sequence: i64) -> Status {
    let message =
        format!("the deadline has passed; continue with WatchJob after sequence {last_sequence}");
    of_job(ErrorReason::DeadlineExceeded, message, job_id)
        .with("last_sequence", last_sequence)
        .status()
}

/// A stream ends without `completed`.
#[must_use]
pub fn stream_end(end: StreamEnd) -> Status {
    match end {
        StreamEnd::Job(job) => job_end(&job),
        StreamEnd::Store(error) => store(&error),
        StreamEnd::Expired {
            job_id,
            oldest_sequence,
        } => expired(&job_id, oldest_sequence),
        StreamEnd::Deadline {
            job_id,
            last_sequence,
        } => deadline_of_job(&job_id, last_sequence),
        StreamEnd::Draining {
            job_id,
            last_sequence,
        } => {
            let message = format!(
                "the server is shutting down; continue with WatchJob after sequence {last_sequence}"
            );
            elsewhere(ErrorReason::Draining, message, &job_id, last_sequence)
        }
        StreamEnd::TooOld {
            job_id,
            last_sequence,
        } => {
            let message = format!(
                "the stream is as old as streams become; continue with WatchJob after sequence \
                 {last_sequence}"
            );
            elsewhere(ErrorReason::StreamTooOld, message, &job_id, last_sequence)
        }
    }
}

/// A stream goes on over another connection.
fn elsewhere(reason: ErrorReason, message: String, job_id: &str, last_sequence: i64) -> Status {
    of_job(reason, message, job_id)
        .with("last_sequence", last_sequence)
        .retry_after(Some(DRAIN_RETRY))
        .status()
}

fn job_end(job: &StoredJob) -> Status {
    let id = &job.id;
    let failure = job.failure.clone().unwrap_or_default();
    let end = match job.state {
        JobState::Cancelled => of_job(
            ErrorReason::JobCancelled,
            format!("job {id} was cancelled"),
            id,
        ),
        _ => {
            let message = format!("job {id} failed: {}", failure.message);
            of_job(ErrorReason::JobFailed, message, id).with("cause", name(failure.reason()))
        }
    };
    end.with("last_sequence", job.last_sequence).status()
}

#[cfg(test)]
mod tests;
