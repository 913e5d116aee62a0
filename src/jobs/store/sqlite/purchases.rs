//! What was bought about whom: by hashes, and where it is held.

use std::time::SystemTime;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{from_micros, to_micros};
use crate::ledger::model::{Asked, Bought, HeldIn, Wanted};
use crate::proto::v1::{EnrichmentType, Found};

/// About so many rows are removed in one write.
const PORTION: usize = 500;

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

/// Forgets whom a call asked about; in how many places that stood.
pub fn forget(connection: &Connection, call: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM purchases WHERE call = ?")?
        .execute([call])
}

/// Forgets whom those results are about that were erased from a job.
pub fn forget_results(
    connection: &Connection,
    job: i64,
    sequences: &[i64],
) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM purchases WHERE call = (SELECT call FROM jobs WHERE number = ?1) AND item IN
         (SELECT item FROM purchases JOIN jobs USING (call) WHERE number = ?1 AND sequence = ?2)",
    )?;
    for sequence in sequences {
        delete.execute([job, *sequence])?;
    }
    Ok(())
}

/// The calls that asked about any of these profiles, with what was bought.
pub fn asked_about(
    connection: &Connection,
    credential: &str,
    profiles: &[[u8; 16]],
) -> rusqlite::Result<Vec<Asked>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT asked.call, job_id, bought.sequence, asked.item FROM purchases AS asked
         JOIN ledger ON ledger.id = asked.call
         LEFT JOIN purchases AS bought ON bought.call = asked.call
         AND bought.item = asked.item AND bought.time IS NOT NULL
         WHERE asked.credential = ? AND asked.key = ? AND asked.kind = 0",
    )?;
    let mut all = Vec::new();
    for profile in profiles {
        let asked = select.query_map(params![credential, profile], |row| {
            Ok(Asked {
                call: row.get(0)?,
                job_id: row.get(1)?,
                sequence: row.get(2)?,
                item: row.get(3)?,
            })
        })?;
        all.extend(asked.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(all)
}

/// Forgets that calls asked about any of these profiles.
pub fn forget_profiles(
    connection: &Connection,
    credential: &str,
    profiles: &[[u8; 16]],
) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM purchases WHERE (call, item) IN
         (SELECT call, item FROM purchases WHERE credential = ? AND key = ? AND kind = 0)",
    )?;
    for profile in profiles {
        delete.execute(params![credential, profile])?;
    }
    Ok(())
}

/// Forgets whom a portion of the old calls asked about; whether there were any.
pub fn trim(connection: &Connection, before: SystemTime) -> rusqlite::Result<bool> {
    let old: Vec<i64> = connection
        .prepare_cached(
            "SELECT id FROM ledger WHERE has_people = 1 AND time < ? AND NOT EXISTS
             (SELECT 1 FROM jobs WHERE jobs.id = ledger.job_id AND purged = 0) LIMIT ?",
        )?
        .query_map([to_micros(before), PORTION as i64], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut update = connection.prepare_cached("UPDATE ledger SET has_people = 0 WHERE id = ?")?;
    let mut removed = 0;
    for call in &old {
        removed += forget(connection, *call)?;
        update.execute([call])?;
        if removed >= PORTION {
            break;
        }
    }
    Ok(!old.is_empty())
}

/// The latest purchase by any of these keys since a time that is still held.
pub fn bought(
    connection: &Connection,
    credential: &str,
    keys: &[[u8; 16]],
    since: SystemTime,
) -> rusqlite::Result<Option<Bought>> {
    let mut select = connection.prepare_cached(
        "SELECT purchases.time, body, payload FROM purchases
         JOIN ledger ON ledger.id = purchases.call
         LEFT JOIN answers ON answers.call = purchases.call
         LEFT JOIN jobs ON jobs.id = ledger.job_id AND purged = 0
         LEFT JOIN events ON events.job = number AND events.sequence = purchases.sequence
         WHERE purchases.credential = ? AND key = ? AND purchases.time >= ?
         AND (body IS NOT NULL OR payload IS NOT NULL)
         ORDER BY purchases.time DESC, purchases.call DESC LIMIT 1",
    )?;
    let mut latest: Option<Bought> = None;
    for key in keys {
        let found = select
            .query_row(params![credential, key, to_micros(since)], |row| {
                let held_in = match row.get::<_, Option<Vec<u8>>>(1)? {
                    Some(body) => HeldIn::Answer(Bytes::from(body)),
                    None => HeldIn::Event(row.get(2)?),
                };
                Ok(Bought {
                    time: from_micros(row.get(0)?),
                    held_in,
                })
            })
            .optional()?;
        let is_newer = |found: &Bought| latest.as_ref().is_none_or(|known| known.time < found.time);
        latest = found.filter(is_newer).or(latest);
    }
    Ok(latest)
}
