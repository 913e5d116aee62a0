//! Calls that may be charged: whether they may be sent, and what became of them.

use std::time::SystemTime;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{from_micros, to_micros};
use super::usage::{self, Sums};
use super::{answers, purchases};
use crate::ledger::Day;
use crate::ledger::model::{Admission, Charge, Earlier, NewCall, RequestKey, Settlement};
use crate::proto::v1::CallOutcome;

/// Records a call, unless it was sent before or could cost too much. With `job_id`
/// it starts that job.
pub fn admit(
    connection: &Connection,
    call: &NewCall,
    job_id: Option<&str>,
) -> rusqlite::Result<Admission> {
    if let Some(request) = &call.request
        && let Some(known) = known(connection, &call.credential, request)?
    {
        return Ok(known);
    }
    let day = Day::of(call.time);
    if let Some(limit) = call.daily_budget {
        let spending = usage::spending(connection, &call.credential, day)?;
        let total = spending.spent.saturating_add(spending.reserved);
        if total.saturating_add(call.estimate.maximum) > limit && call.estimate.maximum > 0 {
            return Ok(Admission::OverBudget(spending));
        }
    }
    let id = insert(connection, call, job_id)?;
    purchases::want(connection, id, &call.credential, &call.people)?;
    let sums = Sums {
        reserved: call.estimate.maximum,
        ..Default::default()
    };
    usage::add(connection, &call.credential, day, &call.operation, &sums)?;
    Ok(Admission::Admitted(id))
}

/// What became of an earlier request with the same id.
pub fn known(
    connection: &Connection,
    credential: &str,
    request: &RequestKey,
) -> rusqlite::Result<Option<Admission>> {
    let earlier = connection
        .prepare_cached(
            "SELECT fingerprint, requests.job_id, outcome, body FROM requests
             LEFT JOIN ledger ON ledger.id = requests.call
             LEFT JOIN answers ON answers.call = requests.call
             WHERE requests.credential = ? AND requests.id = ?",
        )?
        .query_row(params![credential, request.id], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, Option<i32>>(2)?,
                row.get::<_, Option<Vec<u8>>>(3)?,
            ))
        })
        .optional()?;
    let Some((fingerprint, job_id, outcome, answer)) = earlier else {
        return Ok(None);
    };
    if fingerprint != request.fingerprint {
        return Ok(Some(Admission::Reused { job_id }));
    }
    let earlier = match (job_id, outcome.map(outcome_of), answer) {
        (Some(job_id), ..) => Earlier::Job(job_id),
        (None, _, Some(answer)) => Earlier::Answer(Bytes::from(answer)),
        (None, Some(outcome), None) if is_open(outcome) => Earlier::Unknown,
        (None, ..) => Earlier::Erased,
    };
    Ok(Some(Admission::Repeated(earlier)))
}

fn outcome_of(number: i32) -> CallOutcome {
    CallOutcome::try_from(number).unwrap_or_default()
}

fn insert(connection: &Connection, call: &NewCall, job_id: Option<&str>) -> rusqlite::Result<i64> {
    let time = to_micros(call.time);
    let estimate = &call.estimate;
    let request_id = call.request.as_ref().map(|request| &request.id);
    connection
        .prepare_cached(
            "INSERT INTO ledger (time, credential, operation, job_id, request_id, outcome,
             minimum, expected, maximum, unpriced, reserved, has_people)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?9, ?10, ?9, ?11)",
        )?
        .execute(params![
            time,
            call.credential,
            call.operation,
            job_id,
            request_id,
            CallOutcome::Pending as i32,
            estimate.minimum,
            estimate.expected,
            estimate.maximum,
            estimate.unpriced,
            !call.people.is_empty(),
        ])?;
    let id = connection.last_insert_rowid();
    if let Some(request) = &call.request {
        connection
            .prepare_cached("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)")?
            .execute(params![
                call.credential,
                request.id,
                request.fingerprint,
                time,
                id,
                job_id
            ])?;
    }
    Ok(id)
}

/// A call of the ledger, as far as it changes.
pub struct Call {
    id: i64,
    /// When it was sent: its charges, and those of its results, count for this day.
    pub day: Day,
    credential: String,
    operation: String,
    /// What became of it.
    pub outcome: CallOutcome,
    /// What it costs when nothing is found.
    minimum: i64,
    reserved: i64,
}

/// The call with this entry.
pub fn get(connection: &Connection, id: i64) -> rusqlite::Result<Option<Call>> {
    connection
        .prepare_cached(
            "SELECT time, credential, operation, outcome, minimum, reserved FROM ledger
             WHERE id = ?",
        )?
        .query_row([id], |row| {
            Ok(Call {
                id,
                day: Day::of(from_micros(row.get(0)?)),
                credential: row.get(1)?,
                operation: row.get(2)?,
                outcome: outcome_of(row.get::<_, Option<i32>>(3)?.unwrap_or_default()),
                minimum: row.get(4)?,
                reserved: row.get(5)?,
            })
        })
        .optional()
}

impl Call {
    /// Whether it is not known yet what became of it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        is_open(self.outcome)
    }

    /// Releases credits that were set aside; all of them without an amount.
    pub fn release(
        &mut self,
        connection: &Connection,
        amount: Option<i64>,
    ) -> rusqlite::Result<()> {
        let released = amount.unwrap_or(self.reserved).min(self.reserved);
        if released == 0 {
            return Ok(());
        }
        self.reserved -= released;
        connection
            .prepare_cached("UPDATE ledger SET reserved = ? WHERE id = ?")?
            .execute([self.reserved, self.id])?;
        let sums = Sums {
            reserved: -released,
            ..Default::default()
        };
        usage::add(
            connection,
            &self.credential,
            self.day,
            &self.operation,
            &sums,
        )
    }

    /// Records what became of it, and what that cost, where it is known; returns that.
    /// It counts for the day on which it was sent, where credits were set aside for it.
    pub fn conclude(
        &mut self,
        connection: &Connection,
        outcome: CallOutcome,
        charge: Option<Charge>,
        results: (i64, i64),
    ) -> rusqlite::Result<Option<Charge>> {
        // One of unknown outcome counts already.
        let calls = i64::from(was_sent(outcome)) - i64::from(was_sent(self.outcome));
        self.outcome = outcome;
        let charge = match outcome {
            CallOutcome::Refused | CallOutcome::Reused => Some(Charge::default()),
            _ => charge.filter(|_| !self.is_open()),
        };
        let known = charge.unwrap_or_default();
        connection
            .prepare_cached(
                "UPDATE ledger SET outcome = ?, credits = ?, emails = ?, phone_numbers = ?,
                 personal_emails = ? WHERE id = ?",
            )?
            .execute(params![
                outcome as i32,
                charge.map(|charge| charge.credits),
                known.found.emails,
                known.found.phone_numbers,
                known.found.personal_emails,
                self.id,
            ])?;
        let sums = Sums {
            calls,
            results: results.0,
            reused: results.1,
            charge: known,
            ..Default::default()
        };
        usage::add(
            connection,
            &self.credential,
            self.day,
            &self.operation,
            &sums,
        )?;
        self.release(connection, Some(known.credits))?;
        match outcome {
            CallOutcome::Refused => self.forget(connection)?,
            CallOutcome::Reused => self.release(connection, None)?,
            _ => {}
        }
        Ok(charge)
    }

    /// Records what became of one that starts a job. What the results cost comes later.
    pub fn conclude_start(
        &mut self,
        connection: &Connection,
        outcome: CallOutcome,
    ) -> rusqlite::Result<Option<Charge>> {
        let charge = Charge {
            credits: self.minimum,
            ..Default::default()
        };
        self.conclude(connection, outcome, Some(charge), (0, 0))
    }

    /// Nothing was carried out: the same request may be sent again.
    fn forget(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.release(connection, None)?;
        purchases::forget(connection, self.id)?;
        free_id(connection, self.id)
    }
}

/// The same request may be sent again.
pub fn free_id(connection: &Connection, call: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM requests WHERE call = ?")?
        .execute([call])
        .map(drop)
}

/// Whether this does not say what became of a call.
#[must_use]
pub fn is_open(outcome: CallOutcome) -> bool {
    matches!(outcome, CallOutcome::Pending | CallOutcome::Unknown)
}

/// Whether Pronto may have carried it out.
fn was_sent(outcome: CallOutcome) -> bool {
    matches!(outcome, CallOutcome::CarriedOut | CallOutcome::Unknown)
}

/// Records what became of a call that started no job.
pub fn settle(connection: &Connection, id: i64, settlement: Settlement) -> rusqlite::Result<()> {
    let Some(mut call) = get(connection, id)?.filter(Call::is_open) else {
        return Ok(());
    };
    let Settlement {
        outcome,
        charge,
        results,
        reused,
        answer,
    } = settlement;
    let charge = call.conclude(connection, outcome, charge, (results, reused))?;
    if let Some(charge) = charge {
        call.release(connection, None)?;
        purchases::buy(connection, id, 0, &charge.found, SystemTime::now(), None)?;
    }
    match answer {
        // It is not asked for again.
        Some(answer) if outcome != CallOutcome::Refused => answers::keep(connection, id, &answer),
        _ => Ok(()),
    }
}

/// Records what became of the call that started a job which is purged by now.
pub fn conclude_without_job(
    connection: &Connection,
    job_id: &str,
    outcome: CallOutcome,
) -> rusqlite::Result<()> {
    let id = connection
        .prepare_cached(
            "SELECT id FROM ledger WHERE job_id = ? AND outcome IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM jobs WHERE jobs.id = ledger.job_id AND purged = 0)",
        )?
        .query_row([job_id], |row| row.get(0))
        .optional()?;
    let call = id.map(|id| get(connection, id)).transpose()?.flatten();
    let Some(mut call) = call.filter(Call::is_open) else {
        return Ok(());
    };
    call.conclude_start(connection, outcome).map(drop)
}

/// Calls that a server left under way when it ended, apart from those whose jobs are
/// there to go on: nobody knows what became of them. Returns how many they are.
pub fn interrupt(connection: &Connection) -> rusqlite::Result<usize> {
    let ids: Vec<i64> = connection
        .prepare_cached(
            "SELECT id FROM ledger WHERE outcome = 1 AND NOT EXISTS
             (SELECT 1 FROM jobs WHERE jobs.id = ledger.job_id AND purged = 0)",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &ids {
        if let Some(mut call) = get(connection, *id)? {
            call.conclude(connection, CallOutcome::Unknown, None, (0, 0))?;
        }
    }
    Ok(ids.len())
}
