//! What is kept, how long, and how much of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pronto_grpc::jobs::model::{Change, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::jobs::{JobOptions, Jobs};
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{LedgerPage, NewCall, UsagePage};
use pronto_grpc::pronto::{Caller, Client, Keyring};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CallbackSource, GetJobRequest, JobStarted, ListJobsRequest, WatchJobRequest,
};
use pronto_grpc::rpc::status::stream_end;
use tempfile::TempDir;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use uuid::Uuid;

use crate::harness::callbacks::{Open, lead, post};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::{PATIENCE, Setup, error_info, next, read, search};

mod longer;

const HOUR: Duration = Duration::from_secs(3600);

/// Jobs without a server, so that a test says what time it is.
struct Kept {
    jobs: Jobs,
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    fake: Fake,
    data: TempDir,
}

impl Kept {
    async fn with(change: impl FnOnce(&mut JobOptions)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
        Self::over(Arc::new(store), data, change).await
    }

    async fn over(
        store: Arc<dyn Store>,
        data: TempDir,
        change: impl FnOnce(&mut JobOptions),
    ) -> Self {
        let fake = Fake::always(201, r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc"}"#).await;
        let setup = Setup::new(fake.address, data.path());
        let mut options = setup.jobs;
        options.callback_url = Some("http://127.0.0.1:9".parse().unwrap());
        options.retention = 72 * HOUR;
        change(&mut options);
        let mut client = setup.args.upstream.client_options().unwrap();
        client.base_urls = setup.urls;
        let keyring = Arc::new(Keyring::new(None));
        let jobs = Jobs::new(
            store.clone(),
            Client::new(client).unwrap(),
            keyring.clone(),
            options,
            CancellationToken::new(),
        );
        Self {
            jobs,
            store,
            keyring,
            fake,
            data,
        }
    }

    /// Starts a job with a key that a caller brings.
    async fn job(&self) -> String {
        let credential = self.keyring.of_key("brought".into());
        let caller = Caller {
            credential,
            party: "".into(),
            deadline: None,
            audience: None,
        };
        self.jobs.start(caller, search()).await.unwrap().job.id
    }

    /// A job that began before the store was full.
    async fn job_in_a_large_store(&self) -> String {
        let id = Uuid::now_v7().to_string();
        let job = NewJob {
            id: id.clone(),
            credential: "default".to_owned(),
            operation: "pronto.v1.LeadService/StartLeadSearch".to_owned(),
            secret_hash: [0; 32],
            items: None,
            search_name: None,
            created: SystemTime::now(),
            deadline: None,
            call: NewCall::new("default", "", SystemTime::now()),
        };
        self.store.create_job(job).await.unwrap();
        let started = Change {
            started: Some(Event::Started(JobStarted::default())),
            ..Default::default()
        };
        self.store.change(&id, started).await.unwrap();
        id
    }

    /// Receives callbacks, and waits until they are events.
    async fn receive(&self, job: &str, bodies: &[String]) {
        let before = self.store.job(job).await.unwrap().unwrap().last_sequence;
        for body in bodies {
            let body = body.clone().into_bytes().into();
            self.jobs.receive(job, body).await.unwrap();
        }
        let mut events = self.jobs.follow(job.to_owned(), before, None);
        for _ in bodies {
            events.next().await.unwrap().unwrap();
        }
    }

    async fn round(&self, later: Duration) {
        let keeper = self.jobs.keeper();
        keeper.run_once(SystemTime::now() + later).await.unwrap();
    }

    async fn is_there(&self, job: &str) -> bool {
        self.store.job(job).await.unwrap().is_some()
    }

    async fn bodies(&self, job: &str) -> usize {
        self.store.deliveries(job, 0, 1000).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_job_is_purged_when_it_has_ended_for_long_enough() {
    let mut kept = Kept::with(|_| {}).await;
    let (ended, running) = (kept.job().await, kept.job().await);
    let asked = kept.fake.asked.recv().await.unwrap();
    let url = asked.body["webhook_url"].as_str().unwrap().to_owned();
    let secret = url.rsplit_once('/').unwrap().1;
    assert!(kept.jobs.accepts(&ended, secret).await.unwrap().is_some());
    kept.receive(&ended, &[lead("ada")]).await;
    kept.jobs.cancel(&ended).await.unwrap();
    kept.round(71 * HOUR).await;
    assert!(kept.is_there(&ended).await && kept.bodies(&ended).await == 1);
    kept.round(73 * HOUR).await;
    assert!(!kept.is_there(&ended).await && kept.is_there(&running).await);
    let is_known = kept.jobs.accepts(&ended, secret).await.unwrap().is_some();
    assert!(!is_known, "its secret is forgotten, too");
}

#[tokio::test]
async fn a_job_that_goes_on_loses_what_is_old() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    kept.receive(&job, &[lead("ada"), lead("bob")]).await;
    kept.round(71 * HOUR).await;
    assert_eq!(kept.bodies(&job).await, 2);
    kept.round(73 * HOUR).await;
    assert_eq!(kept.bodies(&job).await, 0);
    let stored = kept.store.job(&job).await.unwrap().unwrap();
    assert_eq!((stored.first_sequence, stored.last_sequence), (4, 3));
    // Whom it knows stays known, and numbers go on.
    kept.receive(&job, &[lead("eve")]).await;
    kept.jobs.receive(&job, lead("ada").into()).await.unwrap();
    kept.receive(&job, &[lead("zoe")]).await;
    let stored = kept.store.job(&job).await.unwrap().unwrap();
    assert_eq!((stored.last_sequence, stored.duplicates), (5, 1));
}

#[tokio::test]
async fn callbacks_without_a_job_and_memories_of_purged_jobs_expire() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    kept.jobs.cancel(&job).await.unwrap();
    kept.jobs.purge(&job).await.unwrap();
    kept.jobs.receive(&job, "late".into()).await.unwrap();
    assert_eq!(kept.store.usage().await.unwrap().unmatched, 1);
    kept.round(71 * HOUR).await;
    assert_eq!(kept.store.usage().await.unwrap().unmatched, 1);
    kept.round(73 * HOUR).await;
    assert_eq!(kept.store.usage().await.unwrap().unmatched, 0);
    assert!(kept.store.purged_job(&job).await.unwrap().is_none());
}

#[tokio::test]
async fn the_ledger_is_kept_for_its_own_time_and_its_sums_for_longer() {
    let kept = Kept::with(|options| options.ledger_retention = 90 * 24 * HOUR).await;
    let mut call = NewCall::new("default", "operation", SystemTime::now());
    call.estimate.maximum = 3;
    let day = Day::of(call.time);
    kept.store.begin_call(call).await.unwrap();
    for (days, entries, sums) in [(89, 1, 1), (91, 0, 1), (399, 0, 1), (401, 0, 0)] {
        kept.round(days * 24 * HOUR).await;
        let everything = LedgerPage {
            credential: "default".to_owned(),
            after: 0,
            job_id: None,
            start: None,
            end: None,
            limit: 10,
        };
        let listed = kept.store.ledger(everything).await.unwrap().len();
        let page = UsagePage {
            credential: "default".to_owned(),
            first: day,
            last: day,
        };
        let summed = kept.store.daily_usage(page).await.unwrap().len();
        assert_eq!((listed, summed), (entries, sums), "after {days} days");
    }
}

#[tokio::test]
async fn a_brought_key_is_forgotten_with_its_last_job() {
    let kept = Kept::with(|_| {}).await;
    let (first, second) = (kept.job().await, kept.job().await);
    kept.jobs.cancel(&first).await.unwrap();
    kept.round(Duration::ZERO).await;
    assert_eq!(kept.keyring.brought().len(), 1);
    kept.jobs.cancel(&second).await.unwrap();
    kept.round(Duration::ZERO).await;
    assert!(kept.keyring.brought().is_empty());
}

#[tokio::test]
async fn a_step_that_fails_does_not_keep_the_others_from_what_they_do() {
    let data = tempfile::tempdir().unwrap();
    let store = FaultyStore::open(data.path());
    let kept = Kept::over(store.clone(), data, |_| {}).await;
    let job = kept.job().await;
    kept.jobs.cancel(&job).await.unwrap();
    store.fail(Operation::Trim, 1);
    let keeper = kept.jobs.keeper();
    let failed = keeper.run_once(SystemTime::now()).await.unwrap_err();
    assert!(failed.to_string().contains("Trim"), "{failed}");
    assert!(kept.keyring.brought().is_empty());
    kept.round(Duration::ZERO).await;
}

/// A body that takes room.
fn large(name: &str) -> String {
    let mut body = lead(name);
    body.insert_str(1, &format!(r#""headline":"{}","#, "x".repeat(100_000)));
    body
}

#[tokio::test]
async fn a_full_store_gives_up_bodies_then_ended_jobs_and_the_oldest_first() {
    // An empty one has 0.24 MB; a result takes 0.11 MB, and its body as much.
    const LIMIT: u64 = 820_000;
    let kept = Kept::with(|options| options.max_store_size = LIMIT).await;
    let (oldest, newer, running) = (kept.job().await, kept.job().await, kept.job().await);
    for job in [&oldest, &newer] {
        kept.receive(job, &[large(job)]).await;
        kept.jobs.cancel(job).await.unwrap();
    }
    kept.round(Duration::ZERO).await;
    assert_eq!(
        (kept.bodies(&oldest).await, kept.bodies(&newer).await),
        (1, 1)
    );
    kept.receive(&running, &[large("a")]).await;
    kept.round(Duration::ZERO).await;
    assert_eq!(kept.bodies(&oldest).await, 0, "the body goes");
    assert!(kept.is_there(&oldest).await && kept.is_there(&newer).await);
    kept.receive(&running, &[large("b"), large("c")]).await;
    kept.round(Duration::ZERO).await;
    kept.receive(&running, &[large("d")]).await;
    kept.round(Duration::ZERO).await;
    assert!(!kept.is_there(&oldest).await, "the oldest goes");
    assert!(kept.is_there(&newer).await && kept.is_there(&running).await);
    assert!(kept.store.size().await.unwrap() <= LIMIT);
}

#[tokio::test]
async fn a_full_store_keeps_what_is_not_decoded() {
    // More than the ledger takes, less than an empty store.
    let kept = Kept::with(|options| options.max_store_size = 200_000).await;
    let (job, other) = (
        kept.job_in_a_large_store().await,
        kept.job_in_a_large_store().await,
    );
    for id in [&job, &other] {
        kept.jobs.cancel(id).await.unwrap();
    }
    let source = CallbackSource::Callback;
    let body = lead("ada").into();
    kept.store
        .append_delivery(&job, source, body)
        .await
        .unwrap();
    kept.round(Duration::ZERO).await;
    assert!(kept.is_there(&job).await && !kept.is_there(&other).await);
}

#[tokio::test]
async fn a_store_full_of_its_ledger_keeps_its_jobs() {
    const LIMIT: u64 = 200_000;
    let kept = Kept::with(|options| options.max_store_size = LIMIT).await;
    let job = kept.job_in_a_large_store().await;
    kept.jobs.cancel(&job).await.unwrap();
    while kept.store.ledger_size().await.unwrap() <= LIMIT {
        let mut call = NewCall::new("default", "none", SystemTime::now());
        call.credential = "x".repeat(10_000);
        kept.store.begin_call(call).await.unwrap();
    }
    kept.round(Duration::ZERO).await;
    assert!(kept.is_there(&job).await, "it would make no room");
}

#[tokio::test]
async fn a_store_full_of_what_is_needed_starts_no_job_but_receives() {
    let mut open = Open::with(|setup| setup.jobs.max_store_size = 400_000).await;
    let job = open.job().await;
    for (sequence, name) in (2..).zip(["a", "b", "c", "d"]) {
        open.post(&job, &large(name), sequence).await;
    }
    let refused = open.server.leads().start_lead_search(search()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let info = error_info(&refused);
    assert_eq!(
        (info.reason.as_str(), &*info.metadata["limit"]),
        ("STORE_FULL", "400000")
    );
    assert!(info.metadata["size"].parse::<u64>().unwrap() > 400_000);
    assert!(open.was_not_asked(), "Pronto is not called");
    open.post(&job, &lead("e"), 6).await;
    // Once the job has ended it makes room for another.
    open.cancel(&job).await;
    open.job().await;
    let request = GetJobRequest { job_id: job.id };
    let gone = open.server.jobs().get_job(request).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

// === a cursor before what is kept ===

#[tokio::test]
async fn a_cursor_before_what_is_kept_learns_where_to_go_on() {
    let mut open = Open::start().await;
    let job = open.job().await;
    for (sequence, name) in (2..).zip(["ada", "bob"]) {
        open.post(&job, &lead(name), sequence).await;
    }
    let mut at_the_end = open.server.watch(&job.id, 3).await;
    let store = SqliteStore::open(&open.data.path().join("jobs.sqlite3")).unwrap();
    store.trim(SystemTime::now() + HOUR).await.unwrap();
    open.post(&job, &lead("eve"), 4).await;
    assert_eq!(open.server.job(&job.id).await.first_sequence, 4);
    for after_sequence in [0, 2] {
        let request = WatchJobRequest {
            job_id: job.id.clone(),
            after_sequence,
        };
        let refused = open.server.jobs().watch_job(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange);
        let info = error_info(&refused);
        assert_eq!(info.reason, "SEQUENCE_EXPIRED");
        assert_eq!(info.metadata["oldest_sequence"], "4");
        assert_eq!(info.metadata["job_id"], job.id);
    }
    let events = read(&mut open.server.watch(&job.id, 3).await, 1).await;
    assert_eq!(events[0].sequence, 4);
    assert_eq!(next(&mut at_the_end).await.unwrap().unwrap().sequence, 4);
}

#[tokio::test]
async fn a_stream_that_falls_behind_what_is_kept_ends() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    let names: Vec<_> = (0..400).map(|n| lead(&format!("n{n}"))).collect();
    kept.receive(&job, &names).await;
    // It reads ahead a little, and waits for its client.
    let mut slow = kept.jobs.follow(job.clone(), 0, None);
    assert_eq!(slow.next().await.unwrap().unwrap().sequence, 1);
    kept.store.trim(SystemTime::now() + HOUR).await.unwrap();
    let rest = async {
        let mut last = 1;
        loop {
            match slow.next().await.expect("an error at the end") {
                Ok(event) => {
                    assert_eq!(event.sequence, last + 1);
                    last = event.sequence;
                }
                Err(end) => return stream_end(end),
            }
        }
    };
    let end = tokio::time::timeout(PATIENCE, rest).await.unwrap();
    assert_eq!(error_info(&end).reason, "SEQUENCE_EXPIRED");
    assert_eq!(error_info(&end).metadata["oldest_sequence"], "402");
}

// === a store that failed ===

#[tokio::test]
async fn a_store_that_failed_is_tried_without_anybody_writing() {
    let kept = Kept::with(|_| {}).await;
    let job = kept.job().await;
    let file = kept.data.path().join("jobs.sqlite3");
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Waits for the lock as long as the engine does.
    kept.jobs
        .receive(&job, lead("ada").into())
        .await
        .unwrap_err();
    let mut is_writable = kept.store.is_writable();
    let failed = is_writable.wait_for(|is_writable| !is_writable);
    tokio::time::timeout(PATIENCE, failed)
        .await
        .unwrap()
        .unwrap();
    let keeper = tokio::spawn(kept.jobs.keeper().run());
    other.execute_batch("ROLLBACK").unwrap();
    let recovered = is_writable.wait_for(|is_writable| *is_writable);
    tokio::time::timeout(PATIENCE, recovered)
        .await
        .unwrap()
        .unwrap();
    keeper.abort();
}

// === the server ===

#[tokio::test]
async fn a_server_purges_what_is_old_when_it_starts() {
    let fake = Fake::start(|_, _| async { json(400, r#"{"error":"no"}"#) }).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    server
        .leads()
        .start_lead_search(search())
        .await
        .unwrap_err();
    server.stop().await;
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.retention = Duration::from_millis(1);
    let server = setup.start().await;
    let gone = async {
        loop {
            let listed = server.jobs().list_jobs(ListJobsRequest::default()).await;
            if listed.unwrap().into_inner().jobs.is_empty() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(
        post(&format!("http://{}/x", server.callbacks), "").await,
        404
    );
    server.stop().await;
}
