//! The jobs of this server: what the gRPC side and the callback receiver use.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::{RwLock, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::model::{Change, Delivery, End, JobPage, StoredJob};
use super::start::{StartError, Started};
use super::store::{Store, StoreError};
use super::unmatched::Strangers;
use super::wake::Wakes;
use super::{CallbackSecret, Deadlines, runner, start};
use crate::ledger::{Budgets, Flights, Prices};
use crate::pronto::{Client, Credential, Keyring};
use crate::proto::v1::CallbackSource;
use crate::trace::Origin;

/// So many callback secrets are remembered.
const SECRETS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// How jobs behave.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Where Pronto reaches the callback receiver; without it results are polled.
    pub callback_url: Option<Url>,
    /// Jobs that have not ended by then are ended as incomplete.
    pub deadlines: Deadlines,
    /// How soon Pronto is first asked for what did not arrive.
    pub poll_interval: Duration,
    /// The longest time between two questions.
    pub max_poll_interval: Duration,
    /// How long callbacks may still come after Pronto says that it has finished.
    pub settle_time: Duration,
    /// The longest time between two `progress` events.
    pub progress_interval: Duration,
    /// After about so long a stream ends, and its client continues with another one;
    /// none: never.
    pub max_stream_age: Option<Duration>,
    /// Within so long streams end when the server does.
    pub drain_spread: Duration,
    /// How long what has ended is kept.
    pub retention: Duration,
    /// How long entries of the ledger are kept.
    pub ledger_retention: Duration,
    /// So large the store may be, in bytes.
    pub max_store_size: u64,
    /// So large callbacks without a job may be together, in bytes: those for purged
    /// jobs, and as much again for unknown ones.
    pub max_unmatched_size: usize,
    /// What Pronto charges.
    pub prices: Prices,
    /// What may be spent.
    pub budgets: Budgets,
}

/// The jobs of this server.
#[derive(Clone)]
pub struct Jobs {
    pub(super) shared: Arc<Shared>,
}

/// What is known of the job of a callback that is accepted.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The hash of its callback secret.
    secret_hash: Vec<u8>,
    /// The trace of the call that started it, where there was one.
    pub origin: Option<Origin>,
}

/// What the parts of this module share.
pub(super) struct Shared {
    pub store: Arc<dyn Store>,
    pub client: Client,
    pub keyring: Arc<Keyring>,
    pub options: JobOptions,
    pub wakes: Wakes,
    /// What callbacks of recent jobs are checked with. That never changes.
    pub secrets: Mutex<LruCache<String, Receipt>>,
    /// Jobs that have a runner.
    pub running: Mutex<HashSet<String>>,
    /// Starts under way.
    pub starts: TaskTracker,
    /// Those of them that may be asked for again.
    pub flights: Flights<Result<Started, StartError>>,
    /// The turn of the one large body that is decoded at a time.
    pub large_bodies: Arc<Semaphore>,
    /// The turn of whoever makes room in the store.
    pub making_room: tokio::sync::Mutex<()>,
    /// How many callbacks for unknown jobs may be kept now.
    pub strangers: Mutex<Strangers>,
    /// Counts erasures. Whoever records results holds it, so that none that was
    /// decoded before an erasure is recorded after it.
    pub erasures: RwLock<u64>,
    /// Streams under way.
    pub streams: TaskTracker,
    /// Ends streams, one by one.
    pub draining: CancellationToken,
    /// Ends runners, and at once the streams that are left.
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
            flights: Flights::default(),
            large_bodies: Arc::new(Semaphore::new(1)),
            making_room: tokio::sync::Mutex::default(),
            strangers: Mutex::new(Strangers::new(Instant::now())),
            erasures: RwLock::default(),
            streams: TaskTracker::new(),
            draining: shutdown.child_token(),
            shutdown,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Continues every job that has something left to do, after a restart. Calls that
    /// were under way then have an unknown outcome.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn resume(&self) -> Result<usize, StoreError> {
        self.shared.store.interrupt_calls().await?;
        let ids = self.shared.store.unfinished_jobs().await?;
        for id in &ids {
            if let Some(job) = self.shared.store.job(id).await? {
                start::resume(&self.shared, &job).await?;
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

    /// A job of a credential; none when it belongs to another. While the job goes on,
    /// the key is kept: after a restart only its caller can bring it back.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn get(
        &self,
        credential: &Credential,
        id: &str,
    ) -> Result<Option<StoredJob>, StoreError> {
        let job = self.shared.store.job(id).await?;
        let job = job.filter(|job| job.credential == credential.name);
        if job.as_ref().is_some_and(|job| !job.has_ended()) {
            self.shared.keyring.remember(credential);
            runner::ensure(&self.shared, id);
        }
        Ok(job)
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

    /// What is known of a job, if it has this callback secret.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn accepts(&self, id: &str, secret: &str) -> Result<Option<Receipt>, StoreError> {
        // Hashes are compared, so timing tells nothing about the secret.
        let hash = CallbackSecret::hash(secret);
        if let Some(known) = self.shared.secrets.lock().get(id) {
            return Ok(Some(known.clone()).filter(|known| known.secret_hash == hash));
        }
        let Some(job) = self.shared.store.job(id).await? else {
            return Ok(None);
        };
        let receipt = Receipt {
            secret_hash: job.secret_hash,
            origin: job.origin,
        };
        self.shared.secrets.lock().put(job.id, receipt.clone());
        Ok(Some(receipt).filter(|receipt| receipt.secret_hash == hash))
    }

    /// Stores the body of a callback whose secret was accepted. One whose job has
    /// been purged meanwhile is kept without it.
    ///
    /// # Errors
    ///
    /// When the store fails: the body is not stored then.
    pub async fn receive(&self, id: &str, body: Bytes) -> Result<(), StoreError> {
        let store = &self.shared.store;
        match store
            .append_delivery(id, CallbackSource::Callback, body.clone())
            .await
        {
            Err(StoreError::NoSuchJob(_)) => return self.keep_late(id, body).await,
            appended => appended?,
        };
        self.shared.wakes.wake(id);
        runner::ensure(&self.shared, id);
        Ok(())
    }
}
