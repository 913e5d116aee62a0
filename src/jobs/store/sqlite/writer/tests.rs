//! What shares a commit, and what becomes of it.

use std::sync::mpsc::{Receiver, Sender, channel};

use tempfile::TempDir;

use super::super::log;
use super::*;

/// A writer of a file with one table.
struct Fixture {
    dir: TempDir,
    writer: Writer,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.sqlite");
        let connection = open_writable(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE notes (text TEXT NOT NULL)")
            .unwrap();
        let writer = Writer::start(path, connection, Arc::default()).unwrap();
        Self { dir, writer }
    }

    /// What is on disk, in order.
    fn notes(&self) -> Vec<String> {
        let connection = Connection::open(self.dir.path().join("notes.sqlite")).unwrap();
        let mut notes = connection
            .prepare("SELECT text FROM notes ORDER BY rowid")
            .unwrap();
        let notes = notes.query_map([], |row| row.get(0)).unwrap();
        notes.collect::<rusqlite::Result<_>>().unwrap()
    }

    async fn note(&self, text: &str) -> Result<(), StoreError> {
        let text = text.to_owned();
        self.writer.write(move |c| insert(c, &text)).await
    }

    /// Lets writes share a commit: the first holds the thread until as many wait.
    async fn hold(&self, release: Receiver<()>) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                release.recv().unwrap();
                insert(connection, "first")
            })
            .await
    }

    async fn release_when_waiting(&self, release: Sender<()>, writes: usize) {
        let queue = self.writer.queue.lock().clone().unwrap();
        while queue.capacity() > QUEUE - writes {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
    }
}

fn insert(connection: &Connection, text: &str) -> Result<(), StoreError> {
    let inserted = connection.execute("INSERT INTO notes (text) VALUES (?)", [text]);
    inserted.map(drop).map_err(engine)
}

/// From now on this connection may not make the file longer, as on a full disk.
fn fill_disk(connection: &Connection) -> Result<(), StoreError> {
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(engine)?;
    let limit = format!("PRAGMA max_page_count = {pages}");
    connection
        .query_row(&limit, [], |_| Ok(()))
        .map_err(engine)?;
    insert(connection, &"x".repeat(1 << 20))
}

#[tokio::test]
async fn a_write_that_fails_harms_no_other_of_its_commit() {
    let fixture = Fixture::new();
    let (release, held) = channel();
    let failing = fixture.writer.write(|connection| {
        insert(connection, "half")?;
        Err::<(), _>(StoreError::NoSuchJob("none".to_owned()))
    });
    let (first, before, failed, after, ()) = tokio::join!(
        fixture.hold(held),
        fixture.note("before"),
        failing,
        fixture.note("after"),
        fixture.release_when_waiting(release, 3),
    );
    first.and(before).and(after).unwrap();
    assert!(matches!(failed, Err(StoreError::NoSuchJob(_))));
    assert_eq!(fixture.notes(), ["first", "before", "after"]);
    assert!(*fixture.writer.is_writable().borrow());
}

#[tokio::test]
async fn a_panic_in_a_write_harms_no_other_of_its_commit() {
    let fixture = Fixture::new();
    let (release, held) = channel();
    let panicking = fixture.writer.write(|connection| {
        insert(connection, "half")?;
        if connection.is_autocommit() {
            return Ok(());
        }
        panic!("on purpose")
    });
    let (first, failed, after, ()) = tokio::join!(
        fixture.hold(held),
        panicking,
        fixture.note("after"),
        fixture.release_when_waiting(release, 2),
    );
    first.and(after).unwrap();
    assert!(failed.unwrap_err().to_string().contains("panicked"));
    fixture.note("later").await.unwrap();
    assert_eq!(fixture.notes(), ["first", "after", "later"]);
}

/// Nobody may be told that something is on disk which shared a commit that failed.
#[tokio::test]
async fn everybody_in_a_commit_that_fails_is_told() {
    let fixture = Fixture::new();
    let (release, held) = channel();
    let (first, before, full, ()) = tokio::join!(
        fixture.hold(held),
        fixture.note("before"),
        fixture.writer.write(fill_disk),
        fixture.release_when_waiting(release, 2),
    );
    for outcome in [first, before, full] {
        assert!(matches!(outcome, Err(StoreError::Engine(_))));
    }
    assert_eq!(fixture.notes(), [""; 0]);
}

#[tokio::test]
async fn a_disk_that_fails_is_told_until_a_write_succeeds() {
    let fixture = Fixture::new();
    let mut is_writable = fixture.writer.is_writable();
    assert!(*is_writable.borrow_and_update());
    fixture.writer.write_one(fill_disk).await.unwrap_err();
    is_writable.changed().await.unwrap();
    assert!(!*is_writable.borrow_and_update());
    // A new connection finds room again.
    fixture.note("again").await.unwrap();
    is_writable.changed().await.unwrap();
    assert!(*is_writable.borrow_and_update());
    assert_eq!(fixture.notes(), ["again"]);
}

#[tokio::test]
async fn what_was_accepted_is_written_before_the_end() {
    let Fixture { dir, writer } = Fixture::new();
    let (release, held) = channel::<()>();
    let accepted = async {
        let write = writer.write(move |connection| {
            held.recv().unwrap();
            insert(connection, "accepted")
        });
        // Accepted, but nobody waits for it any more.
        tokio::select! {
            biased;
            _ = write => unreachable!("it is held"),
            () = std::future::ready(()) => {}
        }
    };
    accepted.await;
    let end = tokio::task::spawn_blocking(move || drop(writer));
    release.send(()).unwrap();
    end.await.unwrap();
    let connection = Connection::open(dir.path().join("notes.sqlite")).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_closed_writer_says_so() {
    let fixture = Fixture::new();
    fixture.writer.queue.lock().take();
    assert!(matches!(
        fixture.note("late").await,
        Err(StoreError::Closed)
    ));
    let outside = fixture.writer.outside(|_| Ok(()));
    assert!(matches!(outside.await, Err(StoreError::Closed)));
    assert_eq!(fixture.notes(), [""; 0]);
}

#[tokio::test]
async fn the_log_stays_short() {
    let fixture = Fixture::new();
    let note = "x".repeat(1 << 20);
    for _ in 0..80 {
        fixture.note(&note).await.unwrap();
    }
    let log = log::path(&fixture.dir.path().join("notes.sqlite"));
    let length = log::length(&log);
    assert!(length < 3 * log::KEPT_LENGTH, "{length}");
    assert_eq!(fixture.notes().len(), 80);
}

#[tokio::test]
async fn what_is_in_the_log_is_moved_before_anything_is_written_behind_it() {
    let fixture = Fixture::new();
    fixture.note("kept").await.unwrap();
    let path = fixture.dir.path().join("notes.sqlite");
    assert!(log::length(&log::path(&path)) > 0);
    let Fixture { dir, writer } = fixture;
    drop(writer);
    let connection = open_writable(&path).unwrap();
    assert_eq!(log::length(&log::path(&path)), 0);
    let writer = Writer::start(path, connection, Arc::default()).unwrap();
    assert_eq!(Fixture { dir, writer }.notes(), ["kept"]);
}
