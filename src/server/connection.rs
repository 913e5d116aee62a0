//! gRPC connections, from accepting them to their end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::listeners::{Io, Listener};
use crate::rpc::peer::Peer;
use crate::tls::Acceptor;

/// Streams of one connection at once.
const MAX_STREAMS: u32 = 256;

/// A connection that says nothing is asked after this time, and closed when it
/// does not answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Wait so long after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the connections of listeners until `ending`; then no new ones are accepted, and
/// those that are open end with their last call.
pub async fn serve<S>(
    listeners: Vec<Listener>,
    tls: Option<Acceptor>,
    service: S,
    ending: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let connections = TaskTracker::new();
    let accepting = listeners.into_iter().map(|listener| {
        let (service, ending, connections) = (service.clone(), ending.clone(), connections.clone());
        let tls = tls.clone().filter(|_| matches!(listener, Listener::Tcp(_)));
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = ending.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((io, name)) => {
                        let (tls, service, ending) = (tls.clone(), service.clone(), ending.clone());
                        let connection = greet(io, name, tls, service, ending);
                        connections.spawn(connection);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "A gRPC connection could not be accepted.");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        })
    });
    for task in accepting.collect::<Vec<_>>() {
        let _ = task.await;
    }
    connections.close();
    connections.wait().await;
}

/// Shakes hands where there is TLS, and serves the connection.
async fn greet<S>(
    io: Box<dyn Io>,
    connection: Arc<str>,
    tls: Option<Acceptor>,
    service: S,
    ending: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let mut peer = Peer {
        connection,
        certificates: None,
    };
    let Some(tls) = tls else {
        return run(io, peer, service, ending).await;
    };
    let accepted = tokio::select! {
        () = ending.cancelled() => return,
        accepted = tls.accept(io) => accepted,
    };
    match accepted {
        Ok((io, certificates)) => {
            peer.certificates = certificates;
            run(Box::new(io), peer, service, ending).await;
        }
        Err(error) => {
            tracing::debug!(%error, peer = %peer.connection, "A TLS handshake failed.");
        }
    }
}

async fn run<S>(io: Box<dyn Io>, peer: Peer, service: S, ending: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let service = service.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        request
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(KEEPALIVE);
    let serving = builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = ending.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "A gRPC connection broke.");
    }
}
