//! The ledger as it should be: calls, what they and their results cost, what makes
//! them safe to repeat, and what is held of whom.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use pronto_grpc::jobs::model::{Change, StoredJob};
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{Admission, Charge, Earlier, NewCall, RequestKey, Settlement};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{CallOutcome, EnrichmentType, Estimate, Found};

use super::clock::Window;
use super::content::BATCH;

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that is known of calls.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// In the order in which they were recorded.
    pub entries: Vec<Entry>,
    pub requests: BTreeMap<(String, String), Request>,
    /// Results that were delivered, and of these reused ones.
    pub tallies: BTreeMap<(String, Day, String), (i64, i64)>,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number, once seen.
    pub id: Option<i64>,
    pub time: SystemTime,
    /// What it cost counts for this day, until its sums are forgotten.
    pub day: Option<Day>,
    pub credential: String,
    pub operation: String,
    pub job: Option<String>,
    pub request: Option<String>,
    pub credits: Option<i64>,
    pub found: Found,
    pub what: What,
    /// It is only summed up any more.
    pub is_gone: bool,
    pub answer: Option<Bytes>,
    pub people: Vec<Purchase>,
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub enum What {
    Call {
        estimate: Estimate,
        outcome: CallOutcome,
        reserved: i64,
    },
    Result {
        sequence: i64,
    },
}

/// Somebody whom a call asks about.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub item: i32,
    pub kind: EnrichmentType,
    pub key: [u8; 16],
    /// When they were bought, and as which result of the job.
    pub bought: Option<(Window, Option<i64>)>,
}

/// A request with an id.
#[derive(Clone, Debug)]
pub struct Request {
    pub fingerprint: [u8; 32],
    pub time: SystemTime,
    pub call: i64,
    pub job: Option<String>,
}

/// A result that was charged: its item, sequence and charge.
pub type Charged = (Option<i32>, i64, Charge);

impl Entry {
    pub fn is_open(&self) -> bool {
        let open = [CallOutcome::Pending, CallOutcome::Unknown];
        matches!(self.what, What::Call { outcome, .. } if open.contains(&outcome))
    }

    pub fn was_sent(&self) -> bool {
        let sent = [CallOutcome::CarriedOut, CallOutcome::Unknown];
        matches!(self.what, What::Call { outcome, .. } if sent.contains(&outcome))
    }

    pub fn reserved(&self) -> i64 {
        match self.what {
            What::Call { reserved, .. } => reserved,
            What::Result { .. } => 0,
        }
    }

    /// Lets go of credits, at most of those that there are.
    fn release(&mut self, credits: i64) {
        if let What::Call { reserved, .. } = &mut self.what {
            *reserved -= credits.min(*reserved);
        }
    }

    /// What became of it; what that cost, where it is known.
    fn conclude(&mut self, now: CallOutcome, charge: Option<Charge>) -> Option<Charge> {
        if let What::Call { outcome, .. } = &mut self.what {
            *outcome = now;
        }
        let charge = match now {
            CallOutcome::Refused | CallOutcome::Reused => Some(Charge::default()),
            CallOutcome::CarriedOut => charge,
            _ => None,
        };
        self.credits = charge.map(|charge| charge.credits);
        self.found = charge.unwrap_or_default().found;
        self.release(self.credits.unwrap_or_default());
        if matches!(now, CallOutcome::Refused | CallOutcome::Reused) {
            self.release(i64::MAX);
        }
        if now == CallOutcome::Refused {
            self.people.clear();
        }
        charge
    }

    fn buy(&mut self, item: i32, found: &Found, window: Window, sequence: Option<i64>) {
        let counts = [
            (EnrichmentType::Email, found.emails),
            (EnrichmentType::Phone, found.phone_numbers),
            (EnrichmentType::PersonalEmail, found.personal_emails),
        ];
        for one in &mut self.people {
            if one.item == item && counts.iter().any(|(kind, n)| *kind == one.kind && *n > 0) {
                one.bought = Some((window, sequence));
            }
        }
    }
}

impl Ledger {
    /// Whether a call may be sent; with the number that it got when it may.
    pub fn admit(&mut self, call: &NewCall, job: Option<&str>, id: i64) -> Admission {
        let key = call.request.as_ref();
        if let Some(known) = key.and_then(|key| self.known(&call.credential, key)) {
            return known;
        }
        let spending = self.spending(&call.credential, Day::of(call.time));
        let maximum = call.estimate.maximum;
        let total = spending.spent + spending.reserved + maximum;
        if maximum > 0 && call.daily_budget.is_some_and(|budget| total > budget) {
            return Admission::OverBudget(spending);
        }
        if let Some(key) = &call.request {
            let request = Request {
                fingerprint: key.fingerprint,
                time: call.time,
                call: id,
                job: job.map(str::to_owned),
            };
            let name = (call.credential.clone(), key.id.clone());
            self.requests.insert(name, request);
        }
        let wanted = call.people.iter().flat_map(|wanted| {
            let purchase = |key: &[u8; 16]| Purchase {
                item: wanted.item,
                kind: wanted.kind,
                key: *key,
                bought: None,
            };
            wanted.keys.iter().map(purchase)
        });
        self.entries.push(Entry {
            id: Some(id),
            time: call.time,
            day: Some(Day::of(call.time)),
            credential: call.credential.clone(),
            operation: call.operation.clone(),
            job: job.map(str::to_owned),
            request: call.request.as_ref().map(|key| key.id.clone()),
            credits: None,
            found: Found::default(),
            what: What::Call {
                estimate: call.estimate,
                outcome: CallOutcome::Pending,
                reserved: maximum,
            },
            is_gone: false,
            answer: None,
            people: wanted.collect(),
        });
        Admission::Admitted(id)
    }

    /// What became of an earlier request with the same id.
    pub fn known(&self, credential: &str, key: &RequestKey) -> Option<Admission> {
        let name = (credential.to_owned(), key.id.clone());
        let request = self.requests.get(&name)?;
        if request.fingerprint != key.fingerprint {
            let job_id = request.job.clone();
            return Some(Admission::Reused { job_id });
        }
        let entry = self.entries.iter().filter(|entry| !entry.is_gone);
        let entry = entry.into_iter().find(|e| e.id == Some(request.call));
        let answer = entry.and_then(|entry| entry.answer.clone());
        let is_open = entry.is_some_and(Entry::is_open);
        Some(Admission::Repeated(match (&request.job, answer) {
            (Some(job), _) => Earlier::Job(job.clone()),
            (None, Some(answer)) => Earlier::Answer(answer),
            (None, None) if is_open => Earlier::Unknown,
            (None, None) => Earlier::Erased,
        }))
    }

    /// The places of the calls that started no job.
    pub fn unary(&self) -> Vec<i64> {
        let unary = |entry: &&Entry| {
            entry.job.is_none() && matches!(entry.what, What::Call { .. }) && !entry.is_gone
        };
        let unary = self.entries.iter().filter(unary);
        unary.filter_map(|entry| entry.id).collect()
    }

    fn open_call(&mut self, is_it: impl Fn(&Entry) -> bool) -> Option<&mut Entry> {
        let calls = self.entries.iter_mut();
        calls
            .filter(|entry| !entry.is_gone && entry.is_open())
            .find(|entry| is_it(entry))
    }

    /// The call that started a job. Jobs of one name are told by their ids.
    pub fn call_of(&mut self, job: &str) -> Option<&mut Entry> {
        let is_it = |entry: &&mut Entry| {
            let is_call = matches!(entry.what, What::Call { .. });
            is_call && !entry.is_gone && entry.job.as_deref() == Some(job)
        };
        self.entries.iter_mut().find(is_it)
    }

    /// Forgets the request that started a job.
    pub fn free(&mut self, job: &str) {
        self.requests
            .retain(|_, request| request.job.as_deref() != Some(job));
    }

    /// Forgets a request that was not carried out.
    pub fn forget(&mut self, call: Option<i64>) {
        self.requests
            .retain(|_, request| Some(request.call) != call);
    }

    /// What became of a call that started no job.
    pub fn settle(&mut self, call: i64, settlement: &Settlement, window: Window) {
        let Some(entry) = self.open_call(|entry| entry.id == Some(call)) else {
            return;
        };
        let charge = entry.conclude(settlement.outcome, settlement.charge);
        if let Some(charge) = charge {
            entry.release(i64::MAX);
            entry.buy(0, &charge.found, window, None);
        }
        let name = (
            entry.credential.clone(),
            Day::of(entry.time),
            entry.operation.clone(),
        );
        if settlement.outcome == CallOutcome::Refused {
            self.forget(Some(call));
        } else if let Some(answer) = &settlement.answer {
            entry.answer = Some(answer.clone());
        }
        self.tally(name, settlement.results, settlement.reused);
    }

    pub fn tally(&mut self, name: (String, Day, String), results: i64, reused: i64) {
        let tally = self.tallies.entry(name).or_default();
        tally.0 += results;
        tally.1 += reused;
    }

    /// Gives up on calls under way whose jobs are not there; how many they are.
    pub fn interrupt(&mut self, has_job: impl Fn(&str) -> bool) -> usize {
        let pending = |entry: &&mut Entry| {
            matches!(
                entry.what,
                What::Call {
                    outcome: CallOutcome::Pending,
                    ..
                }
            ) && !entry.job.as_deref().is_some_and(&has_job)
                && !entry.is_gone
        };
        let pending = self.entries.iter_mut().filter(pending);
        pending
            .map(|entry| entry.conclude(CallOutcome::Unknown, None))
            .count()
    }

    // === jobs ===

    /// What a change says about the call of a job; what that cost.
    pub fn start(&mut self, job: &str, change: &Change) -> i64 {
        let is_sign = change.upstream_id.is_some() || change.final_seen || !change.found.is_empty();
        let sign = is_sign.then_some(CallOutcome::CarriedOut);
        let call = self.call_of(job).filter(|entry| entry.is_open());
        let (Some(outcome), Some(call)) = (change.call.or(sign), call) else {
            return 0;
        };
        let credits = match &call.what {
            What::Call { estimate, .. } => estimate.minimum,
            What::Result { .. } => 0,
        };
        let charge = Charge {
            credits,
            ..Default::default()
        };
        let charge = call.conclude(outcome, Some(charge));
        let id = call.id;
        if outcome == CallOutcome::Refused {
            self.forget(id);
        }
        charge.unwrap_or_default().credits
    }

    /// Records what a change delivered to a job.
    pub fn deliver(&mut self, job: &StoredJob, charged: &[Charged], results: i64, reused: i64) {
        let time = job.updated;
        let exactly = Window {
            begin: time,
            end: time + Duration::from_micros(1),
        };
        let call = self.call_of(&job.id);
        let day = call.map_or(Day::of(time), |call| Day::of(call.time));
        for (item, sequence, charge) in charged {
            if let Some(call) = self.call_of(&job.id) {
                call.release(charge.credits);
                if let Some(item) = item {
                    call.buy(*item, &charge.found, exactly, Some(*sequence));
                }
            }
            self.entries.push(Entry {
                id: None,
                time,
                day: Some(day),
                credential: job.credential.clone(),
                operation: job.operation.clone(),
                job: Some(job.id.clone()),
                request: job.request_id.clone(),
                credits: Some(charge.credits),
                found: charge.found,
                what: What::Result {
                    sequence: *sequence,
                },
                is_gone: false,
                answer: None,
                people: Vec::new(),
            });
        }
        let name = (job.credential.clone(), day, job.operation.clone());
        self.tally(name, results, reused);
    }

    /// Nothing more will be found for a job.
    pub fn finish(&mut self, job: &str) {
        if let Some(call) = self.call_of(job).filter(|call| !call.is_open()) {
            call.release(i64::MAX);
        }
    }
}

/// The item that a result is about, where that is known.
pub fn item(operation: &str, event: &Event) -> Option<i32> {
    let is_batch = operation == BATCH.rpc;
    match event {
        Event::Contact(contact) => contact.index.or((!is_batch).then_some(0)),
        _ => None,
    }
}
