//! The file of the store: who may read it, how it is opened, and its tables.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::super::StoreError;
use super::engine;

/// The version of `schema.sql`, kept in the file.
const SCHEMA_VERSION: i32 = 2;

/// The file holds personal data: nobody but its owner may read it.
pub fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options.open(path).map(drop).map_err(|error| {
        StoreError::Engine(format!("{} cannot be opened: {error}", path.display()))
    })
}

/// Opens the file for the one thread that writes.
pub fn open_writable(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(engine)?;
    // Large pages hold a result each; removed data is overwritten.
    connection
        .execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;")
        .map_err(engine)?;
    // When the disk fails meanwhile, this says so only by its answer.
    let journal: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(engine)?;
    if journal != "wal" {
        return Err(engine("the file cannot be given a write-ahead log"));
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
             PRAGMA secure_delete = ON;",
        )
        .map_err(engine)?;
    // A connection that is given up because the disk failed must not touch it again.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(engine)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
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
