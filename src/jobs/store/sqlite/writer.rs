//! The one thread that writes. Writes that wait share a commit: it takes what is
//! there, never waits for more, and answers once the disk has it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::super::StoreError;
use super::engine;

/// At most so many writes share a commit.
const MAX_BATCH: usize = 256;

/// At most so many writes wait; further writers wait for a place.
const QUEUE: usize = 1024;

/// Carries out a write, and returns what tells its caller about the commit.
type Write = Box<dyn FnOnce(&Connection) -> Report + Send>;
type Report = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A handle on the writing thread.
pub struct Writer {
    queue: Mutex<Option<mpsc::Sender<Write>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, writes) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, writes))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Carries out a write; returns once it is on disk. A write that fails is
    /// undone alone, without harm to those that share its commit.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |connection| {
            let outcome = undoable(connection, write);
            Box::new(move |committed| {
                // The caller may be gone; the write stays.
                let _ = answer.send(committed.and(outcome));
            })
        });
        let queue = self.queue.lock().clone().ok_or(StoreError::Closed)?;
        queue.send(write).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        answered.await.map_err(|_| StoreError::Closed)?
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
    connection
        .execute_batch("SAVEPOINT write_one")
        .map_err(engine)?;
    // A panic must not take the thread along: every later write would fail.
    let outcome = catch_unwind(AssertUnwindSafe(|| write(connection)))
        .unwrap_or_else(|_| Err(StoreError::Engine("a write panicked".to_owned())));
    let end = match outcome {
        Ok(_) => "RELEASE write_one",
        Err(_) => "ROLLBACK TO write_one; RELEASE write_one",
    };
    connection.execute_batch(end).map_err(engine)?;
    outcome
}

fn run(mut connection: Connection, mut writes: mpsc::Receiver<Write>) {
    while let Some(first) = writes.blocking_recv() {
        let mut reports = Vec::new();
        let committed = commit(&mut connection, first, &mut writes, &mut reports);
        for report in reports {
            report(committed.clone());
        }
    }
}

fn commit(
    connection: &mut Connection,
    first: Write,
    writes: &mut mpsc::Receiver<Write>,
    reports: &mut Vec<Report>,
) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(engine)?;
    reports.push(first(&transaction));
    while reports.len() < MAX_BATCH
        && let Ok(next) = writes.try_recv()
    {
        reports.push(next(&transaction));
    }
    transaction.commit().map_err(engine)
}
