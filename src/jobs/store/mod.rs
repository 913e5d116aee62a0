//! Where jobs are stored.
//!
//! A store answers a write only once it is on disk.

pub mod sqlite;

use async_trait::async_trait;
use bytes::Bytes;

use super::model::{Change, Delivery, JobPage, NewJob, StoredEvent, StoredJob};
use crate::proto::v1::{CallbackSource, JobState};

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
    /// Stores a job, pending.
    async fn create_job(&self, job: NewJob) -> Result<(), StoreError>;

    /// A job.
    async fn job(&self, id: &str) -> Result<Option<StoredJob>, StoreError>;

    /// Jobs, newest first.
    async fn jobs(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError>;

    /// The ids of all jobs that have something left to do: they have not ended,
    /// or have deliveries that are not decoded.
    async fn unfinished_jobs(&self) -> Result<Vec<String>, StoreError>;

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

    /// The oldest body of a job that is not decoded.
    async fn next_undecoded(&self, job_id: &str) -> Result<Option<Delivery>, StoreError>;

    /// Changes a job, numbers the events, suppresses repeats; all or nothing.
    async fn change(&self, job_id: &str, change: Change) -> Result<StoredJob, StoreError>;

    /// The events of a job after a sequence, at most `limit`, and fewer where
    /// they are large.
    async fn events(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Which of these identities a job knows.
    async fn known_identities(
        &self,
        job_id: &str,
        identities: Vec<String>,
    ) -> Result<Vec<String>, StoreError>;
}
