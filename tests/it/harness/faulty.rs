//! A store whose operations fail when a test says so.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::Mutex;
use pronto_grpc::jobs::model::{
    Change, Delivery, JobPage, NewJob, StoredEvent, StoredJob, Unmatched, UnmatchedPage, Usage,
};
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{
    Admission, Asked, Bought, KeptAnswer, LedgerPage, NewCall, RequestKey, Settlement, Spending,
    UsagePage,
};
use pronto_grpc::proto::v1::{self, CallbackSource, LedgerEntry};
use tokio::sync::watch;

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    CreateJob,
    ReadJob,
    Change,
    ReadEvents,
    Append,
    ReadDeliveries,
    BeginCall,
    SettleCall,
    Trim,
    Probe,
}

/// A SQLite store with faults.
pub struct FaultyStore {
    store: SqliteStore,
    faults: Mutex<HashMap<Operation, Fault>>,
    panics: Mutex<Option<Operation>>,
    failed: watch::Sender<()>,
    is_writable: watch::Sender<bool>,
    /// What is held back, and how many wait for it.
    held: watch::Sender<(Option<Operation>, usize)>,
    events_read: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Fault {
    left: usize,
    failed: usize,
}

impl FaultyStore {
    /// Opens a store without faults.
    pub fn open(folder: &Path) -> Arc<Self> {
        Arc::new(Self {
            store: SqliteStore::open(&folder.join("jobs.sqlite3")).unwrap(),
            faults: Mutex::default(),
            panics: Mutex::default(),
            failed: watch::channel(()).0,
            is_writable: watch::channel(true).0,
            held: watch::channel((None, 0)).0,
            events_read: AtomicUsize::new(0),
        })
    }

    /// Lets an operation fail so often from now on.
    pub fn fail(&self, operation: Operation, times: usize) {
        let fault = Fault {
            left: times,
            failed: 0,
        };
        self.faults.lock().insert(operation, fault);
    }

    /// Lets an operation panic the next time.
    pub fn panic(&self, operation: Operation) {
        *self.panics.lock() = Some(operation);
    }

    /// Says that it cannot be written, until a probe of it succeeds.
    pub fn break_down(&self) {
        self.is_writable.send_replace(false);
    }

    /// Waits until an operation has failed so often since it was last told to.
    pub async fn failed(&self, operation: Operation, times: usize) {
        let mut failures = self.failed.subscribe();
        let failed = || self.faults.lock().get(&operation).map_or(0, |f| f.failed);
        let wait = failures.wait_for(|()| failed() >= times);
        tokio::time::timeout(super::PATIENCE, wait)
            .await
            .unwrap()
            .unwrap();
    }

    /// How many events were read of it.
    pub fn events_read(&self) -> usize {
        self.events_read.load(Ordering::Relaxed)
    }

    /// Holds back what an operation answers from now on.
    pub fn hold(&self, operation: Operation) {
        self.held.send_replace((Some(operation), 0));
    }

    /// Waits until so many answers are held back.
    pub async fn holds(&self, count: usize) {
        let mut held = self.held.subscribe();
        let wait = held.wait_for(|(_, waiting)| *waiting >= count);
        tokio::time::timeout(super::PATIENCE, wait)
            .await
            .unwrap()
            .unwrap();
    }

    /// Gives all answers that are held back.
    pub fn release(&self) {
        self.held.send_replace((None, 0));
    }

    async fn wait(&self, operation: Operation) {
        let mut held = self.held.subscribe();
        let is_held = self.held.send_if_modified(|(held, waiting)| {
            let is_held = *held == Some(operation);
            *waiting += usize::from(is_held);
            is_held
        });
        if is_held {
            let released = held.wait_for(|(held, _)| *held != Some(operation));
            released.await.unwrap();
        }
    }

    fn pass(&self, operation: Operation) -> Result<(), StoreError> {
        let panics = self.panics.lock().take_if(|known| *known == operation);
        assert!(panics.is_none(), "{operation:?} was told to panic");
        let mut faults = self.faults.lock();
        let Some(fault) = faults.get_mut(&operation).filter(|fault| fault.left > 0) else {
            return Ok(());
        };
        fault.left -= 1;
        fault.failed += 1;
        drop(faults);
        self.failed.send_replace(());
        Err(StoreError::Engine(format!(
            "{operation:?} was told to fail"
        )))
    }
}

#[async_trait::async_trait]
impl Store for FaultyStore {
    async fn create_job(&self, job: NewJob) -> Result<Admission, StoreError> {
        self.pass(Operation::CreateJob)?;
        self.store.create_job(job).await
    }

    async fn job(&self, id: &str) -> Result<Option<StoredJob>, StoreError> {
        self.pass(Operation::ReadJob)?;
        let job = self.store.job(id).await;
        self.wait(Operation::ReadJob).await;
        job
    }

    async fn jobs(&self, page: JobPage) -> Result<Vec<StoredJob>, StoreError> {
        self.store.jobs(page).await
    }

    async fn unfinished_jobs(&self) -> Result<Vec<String>, StoreError> {
        self.store.unfinished_jobs().await
    }

    async fn known_upstream_ids(&self, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.store.known_upstream_ids(ids).await
    }

    async fn change(&self, job_id: &str, change: Change) -> Result<StoredJob, StoreError> {
        self.pass(Operation::Change)?;
        let changed = self.store.change(job_id, change).await;
        self.wait(Operation::Change).await;
        changed
    }

    async fn events(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.pass(Operation::ReadEvents)?;
        let events = self.store.events(job_id, after, limit).await?;
        self.events_read.fetch_add(events.len(), Ordering::Relaxed);
        Ok(events)
    }

    async fn known_identities(
        &self,
        job_id: &str,
        keys: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        self.store.known_identities(job_id, keys).await
    }

    async fn append_delivery(
        &self,
        job_id: &str,
        source: CallbackSource,
        body: Bytes,
    ) -> Result<i64, StoreError> {
        self.pass(Operation::Append)?;
        self.store.append_delivery(job_id, source, body).await
    }

    async fn deliveries(
        &self,
        job_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.pass(Operation::ReadDeliveries)?;
        self.store.deliveries(job_id, after, limit).await
    }

    async fn earlier(
        &self,
        credential: &str,
        request: &RequestKey,
    ) -> Result<Option<Admission>, StoreError> {
        self.store.earlier(credential, request).await
    }

    async fn begin_call(&self, call: NewCall) -> Result<Admission, StoreError> {
        self.pass(Operation::BeginCall)?;
        self.store.begin_call(call).await
    }

    async fn settle_call(&self, call: i64, settlement: Settlement) -> Result<(), StoreError> {
        self.pass(Operation::SettleCall)?;
        self.store.settle_call(call, settlement).await
    }

    async fn interrupt_calls(&self) -> Result<usize, StoreError> {
        self.store.interrupt_calls().await
    }

    async fn bought(
        &self,
        credential: &str,
        people: Vec<Vec<[u8; 16]>>,
        since: SystemTime,
    ) -> Result<Vec<Option<Bought>>, StoreError> {
        self.store.bought(credential, people, since).await
    }

    async fn asked_about(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<Vec<Asked>, StoreError> {
        self.store.asked_about(credential, profiles).await
    }

    async fn forget_profiles(
        &self,
        credential: &str,
        profiles: Vec<[u8; 16]>,
    ) -> Result<(), StoreError> {
        self.store.forget_profiles(credential, profiles).await
    }

    async fn spending(&self, credential: &str, day: Day) -> Result<Spending, StoreError> {
        self.store.spending(credential, day).await
    }

    async fn daily_usage(&self, page: UsagePage) -> Result<Vec<v1::Usage>, StoreError> {
        self.store.daily_usage(page).await
    }

    async fn ledger(&self, page: LedgerPage) -> Result<Vec<LedgerEntry>, StoreError> {
        self.store.ledger(page).await
    }

    async fn kept_answers(
        &self,
        credential: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<KeptAnswer>, StoreError> {
        self.store.kept_answers(credential, after, limit).await
    }

    async fn erase_answers(&self, calls: Vec<i64>) -> Result<(), StoreError> {
        self.store.erase_answers(calls).await
    }

    async fn trim_ledger(&self, before: SystemTime, day: Day) -> Result<(), StoreError> {
        self.store.trim_ledger(before, day).await
    }

    async fn purged_job(&self, id: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        self.store.purged_job(id).await
    }

    async fn append_unmatched(
        &self,
        job_id: &str,
        credential: Option<String>,
        body: Bytes,
        max_bytes: usize,
    ) -> Result<(), StoreError> {
        let store = &self.store;
        store
            .append_unmatched(job_id, credential, body, max_bytes)
            .await
    }

    async fn unmatched(&self, page: UnmatchedPage) -> Result<Vec<Unmatched>, StoreError> {
        self.store.unmatched(page).await
    }

    async fn remove_unmatched(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.store.remove_unmatched(ids).await
    }

    async fn finished_jobs(
        &self,
        before: SystemTime,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.finished_jobs(before, limit).await
    }

    async fn purge_job(&self, id: &str) -> Result<(), StoreError> {
        self.store.purge_job(id).await
    }

    async fn erase(
        &self,
        job_id: &str,
        sequences: Vec<i64>,
        deliveries: Vec<i64>,
    ) -> Result<(), StoreError> {
        self.store.erase(job_id, sequences, deliveries).await
    }

    async fn trim(&self, before: SystemTime) -> Result<(), StoreError> {
        self.pass(Operation::Trim)?;
        self.store.trim(before).await
    }

    async fn purge_ended(
        &self,
        ids: Vec<String>,
        before: SystemTime,
    ) -> Result<Vec<String>, StoreError> {
        self.store.purge_ended(ids, before).await
    }

    async fn mark_erased(&self, job_id: &str, marks: Vec<String>) -> Result<(), StoreError> {
        self.store.mark_erased(job_id, marks).await
    }

    async fn erased_marks(
        &self,
        job_id: &str,
        marks: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        self.store.erased_marks(job_id, marks).await
    }

    async fn drop_bodies(&self) -> Result<bool, StoreError> {
        self.store.drop_bodies().await
    }

    async fn compact(&self) -> Result<(), StoreError> {
        self.store.compact().await
    }

    async fn size(&self) -> Result<u64, StoreError> {
        self.store.size().await
    }

    async fn ledger_size(&self) -> Result<u64, StoreError> {
        self.store.ledger_size().await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        self.store.usage().await
    }

    fn is_writable(&self) -> watch::Receiver<bool> {
        self.is_writable.subscribe()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.pass(Operation::Probe)?;
        self.is_writable.send_replace(true);
        self.store.probe().await
    }
}
