//! What was bought about whom: by hashes, and where it is held.

use std::time::SystemTime;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{from_micros, to_micros};
use crate::ledger::model::{Bought, HeldIn, Wanted};
use crate::proto::v1::{EnrichmentType, Found};

/// Remembers whom a call asks about.
pub fn want(
    connection: &Connection,
    call: i64,
    credential: &str,
    people: &[Wanted],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO purchases (call, item, kind, key, credential) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?;
    for wanted in people {
        for key in &wanted.keys {
            insert.execute(params![
                call,
                wanted.item,
                wanted.kind as i32,
                key,
                credential
            ])?;
        }
    }
    Ok(())
}

/// Remembers what was found for an item of a call: it is bought.
pub fn buy(
    connection: &Connection,
    call: i64,
    item: i32,
    found: &Found,
    time: SystemTime,
    sequence: Option<i64>,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE purchases SET time = ?, sequence = ? WHERE call = ? AND item = ? AND kind = ?",
    )?;
    for (kind, count) in [
        (EnrichmentType::Email, found.emails),
        (EnrichmentType::Phone, found.phone_numbers),
        (EnrichmentType::PersonalEmail, found.personal_emails),
    ] {
        if count > 0 {
            update.execute(params![to_micros(time), sequence, call, item, kind as i32])?;
        }
    }
    Ok(())
}

/// Forgets whom a call asked about.
pub fn forget(connection: &Connection, call: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM purchases WHERE call = ?")?
        .execute([call])?;
    Ok(())
}

/// The latest purchase by any of these keys since a time, where it is still held.
pub fn bought(
    connection: &Connection,
    credential: &str,
    keys: &[[u8; 16]],
    since: SystemTime,
) -> rusqlite::Result<Option<Bought>> {
    let mut select = connection.prepare_cached(
        "SELECT purchases.time, answer, (SELECT payload FROM events JOIN jobs ON number = events.job
         WHERE jobs.id = job_id AND purged = 0 AND events.sequence = purchases.sequence)
         FROM purchases JOIN ledger ON ledger.id = call
         WHERE purchases.credential = ? AND key = ? AND purchases.time >= ?
         ORDER BY purchases.time DESC LIMIT 1",
    )?;
    let mut latest: Option<Bought> = None;
    for key in keys {
        let found = select
            .query_row(params![credential, key, to_micros(since)], |row| {
                let answer: Option<Vec<u8>> = row.get(1)?;
                let event: Option<Vec<u8>> = row.get(2)?;
                let held_in = answer
                    .map(|body| HeldIn::Answer(Bytes::from(body)))
                    .or(event.map(HeldIn::Event));
                let time = from_micros(row.get(0)?);
                Ok(held_in.map(|held_in| Bought { time, held_in }))
            })
            .optional()?
            .flatten();
        let is_newer = |found: &Bought| latest.as_ref().is_none_or(|known| known.time < found.time);
        latest = found.filter(is_newer).or(latest);
    }
    Ok(latest)
}
