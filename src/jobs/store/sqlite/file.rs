//! The file of the store: who may read it, how it is opened, and its tables.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::super::StoreError;
use super::{engine, log};

/// The version of `schema.sql`, kept in the file.
const SCHEMA_VERSION: i32 = 5;

/// The file holds personal data: nobody but its owner may read it.
pub fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options.open(path).map(drop).map_err(|error| {
        StoreError::Engine(format!("{} cannot be opened: {error}", path.display()))
    })
}

/// Opens the file for the one thread that writes, while no other connection is open.
///
/// # Errors
///
/// When the disk fails, or somebody else has the file open.
pub fn open_writable(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(engine)?;
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(engine)?;
    if pages == 0 {
        // Large pages hold a result each.
        connection
            .execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;")
            .map_err(engine)?;
    }
    // When the disk fails meanwhile, this says so only by its answer.
    let journal: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(engine)?;
    if journal != "wal" {
        return Err(engine("the file cannot be given a write-ahead log"));
    }
    // Removed data is overwritten, and none gets into temporary files elsewhere.
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = {}; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;",
            log::KEPT_LENGTH
        ))
        .map_err(engine)?;
    // A connection that is given up because the disk failed must not touch it again.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(engine)?;
    connection.set_prepared_statement_cache_capacity(64);
    // The log may end with a commit whose sync failed. What follows it would be lost
    // with it, so nothing is written behind it.
    match log::truncate(&connection)? {
        true => Ok(connection),
        false => Err(engine("the file is in use elsewhere")),
    }
}

/// Makes the tables where there are none.
pub fn migrate(connection: &Connection) -> Result<(), StoreError> {
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
        other => Err(StoreError::Engine(format!(
            "the file has schema {other}, this version knows {SCHEMA_VERSION}"
        ))),
    }
}
