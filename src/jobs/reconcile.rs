//! Asks Pronto how far a job is, and for what did not arrive.

use std::time::Duration;

use bytes::Bytes;

use super::model::StoredJob;
use super::service::Shared;
use crate::pronto::Failure;
use crate::pronto::client::read_answer;
use crate::proto::endpoint::UpstreamRequest;
use crate::proto::v1::{
    Completion, EnrichmentStatus, ErrorReason, GetContactEnrichmentRequest,
    GetContactEnrichmentResponse, GetSearchRequest, SearchProgress, SearchStatus,
};
use crate::proto::wire::WireEnum;

/// What Pronto says about a job.
#[derive(Debug)]
pub enum Progress {
    /// It is at work.
    Running,
    /// It has finished; the body has the results.
    Finished(Bytes),
    /// It has failed; the body has the results so far.
    Failed {
        /// The body.
        body: Bytes,
        /// Why.
        reason: ErrorReason,
        /// Pronto's word for it.
        status: String,
    },
    /// Pronto does not answer now.
    Unknown {
        /// How long it wishes not to be asked.
        retry_after: Option<Duration>,
    },
    /// Pronto does not know it.
    Gone,
    /// Its search was found: this is Pronto's id.
    Located(String),
}

impl Progress {
    /// Nobody could be asked.
    pub(super) const UNKNOWN: Self = Self::Unknown { retry_after: None };

    /// A question was not answered.
    pub(super) fn unanswered(failure: &Failure) -> Self {
        tracing::debug!(
            reason = failure.reason.as_str_name(),
            "Polling brought no answer."
        );
        Self::Unknown {
            retry_after: failure.retry_after,
        }
    }
}

/// Asks Pronto once.
pub(super) async fn ask(shared: &Shared, job: &StoredJob, completion: Completion) -> Progress {
    let credential = shared.keyring.named(&job.credential);
    let (Some(credential), Some(id)) = (credential, job.upstream_id.clone()) else {
        return Progress::UNKNOWN;
    };
    let patience = shared.options.max_poll_interval;
    match completion {
        Completion::SearchStatus => {
            let request = GetSearchRequest {
                id,
                ..Default::default()
            };
            progress(
                shared.client.poll(&credential, &request, patience).await,
                search_progress,
            )
        }
        Completion::ContactStatus => {
            let request = GetContactEnrichmentRequest {
                id,
                ..Default::default()
            };
            progress(
                shared.client.poll(&credential, &request, patience).await,
                contact_progress,
            )
        }
        _ => Progress::Gone,
    }
}

fn progress(
    answer: Result<Bytes, Failure>,
    read: impl Fn(Bytes) -> Result<Progress, Failure>,
) -> Progress {
    match answer.and_then(read) {
        Ok(progress) => progress,
        Err(failure) if failure.reason == ErrorReason::NotFound => Progress::Gone,
        Err(failure) => Progress::unanswered(&failure),
    }
}

fn search_progress(body: Bytes) -> Result<Progress, Failure> {
    let answer: SearchProgress = read_answer(GetSearchRequest::ENDPOINT, &body)?;
    let status = answer
        .search
        .and_then(|search| search.status)
        .unwrap_or_default();
    let failed = |reason| Progress::Failed {
        body: body.clone(),
        reason,
        status: status.clone(),
    };
    Ok(match SearchStatus::from_wire(&status) {
        Some(SearchStatus::Finished) => Progress::Finished(body),
        Some(SearchStatus::RateLimited) => failed(ErrorReason::RateLimited),
        Some(SearchStatus::Unauthorized) => failed(ErrorReason::UnauthenticatedKey),
        Some(SearchStatus::Forbidden) => failed(ErrorReason::KeyNotAllowed),
        Some(SearchStatus::Error) => failed(ErrorReason::JobFailed),
        Some(SearchStatus::NotStarted | SearchStatus::Ongoing | SearchStatus::Unspecified)
        | None => Progress::Running,
    })
}

fn contact_progress(body: Bytes) -> Result<Progress, Failure> {
    let answer: GetContactEnrichmentResponse =
        read_answer(GetContactEnrichmentRequest::ENDPOINT, &body)?;
    let status = answer
        .contact
        .and_then(|contact| contact.status)
        .unwrap_or_default();
    Ok(match EnrichmentStatus::from_wire(&status) {
        None | Some(EnrichmentStatus::Pending | EnrichmentStatus::Unspecified) => Progress::Running,
        Some(_) => Progress::Finished(body),
    })
}
