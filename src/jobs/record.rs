//! How what became of a start gets into the store, however long that takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::model::{Change, StoredJob};
use super::runner;
use super::service::Shared;
use super::store::StoreError;
use crate::trace;

/// How long to wait for the store, again and again.
const RETRIES: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How long to wait for it when nobody waits for the answer any more.
const LATER: Duration = Duration::from_secs(5);

/// What came of recording what became of a start.
pub(super) enum Recorded {
    /// It is in the job.
    InJob(Box<StoredJob>),
    /// The job was cancelled and purged meanwhile; it is in the ledger alone.
    Purged,
    /// The store fails. It is tried on.
    Later,
}

/// Records what Pronto answered. A store that fails now is tried again and again, also
/// when the caller has been told of it: what was started is paid.
pub(super) async fn record(shared: &Arc<Shared>, job_id: &str, change: Change) -> Recorded {
    for pause in RETRIES {
        match try_record(shared, job_id, &change).await {
            Ok(job) => return Recorded::InJob(Box::new(job)),
            Err(StoreError::NoSuchJob(_)) => return Recorded::Purged,
            Err(error) => {
                tracing::error!(job_id, %error, "The start of a job waits for the store.");
                sleep(pause).await;
            }
        }
    }
    let later = record_later(shared.clone(), job_id.to_owned(), change);
    shared.starts.spawn(trace::carry(later));
    Recorded::Later
}

/// Tries once. What a purged job would have been told goes to the ledger alone.
pub(super) async fn try_record(
    shared: &Shared,
    job_id: &str,
    change: &Change,
) -> Result<StoredJob, StoreError> {
    match shared.store.change(job_id, change.clone()).await {
        // A client cancelled the job meanwhile; that stands.
        Err(StoreError::AlreadyEnded { .. }) => {
            let change = Change {
                end: None,
                ..change.clone()
            };
            shared.store.change(job_id, change).await
        }
        recorded => recorded,
    }
}

/// Goes on when the caller has been told that the start could not be recorded. What a
/// shutdown interrupts is an unknown outcome after the restart.
async fn record_later(shared: Arc<Shared>, job_id: String, change: Change) {
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = sleep(LATER) => {}
        }
        match try_record(&shared, &job_id, &change).await {
            Ok(_) => break,
            Err(StoreError::NoSuchJob(_)) => return,
            Err(error) => {
                tracing::error!(job_id, %error, "The start of a job waits for the store.");
            }
        }
    }
    shared.wakes.wake(&job_id);
    runner::ensure(&shared, &job_id);
}
