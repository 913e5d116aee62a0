//! Keeps the store small: purges what is old, and makes room when it is full.
//! Also finds out when a store that failed works again, without waiting for
//! somebody to write.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::model::JobPage;
use super::purge::is_undecoded;
use super::service::{Jobs, Shared};
use super::start::StartError;
use super::store::StoreError;
use crate::ledger::Day;
use crate::metrics;
use crate::proto::v1::JobState;

/// The time between two rounds.
const ROUND: Duration = Duration::from_secs(60);

/// The time between two tries of a store that cannot be written.
const PROBE: Duration = Duration::from_secs(1);

/// So long it is kept at least what was spent on a day: a year, and some time to
/// compare it with the one before.
const SUMS_RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// So many jobs are purged at a time.
const PORTION: usize = 100;

/// Keeps the store of some jobs.
pub struct Keeper {
    shared: Arc<Shared>,
}

impl Jobs {
    /// Who keeps the store of these jobs.
    #[must_use]
    pub fn keeper(&self) -> Keeper {
        Keeper {
            shared: self.shared.clone(),
        }
    }
}

impl Keeper {
    /// Works until the server shuts down.
    pub async fn run(self) {
        tokio::select! {
            () = self.shared.shutdown.cancelled() => {}
            () = self.rounds() => {}
            () = self.probes() => {}
        }
    }

    async fn rounds(&self) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.run_once(SystemTime::now()).await {
                tracing::warn!(%error, "What is old could not be purged.");
            }
        }
    }

    async fn probes(&self) {
        let mut is_writable = self.shared.store.is_writable();
        while is_writable
            .wait_for(|is_writable| !is_writable)
            .await
            .is_ok()
        {
            // The store says by itself how that went.
            let _ = self.shared.store.probe().await;
            sleep(PROBE).await;
        }
    }

    /// One round, as at a time.
    ///
    /// # Errors
    ///
    /// The first one when the store fails; the other steps are taken all the same.
    pub async fn run_once(&self, now: SystemTime) -> Result<(), StoreError> {
        let shared = &self.shared;
        let before = ago(now, shared.options.retention);
        let mut purged = 0;
        // All of them: what one step cannot do may be what another one makes room for.
        let steps = [
            purge_old(shared, before, &mut purged).await,
            trim_ledger(shared, now).await,
            shared.store.trim(before).await,
            make_room(shared).await,
            self.forget_keys().await,
            tell_usage(shared, purged).await,
        ];
        steps.into_iter().collect()
    }

    /// A key that a caller brought is needed while a job of theirs may be polled.
    async fn forget_keys(&self) -> Result<(), StoreError> {
        for brought in self.shared.keyring.brought() {
            let page = JobPage {
                credential: brought.name.clone(),
                states: vec![JobState::Pending, JobState::Running],
                before: None,
                limit: 1,
            };
            if self.shared.store.jobs(page).await?.is_empty() {
                self.shared.keyring.forget(&brought);
            }
        }
        Ok(())
    }
}

fn ago(now: SystemTime, time: Duration) -> SystemTime {
    now.checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Forgets old entries of the ledger, and what was spent on days long ago.
async fn trim_ledger(shared: &Shared, now: SystemTime) -> Result<(), StoreError> {
    let retention = shared.options.ledger_retention;
    let day = Day::of(ago(now, retention.max(SUMS_RETENTION)));
    shared.store.trim_ledger(ago(now, retention), day).await
}

/// Purges all jobs that ended before a time, and counts them.
async fn purge_old(
    shared: &Shared,
    before: SystemTime,
    purged: &mut usize,
) -> Result<(), StoreError> {
    loop {
        let old = ended(shared, before).await?;
        if old.is_empty() {
            return Ok(());
        }
        *purged += purge_ended(shared, old, before).await?;
    }
}

/// Tells what the store holds, and how many jobs it lost.
async fn tell_usage(shared: &Shared, purged: usize) -> Result<(), StoreError> {
    let usage = shared.store.usage().await?;
    metrics::store_holds(usage.bytes, usage.jobs(), usage.unmatched);
    metrics::jobs_in_store(&usage.jobs);
    metrics::credits_reserved(usage.reserved);
    if purged > 0 {
        tracing::info!(
            purged,
            bytes = usage.bytes,
            jobs = usage.jobs(),
            unmatched = usage.unmatched,
            "Old jobs were purged."
        );
    }
    Ok(())
}

/// Lets a job begin only where there is room for it.
pub(super) async fn admit(shared: &Shared) -> Result<(), StartError> {
    let limit = shared.options.max_store_size;
    if shared.store.size().await? <= limit {
        return Ok(());
    }
    make_room(shared).await?;
    match shared.store.size().await? {
        size if size > limit => Err(StartError::StoreFull { size, limit }),
        _ => Ok(()),
    }
}

/// Removes the oldest of what nobody waits for, until the store is small enough:
/// first raw bodies, whose results are there as events, then answers, but none of the
/// last day, then finished jobs. What was spent never gives way; where that alone is
/// too large, jobs do not, either: it would be in vain.
async fn make_room(shared: &Shared) -> Result<(), StoreError> {
    let _turn = shared.making_room.lock().await;
    let limit = shared.options.max_store_size;
    if shared.store.size().await? <= limit {
        return Ok(());
    }
    let mut is_relieved = false;
    while shared.store.size().await? > limit {
        if !shared.store.drop_bodies().await? {
            break;
        }
        is_relieved = true;
    }
    let is_full = shared.store.size().await? > limit;
    if is_full && shared.store.ledger_size().await? > limit {
        tracing::warn!(limit, "The store is full: the ledger alone is too large.");
        return Ok(());
    }
    while shared.store.size().await? > limit {
        let now = SystemTime::now();
        let mut oldest = ended(shared, now).await?;
        oldest.truncate(1);
        if oldest.is_empty() {
            break;
        }
        is_relieved |= purge_ended(shared, oldest, now).await? > 0;
    }
    let size = shared.store.size().await?;
    match is_relieved {
        true => tracing::warn!(
            size,
            limit,
            "The store was full: the oldest data was purged."
        ),
        false => tracing::warn!(size, limit, "The store is full of what running jobs need."),
    }
    Ok(())
}

/// Jobs that ended before a time, the oldest first; not those with something left
/// to decode.
async fn ended(shared: &Shared, before: SystemTime) -> Result<Vec<String>, StoreError> {
    let mut ended = Vec::new();
    for id in shared.store.finished_jobs(before, PORTION).await? {
        if !is_undecoded(shared, &id).await? {
            ended.push(id);
        }
    }
    Ok(ended)
}

/// Purges those of these jobs for which nothing came meanwhile; how many they are.
async fn purge_ended(
    shared: &Shared,
    ids: Vec<String>,
    before: SystemTime,
) -> Result<usize, StoreError> {
    let purged = shared.store.purge_ended(ids.clone(), before).await;
    // Some may be gone after an error, too; the others only look again.
    for id in &ids {
        forget(shared, id);
    }
    Ok(purged?.len())
}

/// Forgets what is known in memory of a job that was purged.
pub(super) fn forget(shared: &Shared, id: &str) {
    shared.secrets.lock().pop(id);
    // Its streams learn that it is gone.
    shared.wakes.wake(id);
}
