//! The jobs of this server: what the gRPC side and the callback receiver use.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::model::{Change, Delivery, End, JobPage, StoredJob};
use super::store::{Store, StoreError};
use super::wake::Wakes;
use super::{CallbackSecret, runner};
use crate::pronto::{Client, Keyring};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{CallbackSource, JobStarted, JobState};

/// So many callback secrets are remembered.
const SECRETS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// How jobs behave.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Where Pronto reaches the callback receiver; without it results are polled.
    pub callback_url: Option<Url>,
    /// A job that has not ended by then is ended as incomplete.
    pub deadline: Duration,
    /// How soon Pronto is first asked for what did not arrive.
    pub poll_interval: Duration,
    /// The longest time between two questions.
    pub max_poll_interval: Duration,
    /// How long callbacks may still come after Pronto says that it has finished.
    pub settle_time: Duration,
    /// The longest time between two `progress` events.
    pub progress_interval: Duration,
}

/// The jobs of this server.
#[derive(Clone)]
pub struct Jobs {
    pub(super) shared: Arc<Shared>,
}

/// What the parts of this module share.
pub(super) struct Shared {
    pub store: Arc<dyn Store>,
    pub client: Client,
    pub keyring: Arc<Keyring>,
    pub options: JobOptions,
    pub wakes: Wakes,
    /// The hashes of the callback secrets of recent jobs. They never change.
    pub secrets: Mutex<LruCache<String, Vec<u8>>>,
    /// Jobs that have a runner.
    pub running: Mutex<HashSet<String>>,
    /// Starts under way.
    pub starts: TaskTracker,
    /// The turn of the one large body that is decoded at a time.
    pub large_bodies: Arc<Semaphore>,
    /// Ends streams and runners.
    pub shutdown: CancellationToken,
}

impl Jobs {
    /// Jobs in a store.
    pub fn new(
        store: Arc<dyn Store>,
        client: Client,
        keyring: Arc<Keyring>,
        options: JobOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = Shared {
            store,
            client,
            keyring,
            options,
            wakes: Wakes::default(),
            secrets: Mutex::new(LruCache::new(SECRETS)),
            running: Mutex::default(),
            starts: TaskTracker::new(),
            large_bodies: Arc::new(Semaphore::new(1)),
            shutdown,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Continues every job that has something left to do, after a restart.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn resume(&self) -> Result<usize, StoreError> {
        let ids = self.shared.store.unfinished_jobs().await?;
        for id in &ids {
            let pending = self.shared.store.job(id).await?;
            if pending.is_some_and(|job| job.state == JobState::Pending) {
                // The server ended between storing the job and storing Pronto's
                // answer. It may have been carried out: wait for callbacks.
                let started = Some(Event::Started(JobStarted { acceptance: None }));
                let change = Change {
                    started,
                    ..Default::default()
                };
                self.shared.store.change(id, change).await?;
            }
            runner::ensure(&self.shared, id);
        }
        Ok(ids.len())
    }

    /// Whether the store can be written.
    #[must_use]
    pub fn is_store_writable(&self) -> watch::Receiver<bool> {
        self.shared.store.is_writable()
    }

    /// Waits until the starts under way have their answers recorded.
    pub async fn settle(&self) {
        self.shared.starts.close();
        self.shared.starts.wait().await;
    }

    /// A job of a credential; none when it belongs to another.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn get(&self, credential: &str, id: &str) -> Result<Option<StoredJob>, StoreError> {
        let job = self.shared.store.job(id).await?;
        Ok(job.filter(|job| job.credential == credential))
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn list(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError> {
        self.shared.store.jobs(page).await
    }

    /// Ends a job.
    ///
    /// # Errors
    ///
    /// When it has ended before, or the store fails.
    pub async fn cancel(&self, id: &str) -> Result<StoredJob, StoreError> {
        let change = Change {
            end: Some(End::Cancelled),
            ..Default::default()
        };
        let job = self.shared.store.change(id, change).await?;
        self.shared.wakes.wake(id);
        Ok(job)
    }

    /// The bodies that arrived for a job, after one.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn deliveries(
        &self,
        id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.shared.store.deliveries(id, after, limit).await
    }

    /// Whether a job has this callback secret.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn accepts(&self, id: &str, secret: &str) -> Result<bool, StoreError> {
        // Hashes are compared, so timing tells nothing about the secret.
        let hash = CallbackSecret::hash(secret);
        if let Some(known) = self.shared.secrets.lock().get(id) {
            return Ok(known[..] == hash);
        }
        let Some(job) = self.shared.store.job(id).await? else {
            return Ok(false);
        };
        let is_right = job.secret_hash == hash;
        self.shared.secrets.lock().put(job.id, job.secret_hash);
        Ok(is_right)
    }

    /// Stores the body of a callback whose secret was accepted.
    ///
    /// # Errors
    ///
    /// When the store fails: the body is not stored then.
    pub async fn receive(&self, id: &str, body: Bytes) -> Result<(), StoreError> {
        self.shared
            .store
            .append_delivery(id, CallbackSource::Callback, body)
            .await?;
        self.shared.wakes.wake(id);
        runner::ensure(&self.shared, id);
        Ok(())
    }
}
