//! A server whose jobs run until a test ends them, and the callbacks for these.

use std::path::Path;

use pronto_grpc::proto::v1::{CancelJobRequest, ListCallbacksRequest};
use tempfile::TempDir;
use tonic::Request;

use super::fake::{Fake, json};
use super::{Setup, TestServer, http, read, search};

/// What such a search is answered.
const ACCEPTANCE: &str = r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc",
    "preview":[{"full_name":"Ada of the preview"}]}"#;

/// A server in front of a Pronto whose searches never end.
pub struct Open {
    pub server: TestServer,
    pub data: TempDir,
    fake: Fake,
}

/// A job, and where its callbacks go.
pub struct OpenJob {
    pub id: String,
    pub url: String,
}

impl Open {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server that differs.
    pub async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        Self::new(|_| async {}, change).await
    }

    /// Starts a server whose Pronto waits before it answers what is asked at a path.
    pub async fn in_front_of<F, W>(wait: F) -> Self
    where
        F: Fn(String) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::new(wait, |_| {}).await
    }

    async fn new<F, W>(wait: F, change: impl FnOnce(&mut Setup)) -> Self
    where
        F: Fn(String) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let fake = Fake::start(move |path, _| {
            let waiting = wait(path.clone());
            async move {
                waiting.await;
                match path.starts_with("/api/v2/searches/") {
                    true => json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#),
                    false => json(201, ACCEPTANCE),
                }
            }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(fake.address, data.path());
        change(&mut setup);
        let server = setup.start().await;
        Self { server, data, fake }
    }

    /// Starts a job with the configured key.
    pub async fn job(&mut self) -> OpenJob {
        self.job_of(None).await
    }

    /// Starts a job with a key.
    pub async fn job_of(&mut self, key: Option<&str>) -> OpenJob {
        let request = with_key(search(), key);
        let started = self.server.leads().start_lead_search(request).await;
        let id = started.unwrap().into_inner().job.unwrap().id;
        let url = self.callback_url().await;
        OpenJob { id, url }
    }

    /// Where the callbacks of the job go that is started next.
    pub async fn callback_url(&mut self) -> String {
        loop {
            let asked = self.fake.asked.recv().await.unwrap();
            if let Some(url) = asked.body["webhook_url"].as_str() {
                return url.to_owned();
            }
        }
    }

    /// Posts a callback for a job, and waits until it has become event `sequence`.
    pub async fn post(&self, job: &OpenJob, body: &str, sequence: i64) {
        assert_eq!(post(&job.url, body.to_owned()).await, 204);
        let first = self.server.job(&job.id).await.first_sequence;
        let mut stream = self.server.watch(&job.id, first - 1).await;
        read(&mut stream, (sequence - first + 1) as usize).await;
    }

    pub async fn cancel(&self, job: &OpenJob) {
        self.cancel_as(job, None).await;
    }

    pub async fn cancel_as(&self, job: &OpenJob, key: Option<&str>) {
        let job_id = job.id.clone();
        let request = with_key(CancelJobRequest { job_id }, key);
        self.server.jobs().cancel_job(request).await.unwrap();
    }

    /// The raw bodies of a job.
    pub async fn bodies(&self, job: &OpenJob) -> Vec<String> {
        let request = ListCallbacksRequest {
            job_id: job.id.clone(),
            ..Default::default()
        };
        let listed = self.server.jobs().list_callbacks(request).await.unwrap();
        let bodies = listed.into_inner().callbacks.into_iter();
        bodies
            .map(|callback| {
                assert_eq!(callback.erased, callback.body.is_empty());
                String::from_utf8(callback.body).unwrap()
            })
            .collect()
    }

    /// Whether Pronto was asked to start nothing more.
    pub fn was_not_asked(&mut self) -> bool {
        let asked = std::iter::from_fn(|| self.fake.asked.try_recv().ok());
        asked.into_iter().all(|asked| asked.method == "GET")
    }

    /// Whether a text stands in any file of the store.
    pub fn stores(&self, text: &str) -> bool {
        stores(self.data.path(), text)
    }
}

/// Whether a text stands in any file of a folder.
pub fn stores(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let mut windows = bytes.windows(text.len());
        windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    })
}

/// A request that brings a key, or none.
pub fn with_key<R>(request: R, key: Option<&str>) -> Request<R> {
    let mut request = Request::new(request);
    if let Some(key) = key {
        let metadata = request.metadata_mut();
        metadata.insert("x-api-key", key.parse().unwrap());
    }
    request
}

/// Posts a body, and gives the status of the answer.
pub async fn post(url: &str, body: impl Into<reqwest::Body>) -> u16 {
    let answer = http().post(url).body(body).send().await.unwrap();
    answer.status().as_u16()
}

/// A person with this name and page.
pub fn lead(name: &str) -> String {
    format!(r#"{{"first_name":"{name}","linkedin_url":"https://www.linkedin.com/in/{name}"}}"#)
}
