//! Jobs, deliveries and events as they are stored.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::proto::v1::job_event::Event;
use crate::proto::v1::{CallbackSource, ErrorReason, Job, JobCounts, JobFailure, JobState};

/// A job to store.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: String,
    /// The name of the credential that it belongs to.
    pub credential: String,
    /// The RPC that starts it.
    pub operation: String,
    /// The hash of its callback secret.
    pub secret_hash: [u8; 32],
    /// How many results are expected, where the request tells.
    pub items: Option<usize>,
    /// When it was started.
    pub created: SystemTime,
    /// When it is ended at the latest.
    pub deadline: Option<SystemTime>,
}

/// A stored job.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredJob {
    /// Its id.
    pub id: String,
    /// The name of the credential that it belongs to.
    pub credential: String,
    /// The RPC that started it.
    pub operation: String,
    /// The hash of its callback secret.
    pub secret_hash: Vec<u8>,
    /// How many items the request had, where results are counted by item.
    pub items: Option<i64>,
    /// Its state.
    pub state: JobState,
    /// Pronto's id.
    pub upstream_id: Option<String>,
    /// Results expected.
    pub expected: Option<i64>,
    /// Results delivered.
    pub delivered: i64,
    /// Of these, brought by polling.
    pub recovered: i64,
    /// Results suppressed.
    pub duplicates: i64,
    /// Results missing at the end.
    pub missing: Option<i64>,
    /// Sequence of the last event.
    pub last_sequence: i64,
    /// When it was started.
    pub created: SystemTime,
    /// When its last event came.
    pub updated: SystemTime,
    /// When it ended.
    pub finished: Option<SystemTime>,
    /// When it is ended at the latest.
    pub deadline: Option<SystemTime>,
    /// Why it failed.
    pub failure: Option<JobFailure>,
}

impl StoredJob {
    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !matches!(self.state, JobState::Pending | JobState::Running)
    }

    /// What arrived.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        JobCounts {
            expected: self.expected,
            delivered: self.delivered,
            recovered: self.recovered,
            duplicates: self.duplicates,
            missing: self.missing,
        }
    }

    /// The job as clients see it.
    #[must_use]
    pub fn to_proto(&self) -> Job {
        Job {
            id: self.id.clone(),
            operation: self.operation.clone(),
            state: self.state.into(),
            upstream_id: self.upstream_id.clone(),
            counts: Some(self.counts()),
            last_sequence: self.last_sequence,
            create_time: Some(self.created.into()),
            update_time: Some(self.updated.into()),
            finish_time: self.finished.map(Into::into),
            deadline: self.deadline.map(Into::into),
            failure: self.failure.clone(),
        }
    }
}

/// Which jobs to list.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// The credential whose jobs they are.
    pub credential: String,
    /// Only jobs in these states; all when empty.
    pub states: Vec<JobState>,
    /// Only jobs before this one.
    pub before: Option<(SystemTime, String)>,
    /// At most so many.
    pub limit: usize,
}

/// A body that arrived for a job.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number, rising in the order of arrival.
    pub id: i64,
    /// When it was stored.
    pub received: SystemTime,
    /// How it came.
    pub source: CallbackSource,
    /// The bytes.
    pub body: Bytes,
    /// Whether its results have become events.
    pub decoded: bool,
}

/// A stored event.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Position in the log, from 1.
    pub sequence: i64,
    /// When it was recorded.
    pub time: SystemTime,
    /// The encoded `JobEvent` with nothing but the event itself set.
    pub payload: Vec<u8>,
}

/// A result to record.
#[derive(Clone, Debug)]
pub struct Found {
    /// The event.
    pub event: Event,
    /// What it is recognized by: it is a repeat when the job knows any of these.
    pub identities: Vec<String>,
    /// How it came.
    pub source: CallbackSource,
}

/// What changes in a job, in one transaction and in this order.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Pronto's id, once known.
    pub upstream_id: Option<String>,
    /// Results expected, once known.
    pub expected: Option<i64>,
    /// The event that opens the log.
    pub started: Option<Event>,
    /// The delivery whose results follow; it counts as decoded from now on.
    pub decoded: Option<i64>,
    /// Results.
    pub found: Vec<Found>,
    /// Results that are repeats for sure.
    pub repeats: i64,
    /// How the job ends.
    pub end: Option<End>,
}

/// How a job ends.
#[derive(Clone, Debug)]
pub enum End {
    /// Every result has arrived.
    Complete,
    /// Results are missing, or it could not be proved that none is.
    Incomplete {
        /// Positions of the items for which nothing arrived.
        missing_indexes: Vec<i32>,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: ErrorReason,
        /// In words.
        message: String,
    },
    /// A client cancelled it.
    Cancelled,
}

impl End {
    /// The state that it leads to.
    #[must_use]
    pub fn state(&self) -> JobState {
        match self {
            Self::Complete => JobState::Completed,
            Self::Incomplete { .. } => JobState::Incomplete,
            Self::Failed { .. } => JobState::Failed,
            Self::Cancelled => JobState::Cancelled,
        }
    }
}

/// How long after `earlier` it is now; zero when clocks disagree.
#[must_use]
pub fn since(earlier: SystemTime) -> Duration {
    earlier.elapsed().unwrap_or_default()
}
