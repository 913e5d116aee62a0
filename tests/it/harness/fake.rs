//! A Pronto that answers as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use super::record;

/// What the fake was asked.
#[derive(Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub key: Option<String>,
    pub traceparent: Option<String>,
    pub body: serde_json::Value,
}

/// A running fake.
pub struct Fake {
    pub address: SocketAddr,
    pub asked: mpsc::UnboundedReceiver<Asked>,
}

impl Fake {
    /// Starts a fake that answers every request with `answer`.
    pub async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(String, serde_json::Value) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let (listener, address) = super::listener().await;
        let (sender, asked) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, sender) = (answer.clone(), sender.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (answer, sender) = (answer.clone(), sender.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body
                            .collect()
                            .await
                            .map(|b| b.to_bytes())
                            .unwrap_or_default();
                        let body: serde_json::Value =
                            serde_json::from_slice(&body).unwrap_or_default();
                        if let Some(url) = body["webhook_url"].as_str() {
                            record::callback_url(url);
                        }
                        let path = head.uri.path_and_query().unwrap().to_string();
                        let key = head.headers.get("x-api-key");
                        let trace = head.headers.get("traceparent");
                        let _ = sender.send(Asked {
                            method: head.method.to_string(),
                            path: path.clone(),
                            key: key.map(|key| key.to_str().unwrap().to_owned()),
                            traceparent: trace.map(|trace| trace.to_str().unwrap().to_owned()),
                            body: serde_json::Value::clone(&body),
                        });
                        Ok::<_, Infallible>(answer(path, body).await)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked }
    }

    /// A fake that gives every request the same answer.
    pub async fn always(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::start(move |_, _| {
            let body = body.clone();
            async move { json(status, body) }
        })
        .await
    }
}

/// A JSON answer.
pub fn json(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    answer.body(Full::new(body.into())).unwrap()
}
