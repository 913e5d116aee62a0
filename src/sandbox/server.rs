//! HTTP: connections, the size of bodies, and the end.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::Socket;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answers::{self, Reset};
use super::reply::{Fault, HttpResponse};
use super::{Sandbox, control};

/// Larger bodies are refused. Pronto documents no limit; this one is above what a server
/// takes with usual settings.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// A client that needs longer for its headers is not one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// After an error such as too many open files, which time may cure.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the shutdown resolves, then ends those that are
/// idle, lets the others answer, and ends the work in the background.
pub async fn serve(sandbox: Sandbox, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // Only takes the results of those that have ended.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(sandbox.clone(), stream, closing.clone()));
                }
                Err(error) => pause(&error).await,
            },
        }
    }
    // Background work first: an answer may wait for it.
    sandbox.state.stop.cancel();
    closing.cancel();
    while connections.join_next().await.is_some() {}
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "the sandbox could not accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn connection(sandbox: Sandbox, stream: TcpStream, closing: CancellationToken) {
    // A second handle: hyper keeps the first one to itself.
    let socket = match stream.as_fd().try_clone_to_owned() {
        Ok(handle) => Socket::from(handle),
        Err(error) => return pause(&error).await,
    };
    let service = service_fn(|request| {
        let (sandbox, socket) = (&sandbox, &socket);
        async move {
            let answer = handle(sandbox, request).await;
            if answer.is_err() {
                // Closing then sends a reset instead of an orderly end.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the sandbox broke");
    }
}

async fn handle(sandbox: &Sandbox, request: Request<Incoming>) -> Result<HttpResponse, Reset> {
    let (parts, body) = request.into_parts();
    let body = read(body).await;
    if parts.uri.path().starts_with(control::PREFIX) {
        return Ok(control::answer(sandbox, &parts, body).await);
    }
    let state = &sandbox.state;
    let answer = answers::answer(Arc::clone(state), parts, body);
    state.carry_out(answer).await.unwrap_or(Err(Reset))
}

async fn read(body: Incoming) -> Result<Bytes, Fault> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Fault::TooLarge),
    }
}
