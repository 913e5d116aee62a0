//! The one thread that writes. Writes that wait share a commit: it takes what is
//! there, never waits for more, and answers once the disk has it.
//!
//! A commit that fails is not tried again: what the disk has of it is not known.
//! Everybody in it is told. The next commit is written over it, and syncs all that it
//! wrote itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::StoreError;
use super::engine;
use super::file::open_writable;
use super::log::Log;
use super::reader::Pool;
use crate::metrics;

/// At most so many writes share a commit.
const MAX_BATCH: usize = 256;

/// At most so many writes wait; further writers wait for a place.
const QUEUE: usize = 1024;

/// What the thread does.
enum Task {
    /// Part of a commit.
    Write(Write),
    /// What cannot be part of one.
    Outside(Outside),
}

/// Carries out a write, unless there is no connection, and returns what tells its
/// caller about the commit.
type Write = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Report + Send>;
type Report = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Outside = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Result<(), StoreError> + Send>;

/// A handle on the writing thread.
pub struct Writer {
    queue: Mutex<Option<mpsc::Sender<Task>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    is_writable: watch::Receiver<bool>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(path: PathBuf, connection: Connection, pool: Arc<Pool>) -> std::io::Result<Self> {
        let (queue, writes) = mpsc::channel(QUEUE);
        let (health, is_writable) = watch::channel(true);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&path, connection, writes, &health, &pool))?;
        metrics::store_writable(true);
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            is_writable,
        })
    }

    /// Whether the last commit got onto the disk.
    pub fn is_writable(&self) -> watch::Receiver<bool> {
        self.is_writable.clone()
    }

    /// Carries out a write of several statements; returns once it is on disk. A
    /// write that fails is undone alone, without harm to those that share its commit.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.commit(|connection| undoable(connection, write)).await
    }

    /// Carries out a write of one statement, which the engine undoes by itself
    /// when it fails; returns once it is on disk.
    pub async fn write_one<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.commit(|connection| caught(connection, write)).await
    }

    /// Carries out what cannot be part of a commit.
    pub async fn outside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let task = Task::Outside(Box::new(move |connection| {
            let outcome = connection.and_then(|connection| caught(connection, work));
            let failed = outcome.as_ref().err().cloned();
            // The caller may be gone.
            let _ = answer.send(outcome);
            failed.map_or(Ok(()), Err)
        }));
        self.enqueue(task).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn commit<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let task = Task::Write(Box::new(move |connection| {
            let outcome = connection.and_then(write);
            Box::new(move |committed| {
                // The caller may be gone; the write stays.
                let _ = answer.send(committed.and(outcome));
            })
        }));
        self.enqueue(task).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn enqueue(&self, task: Task) -> Result<(), StoreError> {
        let queue = self.queue.lock().clone().ok_or(StoreError::Closed)?;
        queue.send(task).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    /// Waits until everything that was accepted is written.
    fn drop(&mut self) {
        self.queue.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

fn undoable<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    execute(connection, "SAVEPOINT write_one")?;
    let outcome = caught(connection, write);
    if outcome.is_err() {
        execute(connection, "ROLLBACK TO write_one")?;
    }
    execute(connection, "RELEASE write_one")?;
    outcome
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(engine)?;
    statement.execute([]).map(drop).map_err(engine)
}

/// A panic must not take the thread along: every later write would fail.
fn caught<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(|| write(connection)))
        .unwrap_or_else(|_| Err(StoreError::Engine("a write panicked".to_owned())))
}

fn run(
    path: &Path,
    connection: Connection,
    mut tasks: mpsc::Receiver<Task>,
    health: &watch::Sender<bool>,
    pool: &Pool,
) {
    let mut log = Log::of(path);
    let mut connection = Some(connection);
    while let Some(first) = tasks.blocking_recv() {
        let open = || pool.while_closed(|| open_writable(path));
        let mut batch = Batch::default();
        let committed = match connection.take().map_or_else(open, Ok) {
            Ok(mut opened) => {
                let begun = Instant::now();
                let committed = batch.commit(&mut opened, first, &mut tasks);
                if committed.is_ok() && !batch.reports.is_empty() {
                    metrics::commit_took(begun.elapsed());
                }
                connection = Some(opened);
                committed
            }
            Err(error) => {
                batch.refuse(first, &error);
                Err(error)
            }
        };
        if committed.is_err() || !batch.reports.is_empty() {
            tell(health, &committed);
        }
        let kept = batch
            .report(&committed, connection.as_ref())
            .and_then(|()| connection.iter().try_for_each(|c| log.keep_short(c)));
        if kept.is_err() {
            connection = None;
            tell(health, &kept);
        }
    }
}

fn tell(health: &watch::Sender<bool>, committed: &Result<(), StoreError>) {
    let is_writable = committed.is_ok();
    if !is_writable {
        metrics::commit_failed();
    }
    let changed = health.send_if_modified(|was| std::mem::replace(was, is_writable) != is_writable);
    if changed {
        metrics::store_writable(is_writable);
    }
    match committed {
        Err(error) if changed => tracing::error!(%error, "The store cannot be written."),
        Ok(()) if changed => tracing::info!("The store can be written again."),
        _ => {}
    }
}

/// What shares a commit, and what waits for its end.
#[derive(Default)]
struct Batch {
    reports: Vec<Report>,
    outside: Option<Outside>,
}

impl Batch {
    fn commit(
        &mut self,
        connection: &mut Connection,
        first: Task,
        tasks: &mut mpsc::Receiver<Task>,
    ) -> Result<(), StoreError> {
        let mut next = match first {
            Task::Write(write) => Some(write),
            Task::Outside(work) => {
                self.outside = Some(work);
                None
            }
        };
        let behavior = TransactionBehavior::Immediate;
        let transaction = match connection.transaction_with_behavior(behavior) {
            Ok(transaction) => transaction,
            Err(error) => {
                let error = engine(error);
                self.reports
                    .extend(next.map(|write| write(Err(error.clone()))));
                return Err(error);
            }
        };
        while let Some(write) = next.take() {
            self.reports.push(write(Ok(&transaction)));
            // The engine ends the transaction by itself when the disk fails.
            if self.reports.len() == MAX_BATCH || transaction.is_autocommit() {
                break;
            }
            match tasks.try_recv() {
                Ok(Task::Write(write)) => next = Some(write),
                Ok(Task::Outside(work)) => self.outside = Some(work),
                Err(_) => {}
            }
        }
        transaction.commit().map_err(engine)
    }

    fn refuse(&mut self, task: Task, error: &StoreError) {
        match task {
            Task::Write(write) => self.reports.push(write(Err(error.clone()))),
            Task::Outside(work) => self.outside = Some(work),
        }
    }

    /// Tells everybody, and does what waited for the end of the commit.
    fn report(
        self,
        committed: &Result<(), StoreError>,
        connection: Option<&Connection>,
    ) -> Result<(), StoreError> {
        for report in self.reports {
            report(committed.clone());
        }
        match (self.outside, connection) {
            (Some(work), Some(connection)) => work(Ok(connection)),
            // Why there is none was told before.
            (Some(work), None) => {
                let _ = work(Err(committed.clone().err().unwrap_or(StoreError::Closed)));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
