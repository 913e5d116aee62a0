//! Starts of which nobody knows whether Pronto carried them out. They are searched
//! for, and never sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use pronto_grpc::jobs::CallbackSecret;
use pronto_grpc::jobs::locate::own_name;
use pronto_grpc::jobs::model::{Change, End, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::NewCall;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CallbackSource, CancelJobRequest, EnrichContactAsyncRequest, EnrichmentType,
    FindCompanyLeadsRequest, Job, JobEvent, JobOutcome, JobState, PublishedDate, PurgeJobRequest,
    SearchAccountsRequest, SearchHiringAccountsRequest, SearchLeadsRequest,
};
use serde_json::{Value, json as object};
use tokio::time::timeout;
use tonic::Status;

use crate::harness::fake::{Asked, Fake, json};
use crate::harness::{
    PATIENCE, Setup, TestServer, assert_contiguous, count_results, error_info, http, read_all,
    search,
};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";
const OTHER: &str = "0e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

/// A Pronto that carries out every start, loses the answer, and lists what the test
/// puts into `searches`.
struct Lossy {
    fake: Fake,
    searches: Arc<Mutex<Vec<Value>>>,
    listed: Arc<AtomicUsize>,
}

impl Lossy {
    async fn start() -> Self {
        let searches: Arc<Mutex<Vec<Value>>> = Arc::default();
        let listed: Arc<AtomicUsize> = Arc::default();
        let (shown, count) = (searches.clone(), listed.clone());
        let fake = Fake::start(move |path, body| {
            let answer = match path.strip_prefix("/api/v2") {
                Some("/searches") => {
                    count.fetch_add(1, Ordering::SeqCst);
                    json(200, object!({"searches": *shown.lock()}).to_string())
                }
                Some("/leads/advanced_search") if body["name"] == "known" => {
                    json(201, object!({"id": OTHER}).to_string())
                }
                Some(path) if path == format!("/contacts/{ID}") => {
                    let contact = object!({"status": "finished", "email": "a@x.test"});
                    json(200, contact.to_string())
                }
                Some(path) if path.ends_with(ID) => json(200, finished().to_string()),
                Some(path) if path.ends_with(OTHER) => json(200, ongoing().to_string()),
                _ => json(503, ""),
            };
            std::future::ready(answer)
        })
        .await;
        Self {
            fake,
            searches,
            listed,
        }
    }

    fn list(&self, search: Value) {
        self.searches.lock().push(search);
    }

    /// The next start that it was asked for.
    async fn started(&mut self) -> Value {
        let start = async {
            loop {
                let asked = self.fake.asked.recv().await.unwrap();
                if asked.method == "POST" {
                    return asked.body;
                }
            }
        };
        timeout(PATIENCE, start).await.unwrap()
    }

    /// Waits until its searches have been listed so often from now on.
    async fn asked_for_searches(&self, times: usize) {
        let until = self.listed.load(Ordering::SeqCst) + times;
        let wait = async {
            while self.listed.load(Ordering::SeqCst) < until {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    }

    /// What it was asked for since the last look.
    fn asked(&mut self) -> Vec<Asked> {
        std::iter::from_fn(|| self.fake.asked.try_recv().ok()).collect()
    }
}

fn lead(name: &str) -> Value {
    object!({"first_name": name, "linkedin_url": format!("https://www.linkedin.com/in/{name}")})
}

fn finished() -> Value {
    object!({"search": {"id": ID, "status": "FINISHED"}, "leads": [{"lead": lead("ada")}]})
}

fn ongoing() -> Value {
    object!({"search": {"status": "ONGOING"}, "leads": []})
}

fn created(ago: Duration) -> String {
    let time = prost_types::Timestamp::from(SystemTime::now() - ago);
    time.to_string()
}

fn named(name: &str) -> SearchLeadsRequest {
    SearchLeadsRequest {
        name: Some(name.to_owned()),
        ..search()
    }
}

/// The id of the job of a start whose outcome is not known.
#[track_caller]
fn lost<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.unwrap_err();
    let info = error_info(&status);
    assert_eq!(info.reason, "OUTCOME_UNKNOWN");
    let job_id = info.metadata["job_id"].clone();
    assert!(status.message().contains(&job_id), "{}", status.message());
    job_id
}

#[track_caller]
fn assert_outcome(events: &[JobEvent], outcome: JobOutcome, results: usize) {
    assert_contiguous(events, 1);
    assert_eq!(count_results(events), results, "{events:#?}");
    let Some(Event::Started(started)) = &events[0].event else {
        panic!("{events:#?}")
    };
    assert_eq!(started.acceptance, None);
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("{events:#?}")
    };
    assert_eq!(completed.outcome(), outcome);
}

async fn found(server: &TestServer, job_id: &str) -> Job {
    let events = read_all(&mut server.watch(job_id, 0).await).await;
    assert_outcome(&events, JobOutcome::Complete, 1);
    let job = server.job(job_id).await;
    assert_eq!(job.upstream_id.as_deref(), Some(ID));
    job
}

async fn post(url: &Value, body: &Value) {
    let url = url.as_str().unwrap();
    let answer = http().post(url).body(body.to_string()).send();
    assert_eq!(answer.await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_search_without_a_name_is_named_after_its_job_and_found_by_it() {
    for has_callback_url in [true, false] {
        let mut pronto = Lossy::start().await;
        // Others, of about the same time.
        pronto.list(object!({"id": OTHER, "name": "x", "created_at": created(Duration::ZERO)}));
        pronto.list(object!({"id": "7", "name": own_name("7")}));
        let data = tempfile::tempdir().unwrap();
        let setup = Setup {
            has_callback_url,
            ..Setup::new(pronto.fake.address, data.path())
        };
        let server = setup.start().await;
        let request = FindCompanyLeadsRequest {
            company_linkedin_id: Some("1".to_owned()),
            job_titles: vec!["*".to_owned()],
            ..Default::default()
        };
        let answer = server.leads().start_company_lead_search(request).await;
        let job_id = lost(answer);
        let name = pronto.started().await["name"].clone();
        assert_eq!(name, own_name(&job_id));
        // The list lags behind: the job keeps asking.
        pronto.asked_for_searches(2).await;
        assert_eq!(server.job(&job_id).await.upstream_id, None);
        pronto.list(object!({"id": ID, "name": name}));
        found(&server, &job_id).await;
        assert!(pronto.asked().iter().all(|asked| asked.method == "GET"));
    }
}

#[tokio::test]
async fn a_callers_name_is_left_alone_and_the_time_decides() {
    let mut pronto = Lossy::start().await;
    let day = Duration::from_secs(86_400);
    pronto.list(object!({"id": OTHER, "name": "mine", "created_at": created(day)}));
    pronto.list(object!({"id": "7", "name": "mine"}));
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let job_id = lost(server.leads().start_lead_search(named("mine")).await);
    assert_eq!(pronto.started().await["name"], "mine");
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&job_id).await.upstream_id, None);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": created(Duration::ZERO)}));
    found(&server, &job_id).await;
}

#[tokio::test]
async fn a_name_past_the_field_is_left_alone_too() {
    let mut pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let additional = object!({"name": "mine"});
    let request = SearchLeadsRequest {
        additional_fields: additional
            .as_object()
            .map(pronto_grpc::proto::json::structs::from_map),
        ..search()
    };
    lost(server.leads().start_lead_search(request).await);
    assert_eq!(pronto.started().await["name"], "mine");
}

#[tokio::test]
async fn a_search_without_names_is_found_by_its_time() {
    let mut pronto = Lossy::start().await;
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": OTHER, "name": own_name("7"), "created_at": now}));
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let request = SearchHiringAccountsRequest {
        published_date: Some(PublishedDate::Last7Days.into()),
        ..Default::default()
    };
    let answer = server.signals().start_hiring_account_search(request).await;
    let job_id = lost(answer);
    assert_eq!(pronto.started().await.get("name"), None);
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&job_id).await.upstream_id, None);
    pronto.list(object!({"id": ID, "name": "Thursday", "created_at": now}));
    let wait = async { while server.job(&job_id).await.upstream_id.is_none() {} };
    timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(server.job(&job_id).await.upstream_id.as_deref(), Some(ID));
}

#[tokio::test]
async fn of_two_candidates_none_is_taken_until_a_callback_tells() {
    let mut pronto = Lossy::start().await;
    for id in [ID, OTHER] {
        let now = created(Duration::ZERO);
        pronto.list(object!({"id": id, "name": "mine", "created_at": now}));
    }
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let job_id = lost(server.leads().start_lead_search(named("mine")).await);
    let url = pronto.started().await["webhook_url"].clone();
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&job_id).await.upstream_id, None);
    let mut streamed = lead("ada");
    streamed["search"] = object!({"id": ID});
    post(&url, &streamed).await;
    found(&server, &job_id).await;
}

#[tokio::test]
async fn what_another_job_has_is_not_taken() {
    let mut pronto = Lossy::start().await;
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": OTHER, "name": "known", "created_at": now}));
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let known = server.leads().start_lead_search(named("known")).await;
    assert!(known.unwrap().into_inner().acceptance.is_some());
    // The same name at the same time, but another endpoint, whose answer is lost.
    let request = SearchAccountsRequest {
        name: Some("known".to_owned()),
        ..Default::default()
    };
    let job_id = lost(server.accounts().start_account_search(request).await);
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&job_id).await.upstream_id, None);
    pronto.list(object!({"id": ID, "name": "known", "created_at": now}));
    let wait = async { while server.job(&job_id).await.upstream_id.is_none() {} };
    timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(server.job(&job_id).await.upstream_id.as_deref(), Some(ID));
    pronto.started().await;
}

#[tokio::test]
async fn two_jobs_that_look_the_same_do_not_guess() {
    let pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let one = lost(server.leads().start_lead_search(named("mine")).await);
    let other = lost(server.leads().start_lead_search(named("mine")).await);
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": now}));
    pronto.asked_for_searches(6).await;
    for job_id in [one, other] {
        let job = server.job(&job_id).await;
        assert_eq!(
            (job.upstream_id.as_deref(), job.state()),
            (None, JobState::Running)
        );
    }
}

#[tokio::test]
async fn what_a_purged_job_may_have_started_is_not_taken() {
    let pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let job_id = lost(server.leads().start_lead_search(named("mine")).await);
    let id = || job_id.clone();
    let cancel = CancelJobRequest { job_id: id() };
    server.jobs().cancel_job(cancel).await.unwrap();
    let purge = PurgeJobRequest { job_id: id() };
    server.jobs().purge_job(purge).await.unwrap();
    let other = lost(server.leads().start_lead_search(named("mine")).await);
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": now}));
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&other).await.upstream_id, None);
}

/// What else was started then is forgotten by now.
#[tokio::test]
async fn a_job_that_is_older_than_what_is_remembered_does_not_guess() {
    let pronto = Lossy::start().await;
    let day = Duration::from_secs(86_400);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": created(day)}));
    let data = tempfile::tempdir().unwrap();
    let soon = SystemTime::now() + Duration::from_secs(1);
    let job_id = stored_until(&data, 1, day, Some(soon)).await;
    let mut setup = Setup::new(pronto.fake.address, data.path());
    setup.jobs.retention = day;
    let server = setup.start().await;
    let events = read_all(&mut server.watch(&job_id, 0).await).await;
    assert_outcome(&events, JobOutcome::Incomplete, 0);
    assert_eq!(server.job(&job_id).await.upstream_id, None);
}

/// A search that a server stored so long ago, and whose name is not its own.
async fn stored(data: &tempfile::TempDir, number: u8, ago: Duration) -> String {
    stored_until(data, number, ago, None).await
}

async fn stored_until(
    data: &tempfile::TempDir,
    number: u8,
    ago: Duration,
    deadline: Option<SystemTime>,
) -> String {
    let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
    let operation = "pronto.v1.LeadService/StartLeadSearch";
    let created = SystemTime::now() - ago;
    let job = NewJob {
        id: format!("019a0000-0000-7000-8000-00000000000{number}"),
        credential: "default".to_owned(),
        operation: operation.to_owned(),
        secret_hash: CallbackSecret::hash(SECRET),
        items: None,
        search_name: Some("mine".to_owned()),
        created,
        deadline,
        call: NewCall::new("default", operation, created),
    };
    let id = job.id.clone();
    store.create_job(job).await.unwrap();
    id
}

#[tokio::test]
async fn a_start_that_waited_long_for_its_turn_is_found() {
    let pronto = Lossy::start().await;
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": now}));
    let data = tempfile::tempdir().unwrap();
    let job_id = stored(&data, 1, Duration::from_secs(600)).await;
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    found(&server, &job_id).await;
}

#[tokio::test]
async fn a_search_after_the_start_was_given_up_is_not_taken() {
    let pronto = Lossy::start().await;
    let hour = Duration::from_secs(3600);
    let late = created(hour * 3);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": late}));
    let data = tempfile::tempdir().unwrap();
    let job_id = stored(&data, 1, hour * 6).await;
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    pronto.asked_for_searches(2).await;
    assert_eq!(server.job(&job_id).await.upstream_id, None);
}

#[tokio::test]
async fn what_a_job_that_waited_long_may_have_started_is_not_taken() {
    let pronto = Lossy::start().await;
    let now = created(Duration::ZERO);
    pronto.list(object!({"id": ID, "name": "mine", "created_at": now}));
    let data = tempfile::tempdir().unwrap();
    let long_ago = stored(&data, 1, Duration::from_secs(600)).await;
    let just_now = stored(&data, 2, Duration::from_secs(30)).await;
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    pronto.asked_for_searches(6).await;
    for job_id in [long_ago, just_now] {
        assert_eq!(server.job(&job_id).await.upstream_id, None);
    }
}

#[tokio::test]
async fn batches_of_companies_and_pending_contacts_tell_the_id_too() {
    let mut pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let request = SearchAccountsRequest::default();
    let companies = lost(server.accounts().start_account_search(request).await);
    let url = pronto.started().await["webhook_url"].clone();
    let single = object!({"id": OTHER, "name": "Acme", "linkedin_id": "1"});
    post(&url, &single).await;
    post(
        &url,
        &object!({"id": ID, "accounts": [{"name": "Bolt", "linkedin_id": "2"}]}),
    )
    .await;
    let wait = async { while server.job(&companies).await.upstream_id.is_none() {} };
    timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(
        server.job(&companies).await.upstream_id.as_deref(),
        Some(ID)
    );

    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let contact = lost(server.contacts().start_contact_enrichment(request).await);
    let url = pronto.started().await["webhook_url"].clone();
    post(&url, &object!({"enrichment_id": ID, "status": "pending"})).await;
    found(&server, &contact).await;
}

/// The secret of such a job.
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a server stored before it ended without an answer of Pronto's.
async fn pending(data: &tempfile::TempDir, operation: &str, items: Option<usize>) -> String {
    let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
    let job = NewJob {
        id: "019a0000-0000-7000-8000-000000000001".to_owned(),
        credential: "default".to_owned(),
        operation: format!("pronto.v1.{operation}"),
        secret_hash: CallbackSecret::hash(SECRET),
        items,
        search_name: None,
        created: SystemTime::now(),
        deadline: None,
        call: NewCall::new("default", operation, SystemTime::now()),
    };
    let job = NewJob {
        search_name: items.is_none().then(|| own_name(&job.id)),
        ..job
    };
    let id = job.id.clone();
    store.create_job(job).await.unwrap();
    id
}

#[tokio::test]
async fn a_start_that_a_crash_cut_off_is_searched_for_and_not_sent_again() {
    let mut pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let job_id = pending(&data, "LeadService/StartLeadSearch", None).await;
    pronto.list(object!({"id": ID, "name": own_name(&job_id)}));
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    found(&server, &job_id).await;
    let asked = pronto.asked();
    assert!(asked.iter().all(|asked| asked.method == "GET"), "{asked:?}");
    assert_eq!(asked[0].path, "/api/v2/searches");
}

#[tokio::test]
async fn a_batch_that_a_crash_cut_off_waits_for_its_callbacks() {
    let pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let job_id = pending(&data, "ContactService/StartBulkContactEnrichment", Some(1)).await;
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    assert_eq!(server.job(&job_id).await.state(), JobState::Running);
    let url = format!("http://{}/callbacks/{job_id}/{SECRET}", server.callbacks);
    let custom = object!({"pronto_grpc_item": {"index": 0}});
    let contact = object!({"status": "finished", "email": "a@x.test", "custom": custom});
    post(&object!(url), &contact).await;
    let events = read_all(&mut server.watch(&job_id, 0).await).await;
    assert_outcome(&events, JobOutcome::Complete, 1);
    assert_eq!(pronto.listed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_contact_that_a_crash_cut_off_ends_where_nothing_can_arrive() {
    let pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let job_id = pending(&data, "ContactService/StartContactEnrichment", Some(1)).await;
    let setup = Setup {
        has_callback_url: false,
        ..Setup::new(pronto.fake.address, data.path())
    };
    let server = setup.start().await;
    let events = read_all(&mut server.watch(&job_id, 0).await).await;
    assert_outcome(&events, JobOutcome::Incomplete, 0);
}

#[tokio::test]
async fn what_came_for_a_job_that_was_cancelled_before_its_start_is_delivered() {
    let pronto = Lossy::start().await;
    let data = tempfile::tempdir().unwrap();
    let job_id = pending(&data, "LeadService/StartLeadSearch", None).await;
    {
        let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
        let cancelled = Change {
            end: Some(End::Cancelled),
            ..Default::default()
        };
        store.change(&job_id, cancelled).await.unwrap();
        let body = lead("ada").to_string().into();
        let source = CallbackSource::Callback;
        store.append_delivery(&job_id, source, body).await.unwrap();
    }
    let server = Setup::new(pronto.fake.address, data.path()).start().await;
    let wait = async { while server.job(&job_id).await.last_sequence < 2 {} };
    timeout(PATIENCE, wait).await.unwrap();
    let job = server.job(&job_id).await;
    assert_eq!(job.state(), JobState::Cancelled);
    assert_eq!(job.counts.unwrap().delivered, 1);
}
