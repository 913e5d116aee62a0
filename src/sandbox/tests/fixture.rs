//! A running sandbox, and a receiver for its webhooks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::proto::endpoint::Endpoint;
use crate::proto::v1::Host;
use crate::sandbox::{MAIN_BASE_PATH, SYNCHRONOUS_BASE_PATH, Sandbox, SandboxConfig};

/// A sandbox that serves.
pub struct Fixture {
    pub sandbox: Sandbox,
    address: String,
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<u64>,
    pub retry_after_text: Option<String>,
    pub content_type: String,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    pub fn id(&self) -> String {
        let body = self.json();
        let id = body.get("id").or_else(|| body.get("enrichment_id"));
        id.and_then(Value::as_str).expect("an id").to_owned()
    }
}

/// A small world without waiting or limits.
pub fn quick() -> SandboxConfig {
    SandboxConfig {
        companies: 200,
        people: 2_000,
        pace: Duration::ZERO,
        sync_latency: Duration::ZERO,
        rate_limits: false,
        ..Default::default()
    }
}

impl Fixture {
    pub async fn start(config: SandboxConfig) -> Self {
        Self::serve(Sandbox::new(config)).await
    }

    /// Goes on with what a file tells.
    pub async fn open(config: SandboxConfig, file: &Path) -> Self {
        let sandbox = Sandbox::open(config, file).expect("a file of a sandbox");
        let fixture = Self::serve(sandbox).await;
        // Answered once the sandbox serves, which the work needs.
        fixture.send("GET", "/sandbox/counters", None, None).await;
        fixture.sandbox.resume();
        fixture
    }

    async fn serve(sandbox: Sandbox) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
        let client = crate::sandbox::webhook::client().expect("a client");
        Self {
            sandbox,
            address,
            client,
        }
    }

    /// Calls an endpoint; `id` stands for the parameter in its path.
    pub async fn call(&self, endpoint: &Endpoint, id: &str, body: Option<Value>) -> Answer {
        let base = match endpoint.host {
            Host::Synchronous => SYNCHRONOUS_BASE_PATH,
            _ => MAIN_BASE_PATH,
        };
        let path = format!("{base}{}", endpoint.path.replace("{id}", id));
        self.send(endpoint.method, &path, Some("sandbox-key"), body)
            .await
    }

    /// Posts to an endpoint.
    pub async fn post(&self, endpoint: &Endpoint, body: Value) -> Answer {
        self.call(endpoint, "", Some(body)).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        self.try_send(method, path, key, body)
            .await
            .expect("an answer")
    }

    /// Posts to an endpoint that may break the connection.
    pub async fn try_post(&self, endpoint: &Endpoint, body: Value) -> reqwest::Result<Answer> {
        let path = format!("{MAIN_BASE_PATH}{}", endpoint.path);
        self.try_send("POST", &path, Some("sandbox-key"), Some(body))
            .await
    }

    async fn try_send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        if let Some(key) = key {
            request = request.header("X-API-KEY", key);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let retry_after = header("retry-after");
        Ok(Answer {
            status: response.status(),
            retry_after: retry_after.as_ref().and_then(|value| value.parse().ok()),
            retry_after_text: retry_after,
            content_type: header("content-type").unwrap_or_default(),
            text: response.text().await?,
        })
    }
}

/// Whether a connection was reset.
pub fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Receives webhooks.
pub struct Receiver {
    pub url: String,
    bodies: mpsc::UnboundedReceiver<Value>,
    raw: mpsc::UnboundedReceiver<Bytes>,
    broken: mpsc::UnboundedReceiver<()>,
    connections: Arc<AtomicUsize>,
    answers: Arc<Semaphore>,
}

/// Where a receiver puts what it gets.
#[derive(Clone)]
struct Senders {
    bodies: mpsc::UnboundedSender<Value>,
    raw: mpsc::UnboundedSender<Bytes>,
    broken: mpsc::UnboundedSender<()>,
    answers: Arc<Semaphore>,
}

impl Receiver {
    /// Answers every delivery with the status.
    pub async fn answering(status: StatusCode) -> Self {
        Self::with(status, Semaphore::MAX_PERMITS).await
    }

    /// Answers so many deliveries; those after them get no answer.
    pub async fn answering_first(count: usize) -> Self {
        Self::with(StatusCode::OK, count).await
    }

    /// Answers every delivery that comes from now on.
    pub fn answer_all(&self) {
        self.answers.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    async fn with(status: StatusCode, answers: usize) -> Self {
        let answers = Arc::new(Semaphore::new(answers));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (body_sender, bodies) = mpsc::unbounded_channel();
        let (raw_sender, raw) = mpsc::unbounded_channel();
        let (broken_sender, broken) = mpsc::unbounded_channel();
        let senders = Senders {
            bodies: body_sender,
            raw: raw_sender,
            broken: broken_sender,
            answers: Arc::clone(&answers),
        };
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let senders = senders.clone();
                let service = service_fn(move |request| receive(request, senders.clone(), status));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self {
            url: format!("http://{address}/hook"),
            bodies,
            raw,
            broken,
            connections,
            answers,
        }
    }

    pub async fn start() -> Self {
        Self::answering(StatusCode::OK).await
    }

    /// The next delivery.
    pub async fn next(&mut self) -> Value {
        self.bodies.recv().await.expect("a delivery")
    }

    /// What has arrived and was not taken yet.
    pub fn arrived(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.bodies.try_recv().ok()).collect()
    }

    /// What has arrived and is no JSON.
    pub fn raw(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.raw.try_recv().ok()).collect()
    }

    /// Waits for a delivery that breaks off.
    pub async fn next_broken(&mut self) {
        self.broken.recv().await.expect("a delivery");
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn receive(
    request: Request<Incoming>,
    senders: Senders,
    status: StatusCode,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            senders.broken.send(()).expect("a test");
            return Err(error);
        }
    };
    match serde_json::from_slice(&body) {
        Ok(json) => senders.bodies.send(json).expect("a test"),
        Err(_) => senders.raw.send(body).expect("a test"),
    }
    senders.answers.acquire().await.expect("a test").forget();
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}
