//! What is no longer kept. Everything is removed in small writes, so that
//! callbacks pass in between.

use std::time::SystemTime;

use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{from_micros, number, to_micros};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{ErasedResult, JobEvent};

/// So many rows are removed in one write.
pub const PORTION: i64 = 500;

/// Hides a job, and remembers what its callbacks are recognized by.
pub fn hide(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let hidden = connection.execute(
        "INSERT INTO purged_jobs (id, credential, secret_hash, purged)
         SELECT id, credential, secret_hash, ?2 FROM jobs WHERE id = ?1 AND purged = 0",
        params![id, to_micros(SystemTime::now())],
    )?;
    connection.execute("UPDATE jobs SET purged = 1 WHERE id = ?", [id])?;
    Ok(hidden > 0)
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
    for sql in [
        "DELETE FROM deliveries WHERE id IN
         (SELECT id FROM deliveries WHERE job = ?1 LIMIT ?2)",
        "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE job = ?1 LIMIT ?2)",
        "DELETE FROM identities WHERE job = ?1 AND identity IN
         (SELECT identity FROM identities WHERE job = ?1 LIMIT ?2)",
    ] {
        if connection.execute(sql, params![job, PORTION])? > 0 {
            return Ok(true);
        }
    }
    connection.execute("DELETE FROM jobs WHERE number = ?", [job])?;
    Ok(true)
}

/// Erases results and bodies.
pub fn erase(
    connection: &Connection,
    job_id: &str,
    sequences: &[i64],
    deliveries: &[i64],
) -> rusqlite::Result<()> {
    let Some(job) = number(connection, job_id)? else {
        return Ok(());
    };
    let erased = JobEvent {
        event: Some(Event::Erased(ErasedResult {})),
        ..Default::default()
    };
    let payload = erased.encode_to_vec();
    let mut event = connection
        .prepare_cached("UPDATE events SET payload = ? WHERE job = ? AND sequence = ?")?;
    for sequence in sequences {
        event.execute(params![payload, job, sequence])?;
    }
    let mut delivery = connection
        .prepare_cached("UPDATE deliveries SET body = x'', erased = 1 WHERE job = ? AND id = ?")?;
    for id in deliveries {
        delivery.execute(params![job, id])?;
    }
    Ok(())
}

/// Removes a portion of the old bodies that are decoded; whether there may be more.
pub fn trim_deliveries(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT deliveries.id, received, deliveries.id <= decoded_through
         FROM deliveries JOIN jobs ON number = job ORDER BY deliveries.id",
    )?;
    let mut rows = select.query([])?;
    let mut old: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        // They are in the order in which they came.
        if from_micros(row.get(1)?) >= before || old.len() as i64 == PORTION {
            break;
        }
        if row.get(2)? {
            old.push(row.get(0)?);
        }
    }
    let mut delete = connection.prepare_cached("DELETE FROM deliveries WHERE id = ?")?;
    for id in &old {
        delete.execute([id])?;
    }
    Ok(old.len() as i64 == PORTION)
}

/// Removes a portion of the old events of jobs that go on; whether there may be more.
pub fn trim_events(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let jobs: Vec<i64> = connection
        .prepare_cached("SELECT number FROM jobs WHERE finished IS NULL AND purged = 0")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut has_more = false;
    for job in jobs {
        has_more |= trim_events_of(connection, job, before)?;
    }
    Ok(has_more)
}

fn trim_events_of(connection: &Connection, job: i64, before: SystemTime) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT rowid, sequence, time FROM events WHERE job = ? ORDER BY sequence LIMIT ?",
    )?;
    let mut rows = select.query(params![job, PORTION])?;
    let mut old: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        if from_micros(row.get(2)?) >= before {
            break;
        }
        old.push((row.get(0)?, row.get(1)?));
    }
    let Some((_, last)) = old.last() else {
        return Ok(false);
    };
    connection.execute(
        "UPDATE jobs SET first_sequence = ? WHERE number = ?",
        params![last + 1, job],
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM events WHERE rowid = ?")?;
    for (row, _) in &old {
        delete.execute([row])?;
    }
    Ok(old.len() as i64 == PORTION)
}

/// Removes old callbacks without a job, and what is known of jobs purged long ago.
pub fn trim_rest(connection: &Connection, before: SystemTime) -> rusqlite::Result<()> {
    let before = to_micros(before);
    connection.execute("DELETE FROM unmatched WHERE received < ?", [before])?;
    connection.execute("DELETE FROM purged_jobs WHERE purged < ?", [before])?;
    Ok(())
}

/// Keeps a callback without a job, in place of the oldest ones.
pub fn append_unmatched(
    connection: &Connection,
    job_id: &str,
    credential: Option<&str>,
    body: &[u8],
    max_bytes: usize,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO unmatched (job_id, credential, received, body) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            job_id,
            credential,
            to_micros(SystemTime::now()),
            body
        ])?;
    // Strangers do not displace what came for jobs that were here.
    let mut select = connection.prepare_cached(
        "SELECT id, length(body) FROM unmatched WHERE credential IS NULL = ? ORDER BY id DESC",
    )?;
    let mut rows = select.query([credential.is_none()])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, i64>(1)?;
        if bytes > max_bytes as i64 {
            connection.execute(
                "DELETE FROM unmatched WHERE credential IS NULL = ? AND id <= ?",
                params![credential.is_none(), row.get::<_, i64>(0)?],
            )?;
            break;
        }
    }
    Ok(())
}
