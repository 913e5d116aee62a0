//! One gRPC connection, from its greeting to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::calls::Calls;
use super::listeners::{Accepted, Io};
use super::options::ConnectionLimits;
use super::places::Place;
use super::wire::{Greeting, LINGER, Wire};
use crate::jitter::about;
use crate::rpc::peer::Peer;
use crate::tls::{Acceptor, Chain};

/// So many streams that we reset because the client broke the protocol end the
/// connection.
const MAX_OWN_RESETS: usize = 1024;

/// So many calls that the client has reset may wait to be looked at; with more it is
/// attacking.
const MAX_PENDING_RESETS: usize = 20;

/// The largest header of a call, in bytes as HTTP/2 counts them.
const MAX_HEADER: u32 = 16 << 10;

/// So much of an answer is taken over at once, in bytes, and waits for a slow client.
const MAX_SEND_BUFFER: usize = 64 << 10;

/// The most of an HTTP/1.1 request that is read at once, in bytes.
const MAX_BUFFER: usize = 64 << 10;

/// A service for the calls of all connections.
pub trait Calling:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Calling for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// When connections end.
#[derive(Clone, Default)]
pub struct Ending {
    /// Each says goodbye, and ends with its last call.
    pub leave: CancellationToken,
    /// Whatever is left is cut.
    pub cut: CancellationToken,
}

/// What all connections share.
pub struct Context<S> {
    /// What serves their calls.
    pub service: S,
    /// What they may do.
    pub limits: ConnectionLimits,
    /// Encrypts those over TCP.
    pub tls: Option<Acceptor>,
    /// Whether they may speak HTTP/1.1, too.
    pub takes_http1: bool,
    /// When they end.
    pub ending: Ending,
}

impl<S: Calling> Context<S> {
    /// Serves a connection until it ends, for whatever reason.
    pub async fn run(self: Arc<Self>, accepted: Accepted, place: Place) {
        let serving = async {
            let gives_way = place.leave();
            let secured = tokio::select! {
                biased;
                () = gives_way.cancelled() => None,
                secured = self.secured(accepted.io, accepted.is_tcp) => secured,
            };
            let Some((io, certificates)) = secured else {
                return;
            };
            let peer = Peer {
                connection: accepted.name,
                certificates,
            };
            self.serve(io, peer, place).await;
        };
        tokio::select! {
            biased;
            () = self.ending.cut.cancelled() => {}
            () = serving => {}
        }
    }

    /// The bytes inside TLS and the client's certificates, where there is TLS. Nobody who
    /// is to end waits for a handshake.
    async fn secured(&self, io: Box<dyn Io>, is_tcp: bool) -> Option<(Box<dyn Io>, Option<Chain>)> {
        let Some(acceptor) = self.tls.as_ref().filter(|_| is_tcp) else {
            return Some((io, None));
        };
        let handshake = timeout(self.limits.handshake_timeout, acceptor.accept(io));
        let accepted = tokio::select! {
            () = self.ending.leave.cancelled() => return None,
            accepted = handshake => accepted,
        };
        match accepted {
            Ok(Ok((io, certificates))) => return Some((Box::new(io), certificates)),
            Ok(Err(error)) => tracing::debug!(%error, "A TLS handshake failed."),
            Err(_) => tracing::debug!("A TLS handshake took too long."),
        }
        None
    }

    async fn serve(&self, io: Box<dyn Io>, peer: Peer, place: Place) {
        let wire = Wire::new(io, &self.limits);
        let greeting = wire.greeting();
        let gives_way = place.leave();
        let calls = Calls::new(place);
        let service = {
            let (calls, service) = (calls.clone(), self.service.clone());
            service_fn(move |request: Request<Incoming>| {
                let call = calls.begin(request.uri().path());
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer.clone());
                let answer = service.clone().oneshot(request);
                async move { answer.await.map(|answer| call.with(answer)) }
            })
        };
        let builder = self.builder();
        let mut serving = pin!(builder.serve_connection(TokioIo::new(wire), service));
        let mut outcome = tokio::select! {
            outcome = serving.as_mut() => Some(outcome),
            () = gives_way.cancelled() => None,
            () = self.ending.leave.cancelled() => None,
            () = self.old_age() => None,
        };
        if outcome.is_none() {
            serving.as_mut().graceful_shutdown();
            outcome = tokio::select! {
                biased;
                outcome = serving => Some(outcome),
                () = gives_way.cancelled() => None,
                () = self.settled(&greeting, &calls) => None,
            };
        }
        if let Some(Err(error)) = outcome {
            tracing::debug!(error, "A gRPC connection broke.");
        }
    }

    /// After the time that a connection may last, more or less: those that were opened
    /// together do not come back together.
    async fn old_age(&self) {
        match self.limits.max_age {
            Some(age) => sleep(about(age)).await,
            None => std::future::pending().await,
        }
    }

    /// When the server ends and nothing that counts is under way. Streams have been told to
    /// end; clients that do not read that, or do not close, are not waited for.
    async fn settled(&self, greeting: &Greeting, calls: &Calls) {
        self.ending.leave.cancelled().await;
        if greeting.has_come() {
            calls.settled(LINGER).await;
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.greeting_timeout)
            .max_buf_size(MAX_BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.max_streams)
            .max_local_error_reset_streams(MAX_OWN_RESETS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_header_list_size(MAX_HEADER)
            .max_send_buf_size(MAX_SEND_BUFFER)
            .keep_alive_interval(self.limits.keepalive_interval)
            .keep_alive_timeout(self.limits.keepalive_timeout);
        match self.takes_http1 {
            true => builder,
            false => builder.http2_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::time::Duration;

    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::super::places::Places;
    use super::*;
    use crate::tls::TlsFiles;

    const SECOND: Duration = Duration::from_secs(1);

    /// What connections with TLS share.
    fn context() -> Context<impl Calling> {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
            client_ca: None,
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        Context {
            service: tower::service_fn(|_| async { Ok(Response::new(Body::empty())) }),
            limits: ConnectionLimits {
                max_connections: 1,
                max_streams: 1,
                keepalive_interval: 30 * SECOND,
                keepalive_timeout: 10 * SECOND,
                max_age: None,
                greeting_timeout: 5 * SECOND,
                handshake_timeout: 10 * SECOND,
            },
            tls: Some(Acceptor::load(&files).unwrap().0),
            takes_http1: false,
            ending: Ending::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn t5_a_handshake_that_does_not_end_is_cut() {
        let context = context();
        let (_peer, io) = duplex(64);
        let begun = Instant::now();
        assert!(context.secured(Box::new(io), true).await.is_none());
        assert_eq!(begun.elapsed(), 10 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn t5_a_handshake_does_not_delay_the_end() {
        let context = context();
        let (_peer, io) = duplex(64);
        let begun = Instant::now();
        context.ending.leave.cancel();
        assert!(context.secured(Box::new(io), true).await.is_none());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn t5_a_handshake_gives_its_place_to_a_new_connection() {
        const MOST: usize = 5;
        let (context, places) = (Arc::new(context()), Places::new(MOST));
        let begun = Instant::now();
        let mut peers = Vec::new();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (peer, io) = duplex(64);
            let accepted = Accepted {
                io: Box::new(io),
                name: "silent".into(),
                is_tcp: true,
            };
            peers.push(peer);
            running.spawn(context.clone().run(accepted, places.take().unwrap()));
        }
        while running.len() > MOST {
            running.join_next().await.unwrap().unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_unix_socket_needs_no_encryption() {
        let (_peer, io) = duplex(64);
        assert!(context().secured(Box::new(io), false).await.is_some());
    }
}
