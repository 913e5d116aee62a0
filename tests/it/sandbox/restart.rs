//! A server that ends in the middle of a job, and another one on the same data.

use std::net::SocketAddr;
use std::time::SystemTime;

use pronto_grpc::jobs::CallbackSecret;
use pronto_grpc::jobs::locate::own_name;
use pronto_grpc::jobs::model::NewJob;
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::ledger::model::NewCall;
use pronto_grpc::proto::endpoint::endpoints::START_LEAD_SEARCH;
use pronto_grpc::proto::json::{self, Spelling};
use pronto_grpc::proto::v1::{JobEvent, JobState, SearchLeadsRequest};
use pronto_grpc::sandbox::Sandbox;
use serde_json::Value;
use tempfile::TempDir;
use tonic::Code;

use super::{assert_agrees, assert_complete};
use crate::harness::stage::{FAST, HeldPort, SLOW, people_search, quick, sandbox};
use crate::harness::{
    KEY, Setup, TestServer, assert_contiguous, count_results, error_info, http, next, read,
    read_all,
};

/// Events that a client saw of the first server.
const SEEN: usize = 12;

/// What outlives a server.
struct Site {
    sandbox: Sandbox,
    pronto: SocketAddr,
    callbacks: HeldPort,
    data: TempDir,
}

impl Site {
    async fn new() -> Self {
        let (sandbox, pronto) = sandbox(quick()).await;
        Self {
            sandbox,
            pronto,
            callbacks: HeldPort::new(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    async fn server(&self) -> TestServer {
        let setup = Setup {
            callback_port: self.callbacks.port,
            ..Setup::new(self.pronto, self.data.path())
        };
        setup.start().await
    }

    fn refused(&self) -> u64 {
        let counters = self.sandbox.counters();
        counters.webhooks_attempted() - counters.webhooks_accepted()
    }

    /// Starts a search, stops the server in its middle, and gives the events
    /// that a client saw.
    async fn interrupted(&self) -> Vec<JobEvent> {
        let server = self.server().await;
        let answer = server.leads().search_leads(people_search(48)).await;
        let mut stream = answer.unwrap().into_inner();
        let mut events = read(&mut stream, SEEN).await;
        self.sandbox.switches().write().pace = SLOW;
        let stopped = tokio::spawn(server.stop());
        let status = loop {
            match next(&mut stream).await.unwrap() {
                Ok(event) => events.push(event),
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::Unavailable);
        let info = error_info(&status);
        assert_eq!(info.reason, "DRAINING");
        assert_eq!(info.metadata["last_sequence"], events.len().to_string());
        drop(stream);
        stopped.await.unwrap();
        assert!(events.len() < 50);
        self.sandbox.switches().write().pace = FAST;
        events
    }
}

#[tokio::test]
async fn what_was_refused_while_no_server_ran_polling_brings() {
    let site = Site::new().await;
    let mut events = site.interrupted().await;
    // Pronto ends the search; nobody receives the rest.
    site.sandbox.idle().await;
    assert!(site.refused() > 0);
    let received = site.sandbox.counters().webhooks_accepted() as i64;

    let server = site.server().await;
    let job_id = events[0].job_id.clone();
    let last = events.last().unwrap().sequence;
    events.extend(read_all(&mut server.watch(&job_id, last).await).await);
    let completed = assert_complete(&events, "lead", 48);
    // The accepted ones are on disk, whatever the first server made of them.
    assert_eq!(completed.counts.unwrap().recovered, 48 - received);
    assert_agrees(&server.job(&job_id).await, &events);
    assert_eq!(read_all(&mut server.watch(&job_id, 0).await).await, events);
}

#[tokio::test]
async fn a_job_goes_on_where_it_was_while_pronto_still_delivers() {
    let site = Site::new().await;
    let mut events = site.interrupted().await;
    let server = site.server().await;
    let job_id = events[0].job_id.clone();
    let last = events.last().unwrap().sequence;
    events.extend(read_all(&mut server.watch(&job_id, last).await).await);
    assert_complete(&events, "lead", 48);
    assert_agrees(&server.job(&job_id).await, &events);
}

#[tokio::test]
async fn a_job_that_has_ended_is_still_there() {
    let site = Site::new().await;
    let server = site.server().await;
    let answer = server.leads().search_leads(people_search(5)).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_complete(&events, "lead", 5);
    server.stop().await;
    let server = site.server().await;
    let job_id = &events[0].job_id;
    assert_eq!(server.job(job_id).await.state(), JobState::Completed);
    assert_eq!(read_all(&mut server.watch(job_id, 0).await).await, events);
}

/// The server sent a start, and ended before it stored the answer.
#[tokio::test]
async fn a_search_whose_answer_a_crash_swallowed_is_found_and_read_whole() {
    let site = Site::new().await;
    let job = NewJob {
        id: "019a0000-0000-7000-8000-000000000001".to_owned(),
        credential: "default".to_owned(),
        operation: START_LEAD_SEARCH.rpc.to_owned(),
        secret_hash: CallbackSecret::hash("secret"),
        items: None,
        search_name: Some(own_name("019a0000-0000-7000-8000-000000000001")),
        created: SystemTime::now(),
        deadline: None,
        call: NewCall::new("default", START_LEAD_SEARCH.rpc, SystemTime::now()),
    };
    {
        let store = SqliteStore::open(&site.data.path().join("jobs.sqlite3")).unwrap();
        store.create_job(job.clone()).await.unwrap();
    }
    // Nobody receives what it posts.
    let request = SearchLeadsRequest {
        name: job.search_name,
        webhook_url: Some(format!("http://127.0.0.1:{}/", site.callbacks.port)),
        ..people_search(48)
    };
    let sent = http()
        .post(format!(
            "http://{}/api/v2{}",
            site.pronto, START_LEAD_SEARCH.path
        ))
        .header("x-api-key", KEY)
        .body(Value::Object(json::write(&request, Spelling::Observed)).to_string())
        .send();
    assert!(sent.await.unwrap().status().is_success());
    site.sandbox.idle().await;

    let server = site.server().await;
    let events = read_all(&mut server.watch(&job.id, 0).await).await;
    assert_contiguous(&events, 1);
    assert_eq!(count_results(&events), 48);
    let job = server.job(&job.id).await;
    assert_eq!(job.state(), JobState::Completed);
    assert_eq!(job.counts.unwrap().recovered, 48);
}
