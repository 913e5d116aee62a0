//! Rows, read into what they mean.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::PAGE_BYTES;
use crate::jobs::model::{Delivery, JobPage, StoredEvent, StoredJob};
use crate::proto::v1::{CallbackSource, JobFailure, JobState};

/// Microseconds since 1970.
pub fn to_micros(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros.try_into().unwrap_or_default())
}

const JOB: &str = "SELECT id, credential, operation, secret_hash, items, state, upstream_id,
    expected, delivered, recovered, duplicates, missing, last_sequence, created, updated, finished,
    deadline, failure_reason, failure_message FROM jobs";

fn read_job(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let time = |column: &str| row.get(column).map(from_micros);
    let optional_time = |column: &str| -> rusqlite::Result<_> {
        Ok(row.get::<_, Option<i64>>(column)?.map(from_micros))
    };
    let failure = match row.get::<_, Option<i32>>("failure_reason")? {
        Some(reason) => Some(JobFailure {
            reason,
            message: row.get("failure_message")?,
        }),
        None => None,
    };
    Ok(StoredJob {
        id: row.get("id")?,
        credential: row.get("credential")?,
        operation: row.get("operation")?,
        secret_hash: row.get("secret_hash")?,
        items: row.get("items")?,
        state: JobState::try_from(row.get::<_, i32>("state")?).unwrap_or_default(),
        upstream_id: row.get("upstream_id")?,
        expected: row.get("expected")?,
        delivered: row.get("delivered")?,
        recovered: row.get("recovered")?,
        duplicates: row.get("duplicates")?,
        missing: row.get("missing")?,
        last_sequence: row.get("last_sequence")?,
        created: time("created")?,
        updated: time("updated")?,
        finished: optional_time("finished")?,
        deadline: optional_time("deadline")?,
        failure,
    })
}

/// A job.
pub fn job(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredJob>> {
    connection
        .prepare_cached(&format!("{JOB} WHERE id = ?"))?
        .query_row([id], read_job)
        .optional()
}

/// Jobs of a credential, newest first.
pub fn jobs(connection: &Connection, page: &JobPage) -> rusqlite::Result<Vec<StoredJob>> {
    let mut sql = format!("{JOB} WHERE credential = ?");
    let mut values: Vec<Value> = vec![page.credential.clone().into()];
    if !page.states.is_empty() {
        let marks = vec!["?"; page.states.len()].join(", ");
        sql += &format!(" AND state IN ({marks})");
        values.extend(page.states.iter().map(|state| Value::from(*state as i32)));
    }
    if let Some((created, id)) = &page.before {
        sql += " AND (created, id) < (?, ?)";
        values.extend([to_micros(*created).into(), id.clone().into()]);
    }
    sql += " ORDER BY created DESC, id DESC LIMIT ?";
    values.push((page.limit as i64).into());
    let mut select = connection.prepare_cached(&sql)?;
    select
        .query_map(params_from_iter(values), read_job)?
        .collect()
}

/// Jobs that have something left to do.
pub fn unfinished_jobs(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT id FROM jobs WHERE finished IS NULL
             UNION SELECT DISTINCT job_id FROM deliveries WHERE decoded = 0",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// A delivery.
pub fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get("id")?,
        received: from_micros(row.get("received")?),
        source: CallbackSource::try_from(row.get::<_, i32>("source")?).unwrap_or_default(),
        body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
        decoded: row.get("decoded")?,
    })
}

/// The oldest deliveries of a job after one.
pub fn deliveries(
    connection: &Connection,
    job_id: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let mut select = connection.prepare_cached(
        "SELECT id, received, source, body, decoded FROM deliveries
         WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?",
    )?;
    let rows = select.query_map(params![job_id, after, limit as i64], delivery)?;
    page(rows, |delivery| delivery.body.len())
}

/// The events of a job after a sequence.
pub fn events(
    connection: &Connection,
    job_id: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, time, payload FROM events
         WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )?;
    let rows = select.query_map(params![job_id, after, limit as i64], |row| {
        Ok(StoredEvent {
            sequence: row.get(0)?,
            time: from_micros(row.get(1)?),
            payload: row.get(2)?,
        })
    })?;
    page(rows, |event| event.payload.len())
}

/// Rows until they are large; at least one.
fn page<T>(
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    size: impl Fn(&T) -> usize,
) -> rusqlite::Result<Vec<T>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row = row?;
        bytes += size(&row);
        if bytes > PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(row);
    }
    Ok(page)
}
