//! Other jobs that may have started the search that a job takes for its own.

use std::time::SystemTime;

use super::can_be_located;
use super::span::{CLOCK_SKEW, Span, longest_start};
use crate::jobs::model::{JobPage, StoredJob};
use crate::jobs::service::Shared;
use crate::jobs::store::StoreError;
use crate::ledger::model::LedgerPage;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ledger_entry::Subject;
use crate::proto::v1::{CallOutcome, JobState, LedgerEntry};

/// So many jobs or entries are read at once.
const PAGE: usize = 200;

/// Whether the search may have been started by another job that looks the same and
/// does not know its own either.
pub async fn has_rival(shared: &Shared, job: &StoredJob, span: &Span) -> Result<bool, StoreError> {
    Ok(is_there(shared, job, span).await? || was_there(shared, job, span).await?)
}

async fn is_there(shared: &Shared, job: &StoredJob, span: &Span) -> Result<bool, StoreError> {
    let earliest = earliest(shared, span);
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

/// Whether such a job was there, and was purged. Only the entry of its call is left,
/// which has no name: any that overlaps counts.
async fn was_there(shared: &Shared, job: &StoredJob, span: &Span) -> Result<bool, StoreError> {
    let mut page = LedgerPage {
        credential: job.credential.clone(),
        after: 0,
        job_id: None,
        start: Some(earliest(shared, span)),
        end: Some(span.end + CLOCK_SKEW),
        limit: PAGE,
    };
    loop {
        let entries = shared.store.ledger(page.clone()).await?;
        for id in entries.iter().filter_map(may_have_started) {
            if id != job.id && shared.store.job(id).await?.is_none() {
                return Ok(true);
            }
        }
        match entries.last() {
            Some(last) if entries.len() == PAGE => page.after = last.id,
            _ => return Ok(false),
        }
    }
}

/// The job of a call that may have started a search which nobody knows.
fn may_have_started(entry: &LedgerEntry) -> Option<&str> {
    let Some(Subject::Call(call)) = &entry.subject else {
        return None;
    };
    let is_unknown = matches!(call.outcome(), CallOutcome::Pending | CallOutcome::Unknown);
    let is_search = Endpoint::of_rpc(&entry.operation).is_some_and(can_be_located);
    entry.job_id.as_deref().filter(|_| is_unknown && is_search)
}

/// From then on jobs may overlap.
fn earliest(shared: &Shared, span: &Span) -> SystemTime {
    span.start - longest_start(shared) - CLOCK_SKEW
}
