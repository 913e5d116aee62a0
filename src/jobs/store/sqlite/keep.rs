//! What is no longer kept. Everything is removed in small writes, so that
//! callbacks pass in between.

use std::time::SystemTime;

use prost::Message;
use rusqlite::{Connection, OptionalExtension, Params, ToSql, params};

use super::super::StoreError;
use super::rows::{from_micros, number, to_micros};
use super::{answers, engine, purchases};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{Acceptance, ErasedResult, JobEvent, JobStarted};

/// At most so many rows are removed in one write.
const PORTION: usize = 500;

/// A portion of rows, which may be large, ends after so many bytes.
const PORTION_BYTES: i64 = 8 << 20;

/// Free pages given back to the file system at a time.
const VACUUM_PAGES: i64 = 1_000;

/// Which rows one write removes.
#[derive(Default)]
pub struct Portion {
    rows: Vec<i64>,
    bytes: i64,
}

impl Portion {
    /// Of the rows that a statement tells, each with its bytes, the first ones.
    pub fn select(
        connection: &Connection,
        sql: &str,
        values: impl Params,
    ) -> rusqlite::Result<Self> {
        let mut select = connection.prepare_cached(sql)?;
        let mut rows = select.query(values)?;
        let mut portion = Self::default();
        while !portion.is_full() {
            let Some(row) = rows.next()? else {
                break;
            };
            portion.add(row.get(0)?, row.get(1)?);
        }
        Ok(portion)
    }

    pub fn is_full(&self) -> bool {
        self.rows.len() >= PORTION || self.bytes >= PORTION_BYTES
    }

    pub fn add(&mut self, row: i64, bytes: i64) {
        self.rows.push(row);
        self.bytes += bytes;
    }

    /// Removes them; whether there were any.
    pub fn remove(&self, connection: &Connection, table: &str) -> rusqlite::Result<bool> {
        let sql = format!("DELETE FROM {table} WHERE rowid = ?");
        let mut delete = connection.prepare_cached(&sql)?;
        for row in &self.rows {
            delete.execute([row])?;
        }
        Ok(!self.rows.is_empty())
    }
}

/// Hides a job, and remembers what its callbacks are recognized by; whether it was
/// there.
pub fn hide(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    hide_where(connection, "id = ?2", params![now(), id])
}

/// Hides a job that ended before a time, unless something for it arrived that is
/// not decoded; whether it is hidden now. Looks within the write, because a callback
/// may have come since somebody else looked.
pub fn hide_ended(connection: &Connection, id: &str, before: SystemTime) -> rusqlite::Result<bool> {
    // Of a job without events Pronto refused the start, or has not answered it yet.
    let condition = "id = ?2 AND finished < ?3 AND updated < ?3 AND
         CASE last_sequence WHEN 0 THEN call_is_known = 1 ELSE NOT EXISTS
         (SELECT 1 FROM deliveries WHERE job = number AND deliveries.id > decoded_through) END";
    hide_where(connection, condition, params![now(), id, to_micros(before)])
}

fn now() -> i64 {
    to_micros(SystemTime::now())
}

fn hide_where(
    connection: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<bool> {
    let sql = format!(
        "INSERT INTO purged_jobs (id, credential, secret_hash, upstream_id, purged)
         SELECT id, credential, secret_hash, upstream_id, ?1 FROM jobs
         WHERE purged = 0 AND {condition} RETURNING id"
    );
    let hidden = connection
        .prepare_cached(&sql)?
        .query_row(values, |row| row.get::<_, String>(0))
        .optional()?;
    let Some(id) = hidden else {
        return Ok(false);
    };
    connection
        .prepare_cached("UPDATE jobs SET purged = 1 WHERE id = ?")?
        .execute([id])?;
    Ok(true)
}

/// Remembers Pronto's id of a job that was purged before Pronto answered, so that its
/// search is not taken for that of another job.
pub fn remember_upstream_id(
    connection: &Connection,
    job_id: &str,
    upstream_id: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = "UPDATE purged_jobs SET upstream_id = COALESCE(?, upstream_id) WHERE id = ?";
    connection
        .prepare_cached(sql)?
        .execute(params![upstream_id, job_id])?;
    Ok(())
}

/// Removes a portion of what belongs to hidden jobs; whether there is more.
pub fn sweep(connection: &Connection) -> rusqlite::Result<bool> {
    let hidden = "SELECT number FROM jobs WHERE purged = 1 ORDER BY number LIMIT 1";
    let Some(job) = connection
        .query_row(hidden, [], |row| row.get::<_, i64>(0))
        .optional()?
    else {
        return Ok(false);
    };
    for (table, sql) in [
        (
            "deliveries",
            "SELECT id, length(body) FROM deliveries WHERE job = ? ORDER BY id",
        ),
        (
            "events",
            "SELECT rowid, length(payload) FROM events WHERE job = ? ORDER BY sequence",
        ),
    ] {
        if Portion::select(connection, sql, [job])?.remove(connection, table)? {
            return Ok(true);
        }
    }
    let people = connection.execute(
        "DELETE FROM purchases WHERE call = (SELECT call FROM jobs WHERE number = ?1) AND item IN
         (SELECT item FROM purchases JOIN jobs USING (call) WHERE number = ?1 LIMIT ?2)",
        params![job, PORTION as i64],
    )?;
    if people > 0 {
        return Ok(true);
    }
    let identities = connection.execute(
        "DELETE FROM identities WHERE job = ?1 AND identity IN
         (SELECT identity FROM identities WHERE job = ?1 LIMIT ?2)",
        params![job, PORTION as i64],
    )?;
    if identities == 0 {
        connection.execute("DELETE FROM jobs WHERE number = ?", [job])?;
    }
    Ok(true)
}

/// Erases results, that they were bought, and bodies.
pub fn erase(
    connection: &Connection,
    job_id: &str,
    sequences: &[i64],
    deliveries: &[i64],
) -> rusqlite::Result<()> {
    let Some(job) = number(connection, job_id)? else {
        return Ok(());
    };
    let mut select =
        connection.prepare_cached("SELECT payload FROM events WHERE job = ? AND sequence = ?")?;
    let mut event = connection
        .prepare_cached("UPDATE events SET payload = ? WHERE job = ? AND sequence = ?")?;
    for sequence in sequences {
        let payload = select.query_row(params![job, sequence], |row| row.get::<_, Vec<u8>>(0));
        if let Some(payload) = payload.optional()? {
            event.execute(params![payload_without_people(&payload), job, sequence])?;
        }
    }
    purchases::forget_results(connection, job, sequences)?;
    erase_bodies(connection, job, deliveries)
}

fn payload_without_people(payload: &[u8]) -> Vec<u8> {
    let event = JobEvent::decode(payload).ok().and_then(|event| event.event);
    JobEvent {
        event: event
            .map(without_people)
            .or(Some(Event::Erased(ErasedResult {}))),
        ..Default::default()
    }
    .encode_to_vec()
}

/// What stays of an event: of `started` what Pronto said about the search.
pub fn without_people(event: Event) -> Event {
    match event {
        Event::Started(started) => Event::Started(JobStarted {
            acceptance: started.acceptance.map(|acceptance| Acceptance {
                id: acceptance.id,
                status: acceptance.status,
                total: acceptance.total,
                created_at: acceptance.created_at,
                ..Default::default()
            }),
        }),
        _ => Event::Erased(ErasedResult {}),
    }
}

/// Erases bodies of a job, which its number tells.
pub fn erase_bodies(connection: &Connection, job: i64, deliveries: &[i64]) -> rusqlite::Result<()> {
    let mut delivery = connection
        .prepare_cached("UPDATE deliveries SET body = x'', erased = 1 WHERE job = ? AND id = ?")?;
    for id in deliveries {
        delivery.execute(params![job, id])?;
    }
    Ok(())
}

/// Removes a portion of the old bodies that are decoded; whether there were any.
pub fn trim_deliveries(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT deliveries.id, received, deliveries.id <= decoded_through, length(body)
         FROM deliveries JOIN jobs ON number = job ORDER BY deliveries.id",
    )?;
    let mut rows = select.query([])?;
    let mut old = Portion::default();
    while !old.is_full() {
        // They are in the order in which they came.
        let Some(row) = rows.next()? else {
            break;
        };
        if from_micros(row.get(1)?) >= before {
            break;
        }
        if row.get(2)? {
            old.add(row.get(0)?, row.get(3)?);
        }
    }
    old.remove(connection, "deliveries")
}

/// Makes room: removes a portion of the bodies that are decoded, or where there are
/// none, of the answers, whose results are nowhere else; whether there were any.
pub fn drop_bodies(connection: &Connection, now: SystemTime) -> rusqlite::Result<bool> {
    Ok(trim_deliveries(connection, now)? || answers::drop_some(connection)?)
}

/// Removes a portion of the old events of jobs that go on, or that ended long ago and are
/// kept because results still come; whether there may be more.
pub fn trim_events(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let jobs: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM jobs WHERE purged = 0 AND (finished IS NULL OR finished < ?)",
        )?
        .query_map([to_micros(before)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut old = Portion::default();
    for job in jobs {
        let Some(last) = select_events(connection, job, before, &mut old)? else {
            continue;
        };
        connection
            .prepare_cached("UPDATE jobs SET first_sequence = ? WHERE number = ?")?
            .execute([last + 1, job])?;
        if old.is_full() {
            break;
        }
    }
    old.remove(connection, "events")?;
    Ok(old.is_full())
}

/// Adds old events of a job to a portion, and returns the sequence of the last one.
fn select_events(
    connection: &Connection,
    job: i64,
    before: SystemTime,
    old: &mut Portion,
) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT rowid, length(payload), sequence, time FROM events WHERE job = ? ORDER BY sequence",
    )?;
    let mut rows = select.query([job])?;
    let mut last = None;
    while !old.is_full() {
        let Some(row) = rows.next()? else {
            break;
        };
        if from_micros(row.get(3)?) >= before {
            break;
        }
        old.add(row.get(0)?, row.get(1)?);
        last = Some(row.get(2)?);
    }
    Ok(last)
}

/// Forgets a portion of the jobs purged long ago; whether there were any.
pub fn trim_purged(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let removed = connection.execute(
        "DELETE FROM purged_jobs WHERE id IN
         (SELECT id FROM purged_jobs WHERE purged < ? LIMIT ?)",
        params![to_micros(before), PORTION as i64],
    )?;
    Ok(removed > 0)
}

/// Gives a portion of free pages back to the file system; whether there are more.
pub fn give_back(connection: &Connection) -> Result<bool, StoreError> {
    let free = || connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
    let before = free().map_err(engine)?;
    if before > 0 {
        // It gives back one page for each row that is read.
        let sql = format!("PRAGMA incremental_vacuum({VACUUM_PAGES})");
        let mut vacuum = connection.prepare_cached(&sql).map_err(engine)?;
        let mut pages = vacuum.query([]).map_err(engine)?;
        while pages.next().map_err(engine)?.is_some() {}
    }
    let left = free().map_err(engine)?;
    Ok(left > 0 && left < before)
}

#[cfg(test)]
mod tests;
