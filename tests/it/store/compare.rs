//! Whether what a store answered is what it should.

use pronto_grpc::jobs::store::StoreError;
use pronto_grpc::ledger::model::Admission;

use super::call::{Answer, Outcome};

/// What does not match.
pub type Mismatch = String;

/// Two things are the same.
pub fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    actual: T,
    expected: T,
) -> Result<(), Mismatch> {
    match actual == expected {
        true => Ok(()),
        false => Err(format!(
            "{what}: it is {actual:?}, and should be {expected:?}"
        )),
    }
}

/// The number that a call was admitted with.
pub fn admitted(outcome: &Outcome) -> i64 {
    match outcome {
        Ok(Answer::Admission(Admission::Admitted(id))) => *id,
        _ => 0,
    }
}

pub fn is_admission(outcome: &Outcome, admission: &Admission) -> Result<(), Mismatch> {
    match outcome {
        Ok(Answer::Admission(actual)) => same("an admission", actual, admission),
        other => Err(format!("a call was to be recorded: {other:?}")),
    }
}

pub fn is_done(outcome: &Outcome) -> Result<(), Mismatch> {
    match outcome {
        Ok(Answer::Done) => Ok(()),
        other => Err(format!("a write that should succeed: {other:?}")),
    }
}

pub fn is_no_such_job(job: &str, outcome: &Outcome) -> Result<(), Mismatch> {
    match outcome {
        Err(StoreError::NoSuchJob(id)) if id == job => Ok(()),
        other => Err(format!("there is no {job}, but writing to it: {other:?}")),
    }
}
