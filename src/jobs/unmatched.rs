//! Callbacks for which there is no job: it has been purged, or never was here.

use bytes::Bytes;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::CallbackSecret;
use super::model::{Unmatched, UnmatchedPage};
use super::service::{Jobs, Shared};
use super::store::StoreError;

/// Callbacks of strangers that are kept for each second: many enough for the jobs
/// of a lost volume, few enough that a scanner does not load the disk.
const STRANGERS_PER_SECOND: f64 = 20.0;

/// So many strangers may come at once.
const STRANGERS_AT_ONCE: f64 = 200.0;

/// Where a callback without a job may be kept.
#[derive(Debug)]
pub struct Place {
    job_id: String,
    /// Whose job it was; none for a stranger.
    credential: Option<String>,
}

impl Place {
    /// Whether it is for a job that was here.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.credential.is_some()
    }
}

impl Jobs {
    /// Where a callback that no job accepts may be kept; nowhere when its secret is
    /// wrong, its URL is none of ours, or too many strangers came. Ask before the
    /// body is read.
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
        if Uuid::try_parse(job_id).is_err() || !CallbackSecret::is_well_formed(secret) {
            return Ok(None);
        }
        let place = |credential| Place {
            job_id: job_id.to_owned(),
            credential,
        };
        if let Some((owner, hash)) = shared.store.purged_job(job_id).await? {
            let is_right = hash == CallbackSecret::hash(secret);
            return Ok(is_right.then(|| place(Some(owner))));
        }
        // For a job that is here the secret was wrong.
        let is_stranger = shared.store.job(job_id).await?.is_none();
        let may_stay = is_stranger && shared.strangers.lock().take(Instant::now());
        Ok(may_stay.then(|| place(None)))
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
        if place.is_known() {
            shared.keep(place, body).await?;
            return Ok(true);
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
        let place = Place {
            job_id: job_id.to_owned(),
            credential: Some(owner),
        };
        shared.keep(place, body).await
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
    counted: Instant,
}

impl Strangers {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: STRANGERS_AT_ONCE,
            counted: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.counted);
        self.counted = now;
        let refilled = self.left + passed.as_secs_f64() * STRANGERS_PER_SECOND;
        self.left = refilled.min(STRANGERS_AT_ONCE);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_wait_for_their_turn() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let kept = (0..1000).filter(|_| strangers.take(start)).count();
        assert_eq!(kept, 200);
        let later = start + Duration::from_secs(2);
        let kept = (0..1000).filter(|_| strangers.take(later)).count();
        assert_eq!(kept, 40);
    }
}
