//! Where jobs are stored.
//!
//! A store answers a write only once it is on disk.

pub mod sqlite;

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::model::{
    Change, Delivery, JobPage, NewJob, StoredEvent, StoredJob, Unmatched, UnmatchedPage, Usage,
};
use crate::ledger::Day;
use crate::ledger::model::{
    Admission, Asked, Bought, KeptAnswer, LedgerPage, NewCall, RequestKey, Settlement, Spending,
    UsagePage,
};
use crate::proto::v1::{self, CallbackSource, JobState, LedgerEntry};

/// Why the store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine failed.
    #[error("the store failed: {0}")]
    Engine(String),
    /// The job does not exist.
    #[error("there is no job {0}")]
    NoSuchJob(String),
    /// The job has ended, and the change would end it again.
    #[error("job {id} has already ended")]
    AlreadyEnded {
        /// The job.
        id: String,
        /// How it ended.
        state: JobState,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// A store of jobs.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // === jobs ===

    /// Stores a job, pending, and the call that starts it, unless that was sent before
    /// or could cost too much. One for which nothing is sent is complete at once.
    async fn create_job(&self, job: NewJob) -> Result<Admission, StoreError>;

    /// A job.
    async fn job(&self, id: &str) -> Result<Option<StoredJob>, StoreError>;

    /// Jobs, newest first.
    async fn jobs(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError>;

    /// The ids of all jobs that have something left to do: they have not ended,
    /// or have deliveries that are not decoded, or it is not recorded what became of
    /// their start.
    async fn unfinished_jobs(&self) -> Result<Vec<String>, StoreError>;

    /// Which of these ids of Pronto's belong to a job, those included that were purged
    /// and are still remembered.
    async fn known_upstream_ids(&self, ids: Vec<String>) -> Result<Vec<String>, StoreError>;

    /// Changes a job, numbers the events, suppresses repeats; all or nothing. Where the
    /// job is gone, what became of its call is recorded nevertheless.
    async fn change(&self, job_id: &str, change: Change) -> Result<StoredJob, StoreError>;

    /// The events of a job after a sequence, at most `limit`, and fewer where
    /// they are large.
    async fn events(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Which of these identity keys a job knows.
    async fn known_identities(
        &self,
        job_id: &str,
        keys: Vec<String>,
    ) -> Result<Vec<String>, StoreError>;

    // === deliveries ===

    /// Appends a body to a job, and returns its number.
    async fn append_delivery(
        &self,
        job_id: &str,
        source: CallbackSource,
        body: Bytes,
    ) -> Result<i64, StoreError>;

    /// The oldest bodies of a job after one, at most `limit`, and fewer where
    /// they are large.
    async fn deliveries(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    // === calls, and what they cost ===

    /// What became of an earlier request with the same id, where there was one.
    async fn earlier(
        &self,
        credential: &str,
        request: &RequestKey,
    ) -> Result<Option<Admission>, StoreError>;

    /// Records a call that starts no job, unless it was sent before or could cost too
    /// much.
    async fn begin_call(&self, call: NewCall) -> Result<Admission, StoreError>;

    /// Records what became of such a call. A refused one may be sent again under the
    /// same id. Without effect once that is recorded.
    async fn settle_call(&self, call: i64, settlement: Settlement) -> Result<(), StoreError>;

    /// Gives up on such calls that a server before this one left under way; how many
    /// they are.
    async fn interrupt_calls(&self) -> Result<usize, StoreError>;

    /// For each of these sets of keys the latest purchase since a time, of those that
    /// are still held.
    async fn bought(
        &self,
        credential: &str,
        people: Vec<Vec<[u8; 16]>>,
        since: SystemTime,
    ) -> Result<Vec<Option<Bought>>, StoreError>;

    /// The calls that asked about somebody with any of these LinkedIn profiles.
    async fn asked_about(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<Vec<Asked>, StoreError>;

    /// Forgets that calls asked about them: nothing bought about them is used again.
    async fn forget_profiles(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<(), StoreError>;

    /// What was spent on a day.
    async fn spending(&self, credential: &str, day: Day) -> Result<Spending, StoreError>;

    /// What happened on some days, for each operation.
    async fn daily_usage(&self, page: UsagePage) -> Result<Vec<v1::Usage>, StoreError>;

    /// Entries of the ledger, oldest first.
    async fn ledger(&self, page: LedgerPage) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Answers that are kept, after the one with this entry, at most `limit`, and
    /// fewer where they are large.
    async fn kept_answers(
        &self,
        credential: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<KeptAnswer>, StoreError>;

    /// Erases answers; what was bought with them is not used again.
    async fn erase_answers(&self, calls: Vec<i64>) -> Result<(), StoreError>;

    /// Forgets the ledger's entries before a time, those of refused calls after a day,
    /// and its sums before a day, which is not later than that time.
    async fn trim_ledger(&self, before: SystemTime, day: Day) -> Result<(), StoreError>;

    // === callbacks without a job ===

    /// Whose job this was and the hash of its callback secret, when it was purged.
    async fn purged_job(&self, id: &str) -> Result<Option<(String, Vec<u8>)>, StoreError>;

    /// Keeps a callback without a job. The oldest ones make room, so that at most
    /// `max_bytes` of those for purged jobs are kept, and of those for unknown ones.
    async fn append_unmatched(
        &self,
        job_id: &str,
        credential: Option<String>,
        body: Bytes,
        max_bytes: usize,
    ) -> Result<(), StoreError>;

    /// Callbacks without a job, oldest first; fewer where they are large.
    async fn unmatched(&self, page: UnmatchedPage) -> Result<Vec<Unmatched>, StoreError>;

    /// Removes callbacks without a job.
    async fn remove_unmatched(&self, ids: Vec<i64>) -> Result<(), StoreError>;

    // === what is no longer kept ===

    /// Jobs that ended before a time and did not change since, and whose start is not under
    /// way any more; those first that ended first.
    async fn finished_jobs(
        &self,
        before: SystemTime,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Purges a job and all that belongs to it, apart from entries of the ledger.
    /// What arrives for it afterwards is a callback without a job.
    async fn purge_job(&self, id: &str) -> Result<(), StoreError>;

    /// Purges those of these jobs that ended before a time and did not change since, whose
    /// start is not under way any more, and that have nothing left to decode, which is
    /// looked up as part of the purge; returns them. What came for a job that Pronto
    /// refused is never decoded.
    async fn purge_ended(
        &self,
        ids: Vec<String>,
        before: SystemTime,
    ) -> Result<Vec<String>, StoreError>;

    /// Remembers of a job by which marks those are known who were erased: hashes of
    /// them are stored.
    async fn mark_erased(&self, job_id: &str, marks: Vec<String>) -> Result<(), StoreError>;

    /// Which of these marks belong to somebody who was erased from a job.
    async fn erased_marks(
        &self,
        job_id: &str,
        marks: Vec<String>,
    ) -> Result<Vec<String>, StoreError>;

    /// Erases results and bodies of a job. Their sequences stay, and they are still
    /// recognized, but no purchases any more. Of `started` what describes people is
    /// erased.
    async fn erase(
        &self,
        job_id: &str,
        sequences: Vec<i64>,
        deliveries: Vec<i64>,
    ) -> Result<(), StoreError>;

    /// Removes what is older: decoded bodies, events of jobs that go on, callbacks
    /// without a job, and what is known of purged jobs; also, but not within a day,
    /// the answers of calls, what makes these safe to repeat, and whom they asked about.
    async fn trim(&self, before: SystemTime) -> Result<(), StoreError>;

    /// Removes some of the oldest decoded bodies, or where there are none some of the
    /// oldest answers, but none of the last day; whether there were any.
    async fn drop_bodies(&self) -> Result<bool, StoreError>;

    /// Leaves nothing readable of what was removed, also where a removal failed
    /// halfway.
    async fn compact(&self) -> Result<(), StoreError>;

    // === the store itself ===

    /// Bytes on disk that are in use.
    async fn size(&self) -> Result<u64, StoreError>;

    /// How much of that the ledger takes, with all answers that are kept: what purging
    /// jobs cannot make smaller.
    async fn ledger_size(&self) -> Result<u64, StoreError>;

    /// What it holds.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Whether the last write got onto the disk.
    fn is_writable(&self) -> watch::Receiver<bool>;

    /// Writes something, to see whether it gets onto the disk again.
    async fn probe(&self) -> Result<(), StoreError>;
}
