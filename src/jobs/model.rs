//! Jobs, deliveries and events as they are stored.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::ledger::model::{Charge, NewCall};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{
    CallOutcome, CallbackSource, ErrorReason, Job, JobCounts, JobFailure, JobState,
};
use crate::trace::Origin;

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
    /// What Pronto calls its search, where the request tells: by this it is found
    /// again when Pronto's answer was lost.
    pub search_name: Option<String>,
    /// When it was started.
    pub created: SystemTime,
    /// When it is ended at the latest.
    pub deadline: Option<SystemTime>,
    /// The call that starts it.
    pub call: NewCall,
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
    /// What Pronto calls its search, where the request told.
    pub search_name: Option<String>,
    /// Its state.
    pub state: JobState,
    /// Whether it is recorded what became of the call that started it.
    pub call_is_known: bool,
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
    /// Of the results delivered, those that came after the end.
    pub late: i64,
    /// Of the results delivered, those answered from earlier purchases.
    pub reused: i64,
    /// Credits that the call and its results cost.
    pub credits: i64,
    /// Results missing at the end.
    pub missing: Option<i64>,
    /// Positions of the items for which nothing had arrived at the end.
    pub missing_indexes: Vec<i32>,
    /// The id with which the request can be repeated.
    pub request_id: Option<String>,
    /// Sequence of the oldest event that is kept; 1 while all are.
    pub first_sequence: i64,
    /// Sequence of the last event.
    pub last_sequence: i64,
    /// How far its deliveries are decoded.
    pub decoded: Decoded,
    /// Whether a message listed all results of its search.
    pub final_seen: bool,
    /// Whether somebody was erased from it, who must not come back.
    pub has_erased: bool,
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
    /// The trace of the call that started it, where there was one.
    pub origin: Option<Origin>,
}

/// The name of a state as logs and metrics have it.
#[must_use]
pub fn state_name(state: JobState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("JOB_STATE_").unwrap_or(name)
}

impl StoredJob {
    /// Whether Pronto told the number of results exactly, where it told it.
    #[must_use]
    pub fn has_exact_total(&self) -> bool {
        let late = Endpoint::of_rpc(&self.operation).and_then(|endpoint| endpoint.late.as_ref());
        late.is_none_or(|late| !late.total_is_estimate)
    }

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
            late: self.late,
            reused: self.reused,
            credits: self.credits,
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
            first_sequence: self.first_sequence,
            last_sequence: self.last_sequence,
            create_time: Some(self.created.into()),
            update_time: Some(self.updated.into()),
            finish_time: self.finished.map(Into::into),
            deadline: self.deadline.map(Into::into),
            failure: self.failure.clone(),
            request_id: self.request_id.clone(),
            missing_indexes: self.missing_indexes.clone(),
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

/// How far a job's deliveries have become events. Deliveries are decoded in the
/// order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// All deliveries up to this one.
    pub through: i64,
    /// And so many results of the next one.
    pub results: i64,
}

/// Which callbacks without a job to list.
#[derive(Clone, Debug, Default)]
pub struct UnmatchedPage {
    /// Those of purged jobs of this credential.
    pub credential: String,
    /// Also those of jobs that never were here.
    pub with_unknown: bool,
    /// Only those after this one.
    pub after: i64,
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
    /// The bytes; none when they were erased.
    pub body: Bytes,
    /// Whether its bytes were erased at the wish of a person in it.
    pub erased: bool,
}

/// A callback without a job.
#[derive(Clone, Debug)]
pub struct Unmatched {
    /// Its number, rising in the order of arrival.
    pub id: i64,
    /// The job that its URL names.
    pub job_id: String,
    /// Whose job it was, when it was one that has been purged since.
    pub credential: Option<String>,
    /// When it was stored.
    pub received: SystemTime,
    /// The bytes.
    pub body: Bytes,
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
    /// What tells it from others.
    pub identity: Identity,
    /// How it came.
    pub source: CallbackSource,
    /// What it cost, where results have prices.
    pub charge: Option<Charge>,
}

/// What tells a result from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Stands for itself: a repeat when the job knows any of these keys.
    Keys(Vec<String>),
    /// May come several times with good reason, such as two signals about one
    /// person. What comes alone is a repeat when its bytes are known; the n-th in a list of
    /// all results is a repeat when n of its kind are known.
    Occurrence {
        /// Whom or what it is about; empty when that cannot be told.
        subject: Vec<String>,
        /// Its bytes.
        bytes: String,
        /// Its place among those of the same subject, from 1, in a list of all results.
        listed: Option<usize>,
    },
}

/// What changes in a job, in one transaction and in this order.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Pronto's id, once known.
    pub upstream_id: Option<String>,
    /// Results expected, once known.
    pub expected: Option<i64>,
    /// What became of the call that starts the job.
    pub call: Option<CallOutcome>,
    /// The event that opens the log.
    pub started: Option<Event>,
    /// How far deliveries are decoded with the results that follow.
    pub decoded: Option<Decoded>,
    /// A message listed all results.
    pub final_seen: bool,
    /// Results.
    pub found: Vec<Found>,
    /// Deliveries that are decoded with it, and must not be kept.
    pub erased_bodies: Vec<i64>,
    /// How the job ends.
    pub end: Option<End>,
}

/// What the store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk.
    pub bytes: u64,
    /// Jobs in each state in which there are any.
    pub jobs: Vec<(JobState, u64)>,
    /// Callbacks without a job.
    pub unmatched: u64,
    /// Credits that are set aside for calls of today (UTC).
    pub reserved: i64,
}

impl Usage {
    /// Jobs.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.jobs.iter().map(|(_, count)| count).sum()
    }
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
