//! Rows, read into what they mean.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::types::{FromSqlError, Value};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::{EVENT_PAGE_BYTES, PAGE_BYTES, reused};
use crate::jobs::model::{
    Decoded, Delivery, JobPage, NewJob, StoredEvent, StoredJob, Unmatched, UnmatchedPage, Usage,
};
use crate::ledger::Day;
use crate::proto::v1::{CallbackSource, JobFailure, JobState};
use crate::trace::Origin;

/// Microseconds since 1970.
pub fn to_micros(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

pub fn from_micros(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros.try_into().unwrap_or_default())
}

const JOB: &str = "SELECT * FROM jobs WHERE purged = 0";

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
    let origin: Option<String> = row.get("origin")?;
    Ok(StoredJob {
        id: row.get("id")?,
        credential: row.get("credential")?,
        operation: row.get("operation")?,
        secret_hash: row.get("secret_hash")?,
        items: row.get("items")?,
        search_name: row.get("search_name")?,
        state: JobState::try_from(row.get::<_, i32>("state")?).unwrap_or_default(),
        upstream_id: row.get("upstream_id")?,
        expected: row.get("expected")?,
        delivered: row.get("delivered")?,
        recovered: row.get("recovered")?,
        duplicates: row.get("duplicates")?,
        late: row.get("late")?,
        reused: row.get("reused")?,
        credits: row.get("credits")?,
        missing: row.get("missing")?,
        missing_indexes: read_indexes(row)?,
        request_id: row.get("request_id")?,
        first_sequence: row.get("first_sequence")?,
        last_sequence: row.get("last_sequence")?,
        decoded: Decoded {
            through: row.get("decoded_through")?,
            results: row.get("decoded_results")?,
        },
        final_seen: row.get("final_seen")?,
        has_erased: row.get("has_erased")?,
        call_is_known: row.get("call_is_known")?,
        created: time("created")?,
        updated: time("updated")?,
        finished: optional_time("finished")?,
        deadline: optional_time("deadline")?,
        failure,
        origin: origin.as_deref().and_then(Origin::parse),
    })
}

fn read_indexes(row: &Row<'_>) -> rusqlite::Result<Vec<i32>> {
    let indexes: Option<serde_json::Value> = row.get("missing_indexes")?;
    let Some(indexes) = indexes else {
        return Ok(Vec::new());
    };
    serde_json::from_value(indexes).map_err(|error| FromSqlError::Other(error.into()).into())
}

/// Adds a job, pending, that a call of the ledger starts.
pub fn insert_job(connection: &Connection, job: &NewJob, call: i64) -> rusqlite::Result<()> {
    let request_id = job.call.request.as_ref().map(|request| &request.id);
    connection
        .prepare_cached(
            "INSERT INTO jobs (id, credential, operation, secret_hash, items, expected,
             search_name, state, created, updated, deadline, request_id, call,
             reused_contacts, origin)
             VALUES (?, ?, ?, ?, ?5, ?5, ?, ?, ?8, ?8, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            job.id,
            job.credential,
            job.operation,
            job.secret_hash,
            job.items.map(|items| items as i64),
            job.search_name,
            JobState::Pending as i32,
            to_micros(job.created),
            job.deadline.map(to_micros),
            request_id,
            call,
            reused::encode_of(&job.call),
            job.call.origin.map(|origin| origin.to_string()),
        ])?;
    Ok(())
}

/// A job.
pub fn job(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredJob>> {
    Ok(numbered_job(connection, id)?.map(|numbered| numbered.job))
}

/// A job, and where the store has what belongs to it.
pub struct Numbered {
    /// By which its rows are found.
    pub number: i64,
    /// The entry of the call that started it.
    pub call: i64,
    /// The job.
    pub job: StoredJob,
}

/// A job and its number.
pub fn numbered_job(connection: &Connection, id: &str) -> rusqlite::Result<Option<Numbered>> {
    connection
        .prepare_cached(&format!("{JOB} AND id = ?"))?
        .query_row([id], |row| {
            Ok(Numbered {
                number: row.get("number")?,
                call: row.get("call")?,
                job: read_job(row)?,
            })
        })
        .optional()
}

/// The number of a job, by which its rows are found.
pub fn number(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT number FROM jobs WHERE id = ? AND purged = 0")?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Jobs of a credential, newest first.
pub fn jobs(connection: &Connection, page: &JobPage) -> rusqlite::Result<Vec<StoredJob>> {
    let mut sql = format!("{JOB} AND credential = ?");
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

/// Jobs that have something left to do: an ended one, too, while it is not recorded
/// what became of its start.
pub fn unfinished_jobs(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT id FROM jobs WHERE purged = 0 AND (finished IS NULL
             OR (last_sequence = 0 AND call_is_known = 0) OR EXISTS
             (SELECT 1 FROM deliveries WHERE job = number AND deliveries.id > decoded_through))",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Which of these ids of Pronto's belong to a job, or to one
/// that was purged. Rarely asked, so without an index.
pub fn known_upstream_ids(
    connection: &Connection,
    ids: Vec<String>,
) -> rusqlite::Result<Vec<String>> {
    let marks: Vec<String> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
    let marks = marks.join(", ");
    connection
        .prepare(&format!(
            "SELECT upstream_id FROM jobs WHERE upstream_id IN ({marks})
             UNION SELECT upstream_id FROM purged_jobs WHERE upstream_id IN ({marks})"
        ))?
        .query_map(params_from_iter(ids), |row| row.get(0))?
        .collect()
}

/// Bytes of the pages that are in use.
pub fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = number_from(connection, "PRAGMA page_count")?
        - number_from(connection, "PRAGMA freelist_count")?;
    Ok(pages * number_from(connection, "PRAGMA page_size")?)
}

/// The bytes of the ledger and of what hangs on it, with their indexes. It looks at
/// every page of theirs, so that it takes a while.
pub fn ledger_size(connection: &Connection) -> rusqlite::Result<u64> {
    number_from(
        connection,
        "SELECT COALESCE(SUM(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name IN
         (SELECT name FROM sqlite_schema
          WHERE tbl_name IN ('ledger', 'answers', 'usage', 'requests', 'purchases'))",
    )
}

/// What the database holds, without its log.
pub fn usage(connection: &Connection) -> rusqlite::Result<Usage> {
    Ok(Usage {
        bytes: size(connection)?,
        jobs: jobs_by_state(connection)?,
        unmatched: number_from(connection, "SELECT count(*) FROM unmatched")?,
        reserved: connection.query_row(
            "SELECT COALESCE(SUM(reserved), 0) FROM usage WHERE day >= ?",
            [Day::today().number()],
            |row| row.get(0),
        )?,
    })
}

fn jobs_by_state(connection: &Connection) -> rusqlite::Result<Vec<(JobState, u64)>> {
    connection
        .prepare("SELECT state, count(*) FROM jobs WHERE purged = 0 GROUP BY state")?
        .query_map([], |row| {
            let state = JobState::try_from(row.get::<_, i32>(0)?).unwrap_or_default();
            let count: i64 = row.get(1)?;
            Ok((state, count.try_into().unwrap_or_default()))
        })?
        .collect()
}

fn number_from(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(number.try_into().unwrap_or_default())
}

/// Jobs that ended before a time.
pub fn finished_jobs(
    connection: &Connection,
    before: SystemTime,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT id FROM jobs WHERE finished < ?1 AND updated < ?1 AND purged = 0
             AND (last_sequence > 0 OR call_is_known = 1) ORDER BY finished LIMIT ?2",
        )?
        .query_map(params![to_micros(before), limit as i64], |row| row.get(0))?
        .collect()
}

/// The oldest deliveries of a job after one.
pub fn deliveries(
    connection: &Connection,
    job_id: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let Some(number) = number(connection, job_id)? else {
        return Ok(Vec::new());
    };
    let mut select = connection.prepare_cached(
        "SELECT id, received, source, body, erased FROM deliveries
         WHERE job = ? AND id > ? ORDER BY id LIMIT ?",
    )?;
    let rows = select.query_map(params![number, after, limit as i64], |row| {
        Ok(Delivery {
            id: row.get(0)?,
            received: from_micros(row.get(1)?),
            source: CallbackSource::try_from(row.get::<_, i32>(2)?).unwrap_or_default(),
            body: Bytes::from(row.get::<_, Vec<u8>>(3)?),
            erased: row.get(4)?,
        })
    })?;
    page(rows, |delivery| delivery.body.len())
}

/// The events of a job after a sequence.
pub fn events(
    connection: &Connection,
    job_id: &str,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let Some(number) = number(connection, job_id)? else {
        return Ok(Vec::new());
    };
    let mut select = connection.prepare_cached(
        "SELECT sequence, time, payload FROM events
         WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )?;
    let rows = select.query_map(params![number, after, limit as i64], |row| {
        Ok(StoredEvent {
            sequence: row.get(0)?,
            time: from_micros(row.get(1)?),
            payload: row.get(2)?,
        })
    })?;
    // Each stream whose client does not read holds a page.
    page_of(EVENT_PAGE_BYTES, rows, |event| event.payload.len())
}

/// Callbacks without a job.
pub fn unmatched(
    connection: &Connection,
    request: &UnmatchedPage,
) -> rusqlite::Result<Vec<Unmatched>> {
    let mut select = connection.prepare_cached(
        "SELECT id, job_id, credential, received, body FROM unmatched
         WHERE id > ? AND (credential = ? OR (credential IS NULL AND ?)) ORDER BY id LIMIT ?",
    )?;
    let limit = request.limit as i64;
    let values = params![
        request.after,
        request.credential,
        request.with_unknown,
        limit
    ];
    let rows = select.query_map(values, |row| {
        Ok(Unmatched {
            id: row.get(0)?,
            job_id: row.get(1)?,
            credential: row.get(2)?,
            received: from_micros(row.get(3)?),
            body: Bytes::from(row.get::<_, Vec<u8>>(4)?),
        })
    })?;
    page(rows, |unmatched| unmatched.body.len())
}

/// Rows until they are large; at least one.
pub fn page<T>(
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    size: impl Fn(&T) -> usize,
) -> rusqlite::Result<Vec<T>> {
    page_of(PAGE_BYTES, rows, size)
}

fn page_of<T>(
    most: usize,
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    size: impl Fn(&T) -> usize,
) -> rusqlite::Result<Vec<T>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row = row?;
        bytes += size(&row);
        if bytes > most && !page.is_empty() {
            break;
        }
        page.push(row);
    }
    Ok(page)
}
