//! Calls, charges and purchases as they are stored.

use std::ops::Add;
use std::time::SystemTime;

use bytes::Bytes;

use super::Day;
use crate::proto::v1::{CallOutcome, Contact, EnrichmentType, Estimate, Found};
use crate::trace::Origin;

/// What makes a call safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// The caller's id for it.
    pub id: String,
    /// A hash of what it asks for.
    pub fingerprint: [u8; 32],
}

/// A call that may be charged, to record before it is sent.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Whose key is used.
    pub credential: String,
    /// The RPC of its endpoint.
    pub operation: String,
    /// What makes it safe to repeat, where something does.
    pub request: Option<RequestKey>,
    /// What it may cost; the maximum is set aside.
    pub estimate: Estimate,
    /// What may be spent on its day.
    pub daily_budget: Option<i64>,
    /// Whom it asks about, for each item.
    pub people: Vec<Wanted>,
    /// Of a job: what earlier purchases answer.
    pub reused: Vec<Contact>,
    /// Of a job: that answers everything, and nothing is sent.
    pub is_reused: bool,
    /// The trace that it belongs to, where there is one.
    pub origin: Option<Origin>,
    /// When.
    pub time: SystemTime,
}

impl NewCall {
    /// A call of which nothing is known but whose it is.
    #[must_use]
    pub fn new(credential: &str, operation: &str, time: SystemTime) -> Self {
        Self {
            credential: credential.to_owned(),
            operation: operation.to_owned(),
            request: None,
            estimate: Estimate::default(),
            daily_budget: None,
            people: Vec::new(),
            reused: Vec::new(),
            is_reused: false,
            origin: None,
            time,
        }
    }
}

/// Somebody whom a call asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The item of the request that is about them.
    pub item: i32,
    /// What is looked for.
    pub kind: EnrichmentType,
    /// Hashes by any of which they are known again.
    pub keys: Vec<[u8; 16]>,
}

/// Whether a call may be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// It may, and is recorded as this entry of the ledger.
    Admitted(i64),
    /// It was sent before, under the same id.
    Repeated(Earlier),
    /// Its id was used before for something else, which started this job.
    Reused {
        /// The job, where one was started.
        job_id: Option<String>,
    },
    /// It could cost more than the day's budget leaves.
    OverBudget(Spending),
}

/// What became of a call that was sent before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It started this job, which may have been purged since.
    Job(String),
    /// It was answered with this body.
    Answer(Bytes),
    /// It was answered, but the answer has been erased.
    Erased,
    /// It was sent, and may have been carried out.
    Unknown,
}

/// What was spent on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// Credits spent.
    pub spent: i64,
    /// Credits set aside.
    pub reserved: i64,
}

/// What something cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// What was found.
    pub found: Found,
    /// Credits.
    pub credits: i64,
}

impl Add for Charge {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            found: Found {
                emails: self.found.emails + other.found.emails,
                phone_numbers: self.found.phone_numbers + other.found.phone_numbers,
                personal_emails: self.found.personal_emails + other.found.personal_emails,
            },
            credits: self.credits + other.credits,
        }
    }
}

/// What became of a call that was answered at once, or not at all.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// What became of it.
    pub outcome: CallOutcome,
    /// What it cost, where that is known.
    pub charge: Option<Charge>,
    /// Results that it brought.
    pub results: i64,
    /// Of these, results answered from earlier purchases.
    pub reused: i64,
    /// The body of the answer, where it may be wanted again.
    pub answer: Option<Bytes>,
}

/// Something about a person that was bought earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// When.
    pub time: SystemTime,
    /// Where it is.
    pub held_in: HeldIn,
}

/// A call that asked about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its entry.
    pub call: i64,
    /// The job that it started, where it did.
    pub job_id: Option<String>,
    /// The item of the request that is about them.
    pub item: i32,
    /// The result of the job that was bought by it, where one was.
    pub sequence: Option<i64>,
}

/// What holds an earlier purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldIn {
    /// The body of an answer.
    Answer(Bytes),
    /// The payload of a stored event.
    Event(Vec<u8>),
}

/// Which days to sum up.
#[derive(Clone, Debug)]
pub struct UsagePage {
    /// Whose.
    pub credential: String,
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

/// Which entries of the ledger to list.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    /// Whose.
    pub credential: String,
    /// Only those after this one.
    pub after: i64,
    /// Only those of this job.
    pub job_id: Option<String>,
    /// Only those from this time on.
    pub start: Option<SystemTime>,
    /// Only those before this time.
    pub end: Option<SystemTime>,
    /// At most so many.
    pub limit: usize,
}

/// The body of an answer that is kept.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// The entry of its call.
    pub call: i64,
    /// The RPC of its endpoint.
    pub operation: String,
    /// The body.
    pub body: Bytes,
}
