//! A change of a job: the one place where events get their numbers.

use std::time::SystemTime;

use prost::Message;
use rusqlite::{Connection, params};
use serde_json::json;

use super::super::StoreError;
use super::calls::{self, Call};
use super::recognize::Known;
use super::rows::{self, Numbered, from_micros, to_micros};
use super::usage::{self, Sums};
use super::{engine, entries, keep, purchases, reused};
use crate::jobs::model::{Change, End, Found, StoredJob};
use crate::ledger::Day;
use crate::ledger::model::Charge;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{
    CallOutcome, CallbackSource, JobCompleted, JobEvent, JobFailure, JobOutcome, JobState,
};

/// Applies a change, inside the transaction of the caller.
pub fn apply(
    connection: &Connection,
    job_id: &str,
    change: Change,
) -> Result<StoredJob, StoreError> {
    let Numbered { number, call, job } = rows::numbered_job(connection, job_id)
        .map_err(engine)?
        .ok_or_else(|| StoreError::NoSuchJob(job_id.to_owned()))?;
    if change.end.is_some() && job.has_ended() {
        return Err(StoreError::AlreadyEnded {
            id: job.id,
            state: job.state,
        });
    }
    let mut log = Log {
        connection,
        number,
        call,
        job,
        // As it will be read again.
        time: from_micros(to_micros(SystemTime::now())),
    };
    log.apply(change).map_err(engine)?;
    Ok(log.job)
}

struct Log<'c> {
    connection: &'c Connection,
    number: i64,
    /// The entry of the call that started it.
    call: i64,
    job: StoredJob,
    time: SystemTime,
}

impl Log<'_> {
    fn apply(&mut self, change: Change) -> rusqlite::Result<()> {
        self.call(&change)?;
        self.start(change.upstream_id, change.expected, change.started)?;
        self.job.final_seen |= change.final_seen;
        self.job.decoded = change.decoded.unwrap_or(self.job.decoded);
        self.deliver(change.found, false)?;
        keep::erase_bodies(self.connection, self.number, &change.erased_bodies)?;
        if let Some(end) = change.end {
            self.end(end)?;
        }
        self.save()
    }

    /// What became of the call. When something comes of it, it was carried out.
    fn call(&mut self, change: &Change) -> rusqlite::Result<()> {
        let is_sign = change.upstream_id.is_some() || change.final_seen || !change.found.is_empty();
        let sign = is_sign.then_some(CallOutcome::CarriedOut);
        let Some(outcome) = change.call.or(sign).filter(|_| !self.job.call_is_known) else {
            return Ok(());
        };
        self.job.call_is_known = !calls::is_open(outcome);
        if outcome == CallOutcome::Refused {
            reused::forget(self.connection, self.number)?;
        }
        // The ledger may have forgotten it: then what it cost is not counted any more.
        match calls::get(self.connection, self.call)? {
            Some(mut call) => {
                let charge = call.conclude_start(self.connection, outcome)?;
                self.job.credits += charge.map_or(0, |charge| charge.credits);
            }
            None if outcome == CallOutcome::Refused => {
                calls::free_id(self.connection, self.call)?;
            }
            None => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        upstream_id: Option<String>,
        expected: Option<i64>,
        started: Option<Event>,
    ) -> rusqlite::Result<()> {
        self.job.upstream_id = upstream_id.or(self.job.upstream_id.take());
        self.job.expected = expected.or(self.job.expected);
        let Some(started) = started.filter(|_| self.job.last_sequence == 0) else {
            return Ok(());
        };
        if self.job.state == JobState::Pending {
            self.job.state = JobState::Running;
        }
        // Its preview may show somebody who was erased while Pronto was asked.
        self.append(match self.job.has_erased {
            true => keep::without_people(started),
            false => started,
        })?;
        let reused = reused::take(self.connection, self.number)?;
        self.deliver(reused, true)
    }

    /// Records results. Those that are reused count as such also where the person was
    /// erased meanwhile.
    fn deliver(&mut self, found: Vec<Found>, are_reused: bool) -> rusqlite::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let job_id = self.job.id.clone();
        let known = Known::new(self.connection, self.number, &job_id);
        let before = self.job.delivered;
        let mut charged = Vec::new();
        for result in found {
            if known.is_new(&result.identity)? {
                self.count(&result);
                let item = self.item(&result.event);
                self.append(result.event)?;
                let charge = result
                    .charge
                    .map(|charge| (item, self.job.last_sequence, charge));
                charged.extend(charge);
            } else {
                self.job.duplicates += 1;
            }
        }
        let mut call = calls::get(self.connection, self.call)?;
        let charge = self.charge(&charged, call.as_mut())?;
        // Credits were set aside for the day of the call.
        let day = call.map_or(Day::of(self.time), |call| call.day);
        let results = self.job.delivered - before;
        let reused = if are_reused { results } else { 0 };
        self.job.reused += reused;
        let sums = Sums {
            results,
            reused,
            charge,
            ..Default::default()
        };
        let job = &self.job;
        usage::add(self.connection, &job.credential, day, &job.operation, &sums)
    }

    /// The item of the request that a result is about, where that is known. Somebody
    /// who was erased was paid for, but is not held.
    fn item(&self, event: &Event) -> Option<i32> {
        let Event::Contact(contact) = event else {
            return None;
        };
        let is_batch = reused::is_batch(&self.job.operation);
        contact.index.or((!is_batch).then_some(0))
    }

    /// Records what results cost: each with its item and sequence. Returns the sum.
    fn charge(
        &mut self,
        charged: &[(Option<i32>, i64, Charge)],
        call: Option<&mut Call>,
    ) -> rusqlite::Result<Charge> {
        let mut total = Charge::default();
        for (item, sequence, charge) in charged {
            total = total + *charge;
            entries::add_result(self.connection, &self.job, *sequence, charge, self.time)?;
            if let Some(item) = item {
                purchases::buy(
                    self.connection,
                    self.call,
                    *item,
                    &charge.found,
                    self.time,
                    Some(*sequence),
                )?;
            }
        }
        self.job.credits += total.credits;
        if let Some(call) = call {
            call.release(self.connection, Some(total.credits))?;
        }
        Ok(total)
    }

    fn count(&mut self, result: &Found) {
        if !matches!(result.event, Event::Unrecognized(_)) {
            self.job.delivered += 1;
            self.job.recovered += i64::from(result.source == CallbackSource::Poll);
            self.job.late += i64::from(self.job.has_ended());
        }
    }

    fn end(&mut self, end: End) -> rusqlite::Result<()> {
        self.job.state = end.state();
        self.job.finished = Some(self.time);
        // Nothing more will be found. Otherwise it may be, and charged.
        if matches!(end, End::Complete | End::Failed { .. })
            && self.job.call_is_known
            && let Some(mut call) = calls::get(self.connection, self.call)?
        {
            call.release(self.connection, None)?;
        }
        let (outcome, missing_indexes) = match end {
            End::Complete => (JobOutcome::Complete, Vec::new()),
            End::Incomplete { missing_indexes } => (JobOutcome::Incomplete, missing_indexes),
            End::Cancelled => return Ok(()),
            End::Failed { reason, message } => {
                self.job.failure = Some(JobFailure {
                    reason: reason.into(),
                    message,
                });
                return Ok(());
            }
        };
        let delivered = self.job.delivered;
        if outcome == JobOutcome::Complete {
            self.job.expected = Some(delivered);
        }
        // What an estimate lacks may never have been found.
        let is_exact = outcome == JobOutcome::Complete || self.job.has_exact_total();
        self.job.missing = self
            .job
            .expected
            .filter(|_| is_exact)
            .map(|expected| expected.saturating_sub(delivered).max(0));
        self.miss(&missing_indexes)?;
        let completed = JobCompleted {
            outcome: outcome.into(),
            counts: Some(self.job.counts()),
            missing_indexes,
        };
        self.append(Event::Completed(completed))
    }

    /// Keeps what is missing at the end, which changes no more. There may be many.
    fn miss(&mut self, indexes: &[i32]) -> rusqlite::Result<()> {
        self.job.missing_indexes = indexes.to_vec();
        if indexes.is_empty() {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE jobs SET missing_indexes = ? WHERE number = ?")?
            .execute(params![json!(indexes), self.number])?;
        Ok(())
    }

    fn append(&mut self, event: Event) -> rusqlite::Result<()> {
        self.job.last_sequence += 1;
        let event = JobEvent {
            event: Some(event),
            ..Default::default()
        };
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO events (job, sequence, time, payload) VALUES (?, ?, ?, ?)",
        )?;
        insert.execute(params![
            self.number,
            self.job.last_sequence,
            to_micros(self.time),
            event.encode_to_vec(),
        ])?;
        Ok(())
    }

    fn save(&mut self) -> rusqlite::Result<()> {
        self.job.updated = self.time;
        let job = &self.job;
        let mut update = self.connection.prepare_cached(
            "UPDATE jobs SET state = ?, upstream_id = ?, expected = ?, delivered = ?,
             recovered = ?, duplicates = ?, late = ?, reused = ?, credits = ?, missing = ?,
             last_sequence = ?, decoded_through = ?, decoded_results = ?, final_seen = ?,
             updated = ?, finished = ?, failure_reason = ?, failure_message = ?,
             call_is_known = ? WHERE number = ?",
        )?;
        update.execute(params![
            job.state as i32,
            job.upstream_id,
            job.expected,
            job.delivered,
            job.recovered,
            job.duplicates,
            job.late,
            job.reused,
            job.credits,
            job.missing,
            job.last_sequence,
            job.decoded.through,
            job.decoded.results,
            job.final_seen,
            to_micros(job.updated),
            job.finished.map(to_micros),
            job.failure.as_ref().map(|failure| failure.reason),
            job.failure.as_ref().map(|failure| failure.message.as_str()),
            self.job.call_is_known,
            self.number,
        ])?;
        Ok(())
    }
}
