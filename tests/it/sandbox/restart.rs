//! A server that ends in the middle of a job, and another one on the same data.

use std::net::SocketAddr;

use pronto_grpc::proto::v1::{JobEvent, JobState};
use pronto_grpc::sandbox::Sandbox;
use tempfile::TempDir;
use tonic::Code;

use super::{assert_agrees, assert_complete};
use crate::harness::stage::{FAST, HeldPort, SLOW, people_search, quick, sandbox};
use crate::harness::{Setup, TestServer, error_info, next, read, read_all};

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
