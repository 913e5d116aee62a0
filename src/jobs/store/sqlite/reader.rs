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
    permits: Arc<Semaphore>,
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
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Reads, off the async threads.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = self.permits.clone();
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let pool = self.pool.clone();
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            // Until the end, also when nobody waits for the outcome any more.
            let _permit = permit;
            let _open = pool.open.read();
            let connection = pool.idle.lock().pop();
            let connection = connection.map_or_else(|| open(&path), Ok)?;
            let outcome = read(&connection).map_err(engine)?;
            let mut idle = pool.idle.lock();
            if idle.len() < CONNECTIONS {
                idle.push(connection);
            }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_any_more_still_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let readers = Arc::new(Readers::new(file.path().to_owned(), Arc::default()));
        let (begun, mut begins) = tokio::sync::mpsc::channel(CONNECTIONS);
        let mut ends = Vec::new();
        for _ in 0..CONNECTIONS {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let (readers, begun) = (readers.clone(), begun.clone());
            let call = tokio::spawn(async move {
                let read = move |_: &Connection| {
                    begun.blocking_send(()).unwrap();
                    // Until the test drops the other end.
                    Ok(ended.recv().is_err())
                };
                readers.read(read).await
            });
            begins.recv().await.unwrap();
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        }
        assert_eq!(readers.permits.available_permits(), 0);
        drop(ends);
        readers.read(|_| Ok(())).await.unwrap();
    }
}
