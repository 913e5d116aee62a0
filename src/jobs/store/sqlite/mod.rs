//! The embedded store: one SQLite file, write-ahead log, a sync for each commit.

mod change;
mod reader;
mod rows;
mod writer;

use std::path::Path;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};
use crate::jobs::model::{Change, Delivery, JobPage, NewJob, StoredEvent, StoredJob};
use crate::proto::v1::{CallbackSource, JobState};
use reader::Readers;
use rows::to_micros;
use writer::Writer;

/// The version of `schema.sql`, kept in the file.
const SCHEMA_VERSION: i32 = 1;

/// A page of deliveries or events ends after so many bytes.
const PAGE_BYTES: usize = 1 << 20;

/// A store in one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the store, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let connection = Connection::open(path).map_err(engine)?;
        configure(&connection)?;
        migrate(&connection)?;
        let readers = Readers::new(path.to_owned());
        let writer = Writer::start(connection).map_err(engine)?;
        Ok(Self { writer, readers })
    }
}

fn engine(error: impl std::fmt::Display) -> StoreError {
    StoreError::Engine(error.to_string())
}

/// The file holds personal data: nobody but its owner may read it.
fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options.open(path).map(drop).map_err(|error| {
        StoreError::Engine(format!("{} cannot be opened: {error}", path.display()))
    })
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        .map_err(engine)
}

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let version: i32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(engine)?;
    match version {
        0 => connection
            .execute_batch(&format!(
                "BEGIN;\n{}\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;",
                include_str!("schema.sql")
            ))
            .map_err(engine),
        SCHEMA_VERSION => Ok(()),
        newer => Err(StoreError::Engine(format!(
            "the file has schema {newer}, this version knows {SCHEMA_VERSION}"
        ))),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_job(&self, job: NewJob) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                let created = to_micros(job.created);
                connection
                    .prepare_cached(
                        "INSERT INTO jobs (id, credential, operation, secret_hash, items, expected,
                         state, created, updated, deadline) VALUES (?, ?, ?, ?, ?5, ?5, ?, ?7, ?7, ?)",
                    )
                    .and_then(|mut insert| {
                        insert.execute(params![
                            job.id,
                            job.credential,
                            job.operation,
                            job.secret_hash,
                            job.items.map(|items| items as i64),
                            JobState::Pending as i32,
                            created,
                            job.deadline.map(to_micros),
                        ])
                    })
                    .map_err(engine)?;
                Ok(())
            })
            .await
    }

    async fn job(&self, id: &str) -> Result<Option<StoredJob>, StoreError> {
        let id = id.to_owned();
        self.readers
            .read(move |connection| rows::job(connection, &id))
            .await
    }

    async fn jobs(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError> {
        self.readers
            .read(move |connection| rows::jobs(connection, &page))
            .await
    }

    async fn unfinished_jobs(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(rows::unfinished_jobs).await
    }

    async fn append_delivery(
        &self,
        job_id: &str,
        source: CallbackSource,
        body: Bytes,
    ) -> Result<i64, StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write(move |connection| {
                let mut insert = connection
                    .prepare_cached(
                        "INSERT INTO deliveries (job_id, received, source, body) VALUES (?, ?, ?, ?)",
                    )
                    .map_err(engine)?;
                let received = to_micros(SystemTime::now());
                insert
                    .insert(params![job_id, received, source as i32, body.as_ref()])
                    .map_err(engine)
            })
            .await
    }

    async fn deliveries(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| rows::deliveries(connection, &job_id, after, limit))
            .await
    }

    async fn next_undecoded(&self, job_id: &str) -> Result<Option<Delivery>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT id, received, source, body, decoded FROM deliveries
                         WHERE job_id = ? AND decoded = 0 ORDER BY id LIMIT 1",
                    )?
                    .query_row([&job_id], rows::delivery)
                    .optional()
            })
            .await
    }

    async fn change(&self, job_id: &str, change: Change) -> Result<StoredJob, StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write(move |connection| change::apply(connection, &job_id, change))
            .await
    }

    async fn events(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| rows::events(connection, &job_id, after, limit))
            .await
    }

    async fn known_identities(
        &self,
        job_id: &str,
        identities: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| {
                let mut known = connection
                    .prepare_cached("SELECT 1 FROM identities WHERE job_id = ? AND identity = ?")?;
                let mut found = Vec::new();
                for identity in identities {
                    if known.exists(params![job_id, identity])? {
                        found.push(identity);
                    }
                }
                Ok(found)
            })
            .await
    }
}
