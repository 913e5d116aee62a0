//! Connections that read, while the writer writes.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::super::StoreError;
use super::engine;

/// At most so many reads run at once.
const CONNECTIONS: usize = 4;

/// A small pool of read-only connections.
pub struct Readers {
    path: PathBuf,
    pool: Arc<Pool>,
    permits: Semaphore,
}

/// Connections that nobody uses now.
#[derive(Default)]
pub struct Pool {
    idle: Mutex<Vec<Connection>>,
    /// Held by those who read; by whom it is held alone, nobody else has the file open.
    open: RwLock<()>,
}

impl Pool {
    /// Closes all connections once their reads have ended, and lets nobody open one
    /// before this is done.
    pub fn while_closed<T>(&self, work: impl FnOnce() -> T) -> T {
        let _alone = self.open.write();
        self.idle.lock().clear();
        work()
    }
}

impl Readers {
    /// A pool for a file that exists.
    pub fn new(path: PathBuf, pool: Arc<Pool>) -> Self {
        Self {
            path,
            pool,
            permits: Semaphore::new(CONNECTIONS),
        }
    }

    /// Reads, off the async threads.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| StoreError::Closed)?;
        let pool = self.pool.clone();
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            let _open = pool.open.read();
            let connection = pool.idle.lock().pop();
            let connection = connection.map_or_else(|| open(&path), Ok)?;
            let outcome = read(&connection).map_err(engine)?;
            pool.idle.lock().push(connection);
            Ok(outcome)
        })
        .await
        .map_err(engine)?
    }
}

fn open(path: &std::path::Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(engine)?;
    // What it sorts is personal data: it stays out of temporary files.
    connection
        .execute_batch("PRAGMA temp_store = MEMORY")
        .map_err(engine)?;
    Ok(connection)
}
