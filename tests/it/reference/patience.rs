//! Stands in front of the sandbox and decides what is a matter of chance there: whether a
//! poll or a callback brings a result first. It is always the callback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pronto_grpc::proto::endpoint::UpstreamRequest;
use pronto_grpc::proto::v1::GetContactEnrichmentRequest;
use pronto_grpc::sandbox::Sandbox;

use crate::harness::fake::json;
use crate::harness::listener;

/// What stands there.
#[derive(Clone)]
pub struct Patience {
    sandbox: Sandbox,
    address: SocketAddr,
    client: Client<HttpConnector, Incoming>,
    /// Whether a job is under way.
    pub is_busy: Arc<AtomicBool>,
}

impl Patience {
    /// In front of the sandbox at an address. The second one is its own.
    pub async fn start(sandbox: Sandbox, address: SocketAddr) -> (Self, SocketAddr) {
        let (listener, own) = listener().await;
        let patience = Self {
            sandbox,
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            is_busy: Arc::default(),
        };
        let serving = patience.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let patience = serving.clone();
                let pass = service_fn(move |request| patience.clone().pass(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), pass));
            }
        });
        (patience, own)
    }

    /// Passes a request on. A search is finished when its last callback has been taken; an
    /// enrichment, which its only callback ends, is not known before.
    async fn pass(self, mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
        if request.method() == Method::GET && self.is_busy.load(Ordering::SeqCst) {
            if is_of_contact(request.uri().path()) {
                return Ok(json(404, "{}"));
            }
            self.sandbox.idle().await;
        }
        let path = request.uri().path_and_query().unwrap();
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

fn is_of_contact(path: &str) -> bool {
    let known = GetContactEnrichmentRequest::ENDPOINT.path;
    let start = known.split('{').next().unwrap();
    path.contains(start)
}
