//! The write-ahead log: when it is moved into the database, and how.
//!
//! Only the writer's thread does it, between commits. A sync of the database that
//! fails must not be passed over: SQLite may have noted pages as moved that the disk
//! never got, and would give the log, the only good copy, away. So after any failure
//! here all connections are closed. The next one to open finds no such note, and
//! moves the whole log again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::super::StoreError;
use super::engine;

/// The log is moved after so many changed rows,
const ROWS: u64 = 1_500;

/// or when its file is so long.
const LENGTH: u64 = 2 * KEPT_LENGTH;

/// Its file is kept so long, because writing in place is faster than growing it.
pub const KEPT_LENGTH: u64 = 16 << 20;

/// So long the writer waits for those who read the log.
const PATIENCE: Duration = Duration::from_millis(20);

/// So long it waits for anything else.
const LONG_PATIENCE: Duration = Duration::from_secs(5);

/// What the writer knows about the log.
pub struct Log {
    path: PathBuf,
    /// Changed rows when it was moved last.
    rows: u64,
    /// When its file is so long, it is moved.
    length: u64,
}

impl Log {
    /// The log of a database.
    pub fn of(database: &Path) -> Self {
        Self {
            path: path(database),
            rows: 0,
            length: LENGTH,
        }
    }

    /// Moves it when it is due. Called between commits.
    ///
    /// # Errors
    ///
    /// When the disk fails: all connections have to be closed then.
    pub fn keep_short(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let rows = connection.total_changes();
        let length = length(&self.path);
        // A new connection counts from zero.
        let is_due = rows < self.rows || rows - self.rows >= ROWS || length >= self.length;
        if !is_due {
            return Ok(());
        }
        self.rows = rows;
        self.length = match checkpoint(connection, "RESTART")? {
            true => LENGTH,
            // Somebody reads it. It grows a little before the next try.
            false => length.max(KEPT_LENGTH) + KEPT_LENGTH,
        };
        Ok(())
    }
}

/// Moves all of the log and empties it, so that what was removed is nowhere readable;
/// false when somebody reads it.
///
/// # Errors
///
/// When the disk fails: all connections have to be closed then.
pub fn truncate(connection: &Connection) -> Result<bool, StoreError> {
    checkpoint(connection, "TRUNCATE")
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<bool, StoreError> {
    connection.busy_timeout(PATIENCE).map_err(engine)?;
    let is_busy = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        row.get::<_, bool>(0)
    });
    connection.busy_timeout(LONG_PATIENCE).map_err(engine)?;
    is_busy.map(|is_busy| !is_busy).map_err(engine)
}

/// Where the log of a database is.
pub fn path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// How long the file of a log is.
pub fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
