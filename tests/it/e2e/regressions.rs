//! What reviews found once must not come back.

mod deliveries;
mod ends;
mod lifecycle;

use std::future::ready;
use std::sync::Arc;

use pronto_grpc::proto::v1::{
    Callback, ExtractAccountsRequest, ExtractLeadsRequest, Job, ListCallbacksRequest,
};
use serde_json::{Value, json as object};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::harness::fake::{Fake, json};
use crate::harness::{PATIENCE, Setup, TestServer, http, search};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn lead_extraction() -> ExtractLeadsRequest {
    ExtractLeadsRequest {
        search_url: "https://www.linkedin.com/sales/search/people?x=1".to_owned(),
        name: "x".to_owned(),
        ..Default::default()
    }
}

fn account_extraction() -> ExtractAccountsRequest {
    ExtractAccountsRequest {
        search_url: "https://www.linkedin.com/sales/search/company?x=1".to_owned(),
        ..Default::default()
    }
}

fn lead(name: &str) -> Value {
    object!({"first_name": name, "linkedin_url": format!("https://www.linkedin.com/in/{name}")})
}

fn ongoing() -> Value {
    object!({"search": {"status": "ONGOING"}, "leads": []})
}

fn is_poll(path: &str) -> bool {
    path.starts_with("/api/v2/searches/") || path.starts_with("/api/v2/contacts/8e")
}

/// A Pronto that answers every start and every question the same.
async fn pronto(start: Value, poll: Value) -> Fake {
    Fake::start(move |path, _| {
        ready(match is_poll(&path) {
            true => json(200, poll.to_string()),
            false => json(201, start.to_string()),
        })
    })
    .await
}

/// A Pronto that answers a start when the test lets it.
async fn gated(status: u16, start: Value) -> (Fake, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let inside = gate.clone();
    let fake = Fake::start(move |path, _| {
        let (gate, start) = (inside.clone(), start.clone());
        async move {
            if is_poll(&path) {
                return json(200, ongoing().to_string());
            }
            gate.acquire().await.unwrap().forget();
            json(status, start.to_string())
        }
    })
    .await;
    (fake, gate)
}

/// A search of people that never ends.
struct Endless {
    server: TestServer,
    job_id: String,
    url: String,
    _data: TempDir,
}

impl Endless {
    async fn start() -> Self {
        let mut fake = pronto(object!({"id": ID, "total": 3}), ongoing()).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let answer = server.leads().start_lead_search(search()).await;
        let job = answer.unwrap().into_inner().job.unwrap();
        Self {
            server,
            job_id: job.id,
            url: webhook_url(&mut fake).await,
            _data: data,
        }
    }
}

/// Where the fake was told to post results to.
async fn webhook_url(fake: &mut Fake) -> String {
    loop {
        let asked = fake.asked.recv().await.unwrap();
        if let Some(url) = asked.body["webhook_url"].as_str() {
            return url.to_owned();
        }
    }
}

async fn post(url: &str, body: impl Into<reqwest::Body>) {
    let answer = http().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

async fn post_json(url: &str, body: &Value) {
    post(url, body.to_string()).await;
}

async fn callbacks(server: &TestServer, job_id: &str) -> Vec<Callback> {
    let request = ListCallbacksRequest {
        job_id: job_id.to_owned(),
        ..Default::default()
    };
    let answer = server.jobs().list_callbacks(request).await;
    answer.unwrap().into_inner().callbacks
}

/// Waits until so many bodies of a job have been decoded.
async fn decoded(server: &TestServer, job_id: &str, count: usize) -> Vec<Callback> {
    let wait = async {
        loop {
            let callbacks = callbacks(server, job_id).await;
            if callbacks.iter().filter(|callback| callback.decoded).count() >= count {
                return callbacks;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

/// Waits until a job's log is so long.
async fn logged(server: &TestServer, job_id: &str, last_sequence: i64) -> Job {
    let wait = async {
        loop {
            let job = server.job(job_id).await;
            if job.last_sequence >= last_sequence {
                return job;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}
