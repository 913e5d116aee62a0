//! Which results a job knows already.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::rows;
use crate::jobs::identity;
use crate::jobs::model::Identity;

/// Bytes of a stored key.
const LENGTH: usize = 16;

/// The identities of a job.
pub struct Known<'c> {
    connection: &'c Connection,
    job: i64,
    job_id: &'c str,
}

/// A key as it is stored: a hash, so that nobody is named in it, and another one
/// in each job.
#[must_use]
fn hash(job_id: &str, key: &str) -> [u8; LENGTH] {
    let digest = Sha256::new()
        .chain_update(job_id)
        .chain_update(key)
        .finalize();
    let mut hash = [0; LENGTH];
    hash.copy_from_slice(&digest[..LENGTH]);
    hash
}

/// Remembers by which marks those are known who were erased from a job.
pub fn mark_erased(
    connection: &Connection,
    job_id: &str,
    marks: &[String],
) -> rusqlite::Result<()> {
    let Some(job) = rows::number(connection, job_id)? else {
        return Ok(());
    };
    let known = Known::new(connection, job, job_id);
    for mark in marks {
        known.learn(&erased(mark))?;
    }
    connection.execute("UPDATE jobs SET has_erased = 1 WHERE number = ?", [job])?;
    Ok(())
}

/// Which of these keys a job knows.
pub fn known_keys(
    connection: &Connection,
    job_id: &str,
    keys: Vec<String>,
) -> rusqlite::Result<Vec<String>> {
    known_as(connection, job_id, keys, str::to_owned)
}

/// Which of these marks belong to somebody who was erased from a job.
pub fn erased_marks(
    connection: &Connection,
    job_id: &str,
    marks: Vec<String>,
) -> rusqlite::Result<Vec<String>> {
    known_as(connection, job_id, marks, erased)
}

/// Which of these a job knows when they are spelled as keys.
fn known_as(
    connection: &Connection,
    job_id: &str,
    candidates: Vec<String>,
    spell: impl Fn(&str) -> String,
) -> rusqlite::Result<Vec<String>> {
    let Some(job) = rows::number(connection, job_id)? else {
        return Ok(Vec::new());
    };
    let mut select =
        connection.prepare_cached("SELECT 1 FROM identities WHERE job = ? AND identity = ?")?;
    let mut known = Vec::new();
    for candidate in candidates {
        if select.exists(params![job, hash(job_id, &spell(&candidate))])? {
            known.push(candidate);
        }
    }
    Ok(known)
}

fn erased(mark: &str) -> String {
    format!("erased:{mark}")
}

impl<'c> Known<'c> {
    /// Those of a job.
    pub fn new(connection: &'c Connection, job: i64, job_id: &'c str) -> Self {
        Self {
            connection,
            job,
            job_id,
        }
    }

    /// Whether a result is new. All its keys are known from now on, so that a third
    /// spelling that shares a key with the second is recognized, too.
    pub fn is_new(&self, identity: &Identity) -> rusqlite::Result<bool> {
        match identity {
            Identity::Keys(keys) => self.learn_all(keys),
            Identity::Occurrence {
                subject,
                bytes,
                listed,
            } => match listed {
                None => self.is_new_alone(subject, bytes),
                Some(_) if subject.is_empty() => self.learn(&format!("listed:{bytes}")),
                Some(place) => self.learn_all(&numbered(subject, *place)),
            },
        }
    }

    /// What comes alone is counted in the order in which it comes: the first is
    /// the one that a list shows first.
    fn is_new_alone(&self, subject: &[String], bytes: &str) -> rusqlite::Result<bool> {
        if !self.learn(&identity::alone(bytes))? {
            return Ok(false);
        }
        if subject.is_empty() {
            return self.learn(&format!("listed:{bytes}"));
        }
        let mut place = 1;
        while !self.learn_all(&numbered(&prefixed(subject), place))? {
            place += 1;
        }
        self.learn_all(&numbered(subject, place))
    }

    fn learn_all(&self, keys: &[String]) -> rusqlite::Result<bool> {
        let mut is_new = true;
        // Two fields of one result may spell the same key.
        for key in BTreeSet::from_iter(keys) {
            is_new &= self.learn(key)?;
        }
        Ok(is_new)
    }

    fn learn(&self, key: &str) -> rusqlite::Result<bool> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO identities (job, identity) VALUES (?, ?) ON CONFLICT DO NOTHING",
        )?;
        Ok(insert.execute(params![self.job, hash(self.job_id, key)])? == 1)
    }
}

fn numbered(subject: &[String], place: usize) -> Vec<String> {
    subject.iter().map(|key| format!("{place}:{key}")).collect()
}

fn prefixed(subject: &[String]) -> Vec<String> {
    subject.iter().map(|key| format!("alone:{key}")).collect()
}
