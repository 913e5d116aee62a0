//! Spending, summed up for each day.

use rusqlite::{Connection, Row, params};

use crate::ledger::Day;
use crate::ledger::model::{Charge, Spending, UsagePage};
use crate::proto::v1::Usage;

/// What happened on a day, to add to what happened before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub calls: i64,
    pub results: i64,
    pub reused: i64,
    pub charge: Charge,
    /// Set aside, or released when negative.
    pub reserved: i64,
}

/// Adds to what happened on a day.
pub fn add(
    connection: &Connection,
    credential: &str,
    day: Day,
    operation: &str,
    sums: &Sums,
) -> rusqlite::Result<()> {
    if *sums == Sums::default() {
        return Ok(());
    }
    let found = &sums.charge.found;
    connection
        .prepare_cached(
            "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             calls = calls + excluded.calls, results = results + excluded.results,
             reused = reused + excluded.reused, emails = emails + excluded.emails,
             phone_numbers = phone_numbers + excluded.phone_numbers,
             personal_emails = personal_emails + excluded.personal_emails,
             credits = credits + excluded.credits, reserved = reserved + excluded.reserved",
        )?
        .execute(params![
            credential,
            day.number(),
            operation,
            sums.calls,
            sums.results,
            sums.reused,
            found.emails,
            found.phone_numbers,
            found.personal_emails,
            sums.charge.credits,
            sums.reserved,
        ])?;
    match sums.reserved < 0 || sums.calls < 0 {
        true => forget_nothing(connection, credential, day, operation),
        false => Ok(()),
    }
}

/// Where nothing is left of what happened, nothing did: the call was refused.
fn forget_nothing(
    connection: &Connection,
    credential: &str,
    day: Day,
    operation: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM usage WHERE credential = ? AND day = ? AND operation = ? AND calls = 0
             AND results = 0 AND reused = 0 AND emails = 0 AND phone_numbers = 0
             AND personal_emails = 0 AND credits = 0 AND reserved = 0",
        )?
        .execute(params![credential, day.number(), operation])?;
    Ok(())
}

/// What was spent on a day.
pub fn spending(connection: &Connection, credential: &str, day: Day) -> rusqlite::Result<Spending> {
    connection
        .prepare_cached(
            "SELECT COALESCE(SUM(credits), 0), COALESCE(SUM(reserved), 0) FROM usage
             WHERE credential = ? AND day = ?",
        )?
        .query_row(params![credential, day.number()], |row| {
            Ok(Spending {
                spent: row.get(0)?,
                reserved: row.get(1)?,
            })
        })
}

/// What happened on some days.
pub fn list(connection: &Connection, page: &UsagePage) -> rusqlite::Result<Vec<Usage>> {
    connection
        .prepare_cached(
            "SELECT * FROM usage WHERE credential = ? AND day BETWEEN ? AND ?
             ORDER BY day, operation",
        )?
        .query_map(
            params![page.credential, page.first.number(), page.last.number()],
            read,
        )?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Usage> {
    Ok(Usage {
        day: Day::from_number(row.get("day")?).to_string(),
        credential: row.get("credential")?,
        operation: row.get("operation")?,
        calls: row.get("calls")?,
        results: row.get("results")?,
        reused: row.get("reused")?,
        emails: row.get("emails")?,
        phone_numbers: row.get("phone_numbers")?,
        personal_emails: row.get("personal_emails")?,
        credits: row.get("credits")?,
        reserved: row.get("reserved")?,
    })
}

/// Forgets days long ago; whether there were any.
pub fn trim(connection: &Connection, before: Day) -> rusqlite::Result<bool> {
    let removed = connection.execute("DELETE FROM usage WHERE day < ?", [before.number()])?;
    Ok(removed > 0)
}
