//! Connections that read, while the writer writes.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::super::StoreError;
use super::engine;

/// At most so many reads run at once.
const CONNECTIONS: usize = 4;

/// A small pool of read-only connections.
pub struct Readers {
    path: PathBuf,
    idle: std::sync::Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
}

impl Readers {
    /// A pool for a file that exists.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: std::sync::Arc::default(),
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
        let idle = self.idle.clone();
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            let connection = idle.lock().pop();
            let connection = connection.map_or_else(|| open(&path), Ok)?;
            let outcome = read(&connection).map_err(engine)?;
            idle.lock().push(connection);
            Ok(outcome)
        })
        .await
        .map_err(engine)?
    }
}

fn open(path: &std::path::Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(engine)
}
