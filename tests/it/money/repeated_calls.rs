//! A call that may be charged is carried out once for each request_id.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::{NewCall, RequestKey};
use pronto_grpc::proto::endpoint::endpoints::{self, ENRICH_CONTACT};
use pronto_grpc::proto::v1::{
    CheckDataAvailabilityRequest, CountProfilesRequest, CreateListRequest, EnrichAccountRequest,
    EnrichLeadRequest, GetCompanyStackRequest, GetHeadcountRequest, ListCompanyJobPostingsRequest,
};
use serde_json::json as object;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::{at_once, email_of, later, metadata, reason, until};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::stage::Stage;
use crate::harness::{Setup, TestServer};

/// A Pronto that answers when the test says so, each time something else.
struct Held {
    fake: Fake,
    gate: Arc<Semaphore>,
    calls: Arc<AtomicUsize>,
    data: TempDir,
}

impl Held {
    async fn start(answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let calls: Arc<AtomicUsize> = Arc::default();
        let (held, count, answer) = (gate.clone(), calls.clone(), Arc::new(answer));
        let fake = Fake::start(move |_, _| {
            let (held, count, answer) = (held.clone(), count.clone(), answer.clone());
            async move {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let _permit = held.acquire().await;
                let (status, body) = answer(number);
                json(status, body)
            }
        })
        .await;
        Self {
            fake,
            gate,
            calls,
            data: tempfile::tempdir().unwrap(),
        }
    }

    /// One that finds an email.
    async fn finding() -> Self {
        Self::start(|number| (200, found(number))).await
    }

    fn setup(&self) -> Setup {
        Setup::new(self.fake.address, self.data.path())
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn found(number: usize) -> String {
    let email = format!("{number}@acme.test");
    object!({"status": "success", "email": email, "custom_key": [number]}).to_string()
}

async fn email(server: &TestServer, request_id: &str) -> Result<String, tonic::Status> {
    let answer = server
        .contacts()
        .enrich_contact(email_of("A", request_id))
        .await;
    let contact = answer?.into_inner().contact.unwrap();
    assert!(contact.additional_fields.is_some());
    Ok(contact.email.unwrap())
}

#[tokio::test]
async fn a_hundred_at_once_are_one_call() {
    let held = Held::finding().await;
    let server = Arc::new(held.setup().start().await);
    held.gate.add_permits(1);
    let answers = at_once(100, |_| {
        let server = server.clone();
        async move { email(&server, "a").await.unwrap() }
    })
    .await;
    assert_eq!(answers, vec!["0@acme.test"; 100]);
    assert_eq!(held.calls(), 1);
}

#[tokio::test]
async fn the_answer_comes_again_after_a_restart() {
    let held = Held::finding().await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    assert_eq!(email(&server, "b").await.unwrap(), "1@acme.test");
    server.stop().await;
    let server = held.setup().start().await;
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    assert_eq!(held.calls(), 2);
}

#[tokio::test]
async fn calls_without_id_are_each_carried_out() {
    let held = Held::finding().await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    assert_eq!(email(&server, "").await.unwrap(), "0@acme.test");
    assert_eq!(email(&server, "").await.unwrap(), "1@acme.test");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_it() {
    let held = Held::finding().await;
    let server = held.setup().start().await;
    let call = email(&server, "a");
    tokio::select! {
        biased;
        _ = call => panic!("nothing answers yet"),
        () = until(async || held.calls() == 1) => {}
    }
    held.gate.add_permits(1);
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    assert_eq!(held.calls(), 1);
}

#[tokio::test]
async fn a_shutdown_waits_for_the_answer() {
    let held = Held::finding().await;
    let server = held.setup().start().await;
    let call = email(&server, "a");
    tokio::select! {
        biased;
        _ = call => panic!("nothing answers yet"),
        () = until(async || held.calls() == 1) => {}
    }
    let gate = held.gate.clone();
    tokio::join!(server.stop(), async {
        tokio::task::yield_now().await;
        gate.add_permits(1);
    });
    let server = held.setup().start().await;
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    assert_eq!(held.calls(), 1);
}

#[tokio::test]
async fn a_refused_call_may_be_sent_again() {
    let held = Held::start(|number| match number {
        0 => (402, r#"{"message": "no credits"}"#.to_owned()),
        _ => (200, found(number)),
    })
    .await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    let refused = email(&server, "a").await.unwrap_err();
    assert_eq!(reason(&refused), "INSUFFICIENT_CREDITS");
    assert_eq!(email(&server, "a").await.unwrap(), "1@acme.test");
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_also_after_a_restart() {
    let held = Held::start(|_| (502, String::new())).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    for _ in 0..2 {
        let unknown = email(&server, "a").await.unwrap_err();
        assert_eq!(reason(&unknown), "OUTCOME_UNKNOWN");
    }
    server.stop().await;
    let server = held.setup().start().await;
    let unknown = email(&server, "a").await.unwrap_err();
    assert_eq!(reason(&unknown), "OUTCOME_UNKNOWN");
    assert_eq!(held.calls(), 1);
}

#[tokio::test]
async fn a_crash_in_the_middle_is_an_unknown_outcome() {
    let held = Held::finding().await;
    held.gate.add_permits(1);
    let call = NewCall {
        request: RequestKey::of(&email_of("A", "a")),
        ..NewCall::new("default", ENRICH_CONTACT.rpc, SystemTime::now())
    };
    {
        let store = SqliteStore::open(&held.data.path().join("jobs.sqlite3")).unwrap();
        store.begin_call(call).await.unwrap();
    }
    let server = held.setup().start().await;
    let unknown = email(&server, "a").await.unwrap_err();
    assert_eq!(reason(&unknown), "OUTCOME_UNKNOWN");
    assert_eq!(held.calls(), 0);
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_kept_and_not_bought_again() {
    let fake = Fake::start(|_, _| async {
        let mut answer = json(200, "<html>");
        let headers = answer.headers_mut();
        headers.insert("content-type", "text/html".parse().unwrap());
        answer
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    for _ in 0..2 {
        let malformed = email(&server, "a").await.unwrap_err();
        assert_eq!(reason(&malformed), "UPSTREAM_MALFORMED");
    }
    let mut asked = fake.asked;
    assert!(asked.try_recv().is_ok() && asked.try_recv().is_err());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_kept_and_not_bought_again() {
    let held = Held::start(|_| (200, "[1, 2".to_owned())).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    for _ in 0..2 {
        let malformed = email(&server, "a").await.unwrap_err();
        assert_eq!(reason(&malformed), "UPSTREAM_MALFORMED");
    }
    assert_eq!(held.calls(), 1);
    server.stop().await;
    let store = SqliteStore::open(&held.data.path().join("jobs.sqlite3"));
    let kept = store.unwrap().kept_answers("default", 0, 9).await.unwrap();
    assert_eq!(kept[0].body, "[1, 2");
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_recorded() {
    let held = Held::finding().await;
    held.gate.add_permits(1);
    let store = FaultyStore::open(held.data.path());
    let server = held.setup().start_with(store.clone()).await;
    store.fail(Operation::BeginCall, 1);
    let failed = email(&server, "a").await.unwrap_err();
    assert_eq!(reason(&failed), "STORE_UNAVAILABLE");
    assert_eq!(held.calls(), 0);
}

#[tokio::test]
async fn the_answer_comes_also_when_it_cannot_be_recorded_yet() {
    let held = Held::finding().await;
    held.gate.add_permits(1);
    let store = FaultyStore::open(held.data.path());
    let server = held.setup().start_with(store.clone()).await;
    store.fail(Operation::SettleCall, 3);
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    // Also to those who come before it is recorded, and after.
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    server.stop().await;
    let server = held.setup().start().await;
    assert_eq!(email(&server, "a").await.unwrap(), "0@acme.test");
    assert_eq!(held.calls(), 1);
}

#[tokio::test]
async fn results_that_go_elsewhere_are_ordered_once() {
    let held = Held::start(|_| (201, object!({"id": "1"}).to_string())).await;
    held.gate.add_permits(1);
    let server = held.setup().start().await;
    let mut request = later(email_of("A", "a"));
    request.webhook_url = Some("https://hooks.example.com/x".to_owned());
    for _ in 0..2 {
        let answer = server
            .contacts()
            .start_contact_enrichment(request.clone())
            .await;
        let answer = answer.unwrap().into_inner();
        assert_eq!((answer.job, answer.acceptance.unwrap().id()), (None, "1"));
    }
    assert_eq!(held.calls(), 1);
    let other = later(email_of("A", "a"));
    let refused = server.contacts().start_contact_enrichment(other).await;
    assert_eq!(metadata(&refused.unwrap_err(), "request_id"), "a");
}

/// All calls that are not safe to repeat, each sent twice under one id.
#[tokio::test]
async fn every_operation_is_carried_out_once() {
    let stage = Stage::start().await;
    let (company, profile) = (stage.company().await, stage.profiles(1).await.remove(0));
    let (mut accounts, mut contacts) = (stage.server.accounts(), stage.server.contacts());
    let (mut leads, mut lists) = (stage.server.leads(), stage.server.lists());
    let id = |name: &str| format!("id-of-{name}");
    macro_rules! twice {
        ($client:ident . $rpc:ident ( $request:expr ), $endpoint:ident) => {
            let first = $client.$rpc($request).await.unwrap().into_inner();
            let second = $client.$rpc($request).await.unwrap().into_inner();
            assert_eq!(first, second, stringify!($rpc));
            let sent = stage.sandbox.counters().requests(endpoints::$endpoint);
            assert_eq!(sent, 1, stringify!($rpc));
        };
    }
    twice!(
        accounts.enrich_account(EnrichAccountRequest {
            company_linkedin_url: Some(company.clone()),
            request_id: id("account"),
            ..Default::default()
        }),
        ENRICH_ACCOUNT
    );
    twice!(
        accounts.get_company_stack(GetCompanyStackRequest {
            company_linkedin_url: Some(company.clone()),
            request_id: id("stack"),
            ..Default::default()
        }),
        GET_COMPANY_STACK
    );
    twice!(
        accounts.list_company_job_postings(ListCompanyJobPostingsRequest {
            company_linkedin_url: Some(company.clone()),
            request_id: id("jobs"),
            ..Default::default()
        }),
        LIST_COMPANY_JOB_POSTINGS
    );
    twice!(
        accounts.get_headcount(GetHeadcountRequest {
            company_linkedin_url: Some(company.clone()),
            request_id: id("heads"),
            ..Default::default()
        }),
        GET_HEADCOUNT
    );
    twice!(
        accounts.count_profiles(CountProfilesRequest {
            company_linkedin_url: Some(company.clone()),
            request_id: id("count"),
            ..Default::default()
        }),
        COUNT_PROFILES
    );
    twice!(
        leads.enrich_lead(EnrichLeadRequest {
            linkedin_url: profile.clone(),
            request_id: id("lead"),
            ..Default::default()
        }),
        ENRICH_LEAD
    );
    twice!(
        contacts.enrich_contact(email_of("A", "contact")),
        ENRICH_CONTACT
    );
    twice!(
        contacts.check_data_availability(CheckDataAvailabilityRequest {
            linkedin_url: Some(profile.clone()),
            request_id: id("check"),
            ..Default::default()
        }),
        CHECK_DATA_AVAILABILITY
    );
    twice!(
        lists.create_list(CreateListRequest {
            name: "x".to_owned(),
            request_id: id("list"),
            ..Default::default()
        }),
        CREATE_LIST
    );
}
