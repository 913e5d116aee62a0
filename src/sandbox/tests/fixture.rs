//! A running sandbox, and a receiver for its webhooks.

use std::convert::Infallible;
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
use tokio::sync::mpsc;

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
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<u64>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let sandbox = Sandbox::new(config);
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
        let response = request.send().await.expect("an answer");
        let retry_after = response.headers().get("retry-after");
        Answer {
            status: response.status(),
            retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
            text: response.text().await.expect("a body"),
        }
    }
}

/// Receives webhooks.
pub struct Receiver {
    pub url: String,
    bodies: mpsc::UnboundedReceiver<Value>,
}

impl Receiver {
    /// Answers every delivery with the status.
    pub async fn answering(status: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, bodies) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| receive(request, sender.clone(), status));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self {
            url: format!("http://{address}/hook"),
            bodies,
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
}

async fn receive(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<Value>,
    status: StatusCode,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    sender
        .send(serde_json::from_slice(&body).expect("JSON"))
        .expect("a test");
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}
