//! Moves what is committed from the log into the database, beside the writer: the
//! bulk of it holds up no commit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::super::StoreError;
use super::engine;
use super::file::open_writable;

/// The log is moved after so many changed rows,
const ROWS: u64 = 4_000;

/// or when its file has grown by so many bytes.
const BYTES: u64 = 16 << 20;

/// The writer's side of the thread that moves the log.
pub struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    log: PathBuf,
    /// The bulk is moved; the rest is short enough for the writer, after which the
    /// log begins anew.
    bulk_is_moved: Arc<AtomicBool>,
    rows: u64,
    bytes: u64,
}

impl Checkpointer {
    /// Starts the thread.
    pub fn start(path: &Path) -> std::io::Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let bulk_is_moved = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        let (path, is_moved) = (path.to_owned(), bulk_is_moved.clone());
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || run(&path, &woken, &is_moved))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            log: log.into(),
            bulk_is_moved,
            rows: 0,
            bytes: 0,
        })
    }

    /// Called between commits.
    pub fn committed(&mut self, connection: &Connection) {
        if self.bulk_is_moved.swap(false, Ordering::AcqRel) {
            report(passive(connection));
        }
        let rows = connection.total_changes();
        let bytes = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        // A new connection counts from zero.
        if rows < self.rows || rows - self.rows >= ROWS || bytes >= self.bytes + BYTES {
            (self.rows, self.bytes) = (rows, bytes);
            // One that is at work will be called again after more rows.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(path: &Path, woken: &Receiver<()>, bulk_is_moved: &AtomicBool) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let moved = match connection.take().map_or_else(|| open_writable(path), Ok) {
            Ok(opened) => {
                let moved = passive(&opened);
                connection = moved.is_ok().then_some(opened);
                moved
            }
            Err(error) => Err(error),
        };
        if moved.is_ok() {
            bulk_is_moved.store(true, Ordering::Release);
        }
        report(moved);
    }
}

/// Moves what no reader still needs where it is; waits for nobody.
fn passive(connection: &Connection) -> Result<(), StoreError> {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(engine)
}

/// Nothing is lost when it fails: the log grows until it works again.
fn report(moved: Result<(), StoreError>) {
    if let Err(error) = moved {
        tracing::warn!(%error, "The store's log could not be moved into its database.");
    }
}
