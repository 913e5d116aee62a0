//! Callbacks without a job.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, params};

use super::keep::Portion;
use super::rows::to_micros;

/// So many callbacks without a job are kept: those for purged jobs, and as many
/// for unknown ones.
const MAX_UNMATCHED: i64 = 10_000;

/// Keeps a callback without a job, in place of the oldest ones.
pub fn append(
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
    // While Pronto calls, its job is remembered.
    connection
        .prepare_cached("UPDATE purged_jobs SET purged = ? WHERE id = ? AND credential = ?")?
        .execute(params![to_micros(SystemTime::now()), job_id, credential])?;
    // Strangers do not displace what came for jobs that were here.
    let is_stranger = credential.is_none();
    let mut totals = connection
        .prepare_cached("SELECT entries, bytes FROM unmatched_totals WHERE is_stranger = ?")?;
    let mut remove = connection.prepare_cached(
        "DELETE FROM unmatched WHERE id =
         (SELECT id FROM unmatched WHERE (credential IS NULL) = ? ORDER BY id LIMIT 1)",
    )?;
    loop {
        let (entries, bytes) = totals.query_row([is_stranger], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        if entries <= MAX_UNMATCHED && bytes <= max_bytes as i64 {
            return Ok(());
        }
        remove.execute([is_stranger])?;
    }
}

/// Removes a portion of these callbacks without a job, and returns the others.
pub fn remove(connection: &Connection, ids: &[i64]) -> rusqlite::Result<Vec<i64>> {
    let mut length =
        connection.prepare_cached("SELECT length(body) FROM unmatched WHERE id = ?")?;
    let mut portion = Portion::default();
    let mut left = ids.iter();
    while !portion.is_full() {
        let Some(id) = left.next() else {
            break;
        };
        let bytes = length.query_row([id], |row| row.get(0)).optional()?;
        portion.add(*id, bytes.unwrap_or_default());
    }
    portion.remove(connection, "unmatched")?;
    Ok(left.copied().collect())
}

/// Removes a portion of the old callbacks without a job; whether there were any.
pub fn trim(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let sql = "SELECT id, length(body) FROM unmatched WHERE received < ? ORDER BY id";
    Portion::select(connection, sql, [to_micros(before)])?.remove(connection, "unmatched")
}
