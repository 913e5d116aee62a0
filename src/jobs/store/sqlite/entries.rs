//! The entries of the ledger: those for results, and the list of all.

use std::time::SystemTime;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::answers;
use super::rows::{from_micros, to_micros};
use crate::jobs::model::StoredJob;
use crate::ledger::model::{Charge, LedgerPage};
use crate::proto::v1::ledger_entry::Subject;
use crate::proto::v1::{Estimate, Found, LedgerCall, LedgerEntry, LedgerResult};

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

/// Removes a portion of the old entries, with what hangs on them, and of calls that
/// were refused more than a day ago, which cost nothing; whether there were any.
pub fn trim(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let portion = |sql: &str, before| -> rusqlite::Result<Vec<i64>> {
        connection
            .prepare_cached(sql)?
            .query_map([to_micros(before), PORTION], |row| row.get(0))?
            .collect()
    };
    let mut old = portion("SELECT id FROM ledger WHERE time < ? LIMIT ?", before)?;
    old.extend(portion(
        "SELECT id FROM ledger WHERE outcome = 3 AND time < ? LIMIT ?",
        answers::a_day_ago(),
    )?);
    answers::erase(connection, &old)?;
    let mut delete = connection.prepare_cached("DELETE FROM ledger WHERE id = ?")?;
    for call in &old {
        delete.execute([call])?;
    }
    Ok(!old.is_empty())
}
