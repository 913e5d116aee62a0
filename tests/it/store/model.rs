//! A store as it should be, in memory.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pronto_grpc::jobs::model::{Change, NewJob};
use pronto_grpc::jobs::store::StoreError;
use pronto_grpc::ledger::model::{Admission, HeldIn, NewCall};
use pronto_grpc::proto::v1::CallbackSource;

use super::call::{Answer, Call, Outcome};
use super::clock::Window;
use super::compare::{Mismatch, admitted, is_admission, is_done, is_no_such_job, same};
use super::job::{ModelDelivery, ModelJob};
use super::ledger::{Entry, Ledger};
use super::script::JOBS;

/// Everything a store holds.
#[derive(Clone, Debug)]
pub struct Model {
    pub jobs: BTreeMap<String, ModelJob>,
    pub purged: BTreeMap<String, Purged>,
    pub unmatched: Vec<ModelUnmatched>,
    /// How many jobs were purged of each that a script can name: an id is not used twice.
    retired: [usize; JOBS],
    /// The last number that a delivery had.
    last_delivery: i64,
    /// The last number that a callback without a job was seen to have.
    pub last_unmatched: i64,
    pub ledger: Ledger,
    /// When the script began, in whole seconds.
    start: SystemTime,
}

/// What is known of a purged job.
#[derive(Clone, Debug)]
pub struct Purged {
    pub credential: String,
    pub secret_hash: Vec<u8>,
    pub upstream_id: Option<String>,
    /// When it was purged, or the last callback for it came.
    time: SystemTime,
}

/// A callback without a job.
#[derive(Clone, Debug)]
pub struct ModelUnmatched {
    pub job: String,
    pub credential: Option<String>,
    pub body: Bytes,
    /// Its number and when it came, once seen.
    pub seen: Option<(i64, SystemTime)>,
}

impl Model {
    /// An empty store.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            jobs: BTreeMap::new(),
            purged: BTreeMap::new(),
            unmatched: Vec::new(),
            retired: [0; JOBS],
            last_delivery: 0,
            last_unmatched: 0,
            ledger: Ledger::default(),
            start: UNIX_EPOCH + Duration::from_secs(now.unwrap().as_secs()),
        }
    }

    /// So many days before the script began.
    pub fn days_ago(&self, days: u64) -> SystemTime {
        self.start - Duration::from_secs(days * 24 * 60 * 60)
    }

    /// What is held of somebody, and when it was bought.
    pub fn held(
        &self,
        credential: &str,
        keys: &[[u8; 16]],
        since: SystemTime,
    ) -> Vec<(Window, HeldIn)> {
        let ours = self.ledger.entries.iter();
        let ours = ours.filter(|entry| entry.credential == credential && !entry.is_gone);
        let held = ours.flat_map(|entry| {
            let theirs = entry.people.iter().filter(|one| keys.contains(&one.key));
            let bought = theirs.filter_map(|one| one.bought);
            bought.filter_map(|(window, sequence)| Some((window, self.holds(entry, sequence)?)))
        });
        held.filter(|(window, _)| window.begin >= since).collect()
    }

    fn holds(&self, entry: &Entry, sequence: Option<i64>) -> Option<HeldIn> {
        if let Some(answer) = &entry.answer {
            return Some(HeldIn::Answer(answer.clone()));
        }
        let mut events = self.jobs.get(entry.job.as_ref()?)?.events.iter();
        let event = events.find(|event| Some(event.0) == sequence)?;
        Some(HeldIn::Event(event.2.clone()))
    }

    /// The id of a job that a script names.
    pub fn name(&self, job: usize) -> String {
        format!("{job}-{}", self.retired[job])
    }

    /// The id of that job, or of the one that had its name before and was purged.
    pub fn name_of(&self, job: usize, is_purged: bool) -> String {
        match (is_purged, self.retired[job]) {
            (true, retired @ 1..) => format!("{job}-{}", retired - 1),
            _ => self.name(job),
        }
    }

    /// All ids that jobs had, have, or get next.
    pub fn names(&self) -> Vec<String> {
        let of = |job: usize| (0..=self.retired[job]).map(move |n| format!("{job}-{n}"));
        (0..JOBS).flat_map(of).collect()
    }

    /// Pronto's ids of all jobs, with those that were purged and are remembered.
    pub fn upstream_ids(&self) -> impl Iterator<Item = &String> {
        let jobs = self.jobs.values().map(|job| &job.stored.upstream_id);
        let purged = self.purged.values().map(|job| &job.upstream_id);
        jobs.chain(purged).flatten()
    }

    /// The numbers of all deliveries that there are.
    pub fn deliveries(&self) -> Vec<i64> {
        let all = self.jobs.values().flat_map(|job| &job.deliveries);
        all.map(|delivery| delivery.id).collect()
    }

    /// The number of a job's delivery, or of none.
    pub fn delivery(&self, job: &str, place: usize) -> Option<i64> {
        let deliveries = &self.jobs.get(job)?.deliveries;
        let place = place % (deliveries.len() + 1);
        Some(deliveries.get(place)?.id)
    }

    /// The numbers of all callbacks without a job that there are.
    pub fn unmatched(&self) -> Vec<i64> {
        let seen = self.unmatched.iter().filter_map(|one| one.seen);
        seen.map(|(id, _)| id).collect()
    }

    /// Does what a store did, or says why it should have answered otherwise.
    pub fn apply(
        &mut self,
        call: &Call,
        outcome: &Outcome,
        window: Window,
    ) -> Result<(), Mismatch> {
        match call {
            Call::Create(job) => self.create(job, outcome, window),
            Call::Append(job, source, body) => self.append(job, *source, body, outcome),
            Call::Change(job, change) => self.change(job, change, outcome, window),
            Call::Purge(job) => self.purge(job, outcome, window),
            Call::PurgeEnded(jobs, before) => self.purge_ended(jobs, *before, outcome, window),
            Call::MarkErased(job, marks) => {
                if let Some(model) = self.jobs.get_mut(job) {
                    model.mark_erased(marks);
                }
                is_done(outcome)
            }
            Call::ForgetProfiles(credential, profiles) => {
                self.ledger.forget_profiles(credential, profiles);
                is_done(outcome)
            }
            Call::Erase(job, sequences, deliveries) => {
                if let Some(model) = self.jobs.get_mut(job) {
                    model.erase(sequences, deliveries);
                    self.ledger.erase(job, sequences);
                }
                is_done(outcome)
            }
            Call::AppendUnmatched(job, credential, body, max_bytes) => {
                self.append_unmatched(job, credential, body, *max_bytes, window);
                is_done(outcome)
            }
            Call::RemoveUnmatched(ids) => {
                let stays =
                    |one: &ModelUnmatched| !one.seen.is_some_and(|(id, _)| ids.contains(&id));
                self.unmatched.retain(stays);
                is_done(outcome)
            }
            Call::Begin(call) => self.begin(call, outcome),
            Call::Settle(call, settlement) => {
                self.ledger.settle(*call, settlement, window);
                is_done(outcome)
            }
            Call::Interrupt => match outcome {
                Ok(Answer::Count(count)) => {
                    let has_job = |id: &str| self.jobs.contains_key(id);
                    same("interrupted calls", *count, self.ledger.interrupt(has_job))
                }
                other => Err(format!("calls were interrupted: {other:?}")),
            },
            Call::EraseAnswers(calls) => {
                self.ledger.erase_answers(calls);
                is_done(outcome)
            }
            Call::Compact | Call::Probe => is_done(outcome),
        }
    }

    fn create(&mut self, job: &NewJob, outcome: &Outcome, window: Window) -> Result<(), Mismatch> {
        let mut ledger = self.ledger.clone();
        let admission = ledger.admit(&job.call, Some(&job.id), admitted(outcome));
        if matches!(admission, Admission::Admitted(_)) {
            if self.jobs.contains_key(&job.id) {
                return match outcome {
                    Err(StoreError::Engine(_)) => Ok(()),
                    other => Err(format!("{} is there, but creating it: {other:?}", job.id)),
                };
            }
            let mut model = ModelJob::new(job);
            if job.call.is_reused {
                model.complete(window, &mut ledger);
            }
            self.jobs.insert(job.id.clone(), model);
        }
        self.ledger = ledger;
        is_admission(outcome, &admission)
    }

    fn begin(&mut self, call: &NewCall, outcome: &Outcome) -> Result<(), Mismatch> {
        let admission = self.ledger.admit(call, None, admitted(outcome));
        is_admission(outcome, &admission)
    }

    fn append(
        &mut self,
        job: &str,
        source: CallbackSource,
        body: &Bytes,
        outcome: &Outcome,
    ) -> Result<(), Mismatch> {
        let Some(model) = self.jobs.get_mut(job) else {
            return is_no_such_job(job, outcome);
        };
        match outcome {
            Ok(Answer::Delivery(id)) if *id > self.last_delivery => {
                self.last_delivery = *id;
                model.deliveries.push(ModelDelivery {
                    id: *id,
                    source,
                    body: body.clone(),
                    erased: false,
                    received: None,
                });
                Ok(())
            }
            other => Err(format!(
                "{job}: a body after {} was appended: {other:?}",
                self.last_delivery
            )),
        }
    }

    fn change(
        &mut self,
        job: &str,
        change: &Change,
        outcome: &Outcome,
        window: Window,
    ) -> Result<(), Mismatch> {
        let Some(model) = self.jobs.get_mut(job) else {
            // What became of the call is recorded nevertheless.
            if change.call.is_some() {
                self.ledger.start(job, change);
                if let Some(purged) = self.purged.get_mut(job) {
                    let known = purged.upstream_id.take();
                    purged.upstream_id = change.upstream_id.clone().or(known);
                }
            }
            return is_no_such_job(job, outcome);
        };
        if change.end.is_some() && model.stored.has_ended() {
            return match outcome {
                Err(StoreError::AlreadyEnded { id, state })
                    if id == job && *state == model.stored.state =>
                {
                    Ok(())
                }
                other => Err(format!("{job} has ended, but ending it: {other:?}")),
            };
        }
        let Ok(Answer::Job(actual)) = outcome else {
            return Err(format!("{job} was changed: {outcome:?}"));
        };
        window.holds("when a job was changed", actual.updated)?;
        model.learn_end(actual.finished, window)?;
        model.change(change, actual.updated, &mut self.ledger);
        same("a changed job", &**actual, &model.stored)
    }

    fn purge(&mut self, job: &str, outcome: &Outcome, window: Window) -> Result<(), Mismatch> {
        match self.retire(job, window) {
            true => is_done(outcome),
            false => is_no_such_job(job, outcome),
        }
    }

    fn purge_ended(
        &mut self,
        jobs: &[String],
        before: SystemTime,
        outcome: &Outcome,
        window: Window,
    ) -> Result<(), Mismatch> {
        let mut purged = Vec::new();
        for id in jobs {
            let may_go = |job: &ModelJob| job.has_ended_before(before) && !job.is_undecoded();
            if self.jobs.get(id).is_some_and(may_go) && self.retire(id, window) {
                purged.push(id.clone());
            }
        }
        match outcome {
            Ok(Answer::Jobs(actual)) => same("purged jobs", actual, &purged),
            other => Err(format!("old jobs were purged: {other:?}")),
        }
    }

    /// Nothing is left of a job but by what its callbacks are recognized; whether it
    /// was there.
    fn retire(&mut self, job: &str, window: Window) -> bool {
        let Some(model) = self.jobs.remove(job) else {
            return false;
        };
        let purged = Purged {
            credential: model.stored.credential,
            secret_hash: model.stored.secret_hash,
            upstream_id: model.stored.upstream_id,
            time: window.begin,
        };
        self.purged.insert(job.to_owned(), purged);
        self.ledger.purge(job);
        let place = job.split('-').next().and_then(|place| place.parse().ok());
        self.retired[place.unwrap_or(0_usize)] += 1;
        true
    }

    fn append_unmatched(
        &mut self,
        job: &str,
        credential: &Option<String>,
        body: &Bytes,
        max_bytes: usize,
        window: Window,
    ) {
        if let Some(purged) = self.purged.get_mut(job)
            && credential.as_ref() == Some(&purged.credential)
        {
            purged.time = window.begin;
        }
        self.unmatched.push(ModelUnmatched {
            job: job.to_owned(),
            credential: credential.clone(),
            body: body.clone(),
            seen: None,
        });
        // Strangers and jobs that were here do not displace each other.
        let is_alike = |one: &ModelUnmatched| one.credential.is_some() == credential.is_some();
        let mut bytes = 0;
        let mut keeps = |one: &ModelUnmatched| {
            if is_alike(one) {
                bytes += one.body.len();
            }
            !is_alike(one) || bytes <= max_bytes
        };
        let mut kept: Vec<_> = self.unmatched.drain(..).rev().collect();
        kept.retain(|one| keeps(one));
        kept.reverse();
        self.unmatched = kept;
    }

    /// Makes room: removes bodies that are decoded, or where there are none old answers;
    /// whether there were any. Of many it would remove the oldest ones only: scripts have
    /// few.
    pub fn drop_bodies(&mut self) -> bool {
        let mut were_any = false;
        for job in self.jobs.values_mut() {
            were_any |= job.drop_bodies();
        }
        were_any || self.ledger.drop_answers(SystemTime::now())
    }

    /// Removes what is older.
    pub fn trim(&mut self, before: SystemTime) {
        let is_job = |id: &str| self.jobs.contains_key(id);
        self.ledger.trim(before, SystemTime::now(), is_job);
        for job in self.jobs.values_mut() {
            job.trim(before);
        }
        self.unmatched
            .retain(|one| one.seen.is_some_and(|(_, time)| time >= before));
        self.purged.retain(|_, purged| purged.time >= before);
    }
}
