//! The embedded store: one SQLite file, write-ahead log, a sync for each commit.

mod answers;
mod calls;
mod change;
mod entries;
mod file;
mod keep;
mod log;
#[cfg(test)]
mod plans;
mod purchases;
mod reader;
mod recognize;
mod reused;
mod rows;
mod unmatched;
mod usage;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{OptionalExtension, params};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Store, StoreError};
use crate::jobs::model::{
    Change, Delivery, JobPage, NewJob, StoredEvent, StoredJob, Unmatched, UnmatchedPage, Usage,
};
use crate::ledger::Day;
use crate::ledger::model::{
    Admission, Asked, Bought, KeptAnswer, LedgerPage, NewCall, RequestKey, Settlement, Spending,
    UsagePage,
};
use crate::proto::v1::{self, CallbackSource, LedgerEntry};
use file::{create_private, migrate, open_writable};
use reader::{Pool, Readers};
use rows::to_micros;
use writer::Writer;

/// A page of deliveries ends after so many bytes.
const PAGE_BYTES: usize = 1 << 20;

/// A page of events ends after so many bytes.
const EVENT_PAGE_BYTES: usize = 64 << 10;

/// So often it is tried to empty the log while others read it,
const TRIES: usize = 100;

/// with such pauses.
const PAUSE: Duration = Duration::from_millis(25);

/// A store in one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    log: PathBuf,
}

impl SqliteStore {
    /// Opens the store, and creates it where there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or was written by another version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let connection = open_writable(path)?;
        migrate(&connection)?;
        let pool = Arc::new(Pool::default());
        let writer = Writer::start(path.to_owned(), connection, pool.clone()).map_err(engine)?;
        Ok(Self {
            writer,
            readers: Readers::new(path.to_owned(), pool),
            log: log::path(path),
        })
    }

    /// Removes what belongs to hidden jobs, gives the space back, and leaves nothing
    /// readable of what was removed.
    async fn sweep(&self) -> Result<(), StoreError> {
        while self
            .writer
            .write(|c| keep::sweep(c).map_err(engine))
            .await?
        {}
        // In steps, so that callbacks pass in between.
        while self.writer.outside(keep::give_back).await? {}
        for _ in 0..TRIES {
            if self.writer.outside(log::truncate).await? {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        Err(engine("what was removed is still readable in the log"))
    }
}

fn engine(error: impl std::fmt::Display) -> StoreError {
    StoreError::Engine(error.to_string())
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_job(&self, job: NewJob) -> Result<Admission, StoreError> {
        self.writer
            .write(move |connection| {
                let admission =
                    calls::admit(connection, &job.call, Some(&job.id)).map_err(engine)?;
                if let Admission::Admitted(call) = admission {
                    rows::insert_job(connection, &job, call).map_err(engine)?;
                    if job.call.is_reused {
                        change::apply(connection, &job.id, crate::jobs::outcome::reused())?;
                    }
                }
                Ok(admission)
            })
            .await
    }

    async fn job(&self, id: &str) -> Result<Option<StoredJob>, StoreError> {
        let id = id.to_owned();
        self.readers.read(move |c| rows::job(c, &id)).await
    }

    async fn jobs(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError> {
        self.readers.read(move |c| rows::jobs(c, &page)).await
    }

    async fn unfinished_jobs(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(rows::unfinished_jobs).await
    }

    async fn known_upstream_ids(&self, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.readers
            .read(move |connection| rows::known_upstream_ids(connection, ids))
            .await
    }

    async fn change(&self, job_id: &str, change: Change) -> Result<StoredJob, StoreError> {
        let job_id = job_id.to_owned();
        let erases = !change.erased_bodies.is_empty();
        let (id, call, upstream_id) = (job_id.clone(), change.call, change.upstream_id.clone());
        let changed = self
            .writer
            .write(move |connection| change::apply(connection, &job_id, change))
            .await;
        if let (Err(StoreError::NoSuchJob(_)), Some(outcome)) = (&changed, call) {
            self.writer
                .write(move |c| {
                    keep::remember_upstream_id(c, &id, upstream_id.as_deref()).map_err(engine)?;
                    calls::conclude_without_job(c, &id, outcome).map_err(engine)
                })
                .await?;
        }
        let job = changed?;
        if erases {
            // The change is made; what it could not sweep goes with the next one.
            let _ = self.sweep().await;
        }
        Ok(job)
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
        keys: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| recognize::known_keys(connection, &job_id, keys))
            .await
    }

    async fn append_delivery(
        &self,
        job_id: &str,
        source: CallbackSource,
        body: Bytes,
    ) -> Result<i64, StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write_one(move |connection| {
                let mut insert = connection
                    .prepare_cached(
                        "INSERT INTO deliveries (job, received, source, body)
                         SELECT number, ?2, ?3, ?4 FROM jobs WHERE id = ?1 AND purged = 0",
                    )
                    .map_err(engine)?;
                let received = to_micros(SystemTime::now());
                let values = params![job_id, received, source as i32, body.as_ref()];
                match insert.execute(values).map_err(engine)? {
                    0 => Err(StoreError::NoSuchJob(job_id)),
                    _ => Ok(connection.last_insert_rowid()),
                }
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

    async fn earlier(
        &self,
        credential: &str,
        request: &RequestKey,
    ) -> Result<Option<Admission>, StoreError> {
        let (credential, request) = (credential.to_owned(), request.clone());
        self.readers
            .read(move |connection| calls::known(connection, &credential, &request))
            .await
    }

    async fn begin_call(&self, call: NewCall) -> Result<Admission, StoreError> {
        self.writer
            .write(move |connection| calls::admit(connection, &call, None).map_err(engine))
            .await
    }

    async fn settle_call(&self, call: i64, settlement: Settlement) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| calls::settle(connection, call, settlement).map_err(engine))
            .await
    }

    async fn interrupt_calls(&self) -> Result<usize, StoreError> {
        self.writer
            .write(|connection| calls::interrupt(connection).map_err(engine))
            .await
    }

    async fn bought(
        &self,
        credential: &str,
        people: Vec<Vec<[u8; 16]>>,
        since: SystemTime,
    ) -> Result<Vec<Option<Bought>>, StoreError> {
        let credential = credential.to_owned();
        self.readers
            .read(move |connection| {
                let bought =
                    |keys: &Vec<_>| purchases::bought(connection, &credential, keys, since);
                people.iter().map(bought).collect()
            })
            .await
    }

    async fn asked_about(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<Vec<Asked>, StoreError> {
        let credential = credential.to_owned();
        self.readers
            .read(move |connection| purchases::asked_about(connection, &credential, &profiles))
            .await
    }

    async fn forget_profiles(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<(), StoreError> {
        let credential = credential.to_owned();
        self.writer
            .write(move |connection| {
                purchases::forget_profiles(connection, &credential, &profiles).map_err(engine)
            })
            .await
    }

    async fn spending(&self, credential: &str, day: Day) -> Result<Spending, StoreError> {
        let credential = credential.to_owned();
        self.readers
            .read(move |connection| usage::spending(connection, &credential, day))
            .await
    }

    async fn daily_usage(&self, page: UsagePage) -> Result<Vec<v1::Usage>, StoreError> {
        self.readers.read(move |c| usage::list(c, &page)).await
    }

    async fn ledger(&self, page: LedgerPage) -> Result<Vec<LedgerEntry>, StoreError> {
        self.readers.read(move |c| entries::list(c, &page)).await
    }

    async fn kept_answers(
        &self,
        credential: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<KeptAnswer>, StoreError> {
        let credential = credential.to_owned();
        self.readers
            .read(move |connection| answers::list(connection, &credential, after, limit))
            .await
    }

    async fn erase_answers(&self, answers: Vec<i64>) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| answers::erase(connection, &answers).map_err(engine))
            .await?;
        self.sweep().await
    }

    async fn trim_ledger(&self, before: SystemTime, day: Day) -> Result<(), StoreError> {
        while self
            .writer
            .write(move |c| entries::trim(c, before).map_err(engine))
            .await?
        {}
        self.writer
            .write(move |c| usage::trim(c, day).map_err(engine))
            .await?;
        Ok(())
    }

    async fn purged_job(&self, id: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let id = id.to_owned();
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT credential, secret_hash FROM purged_jobs WHERE id = ?")?
                    .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .await
    }

    async fn append_unmatched(
        &self,
        job_id: &str,
        credential: Option<String>,
        body: Bytes,
        max_bytes: usize,
    ) -> Result<(), StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write(move |connection| {
                let credential = credential.as_deref();
                unmatched::append(connection, &job_id, credential, &body, max_bytes).map_err(engine)
            })
            .await
    }

    async fn unmatched(&self, page: UnmatchedPage) -> Result<Vec<Unmatched>, StoreError> {
        self.readers.read(move |c| rows::unmatched(c, &page)).await
    }

    async fn remove_unmatched(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        let mut left = ids;
        while !left.is_empty() {
            left = self
                .writer
                .write(move |c| unmatched::remove(c, &left).map_err(engine))
                .await?;
        }
        self.sweep().await
    }

    async fn finished_jobs(
        &self,
        before: SystemTime,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.readers
            .read(move |connection| rows::finished_jobs(connection, before, limit))
            .await
    }

    async fn purge_job(&self, id: &str) -> Result<(), StoreError> {
        let job_id = id.to_owned();
        self.writer
            .write(move |connection| match keep::hide(connection, &job_id) {
                Ok(true) => Ok(()),
                Ok(false) => Err(StoreError::NoSuchJob(job_id)),
                Err(error) => Err(engine(error)),
            })
            .await?;
        self.sweep().await
    }

    async fn purge_ended(
        &self,
        ids: Vec<String>,
        before: SystemTime,
    ) -> Result<Vec<String>, StoreError> {
        let purged = self
            .writer
            .write(move |connection| {
                let mut purged = Vec::new();
                for id in ids {
                    if keep::hide_ended(connection, &id, before).map_err(engine)? {
                        purged.push(id);
                    }
                }
                Ok(purged)
            })
            .await?;
        self.sweep().await?;
        Ok(purged)
    }

    async fn mark_erased(&self, job_id: &str, marks: Vec<String>) -> Result<(), StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write(move |connection| {
                recognize::mark_erased(connection, &job_id, &marks).map_err(engine)?;
                reused::erase(connection, &job_id).map_err(engine)
            })
            .await
    }

    async fn erased_marks(
        &self,
        job_id: &str,
        marks: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let job_id = job_id.to_owned();
        self.readers
            .read(move |connection| recognize::erased_marks(connection, &job_id, marks))
            .await
    }

    async fn erase(
        &self,
        job_id: &str,
        sequences: Vec<i64>,
        deliveries: Vec<i64>,
    ) -> Result<(), StoreError> {
        let job_id = job_id.to_owned();
        self.writer
            .write(move |connection| {
                keep::erase(connection, &job_id, &sequences, &deliveries).map_err(engine)
            })
            .await?;
        self.sweep().await
    }

    async fn trim(&self, before: SystemTime) -> Result<(), StoreError> {
        for trim in [
            keep::trim_deliveries,
            keep::trim_events,
            unmatched::trim,
            keep::trim_purged,
            answers::trim,
        ] {
            while self
                .writer
                .write(move |c| trim(c, before).map_err(engine))
                .await?
            {}
        }
        self.sweep().await
    }

    async fn drop_bodies(&self) -> Result<bool, StoreError> {
        let now = SystemTime::now();
        let dropped = self
            .writer
            .write(move |c| keep::drop_bodies(c, now).map_err(engine))
            .await?;
        self.sweep().await?;
        Ok(dropped)
    }

    async fn compact(&self) -> Result<(), StoreError> {
        self.sweep().await
    }

    async fn size(&self) -> Result<u64, StoreError> {
        let pages = self.readers.read(rows::size).await?;
        Ok(pages + log::length(&self.log))
    }

    async fn ledger_size(&self) -> Result<u64, StoreError> {
        self.readers.read(rows::ledger_size).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let usage = self.readers.read(rows::usage).await?;
        Ok(Usage {
            bytes: usage.bytes + log::length(&self.log),
            ..usage
        })
    }

    fn is_writable(&self) -> watch::Receiver<bool> {
        self.writer.is_writable()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let sql = "INSERT INTO probes (id, time) VALUES (1, ?) ON CONFLICT DO UPDATE SET time = excluded.time";
        self.writer
            .write_one(move |connection| {
                let time = to_micros(SystemTime::now());
                connection.execute(sql, [time]).map(drop).map_err(engine)
            })
            .await
    }
}
