//! What errors look like to clients. The reasons are documented in
//! `errors.proto`; this table gives each its code and details.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use super::status_money;
use crate::jobs::model::StoredJob;
use crate::jobs::start::StartError;
use crate::jobs::store::StoreError;
use crate::jobs::stream::StreamEnd;
use crate::pronto::Failure;
use crate::proto::v1::{ErrorReason, JobState};
use crate::proto::validate::Violations;

/// The domain of all reasons.
pub const DOMAIN: &str = "pronto.v1";

/// Field violations beyond so many are counted, not listed: they travel in HTTP/2
/// headers, which clients limit.
const MAX_VIOLATIONS: usize = 25;

/// Wait so long before connecting to another server.
const DRAIN_RETRY: Duration = Duration::from_secs(1);

/// The code of a reason.
#[must_use]
pub fn code(reason: ErrorReason) -> Code {
    match reason {
        ErrorReason::InvalidRequest | ErrorReason::UpstreamRejected => Code::InvalidArgument,
        ErrorReason::UnauthenticatedKey => Code::Unauthenticated,
        ErrorReason::KeyNotAllowed => Code::PermissionDenied,
        ErrorReason::NotFound => Code::NotFound,
        ErrorReason::RateLimited
        | ErrorReason::InsufficientCredits
        | ErrorReason::PlanLimit
        | ErrorReason::BudgetExceeded
        | ErrorReason::StoreFull => Code::ResourceExhausted,
        ErrorReason::RequestIdReused => Code::AlreadyExists,
        ErrorReason::ConsentRequired
        | ErrorReason::SalesNavigatorRequired
        | ErrorReason::CallbackUrlNotConfigured
        | ErrorReason::JobFailed
        | ErrorReason::JobFinished
        | ErrorReason::JobNotFinished => Code::FailedPrecondition,
        ErrorReason::UpstreamUnavailable
        | ErrorReason::Draining
        | ErrorReason::StoreUnavailable => Code::Unavailable,
        ErrorReason::UpstreamTimeout | ErrorReason::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorReason::UpstreamMalformed | ErrorReason::Internal => Code::Internal,
        ErrorReason::OutcomeUnknown | ErrorReason::Unspecified => Code::Unknown,
        ErrorReason::JobCancelled => Code::Aborted,
        ErrorReason::SequenceOutOfRange | ErrorReason::SequenceExpired => Code::OutOfRange,
    }
}

/// The name of a reason as `google.rpc.ErrorInfo` carries it.
#[must_use]
pub fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

pub(super) type Metadata = HashMap<String, String>;

pub(super) fn metadata<const N: usize>(entries: [(&str, String); N]) -> Metadata {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

pub(super) fn details(reason: ErrorReason, metadata: Metadata) -> ErrorDetails {
    ErrorDetails::with_error_info(name(reason), DOMAIN, metadata)
}

fn status(reason: ErrorReason, message: impl Into<String>, metadata: Metadata) -> Status {
    Status::with_error_details(code(reason), message, details(reason, metadata))
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
    let mut details = details(ErrorReason::InvalidRequest, Metadata::new());
    let listed = violations.into_iter().take(MAX_VIOLATIONS);
    details.set_bad_request(
        listed
            .map(|v| FieldViolation::new(v.field, v.description))
            .collect::<Vec<_>>(),
    );
    Status::with_error_details(code(ErrorReason::InvalidRequest), message, details)
}

/// No API key.
#[must_use]
pub fn no_key(message: &str) -> Status {
    status(ErrorReason::UnauthenticatedKey, message, Metadata::new())
}

/// Pronto refused, or did not answer.
#[must_use]
pub fn failed(failure: &Failure) -> Status {
    failed_with(failure, Metadata::new())
}

/// Whether a job was started is not known; the job collects what comes.
#[must_use]
pub fn outcome_unknown(failure: &Failure, job_id: &str) -> Status {
    let unknown = Failure {
        reason: ErrorReason::OutcomeUnknown,
        ..failure.clone()
    };
    failed_with(&unknown, metadata([("job_id", job_id.to_owned())]))
}

fn failed_with(failure: &Failure, mut metadata: Metadata) -> Status {
    metadata.insert("endpoint".to_owned(), failure.endpoint.name());
    if let Some(http_status) = failure.http_status {
        metadata.insert("http_status".to_owned(), http_status.to_string());
    }
    let message = match &failure.upstream_message {
        Some(words) => format!("{}: {words}", failure.message),
        None => failure.message.clone(),
    };
    if let Some(words) = &failure.upstream_message {
        metadata.insert("upstream_message".to_owned(), words.clone());
    }
    let mut details = details(failure.reason, metadata);
    if let Some(retry_after) = failure.retry_after {
        details.set_retry_info(Some(retry_after));
    }
    Status::with_error_details(code(failure.reason), message, details)
}

/// Nothing was started.
#[must_use]
pub fn not_started(error: &StartError) -> Status {
    match error {
        StartError::Failed(failure) => failed(failure),
        StartError::Refused(refusal) => status_money::refused(refusal),
        StartError::Store(error) => store(error),
        StartError::Unrecorded { job_id, endpoint } => {
            let message = "Pronto answered, but the store failed; the job may be running";
            outcome_unknown(
                &Failure::new(ErrorReason::OutcomeUnknown, endpoint, message),
                job_id,
            )
        }
        StartError::NoCallbackUrl => status(
            ErrorReason::CallbackUrlNotConfigured,
            "results of this operation come by callback only: set the server's option \
             `callback-url` (PRONTO_GRPC_CALLBACK_URL) to its public https URL, or name a \
             webhook_url of your own in the Start RPC",
            Metadata::new(),
        ),
        StartError::StoreFull { size, limit } => status(
            ErrorReason::StoreFull,
            format!("the store holds {size} bytes, and `max-store-size` is {limit}"),
            metadata([("size", size.to_string()), ("limit", limit.to_string())]),
        ),
        StartError::Internal(message) => internal(message),
    }
}

/// Something failed inside the server.
#[must_use]
pub fn internal(what: &str) -> Status {
    tracing::error!(what, "Something failed inside the server.");
    status(ErrorReason::Internal, what, Metadata::new())
}

/// The store failed, or refused a change.
#[must_use]
pub fn store(error: &StoreError) -> Status {
    match error {
        StoreError::NoSuchJob(id) => no_job(id),
        StoreError::AlreadyEnded { id, state } => status(
            ErrorReason::JobFinished,
            format!("job {id} has already ended"),
            metadata([
                ("job_id", id.clone()),
                ("state", state.as_str_name().to_owned()),
            ]),
        ),
        StoreError::Engine(_) | StoreError::Closed => {
            tracing::error!(%error, "The store failed.");
            status(
                ErrorReason::StoreUnavailable,
                "the store failed",
                Metadata::new(),
            )
        }
    }
}

/// The job must have ended before.
#[must_use]
pub fn not_finished(job: &StoredJob) -> Status {
    status(
        ErrorReason::JobNotFinished,
        format!("job {} has not ended; cancel it first", job.id),
        metadata([
            ("job_id", job.id.clone()),
            ("state", job.state.as_str_name().to_owned()),
        ]),
    )
}

/// The job does not exist, or belongs to another credential.
#[must_use]
pub fn no_job(id: &str) -> Status {
    // Ids of ours have 36 characters; others come from the caller.
    let id: String = id.chars().take(64).collect();
    status(
        ErrorReason::NotFound,
        format!("there is no job {id:?} of this API key"),
        metadata([("job_id", id.escape_default().to_string())]),
    )
}

/// A cursor beyond the end of a job's log.
#[must_use]
pub fn beyond_end(job: &StoredJob, after: i64) -> Status {
    status(
        ErrorReason::SequenceOutOfRange,
        format!(
            "after_sequence {after} is beyond the last event, {}",
            job.last_sequence
        ),
        position(&job.id, job.last_sequence),
    )
}

/// A cursor before the oldest event that is kept.
#[must_use]
pub fn expired(job_id: &str, oldest_sequence: i64) -> Status {
    status(
        ErrorReason::SequenceExpired,
        format!("events before sequence {oldest_sequence} are no longer kept"),
        metadata([
            ("job_id", job_id.to_owned()),
            ("oldest_sequence", oldest_sequence.to_string()),
        ]),
    )
}

fn position(job_id: &str, last_sequence: i64) -> Metadata {
    metadata([
        ("job_id", job_id.to_owned()),
        ("last_sequence", last_sequence.to_string()),
    ])
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
        StreamEnd::Draining {
            job_id,
            last_sequence,
        } => {
            let reason = ErrorReason::Draining;
            let message = format!(
                "the server is shutting down; continue with WatchJob after sequence {last_sequence}"
            );
            let mut details = details(reason, position(&job_id, last_sequence));
            details.set_retry_info(Some(DRAIN_RETRY));
            Status::with_error_details(code(reason), message, details)
        }
    }
}

fn job_end(job: &StoredJob) -> Status {
    let mut metadata = position(&job.id, job.last_sequence);
    let id = &job.id;
    if job.state == JobState::Cancelled {
        return status(
            ErrorReason::JobCancelled,
            format!("job {id} was cancelled"),
            metadata,
        );
    }
    let failure = job.failure.clone().unwrap_or_default();
    metadata.insert("cause".to_owned(), name(failure.reason()).to_owned());
    let message = format!("job {id} failed: {}", failure.message);
    status(ErrorReason::JobFailed, message, metadata)
}
