//! A sandbox whose process crashes, and another one that goes on with its file.
//!
//! Nothing is written at the end: to halt the work leaves what a crash leaves.

mod file;
mod settings;
mod work;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::{Fixture, Receiver, quick};
use crate::proto::endpoint::{Endpoint, endpoints};
use crate::sandbox::SandboxConfig;

/// So long that nothing is found meanwhile.
const NEVER: Duration = Duration::from_secs(3_600);

/// Where a sandbox keeps its file.
struct Site {
    folder: TempDir,
    config: SandboxConfig,
}

impl Site {
    fn new() -> Self {
        Self::with(quick())
    }

    fn with(config: SandboxConfig) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, config }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("sandbox.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("a text")
    }

    /// The entries of the file.
    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let read = |line| serde_json::from_str(line).expect("JSON");
        text.lines().map(read).collect()
    }

    async fn open(&self) -> Fixture {
        Fixture::open(self.config.clone(), &self.file()).await
    }

    async fn crash(&self, fixture: Fixture) -> Fixture {
        fixture.sandbox.halt().await;
        self.open().await
    }
}

/// Starts some work whose results go to a receiver, and gives its id.
async fn start(fixture: &Fixture, endpoint: &Endpoint, receiver: &Receiver, body: Value) -> String {
    let mut body = body;
    body["webhook_url"] = json!(receiver.url);
    let answer = fixture.post(endpoint, body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.id()
}

fn people(count: usize) -> Value {
    json!({"streaming": true, "limit": count, "job_titles": ["*"]})
}

fn contacts(count: usize) -> Value {
    let contact =
        |number| json!({"firstname": "A", "lastname": format!("B{number}"), "domain": "b.example"});
    let contacts: Vec<_> = (0..count).map(contact).collect();
    json!({"contacts": contacts, "enrichment_type": ["email"]})
}

fn profiles(count: usize) -> Value {
    let lead =
        |number| json!({"linkedin_url": format!("https://www.linkedin.com/in/nobody-{number}")});
    json!({"leads": (0..count).map(lead).collect::<Vec<_>>()})
}

fn credits(fixture: &Fixture) -> Option<i64> {
    fixture.sandbox.settings().credits
}

async fn search(fixture: &Fixture, id: &str) -> Value {
    let answer = fixture.call(endpoints::GET_SEARCH, id, None).await;
    answer.json()
}

async fn set(fixture: &Fixture, settings: Value) {
    let answer = fixture.send("PATCH", "/sandbox/settings", None, Some(settings));
    assert_eq!(answer.await.status, StatusCode::OK);
}
