//! What one write removes, and which jobs are hidden.

use std::time::Duration;

use super::super::file::migrate;
use super::super::rows::known_upstream_ids;
use super::super::unmatched;
use super::*;

const MEGABYTE: usize = 1 << 20;

/// A store in memory.
fn store() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    migrate(&connection).unwrap();
    connection
}

/// Adds a job with one event, which ended in the second 10.
fn add_ended(connection: &Connection, number: i64) {
    connection
        .execute(
            "INSERT INTO jobs (number, id, credential, operation, secret_hash, state, upstream_id,
             last_sequence, created, updated, finished)
             VALUES (?1, 'job ' || ?1, 'default', '', x'', 0, 'upstream ' || ?1, 1, 0, ?2, ?2)",
            params![number, to_micros(second(10))],
        )
        .unwrap();
}

fn add_delivery(connection: &Connection, job: i64, bytes: usize) {
    let sql = "INSERT INTO deliveries (job, received, source, body) VALUES (?, 0, 0, zeroblob(?))";
    connection.execute(sql, params![job, bytes as i64]).unwrap();
}

fn add_event(connection: &Connection, job: i64, sequence: i64, bytes: usize) {
    let sql = "INSERT INTO events (job, sequence, time, payload) VALUES (?, ?, 0, zeroblob(?))";
    let values = params![job, sequence, bytes as i64];
    connection.execute(sql, values).unwrap();
}

fn add_unmatched(connection: &Connection, bytes: usize) {
    let sql = "INSERT INTO unmatched (job_id, received, body) VALUES ('', 0, zeroblob(?))";
    connection.execute(sql, [bytes as i64]).unwrap();
}

fn count(connection: &Connection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

fn second(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(number)
}

#[test]
fn one_write_removes_so_many_bytes_of_a_purged_job() {
    let store = store();
    add_ended(&store, 1);
    for sequence in 1..=3 {
        add_delivery(&store, 1, 5 * MEGABYTE);
        add_event(&store, 1, sequence, 5 * MEGABYTE);
    }
    assert!(hide(&store, "job 1").unwrap());
    let left = || (count(&store, "deliveries"), count(&store, "events"));
    for expected in [(1, 3), (0, 3), (0, 1), (0, 0)] {
        assert!(sweep(&store).unwrap());
        assert_eq!(left(), expected);
    }
    assert!(sweep(&store).unwrap() && !sweep(&store).unwrap());
    assert_eq!(count(&store, "jobs"), 0);
}

#[test]
fn one_write_removes_so_many_old_events_of_all_jobs() {
    let store = store();
    for job in 1..=3 {
        add_ended(&store, job);
        add_event(&store, job, 1, 5 * MEGABYTE);
    }
    store
        .execute("UPDATE jobs SET finished = NULL", [])
        .unwrap();
    let first_sequences = || -> Vec<i64> {
        let mut jobs = store.prepare("SELECT first_sequence FROM jobs").unwrap();
        let jobs = jobs.query_map([], |row| row.get(0)).unwrap();
        jobs.map(Result::unwrap).collect()
    };
    assert!(trim_events(&store, second(1)).unwrap());
    assert_eq!(
        (count(&store, "events"), first_sequences()),
        (1, vec![2, 2, 1])
    );
    assert!(!trim_events(&store, second(1)).unwrap());
    assert_eq!(
        (count(&store, "events"), first_sequences()),
        (0, vec![2, 2, 2])
    );
}

#[test]
fn one_write_removes_so_many_callbacks_without_a_job() {
    let store = store();
    for _ in 0..3 {
        add_unmatched(&store, 5 * MEGABYTE);
    }
    assert_eq!(unmatched::remove(&store, &[1, 2, 3]).unwrap(), [3]);
    assert_eq!(count(&store, "unmatched"), 1);
    assert!(unmatched::remove(&store, &[3]).unwrap().is_empty());
    for _ in 0..=PORTION {
        add_unmatched(&store, 1);
    }
    assert!(unmatched::trim(&store, second(1)).unwrap());
    assert_eq!(count(&store, "unmatched"), 1);
    assert!(unmatched::trim(&store, second(1)).unwrap());
    assert!(!unmatched::trim(&store, second(1)).unwrap());
}

#[test]
fn a_job_is_not_hidden_when_something_came_since_it_was_looked_at() {
    let store = store();
    let hide_ended = |id: &str| hide_ended(&store, id, second(20)).unwrap();
    for job in 1..=5 {
        add_ended(&store, job);
    }
    add_delivery(&store, 1, 1);
    let change = |sql: &str| store.execute(sql, []).unwrap();
    change("UPDATE jobs SET finished = NULL WHERE number = 2");
    change("UPDATE jobs SET updated = 30000000 WHERE number = 3");
    // Pronto refused it.
    add_delivery(&store, 4, 1);
    change("UPDATE jobs SET last_sequence = 0, call_is_known = 1 WHERE number = 4");
    let hidden = ["job 1", "job 2", "job 3", "job 4", "job 5"].map(hide_ended);
    assert_eq!(hidden, [false, false, false, true, true]);
    assert_eq!(count(&store, "purged_jobs"), 2);
    assert_eq!(count(&store, "jobs WHERE purged = 1"), 2);
    assert!(!hide_ended("job 5"), "once");
    change("UPDATE jobs SET decoded_through = 1 WHERE number = 1");
    assert!(hide_ended("job 1"));
}

#[test]
fn the_search_of_a_purged_job_stays_known() {
    let store = store();
    add_ended(&store, 1);
    add_ended(&store, 2);
    hide(&store, "job 1").unwrap();
    while sweep(&store).unwrap() {}
    let ids = ["upstream 1", "upstream 2", "upstream 3"].map(str::to_owned);
    let known = known_upstream_ids(&store, ids.into()).unwrap();
    assert_eq!(known, ["upstream 1", "upstream 2"]);
    while trim_purged(&store, SystemTime::now() + Duration::from_secs(1)).unwrap() {}
    let known = known_upstream_ids(&store, vec!["upstream 1".to_owned()]);
    assert!(known.unwrap().is_empty());
}
