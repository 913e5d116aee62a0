//! The entries of the ledger: those for results, and the list of all.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::rows::{from_micros, to_micros};
use crate::jobs::model::StoredJob;
use crate::ledger::model::{Charge, KeptAnswer, LedgerPage};
use crate::proto::v1::ledger_entry::Subject;
use crate::proto::v1::{Estimate, Found, LedgerCall, LedgerEntry, LedgerResult};

/// So long at least a call can be repeated under its id.
const REPEATABLE: Duration = Duration::from_secs(24 * 60 * 60);

/// At most so many entries are removed in one write.
const PORTION: i64 = 500;

/// Records a result of a job that was charged.
pub fn add_result(
    connection: &Connection,
    job: &StoredJob,
    sequence: i64,
    charge: &Charge,
    time: SystemTime,
) -> rusqlite::Result<()> {
    let found = &charge.found;
    connection
        .prepare_cached(
            "INSERT INTO ledger (time, credential, operation, job_id, request_id, sequence,
             emails, phone_numbers, personal_emails, credits)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            to_micros(time),
            job.credential,
            job.operation,
            job.id,
            job.request_id,
            sequence,
            found.emails,
            found.phone_numbers,
            found.personal_emails,
            charge.credits,
        ])?;
    Ok(())
}

/// Entries, oldest first.
pub fn list(connection: &Connection, page: &LedgerPage) -> rusqlite::Result<Vec<LedgerEntry>> {
    let mut sql = "SELECT * FROM ledger WHERE credential = ? AND id > ?".to_owned();
    let mut values: Vec<Value> = vec![page.credential.clone().into(), page.after.into()];
    let mut only = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql += condition;
            values.push(value);
        }
    };
    only(" AND job_id = ?", page.job_id.clone().map(Into::into));
    only(
        " AND time >= ?",
        page.start.map(|time| to_micros(time).into()),
    );
    only(" AND time < ?", page.end.map(|time| to_micros(time).into()));
    only(" ORDER BY id LIMIT ?", Some((page.limit as i64).into()));
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let found = Some(Found {
        emails: row.get("emails")?,
        phone_numbers: row.get("phone_numbers")?,
        personal_emails: row.get("personal_emails")?,
    });
    let subject = match row.get::<_, Option<i32>>("outcome")? {
        Some(outcome) => Subject::Call(LedgerCall {
            estimate: Some(Estimate {
                minimum: row.get("minimum")?,
                expected: row.get("expected")?,
                maximum: row.get("maximum")?,
                unpriced: row.get("unpriced")?,
            }),
            outcome,
            reserved: row.get("reserved")?,
            found: found.filter(|found| *found != Found::default()),
        }),
        None => Subject::Result(LedgerResult {
            sequence: row.get::<_, Option<i64>>("sequence")?.unwrap_or_default(),
            found,
        }),
    };
    Ok(LedgerEntry {
        id: row.get("id")?,
        time: Some(from_micros(row.get("time")?).into()),
        credential: row.get("credential")?,
        operation: row.get("operation")?,
        job_id: row.get("job_id")?,
        request_id: row.get("request_id")?,
        credits: row.get("credits")?,
        subject: Some(subject),
    })
}

/// Bodies of answers that are kept, after an entry.
pub fn kept_answers(
    connection: &Connection,
    credential: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<KeptAnswer>> {
    connection
        .prepare_cached(
            "SELECT id, operation, answer FROM ledger
             WHERE credential = ? AND answer IS NOT NULL AND id > ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![credential, after, limit as i64], |row| {
            Ok(KeptAnswer {
                call: row.get(0)?,
                operation: row.get(1)?,
                body: Bytes::from(row.get::<_, Vec<u8>>(2)?),
            })
        })?
        .collect()
}

/// Erases the bodies of answers.
pub fn erase_answers(connection: &Connection, calls: &[i64]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE ledger SET answer = NULL WHERE id = ?")?;
    for call in calls {
        update.execute([call])?;
    }
    Ok(())
}

/// Forgets a portion of what makes old calls repeatable, of their answers, and of
/// whom they asked about; whether there was any. Calls of the last day stay repeatable.
pub fn trim_calls(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let a_day_ago = SystemTime::now().checked_sub(REPEATABLE).unwrap_or(before);
    let before = to_micros(before.min(a_day_ago));
    let mut removed = 0;
    for sql in [
        "DELETE FROM requests WHERE (credential, id) IN
         (SELECT credential, id FROM requests WHERE created < ? LIMIT ?)",
        "UPDATE ledger SET answer = NULL WHERE id IN
         (SELECT id FROM ledger WHERE answer IS NOT NULL AND time < ? LIMIT ?)",
        "DELETE FROM purchases WHERE call IN
         (SELECT DISTINCT call FROM purchases WHERE call <=
          (SELECT MAX(id) FROM ledger WHERE time < ?) LIMIT ?)",
    ] {
        removed += connection.prepare_cached(sql)?.execute([before, PORTION])?;
    }
    Ok(removed > 0)
}

/// Removes a portion of the old entries; whether there were any.
pub fn trim(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE time < ? LIMIT ?)",
        )?
        .execute([to_micros(before), PORTION])?;
    Ok(removed > 0)
}
