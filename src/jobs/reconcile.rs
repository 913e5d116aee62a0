//! Asks Pronto how far a job is, and for what did not arrive.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

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
    Unknown,
    /// Pronto does not know it.
    Gone,
}

/// Asks Pronto once.
pub(super) async fn ask(shared: &Shared, job: &StoredJob, completion: Completion) -> Progress {
    let credential = shared.keyring.named(&job.credential);
    let (Some(credential), Some(id)) = (credential, job.upstream_id.clone()) else {
        return Progress::Unknown;
    };
    match completion {
        Completion::SearchStatus => {
            let request = GetSearchRequest {
                id,
                ..Default::default()
            };
            progress(
                shared.client.send(&credential, &request).await,
                search_progress,
            )
        }
        Completion::ContactStatus => {
            let request = GetContactEnrichmentRequest {
                id,
                ..Default::default()
            };
            progress(
                shared.client.send(&credential, &request).await,
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
        Err(failure) => {
            tracing::debug!(
                reason = failure.reason.as_str_name(),
                "Polling brought no answer."
            );
            Progress::Unknown
        }
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

/// After so many answers that Pronto does not know a job, it is not asked again.
const ENOUGH: u32 = 5;

/// When to ask next: soon at first, then ever more patiently.
#[derive(Debug)]
pub struct Pace {
    next: Option<Instant>,
    interval: Duration,
    max: Duration,
    in_vain: u32,
}

impl Pace {
    /// A pace that begins now.
    #[must_use]
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            next: Some(Instant::now() + first),
            interval: first,
            max,
            in_vain: 0,
        }
    }

    /// When to ask; never when there is no use.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// It was asked.
    pub fn asked(&mut self) {
        self.interval = (self.interval + self.interval / 2).min(self.max);
        self.next = Some(Instant::now() + self.interval);
    }

    /// Pronto did not know it. That may pass: what it has just created it may not
    /// find yet.
    pub fn asked_in_vain(&mut self) {
        self.in_vain += 1;
        match self.in_vain < ENOUGH {
            true => self.asked(),
            false => self.stop(),
        }
    }

    /// Something calls for asking now.
    pub fn hurry(&mut self) {
        if self.next.is_some() {
            self.next = Some(Instant::now());
        }
    }

    /// Asking is no use.
    pub fn stop(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pace_slows_down_to_its_maximum() {
        let mut pace = Pace::new(Duration::from_secs(2), Duration::from_secs(5));
        let wait = |pace: &Pace| pace.next().unwrap() - Instant::now();
        assert_eq!(wait(&pace), Duration::from_secs(2));
        pace.asked();
        assert_eq!(wait(&pace), Duration::from_secs(3));
        pace.asked();
        pace.asked();
        assert_eq!(wait(&pace), Duration::from_secs(5));
        pace.hurry();
        assert_eq!(wait(&pace), Duration::ZERO);
        pace.stop();
        pace.hurry();
        assert_eq!(pace.next(), None);
    }
}
