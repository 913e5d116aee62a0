//! A job as it should be.

use std::collections::BTreeSet;
use std::time::SystemTime;

use bytes::Bytes;
use pronto_grpc::jobs::model::{Change, Decoded, End, Found, NewJob, StoredJob};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CallOutcome, CallbackSource, JobCompleted, JobEvent, JobFailure, JobOutcome, JobState,
};
use prost::Message;

use super::content::erased;
use super::known::Known;
use super::ledger::{Charged, Ledger, item};
use super::reused;

/// A job and all that belongs to it.
#[derive(Clone, Debug)]
pub struct ModelJob {
    pub stored: StoredJob,
    pub events: Vec<ModelEvent>,
    pub deliveries: Vec<ModelDelivery>,
    pub known: Known,
    /// What earlier purchases answer, until it is in the log.
    pub reused: Vec<Found>,
    /// The time that it was given when it was complete at once, until the real one is seen.
    pub unseen: Option<SystemTime>,
    /// By which marks those are known who were erased.
    pub erased: BTreeSet<String>,
}

/// An event: sequence, time, and the encoded event.
pub type ModelEvent = (i64, SystemTime, Vec<u8>);

/// A body.
#[derive(Clone, Debug)]
pub struct ModelDelivery {
    pub id: i64,
    pub source: CallbackSource,
    pub body: Bytes,
    pub erased: bool,
    /// When it came, once seen.
    pub received: Option<SystemTime>,
}

impl ModelJob {
    pub fn new(job: &NewJob) -> Self {
        Self {
            stored: stored(job),
            events: Vec::new(),
            deliveries: Vec::new(),
            known: Known::default(),
            reused: reused::of(&job.call),
            unseen: None,
            erased: BTreeSet::new(),
        }
    }

    /// Whether it has something left to do.
    pub fn is_unfinished(&self) -> bool {
        !self.stored.has_ended() || self.is_starting() || self.has_undecoded()
    }

    /// Whether it is not known yet what became of its start.
    fn is_starting(&self) -> bool {
        self.stored.last_sequence == 0 && !self.stored.call_is_known
    }

    fn has_undecoded(&self) -> bool {
        let through = self.stored.decoded.through;
        self.deliveries.iter().any(|body| body.id > through)
    }

    /// Whether something came that will be decoded: not where Pronto refused the start.
    pub fn is_undecoded(&self) -> bool {
        self.stored.last_sequence > 0 && self.has_undecoded()
    }

    /// Whether it ended before a time, nothing has come of it since, and nothing of its
    /// start is under way.
    pub fn has_ended_before(&self, time: SystemTime) -> bool {
        let job = &self.stored;
        let is_old = job.finished.is_some_and(|end| end < time) && job.updated < time;
        is_old && !self.is_starting()
    }

    /// What a change that may be made makes of it.
    pub fn change(&mut self, change: &Change, time: SystemTime, ledger: &mut Ledger) {
        let job = &mut self.stored;
        job.updated = time;
        let is_refused = !job.call_is_known && change.call == Some(CallOutcome::Refused);
        let is_sign = change.upstream_id.is_some() || change.final_seen || !change.found.is_empty();
        if is_refused {
            ledger.free(&job.id);
            // Nothing will come of it.
            self.reused.clear();
        }
        let open = [CallOutcome::Pending, CallOutcome::Unknown];
        job.call_is_known |= match change.call {
            Some(outcome) => !open.contains(&outcome),
            None => is_sign,
        };
        job.credits += ledger.start(&job.id, change);
        if let Some(id) = &change.upstream_id {
            job.upstream_id = Some(id.clone());
        }
        job.expected = change.expected.or(job.expected);
        job.final_seen |= change.final_seen;
        job.decoded = change.decoded.unwrap_or(job.decoded);
        let before = (job.delivered, job.reused);
        if let (Some(started), 0) = (&change.started, job.last_sequence) {
            if job.state == JobState::Pending {
                job.state = JobState::Running;
            }
            let has_erased = job.has_erased;
            let started = started.clone();
            self.append(match has_erased {
                true => erased(started),
                false => started,
            });
            self.deliver_reused();
        }
        let found = change.found.iter();
        let charged: Vec<Charged> = found.filter_map(|found| self.find(found)).collect();
        let credits: i64 = charged.iter().map(|(_, _, charge)| charge.credits).sum();
        self.stored.credits += credits;
        let (results, reused) = (
            self.stored.delivered - before.0,
            self.stored.reused - before.1,
        );
        ledger.deliver(&self.stored, &charged, results, reused);
        self.erase_bodies(&change.erased_bodies);
        if let Some(end) = &change.end {
            self.end(end);
            if matches!(end, End::Complete | End::Failed { .. }) {
                ledger.finish(&self.stored.id);
            }
        }
    }

    fn append(&mut self, event: Event) {
        let job = &mut self.stored;
        job.last_sequence += 1;
        let event = (job.last_sequence, job.updated, encoded(event));
        self.events.push(event);
    }

    pub fn find(&mut self, found: &Found) -> Option<Charged> {
        if !self.known.is_new(&found.identity) {
            self.stored.duplicates += 1;
            return None;
        }
        if !matches!(found.event, Event::Unrecognized(_)) {
            self.stored.delivered += 1;
            self.stored.recovered += i64::from(found.source == CallbackSource::Poll);
            self.stored.late += i64::from(self.stored.has_ended());
        }
        self.append(found.event.clone());
        let sequence = self.stored.last_sequence;
        found
            .charge
            .map(|charge| (item(&self.stored.operation, &found.event), sequence, charge))
    }

    fn end(&mut self, end: &End) {
        let job = &mut self.stored;
        job.finished = Some(job.updated);
        job.state = end.state();
        let (outcome, missing_indexes) = match end {
            End::Complete => (JobOutcome::Complete, Vec::new()),
            End::Incomplete { missing_indexes } => {
                (JobOutcome::Incomplete, missing_indexes.clone())
            }
            End::Cancelled => return,
            End::Failed { reason, message } => {
                job.failure = Some(JobFailure {
                    reason: (*reason).into(),
                    message: message.clone(),
                });
                return;
            }
        };
        if outcome == JobOutcome::Complete {
            job.expected = Some(job.delivered);
        }
        let is_exact = outcome == JobOutcome::Complete || job.has_exact_total();
        job.missing = job
            .expected
            .filter(|_| is_exact)
            .map(|expected| (expected - job.delivered).max(0));
        job.missing_indexes.clone_from(&missing_indexes);
        let counts = Some(job.counts());
        self.append(Event::Completed(JobCompleted {
            outcome: outcome.into(),
            counts,
            missing_indexes,
        }));
    }

    /// Somebody is erased, who must not come back.
    pub fn mark_erased(&mut self, marks: &[String]) {
        self.stored.has_erased = true;
        self.erased.extend(marks.iter().cloned());
        self.erase_reused();
    }

    /// Erases results and bodies, and of `started` what it says of people.
    pub fn erase(&mut self, sequences: &[i64], deliveries: &[i64]) {
        for (sequence, _, payload) in &mut self.events {
            if sequences.contains(sequence) {
                let event = JobEvent::decode(payload.as_slice()).unwrap().event;
                *payload = encoded(erased(event.unwrap()));
            }
        }
        self.erase_bodies(deliveries);
    }

    fn erase_bodies(&mut self, deliveries: &[i64]) {
        for delivery in &mut self.deliveries {
            if deliveries.contains(&delivery.id) {
                delivery.erased = true;
                delivery.body = Bytes::new();
            }
        }
    }

    /// Removes bodies that are decoded; whether there were any.
    pub fn drop_bodies(&mut self) -> bool {
        let (through, count) = (self.stored.decoded.through, self.deliveries.len());
        self.deliveries.retain(|delivery| delivery.id > through);
        self.deliveries.len() < count
    }

    /// Removes what is older: decoded bodies, and events while it goes on.
    pub fn trim(&mut self, before: SystemTime) {
        let through = self.stored.decoded.through;
        self.deliveries.retain(|delivery| {
            delivery.id > through || delivery.received.is_none_or(|time| time >= before)
        });
        if self
            .stored
            .finished
            .is_none_or(|finished| finished < before)
        {
            self.events.retain(|(_, time, _)| *time >= before);
            let kept = self.events.first().map(|(sequence, _, _)| *sequence);
            self.stored.first_sequence = kept.unwrap_or(self.stored.last_sequence + 1);
        }
    }
}

/// An event as it is stored.
fn encoded(event: Event) -> Vec<u8> {
    JobEvent {
        event: Some(event),
        ..Default::default()
    }
    .encode_to_vec()
}

/// A job as it is at first.
fn stored(job: &NewJob) -> StoredJob {
    let items = job.items.map(|items| items as i64);
    StoredJob {
        credits: 0,
        request_id: job.call.request.as_ref().map(|key| key.id.clone()),
        reused: 0,
        id: job.id.clone(),
        credential: job.credential.clone(),
        operation: job.operation.clone(),
        secret_hash: job.secret_hash.to_vec(),
        items,
        search_name: job.search_name.clone(),
        state: JobState::Pending,
        upstream_id: None,
        expected: items,
        delivered: 0,
        recovered: 0,
        duplicates: 0,
        late: 0,
        missing: None,
        missing_indexes: Vec::new(),
        first_sequence: 1,
        last_sequence: 0,
        decoded: Decoded::default(),
        final_seen: false,
        has_erased: false,
        call_is_known: false,
        created: job.created,
        updated: job.created,
        finished: None,
        deadline: job.deadline,
        failure: None,
        origin: job.call.origin,
    }
}
