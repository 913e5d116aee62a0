//! Finds the search of a job whose start was not answered. It may have been carried
//! out and charged, so it is searched for and never sent again.
//!
//! A search without a name is named after its job, which makes the match exact. A
//! caller's own name may be that of other searches, too, and some searches have none:
//! then the time of creation decides, and only when no other search and no other job
//! can be meant.

mod rivals;
mod span;

use std::time::SystemTime;

use self::rivals::has_rival;
use self::span::{CLOCK_SKEW, Span, longest_start};
use super::model::StoredJob;
use super::reconcile::Progress;
use super::service::Shared;
use super::store::StoreError;
use crate::pronto::client::read_answer;
use crate::proto::endpoint::{Endpoint, UpstreamRequest};
use crate::proto::v1::{Completion, ListSearchesRequest, ListSearchesResponse, Search};

/// How the names that we give begin.
const PREFIX: &str = "pronto-grpc ";

/// The name of a job's search, when its caller gave none.
#[must_use]
pub fn own_name(job_id: &str) -> String {
    format!("{PREFIX}{job_id}")
}

/// Whether Pronto's list of searches shows what this endpoint starts.
#[must_use]
pub fn can_be_located(endpoint: &Endpoint) -> bool {
    let completion = endpoint.late.as_ref().map(|late| late.completion);
    matches!(
        completion,
        Some(Completion::SearchStatus | Completion::Never)
    )
}

/// Looks for a job's search once.
pub(super) async fn ask(shared: &Shared, job: &StoredJob) -> Progress {
    let Some(credential) = shared.keyring.named(&job.credential) else {
        return Progress::UNKNOWN;
    };
    if !is_own(job) && !is_in_memory(shared, job) {
        return Progress::Gone;
    }
    let request = ListSearchesRequest::default();
    let patience = shared.options.max_poll_interval;
    let answer = shared.client.poll(&credential, &request, patience).await;
    let read = |body: bytes::Bytes| -> Result<ListSearchesResponse, _> {
        read_answer(ListSearchesRequest::ENDPOINT, &body)
    };
    let listed = match answer.and_then(read) {
        Ok(listed) => listed,
        Err(failure) => return Progress::unanswered(&failure),
    };
    // The list may lag behind: a search that is not in it may still come.
    match only_match(shared, job, listed.searches).await {
        Ok(Some(id)) => Progress::Located(id),
        Ok(None) => Progress::Running,
        Err(error) => {
            tracing::error!(job_id = job.id, %error, "Searches cannot be compared with jobs.");
            Progress::UNKNOWN
        }
    }
}

/// The one search that only this job can have started.
async fn only_match(
    shared: &Shared,
    job: &StoredJob,
    searches: Vec<Search>,
) -> Result<Option<String>, StoreError> {
    let span = Span::of(shared, job).await?;
    let mut ids: Vec<String> = searches
        .into_iter()
        .filter(|search| may_be(job, search, &span))
        .filter_map(|search| search.id)
        .collect();
    if ids.is_empty() {
        return Ok(None);
    }
    // Read after the list: who started one of these searches is stored by now.
    let claimed = shared.store.known_upstream_ids(ids.clone()).await?;
    ids.retain(|id| !claimed.contains(id));
    ids.sort_unstable();
    ids.dedup();
    let only = ids.pop().filter(|_| ids.is_empty());
    if only.is_none() || is_own(job) || !has_rival(shared, job, &span).await? {
        return Ok(only);
    }
    Ok(None)
}

fn is_own(job: &StoredJob) -> bool {
    job.search_name.as_deref() == Some(&own_name(&job.id))
}

/// Whether all jobs that may have started a search at the same time are there, or are
/// remembered: what was purged is, for as long as jobs are kept.
fn is_in_memory(shared: &Shared, job: &StoredJob) -> bool {
    let earliest = job.created - longest_start(shared) - 2 * CLOCK_SKEW;
    SystemTime::now() < earliest + shared.options.retention
}

fn may_be(job: &StoredJob, search: &Search, span: &Span) -> bool {
    let name = search.name.as_deref();
    let has_its_name = name == job.search_name.as_deref();
    let created = search.created_at.map(SystemTime::try_from);
    let is_in_time = matches!(created, Some(Ok(created)) if span.contains(created));
    match &job.search_name {
        Some(_) if is_own(job) => has_its_name,
        Some(_) => has_its_name && is_in_time,
        // Pronto names it, and not as we do.
        None => is_in_time && !name.is_some_and(|name| name.starts_with(PREFIX)),
    }
}
