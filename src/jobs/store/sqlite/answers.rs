//! Answers that are kept, so that a request can be repeated and what it bought can
//! be used again; and for how long it can.

use std::time::SystemTime;

use bytes::Bytes;
use rusqlite::{Connection, params};

use super::keep::Portion;
use super::purchases;
use super::rows::{page, to_micros};
use crate::ledger::REPEATABLE;
use crate::ledger::model::KeptAnswer;

/// At most so many rows are removed in one write.
const PORTION: i64 = 500;

/// Keeps the answer of a call, in place of an earlier one.
pub fn keep(connection: &Connection, call: i64, body: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO answers (call, credential, time, body)
             SELECT id, credential, time, ?2 FROM ledger WHERE id = ?1
             ON CONFLICT DO UPDATE SET body = excluded.body",
        )?
        .execute(params![call, body])?;
    Ok(())
}

/// Those of a credential after the one with an entry, fewer where they are large.
pub fn list(
    connection: &Connection,
    credential: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<KeptAnswer>> {
    let mut select = connection.prepare_cached(
        "SELECT answers.call, operation, body FROM answers JOIN ledger ON ledger.id = answers.call
         WHERE answers.credential = ? AND answers.call > ? ORDER BY answers.call LIMIT ?",
    )?;
    let rows = select.query_map(params![credential, after, limit as i64], |row| {
        Ok(KeptAnswer {
            call: row.get(0)?,
            operation: row.get(1)?,
            body: Bytes::from(row.get::<_, Vec<u8>>(2)?),
        })
    })?;
    page(rows, |answer| answer.body.len())
}

/// Erases answers, and that something was bought with them.
pub fn erase(connection: &Connection, calls: &[i64]) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM answers WHERE call = ?")?;
    for call in calls {
        delete.execute([call])?;
        purchases::forget(connection, *call)?;
    }
    Ok(())
}

/// The latest time of which nothing has to be repeatable any more.
pub fn a_day_ago() -> SystemTime {
    let ago = SystemTime::now().checked_sub(REPEATABLE);
    ago.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Forgets a portion of what makes old calls repeatable, of their answers, and of
/// whom they asked about; whether there was any. Calls of the last day stay repeatable.
pub fn trim(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let before = before.min(a_day_ago());
    let requests = connection
        .prepare_cached(
            "DELETE FROM requests WHERE (credential, id) IN
             (SELECT credential, id FROM requests WHERE created < ? AND NOT EXISTS
             (SELECT 1 FROM jobs WHERE jobs.id = requests.job_id AND purged = 0) LIMIT ?)",
        )?
        .execute(params![to_micros(before), PORTION])?;
    let answers = remove(connection, before)?;
    let purchases = purchases::trim(connection, before)?;
    Ok(requests > 0 || answers || purchases)
}

/// Removes a portion of the oldest answers, apart from those of the last day;
/// whether there were any.
pub fn drop_some(connection: &Connection) -> rusqlite::Result<bool> {
    remove(connection, a_day_ago())
}

fn remove(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let sql = "SELECT call, length(body) FROM answers WHERE time < ? ORDER BY time";
    Portion::select(connection, sql, [to_micros(before)])?.remove(connection, "answers")
}
