//! Callbacks for which there is no job: it has been purged, or never was here.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::CallbackSecret;
use super::model::{Unmatched, UnmatchedPage};
use super::service::{Jobs, Shared};
use super::store::StoreError;

/// Callbacks of strangers that are kept for each second: many enough for the jobs
/// of a lost volume, few enough that a scanner does not load the disk.
const STRANGERS_PER_SECOND: f64 = 20.0;

/// So many strangers may come at once.
const STRANGERS_AT_ONCE: f64 = 200.0;

/// Bytes of them that are kept for each second, and at once: a large one is still
/// kept, but its commit, which holds up those of callbacks, comes seldom.
const BYTES_PER_SECOND: f64 = (1 << 20) as f64;
const BYTES_AT_ONCE: f64 = (8 << 20) as f64;

/// So many of their bodies are in memory at a time.
const BODIES_OF_STRANGERS: usize = 8;

/// Where a callback without a job may be kept.
#[derive(Debug)]
pub struct Place {
    job_id: String,
    /// Whose job it was; none for a stranger.
    credential: Option<String>,
    /// Whether it is kept. A wrong secret is treated as one for an unknown job until
    /// its body is read, so that nobody can tell the two apart.
    is_kept: bool,
    /// Of a stranger, the room for the body.
    _room: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn of_purged(job_id: &str, owner: String) -> Self {
        Self {
            job_id: job_id.to_owned(),
            credential: Some(owner),
            is_kept: true,
            _room: None,
        }
    }

    /// Whether it is for a job that was here.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.credential.is_some()
    }
}

impl Jobs {
    /// Where a callback that no job accepts may be kept; nowhere when too many strangers
    /// came. Ask before the body is read.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn unmatched_place(
        &self,
        job_id: &str,
        secret: &str,
    ) -> Result<Option<Place>, StoreError> {
        let shared = &self.shared;
        let purged = shared.store.purged_job(job_id).await?;
        let is_purged = purged.is_some();
        if let Some((owner, hash)) = purged
            && hash == CallbackSecret::hash(secret)
        {
            return Ok(Some(Place::of_purged(job_id, owner)));
        }
        // For a job that is or was here the secret was wrong.
        let is_here = shared.store.job(job_id).await?.is_some();
        let room = shared.strangers.lock().take(Instant::now());
        Ok(room.map(|room| Place {
            job_id: job_id.to_owned(),
            credential: None,
            is_kept: !is_purged && !is_here,
            _room: Some(room),
        }))
    }

    /// Keeps a callback without a job. True once it is stored for the owner of a
    /// purged job: its sender may forget it. A stranger is told nothing, and is not
    /// waited for.
    ///
    /// # Errors
    ///
    /// When the store fails: the body is not stored then.
    pub async fn keep_unmatched(&self, place: Place, body: Bytes) -> Result<bool, StoreError> {
        let shared = self.shared.clone();
        if !place.is_kept {
            return Ok(false);
        }
        if place.is_known() {
            shared.keep(place, body).await?;
            return Ok(true);
        }
        if !shared.strangers.lock().may_keep(body.len(), Instant::now()) {
            return Ok(false);
        }
        tokio::spawn(async move {
            if let Err(error) = shared.keep(place, body).await {
                tracing::debug!(%error, "A callback for an unknown job could not be kept.");
            }
        });
        Ok(false)
    }

    /// Keeps a callback that was accepted for a job which is purged by now.
    pub(super) async fn keep_late(&self, job_id: &str, body: Bytes) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.secrets.lock().pop(job_id);
        let Some((owner, _)) = shared.store.purged_job(job_id).await? else {
            return Err(StoreError::NoSuchJob(job_id.to_owned()));
        };
        shared.keep(Place::of_purged(job_id, owner), body).await
    }

    /// Callbacks without a job, oldest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn unmatched(&self, page: UnmatchedPage) -> Result<Vec<Unmatched>, StoreError> {
        self.shared.store.unmatched(page).await
    }
}

impl Shared {
    async fn keep(&self, place: Place, body: Bytes) -> Result<(), StoreError> {
        let limit = self.options.max_unmatched_size;
        self.store
            .append_unmatched(&place.job_id, place.credential, body, limit)
            .await
    }
}

/// How many strangers may still be kept now.
#[derive(Debug)]
pub(super) struct Strangers {
    left: f64,
    /// Below zero once a body was larger than what was left.
    bytes_left: f64,
    counted: Instant,
    room: Arc<Semaphore>,
}

impl Strangers {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: STRANGERS_AT_ONCE,
            bytes_left: BYTES_AT_ONCE,
            counted: now,
            room: Arc::new(Semaphore::new(BODIES_OF_STRANGERS)),
        }
    }

    /// Room for the body of one more.
    fn take(&mut self, now: Instant) -> Option<OwnedSemaphorePermit> {
        self.refill(now);
        if self.left < 1.0 {
            return None;
        }
        let room = self.room.clone().try_acquire_owned().ok()?;
        self.left -= 1.0;
        Some(room)
    }

    /// Whether a body of this size may be kept.
    fn may_keep(&mut self, size: usize, now: Instant) -> bool {
        self.refill(now);
        let has_left = self.bytes_left > 0.0;
        if has_left {
            self.bytes_left -= size as f64;
        }
        has_left
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.counted = now;
        let refilled = |left: f64, rate: f64, most: f64| (left + passed * rate).min(most);
        self.left = refilled(self.left, STRANGERS_PER_SECOND, STRANGERS_AT_ONCE);
        self.bytes_left = refilled(self.bytes_left, BYTES_PER_SECOND, BYTES_AT_ONCE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn strangers_wait_for_their_turn() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let mut kept = |at| (0..1000).filter(|_| strangers.take(at).is_some()).count();
        assert_eq!(kept(start), 200);
        assert_eq!(kept(start + Duration::from_secs(2)), 40);
    }

    #[test]
    fn large_bodies_of_strangers_are_kept_seldom() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let mut kept = |size: usize, at| {
            let kept = (0..1000).filter(|_| strangers.may_keep(size, at));
            kept.count()
        };
        assert_eq!(kept(6 << 20, start), 2);
        assert_eq!(kept(1, start + Duration::from_secs(3)), 0);
        assert_eq!(kept(6 << 20, start + Duration::from_secs(5)), 1);
        assert_eq!(kept(1 << 10, start + Duration::from_secs(3600)), 1000);
    }

    #[test]
    fn few_bodies_of_strangers_are_in_memory() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        let rooms: Vec<_> = (0..100).filter_map(|_| strangers.take(now)).collect();
        assert_eq!(rooms.len(), BODIES_OF_STRANGERS);
        drop(rooms);
        assert!(strangers.take(now).is_some());
    }
}
