//! What is remembered of calls and purchases, for how long, and how it is erased.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use pronto_grpc::jobs::CallbackSecret;
use pronto_grpc::jobs::model::{self, Change, End, Identity, NewJob};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::{
    Admission, Charge, Earlier, LedgerPage, NewCall, RequestKey, Settlement, Wanted,
};
use pronto_grpc::proto::endpoint::endpoints;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CallOutcome, CallbackSource, Contact, EnrichmentType, Found, JobStarted, LedgerEntry,
    PurgeJobRequest, PurgePersonRequest, PurgePersonResponse,
};
use tempfile::TempDir;

use crate::harness::callbacks::{post, stores};
use crate::harness::fake::Fake;
use crate::harness::{Setup, TestServer, read};

const ADA: &str = "https://www.linkedin.com/in/ada";
const JOB: &str = "01930c5e-4f9b-7cc3-b000-6a0d3b1f5c11";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A key of Ada's that can be searched for in a file.
const KEY: &[u8; 16] = b"adas-own-key-xyz";

/// A server whose store a test writes to, as calls will.
struct Remembering {
    store: Arc<dyn Store>,
    server: TestServer,
    data: TempDir,
}

impl Remembering {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let fake = Fake::always(404, "{}").await;
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let mut setup = Setup::new(fake.address, data.path());
        change(&mut setup);
        let server = setup.start_with(store.clone()).await;
        Self {
            store,
            server,
            data,
        }
    }

    /// A call that was answered.
    async fn answered(&self, call: NewCall, answer: &str) -> i64 {
        let admission = self.store.begin_call(call).await.unwrap();
        let Admission::Admitted(id) = admission else {
            panic!("{admission:?}")
        };
        let settlement = Settlement {
            outcome: CallOutcome::CarriedOut,
            charge: Some(an_email()),
            results: 1,
            reused: 0,
            answer: Some(Bytes::from(answer.to_owned())),
        };
        self.store.settle_call(id, settlement).await.unwrap();
        id
    }

    /// A job that asked about Ada, and has begun.
    async fn job(&self) -> String {
        let secret = CallbackSecret::generate().unwrap();
        let secret = secret.expose();
        let call = call_about_ada("default", endpoints::START_CONTACT_ENRICHMENT.rpc);
        let job = NewJob {
            id: JOB.to_owned(),
            credential: call.credential.clone(),
            operation: call.operation.clone(),
            secret_hash: CallbackSecret::hash(secret),
            items: Some(1),
            search_name: None,
            created: call.time,
            deadline: None,
            call,
        };
        self.store.create_job(job).await.unwrap();
        let started = Change {
            call: Some(CallOutcome::CarriedOut),
            started: Some(Event::Started(JobStarted::default())),
            ..Default::default()
        };
        self.store.change(JOB, started).await.unwrap();
        format!("http://{}/callbacks/{JOB}/{secret}", self.server.callbacks)
    }

    /// Ada is found, and the job ends.
    async fn find_ada(&self) {
        let found = model::Found {
            event: Event::Contact(ada()),
            identity: Identity::Keys(vec!["ada".to_owned()]),
            source: CallbackSource::Callback,
            charge: Some(an_email()),
        };
        let change = Change {
            found: vec![found],
            end: Some(End::Complete),
            ..Default::default()
        };
        self.store.change(JOB, change).await.unwrap();
    }

    async fn is_bought(&self, credential: &str) -> bool {
        let people = vec![vec![*KEY]];
        let since = SystemTime::UNIX_EPOCH;
        let bought = self.store.bought(credential, people, since).await.unwrap();
        bought[0].is_some()
    }

    async fn erase_ada(&self) -> PurgePersonResponse {
        let request = PurgePersonRequest {
            linkedin_url: ADA.to_owned(),
            ..Default::default()
        };
        let erased = self.server.jobs().purge_person(request).await.unwrap();
        erased.into_inner()
    }

    async fn ledger(&self) -> Vec<LedgerEntry> {
        let page = LedgerPage {
            credential: "default".to_owned(),
            after: 0,
            job_id: None,
            start: None,
            end: None,
            limit: 100,
        };
        self.store.ledger(page).await.unwrap()
    }

    fn holds(&self, key: &[u8]) -> bool {
        stores(self.data.path(), std::str::from_utf8(key).unwrap())
    }
}

fn an_email() -> Charge {
    Charge {
        found: Found {
            emails: 1,
            ..Default::default()
        },
        credits: 3,
    }
}

fn ada() -> Contact {
    Contact {
        linkedin_url: Some(ADA.to_owned()),
        email: Some("ada@acme.example".to_owned()),
        ..Default::default()
    }
}

fn ada_as_json() -> String {
    format!(r#"{{"linkedin_profile_url":"{ADA}","email":"ada@acme.example","status":"finished"}}"#)
}

fn call_about_ada(credential: &str, operation: &str) -> NewCall {
    let wanted = Wanted {
        item: 0,
        kind: EnrichmentType::Email,
        keys: vec![*KEY],
    };
    NewCall {
        request: Some(RequestKey {
            id: "ada".to_owned(),
            fingerprint: [0; 32],
        }),
        people: vec![wanted],
        ..NewCall::new(credential, operation, SystemTime::now())
    }
}

fn unary(credential: &str) -> NewCall {
    call_about_ada(credential, endpoints::ENRICH_CONTACT.rpc)
}

// === people ===

#[tokio::test]
async fn an_erased_person_is_gone_from_answers_and_not_used_again() {
    let remembering = Remembering::start().await;
    remembering.answered(unary("default"), &ada_as_json()).await;
    remembering.answered(unary("another"), &ada_as_json()).await;
    let bob = NewCall::new("default", "operation", SystemTime::now());
    let bob = remembering.answered(bob, r#"{"first_name":"Bob"}"#).await;
    assert!(remembering.is_bought("default").await);
    let erased = remembering.erase_ada().await;
    let expected = PurgePersonResponse {
        erased_answers: 1,
        ..Default::default()
    };
    assert_eq!(erased, expected);
    assert!(!remembering.is_bought("default").await);
    assert!(remembering.is_bought("another").await, "it is another's");
    let kept = remembering.store.kept_answers("default", 0, 10).await;
    let kept: Vec<i64> = kept
        .unwrap()
        .into_iter()
        .map(|answer| answer.call)
        .collect();
    assert_eq!(kept, [bob]);
    // The request is known, but not what it was answered.
    let again = remembering.store.begin_call(unary("default")).await;
    assert_eq!(again.unwrap(), Admission::Repeated(Earlier::Erased));
    assert_eq!(
        remembering.ledger().await[0].credits,
        Some(3),
        "it cost that"
    );
}

#[tokio::test]
async fn nothing_of_an_erased_answer_is_left_in_the_file() {
    let remembering = Remembering::start().await;
    remembering.answered(unary("default"), &ada_as_json()).await;
    assert!(remembering.holds(b"ada@acme.example") && remembering.holds(KEY));
    remembering.erase_ada().await;
    assert!(!remembering.holds(b"ada@acme.example") && !remembering.holds(KEY));
}

#[tokio::test]
async fn an_erased_result_of_a_job_is_not_used_again() {
    let remembering = Remembering::start().await;
    remembering.job().await;
    remembering.find_ada().await;
    assert!(remembering.is_bought("default").await);
    let erased = remembering.erase_ada().await;
    assert_eq!((erased.erased_results, erased.erased_answers), (1, 0));
    assert!(!remembering.is_bought("default").await && !remembering.holds(KEY));
}

#[tokio::test]
async fn an_erased_person_who_comes_late_was_paid_for_but_is_not_used_again() {
    let remembering = Remembering::start().await;
    let url = remembering.job().await;
    remembering.erase_ada().await;
    assert_eq!(post(&url, ada_as_json()).await, 204);
    let events = read(&mut remembering.server.watch(JOB, 1).await, 1).await;
    assert!(matches!(events[0].event, Some(Event::Erased(_))));
    let entries = remembering.ledger().await;
    let results = entries.iter().filter(|entry| entry.credits == Some(3));
    assert_eq!(results.count(), 1, "{entries:?}");
    assert!(!remembering.is_bought("default").await);
}

#[tokio::test]
async fn what_a_purged_job_bought_is_forgotten_but_not_what_it_cost() {
    let remembering = Remembering::start().await;
    remembering.job().await;
    remembering.find_ada().await;
    assert!(remembering.is_bought("default").await && remembering.holds(KEY));
    let job_id = JOB.to_owned();
    let request = PurgeJobRequest { job_id };
    remembering.server.jobs().purge_job(request).await.unwrap();
    assert!(!remembering.is_bought("default").await && !remembering.holds(KEY));
    let entries = remembering.ledger().await;
    let credits: i64 = entries.iter().filter_map(|entry| entry.credits).sum();
    assert_eq!((entries.len(), credits), (2, 3));
}

// === retention ===

#[tokio::test]
async fn answers_are_kept_for_a_day_even_when_nothing_else_is() {
    let remembering = Remembering::start().await;
    remembering.answered(unary("default"), &ada_as_json()).await;
    let old = NewCall {
        time: SystemTime::now() - 2 * DAY,
        ..unary("another")
    };
    remembering.answered(old, &ada_as_json()).await;
    remembering.store.trim(SystemTime::now()).await.unwrap();
    let (young, old) = (unary("default"), unary("another"));
    let young = remembering.store.begin_call(young).await.unwrap();
    let answer = Bytes::from(ada_as_json());
    assert_eq!(young, Admission::Repeated(Earlier::Answer(answer)));
    let old = remembering.store.begin_call(old).await.unwrap();
    assert!(matches!(old, Admission::Admitted(_)), "{old:?}");
    assert!(remembering.is_bought("default").await);
    assert!(!remembering.is_bought("another").await);
}

#[tokio::test]
async fn a_full_store_gives_up_answers_older_than_a_day_but_not_the_ledger() {
    let remembering = Remembering::with(|setup| setup.jobs.max_store_size = 1).await;
    let old = NewCall {
        time: SystemTime::now() - 2 * DAY,
        ..unary("default")
    };
    let young = NewCall {
        request: None,
        ..unary("default")
    };
    remembering.answered(old, "old").await;
    let young = remembering.answered(young, "young").await;
    while remembering.store.drop_bodies().await.unwrap() {}
    let kept = remembering.store.kept_answers("default", 0, 10).await;
    let kept: Vec<i64> = kept
        .unwrap()
        .into_iter()
        .map(|answer| answer.call)
        .collect();
    assert_eq!(kept, [young]);
    assert_eq!(remembering.ledger().await.len(), 2);
}
