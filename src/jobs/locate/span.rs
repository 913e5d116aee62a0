//! When the search of a job was created.

use std::time::{Duration, SystemTime};

use crate::jobs::model::StoredJob;
use crate::jobs::service::Shared;
use crate::jobs::store::StoreError;

/// How far Pronto's clock may be from ours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// So long a start may wait for its turn before it is sent.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// When the search of a job was created, if it was.
pub struct Span {
    /// From then on.
    pub start: SystemTime,
    /// Until then.
    pub end: SystemTime,
}

impl Span {
    /// From the job's creation until it was recorded what became of its start, which
    /// may have waited for its turn before it was sent.
    pub async fn of(shared: &Shared, job: &StoredJob) -> Result<Self, StoreError> {
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

    /// Whether a time lies in it.
    pub fn contains(&self, time: SystemTime) -> bool {
        (self.start..=self.end).contains(&time)
    }

    /// Whether one moment lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// How long after a job's creation its start may at most have been answered.
pub fn longest_start(shared: &Shared) -> Duration {
    LONGEST_WAIT + shared.client.request_timeout()
}
