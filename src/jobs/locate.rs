//! Finds the search of a job whose start was not answered. It may have been carried
//! out and charged, so it is searched for and never sent again.
//!
//! A search without a name is named after its job, which makes the match exact. A
//! caller's own name may be that of other searches, too, and some searches have none:
//! then the time of creation decides, and only when no other search and no other job
//! can be meant.

use std::time::{Duration, SystemTime};

use super::model::{JobPage, StoredJob};
use super::reconcile::Progress;
use super::service::Shared;
use super::store::StoreError;
use crate::pronto::client::read_answer;
use crate::proto::endpoint::{Endpoint, UpstreamRequest};
use crate::proto::v1::{Completion, JobState, ListSearchesRequest, ListSearchesResponse, Search};

/// How far Pronto's clock may be from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// So long a start may wait for its turn before it is sent.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// So many jobs are read at once.
const PAGE: usize = 200;

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

/// Whether the search may have been started by another job that looks the same and
/// does not know its own either.
async fn has_rival(shared: &Shared, job: &StoredJob, span: &Span) -> Result<bool, StoreError> {
    let earliest = span.start - longest_start(shared) - CLOCK_SKEW;
    let mut before = Some((span.end + CLOCK_SKEW, String::new()));
    loop {
        let page = JobPage {
            credential: job.credential.clone(),
            states: Vec::new(),
            before,
            limit: PAGE,
        };
        let jobs = shared.store.jobs(page).await?;
        for other in jobs.iter().filter(|other| rivals(job, other)) {
            if Span::of(shared, other).await?.overlaps(span) {
                return Ok(true);
            }
        }
        match jobs.last().filter(|last| last.created >= earliest) {
            Some(last) if jobs.len() == PAGE => before = Some((last.created, last.id.clone())),
            _ => return Ok(false),
        }
    }
}

fn rivals(job: &StoredJob, other: &StoredJob) -> bool {
    let is_search = Endpoint::of_rpc(&other.operation).is_some_and(can_be_located);
    // What Pronto refused, or found nothing for, made no search.
    let made_none = other.state == JobState::Failed
        || (other.state == JobState::Completed && other.delivered == 0);
    other.id != job.id
        && other.upstream_id.is_none()
        && other.search_name == job.search_name
        && is_search
        && !made_none
}

/// When the search of a job was created, if it was.
struct Span {
    start: SystemTime,
    end: SystemTime,
}

impl Span {
    /// From the job's creation until it was recorded what became of its start, which
    /// may have waited for its turn before it was sent.
    async fn of(shared: &Shared, job: &StoredJob) -> Result<Self, StoreError> {
        let first = shared.store.events(&job.id, 0, 1).await?.into_iter().next();
        let recorded = first
            .filter(|event| event.sequence == 1)
            .map_or_else(SystemTime::now, |event| event.time);
        // After a crash it is recorded by the next server, which may come much later.
        let end = recorded.min(job.created + longest_start(shared));
        Ok(Self {
            start: job.created - CLOCK_SKEW,
            end: end + CLOCK_SKEW,
        })
    }

    fn contains(&self, time: SystemTime) -> bool {
        (self.start..=self.end).contains(&time)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// How long after a job's creation its start may at most have been answered.
fn longest_start(shared: &Shared) -> Duration {
    LONGEST_WAIT + shared.client.request_timeout()
}
