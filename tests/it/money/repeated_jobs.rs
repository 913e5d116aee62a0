//! A request_id starts one job, whatever the timing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use pronto_grpc::jobs::CallbackSecret;
use pronto_grpc::jobs::model::{Change, End, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::{NewCall, RequestKey};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::{
    CallOutcome, CancelJobRequest, JobState, LedgerEntry, ListJobsRequest,
    ListLedgerEntriesRequest, PurgeJobRequest, SearchLeadsRequest, StartResponse,
};
use serde_json::json as object;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Code;

use super::{at_once, email_of, later, metadata, reason};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::stage::{Stage, people_search};
use crate::harness::{PATIENCE, Setup, TestServer, read, read_all, search};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn named(request_id: &str, request: SearchLeadsRequest) -> SearchLeadsRequest {
    SearchLeadsRequest {
        request_id: request_id.to_owned(),
        ..request
    }
}

/// A Pronto whose answers to starts wait for the test.
struct Held {
    fake: Fake,
    gate: Arc<Semaphore>,
    starts: Arc<AtomicUsize>,
    data: TempDir,
}

impl Held {
    async fn start(status: u16) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let starts: Arc<AtomicUsize> = Arc::default();
        let (held, count) = (gate.clone(), starts.clone());
        let fake = Fake::start(move |path, _| {
            let (held, count) = (held.clone(), count.clone());
            async move {
                if path.ends_with("/advanced_search") {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _permit = held.acquire().await;
                }
                let number = count.load(Ordering::SeqCst);
                json(
                    status,
                    object!({"id": ID, "message": format!("answer {number}")}).to_string(),
                )
            }
        })
        .await;
        Self {
            fake,
            gate,
            starts,
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn setup(&self) -> Setup {
        Setup::new(self.fake.address, self.data.path())
    }

    fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }
}

async fn start(
    server: &TestServer,
    request: SearchLeadsRequest,
) -> Result<StartResponse, tonic::Status> {
    let answer = server.leads().start_lead_search(request).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_hundred_at_once_start_one_job_and_all_get_its_answer() {
    let held = Held::start(201).await;
    let server = Arc::new(held.setup().start().await);
    held.gate.add_permits(1);
    let answers = at_once(100, |_| {
        let server = server.clone();
        async move { start(&server, named("a", search())).await }
    })
    .await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let id = |answer: &StartResponse| answer.job.clone().unwrap().id;
    assert!(answers.iter().all(|answer| id(answer) == id(&answers[0])));
    assert!(
        answers
            .iter()
            .all(|answer| answer.acceptance == answers[0].acceptance)
    );
    assert_eq!(held.starts(), 1);
    assert_eq!(answers[0].job.clone().unwrap().request_id(), "a");
}

#[tokio::test]
async fn all_get_the_refusal_of_the_one_under_way_and_then_the_id_is_free() {
    let held = Held::start(422).await;
    let server = Arc::new(held.setup().start().await);
    let callers = tokio::spawn({
        let server = server.clone();
        async move {
            at_once(10, |_| {
                let server = server.clone();
                async move { start(&server, named("a", search())).await }
            })
            .await
        }
    });
    super::until(async || held.starts() == 1).await;
    held.gate.add_permits(1);
    for refused in callers.await.unwrap() {
        let refused = refused.unwrap_err();
        assert_eq!(reason(&refused), "UPSTREAM_REJECTED");
        assert!(metadata(&refused, "upstream_message").starts_with("answer"));
    }
    let before = held.starts();
    let again = start(&server, named("a", search())).await.unwrap_err();
    assert_eq!(reason(&again), "UPSTREAM_REJECTED");
    assert_eq!(held.starts(), before + 1);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused_and_names_the_job() {
    let held = Held::start(201).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    let first = start(&server, named("a", search())).await.unwrap();
    let other = SearchLeadsRequest {
        limit: Some(7),
        ..search()
    };
    let refused = start(&server, named("a", other)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
    assert_eq!(metadata(&refused, "request_id"), "a");
    assert_eq!(metadata(&refused, "job_id"), first.job.unwrap().id);
    let elsewhere = server.contacts().enrich_contact(email_of("A", "a")).await;
    assert_eq!(reason(&elsewhere.unwrap_err()), "REQUEST_ID_REUSED");
    assert_eq!(held.starts(), 1);
}

#[tokio::test]
async fn another_key_may_use_the_same_id() {
    let held = Held::start(201).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    start(&server, named("a", search())).await.unwrap();
    let mut request = tonic::Request::new(named("a", search()));
    let key = "another-key".parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    server.leads().start_lead_search(request).await.unwrap();
    assert_eq!(held.starts(), 2);
}

#[tokio::test]
async fn a_restart_does_not_forget() {
    let held = Held::start(201).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    let first = start(&server, named("a", search())).await.unwrap();
    server.stop().await;
    let server = held.setup().start().await;
    let second = start(&server, named("a", search())).await.unwrap();
    assert_eq!(first.acceptance, second.acceptance);
    assert_eq!(first.job.unwrap().id, second.job.unwrap().id);
    assert_eq!(held.starts(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_and_is_never_sent_again() {
    let held = Held::start(503).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    let first = start(&server, named("a", search())).await.unwrap_err();
    let second = start(&server, named("a", search())).await.unwrap_err();
    for unknown in [&first, &second] {
        assert_eq!(reason(unknown), "OUTCOME_UNKNOWN");
    }
    assert_eq!(metadata(&first, "job_id"), metadata(&second, "job_id"));
    assert_eq!(held.starts(), 1);
}

#[tokio::test]
async fn a_start_that_is_recorded_late_is_waited_for() {
    let held = Held::start(201).await;
    held.gate.add_permits(1);
    let store = FaultyStore::open(held.data.path());
    let server = Arc::new(held.setup().start_with(store.clone()).await);
    // As often as it is tried while the caller waits.
    store.fail(Operation::Change, 7);
    let unrecorded = start(&server, named("a", search())).await.unwrap_err();
    assert_eq!(reason(&unrecorded), "OUTCOME_UNKNOWN");
    let answer = start(&server, named("a", search())).await.unwrap();
    assert_eq!(answer.job.unwrap().id, metadata(&unrecorded, "job_id"));
    assert_eq!(held.starts(), 1);
}

#[tokio::test]
async fn a_stream_attaches_from_the_beginning() {
    let stage = Stage::start().await;
    let request = named("a", people_search(5));
    let mut leads = stage.server.leads();
    let first = leads.search_leads(request.clone()).await.unwrap();
    let events = read_all(&mut first.into_inner()).await;
    let second = leads.search_leads(request.clone()).await.unwrap();
    assert_eq!(read(&mut second.into_inner(), events.len()).await, events);
    // The RPC that only starts is the same request.
    let started = leads.start_lead_search(request).await.unwrap().into_inner();
    assert_eq!(started.job.unwrap().id, events[0].job_id);
    let Some(Event::Started(opening)) = &events[0].event else {
        panic!("{:?}", events[0])
    };
    assert_eq!(started.acceptance, opening.acceptance);
}

#[tokio::test]
async fn a_start_that_was_cancelled_and_then_cut_off_stays_unknown() {
    let held = Held::start(201).await;
    held.gate.add_permits(1);
    let operation = "pronto.v1.LeadService/StartLeadSearch";
    let now = SystemTime::now();
    let job = NewJob {
        id: "019a0000-0000-7000-8000-000000000001".to_owned(),
        credential: "default".to_owned(),
        operation: operation.to_owned(),
        secret_hash: CallbackSecret::hash("secret"),
        items: None,
        search_name: None,
        created: now,
        deadline: None,
        call: NewCall {
            request: RequestKey::of(&named("a", search())),
            ..NewCall::new("default", operation, now)
        },
    };
    let id = job.id.clone();
    {
        let store = SqliteStore::open(&held.data.path().join("jobs.sqlite3")).unwrap();
        store.create_job(job).await.unwrap();
        let end = Some(End::Cancelled);
        let cancelled = Change {
            end,
            ..Default::default()
        };
        store.change(&id, cancelled).await.unwrap();
    }
    let server = held.setup().start().await;
    let repeated = timeout(PATIENCE, start(&server, named("a", search()))).await;
    let unknown = repeated.unwrap().unwrap_err();
    assert_eq!(reason(&unknown), "OUTCOME_UNKNOWN");
    assert_eq!(metadata(&unknown, "job_id"), id);
    assert_eq!(held.starts(), 0);
    assert_eq!(server.job(&id).await.state(), JobState::Cancelled);
    assert_eq!(outcomes(&server).await, [CallOutcome::Unknown]);
}

/// What became of the calls in the ledger.
async fn outcomes(server: &TestServer) -> Vec<CallOutcome> {
    let request = ListLedgerEntriesRequest::default();
    let entries = server.usage().list_ledger_entries(request).await;
    let subjects = entries.unwrap().into_inner().entries.into_iter();
    let outcome = |entry: LedgerEntry| match entry.subject {
        Some(Subject::Call(call)) => Some(call.outcome()),
        _ => None,
    };
    subjects.filter_map(outcome).collect()
}

/// The answer to a start whose job is cancelled and purged while Pronto answers.
async fn purged_meanwhile(held: &Held, server: &Arc<TestServer>) -> tonic::Status {
    let caller = tokio::spawn({
        let server = server.clone();
        async move { start(&server, named("a", search())).await }
    });
    super::until(async || held.starts() == 1).await;
    let jobs = server.jobs().list_jobs(ListJobsRequest::default()).await;
    let job_id = jobs.unwrap().into_inner().jobs.remove(0).id;
    let cancel = CancelJobRequest {
        job_id: job_id.clone(),
    };
    server.jobs().cancel_job(cancel).await.unwrap();
    let purge = PurgeJobRequest { job_id };
    server.jobs().purge_job(purge).await.unwrap();
    held.gate.add_permits(1);
    caller.await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_refused_start_whose_job_was_purged_meanwhile_frees_its_id() {
    let held = Held::start(422).await;
    let server = Arc::new(held.setup().start().await);
    let refused = purged_meanwhile(&held, &server).await;
    assert_eq!(reason(&refused), "UPSTREAM_REJECTED");
    assert_eq!(outcomes(&server).await, [CallOutcome::Refused]);
    start(&server, named("a", search())).await.unwrap_err();
    assert_eq!(held.starts(), 2);
}

#[tokio::test]
async fn a_start_whose_job_was_purged_meanwhile_is_in_the_ledger() {
    let held = Held::start(201).await;
    let server = Arc::new(held.setup().start().await);
    let gone = purged_meanwhile(&held, &server).await;
    assert_eq!(reason(&gone), "NOT_FOUND");
    assert_eq!(outcomes(&server).await, [CallOutcome::CarriedOut]);
    let again = start(&server, named("a", search())).await.unwrap_err();
    assert_eq!(reason(&again), "NOT_FOUND");
    assert_eq!(held.starts(), 1);
}

#[tokio::test]
async fn a_purged_job_is_not_bought_again() {
    let stage = Stage::start().await;
    let mut contacts = stage.server.contacts();
    let request = later(email_of("A", "a"));
    let request_id = request.request_id.clone();
    let stream = contacts.enrich_contact_async(request.clone()).await;
    let events = read_all(&mut stream.unwrap().into_inner()).await;
    let job_id = events[0].job_id.clone();
    let purge = PurgeJobRequest {
        job_id: job_id.clone(),
    };
    stage.server.jobs().purge_job(purge).await.unwrap();
    let gone = contacts
        .start_contact_enrichment(request)
        .await
        .unwrap_err();
    assert_eq!(
        (gone.code(), reason(&gone).as_str()),
        (Code::NotFound, "NOT_FOUND")
    );
    assert_eq!(metadata(&gone, "job_id"), job_id);
    assert_eq!(metadata(&gone, "request_id"), request_id);
    assert!(gone.message().contains(&request_id), "{}", gone.message());
}
