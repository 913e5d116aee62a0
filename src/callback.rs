//! The HTTP receiver of Pronto's callbacks.
//!
//! It authenticates a callback by the secret in its URL, stores the raw body and
//! answers; nothing is decoded on this path, so nothing that Pronto sends can be
//! refused or lost by our opinion of its shape. **2xx means: the body is on disk.**

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::jobs::Jobs;

/// What the receiver puts up with.
#[derive(Clone, Copy, Debug)]
pub struct CallbackLimits {
    /// The largest body, in bytes.
    pub max_body_size: usize,
    /// How long the header of a request may take.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
}

/// Wait so long after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Answer = Response<Empty<Bytes>>;

/// Receives callbacks until `shutdown`, then lets those under way finish.
pub async fn serve(
    listener: TcpListener,
    jobs: Jobs,
    limits: CallbackLimits,
    shutdown: impl Future<Output = ()>,
) {
    tokio::pin!(shutdown);
    let connections = TaskTracker::new();
    let graceful = tokio_util::sync::CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let ended = graceful.clone().cancelled_owned();
                connections.spawn(connection(stream, jobs.clone(), limits, ended));
            }
            Err(error) => {
                tracing::warn!(%error, "A callback connection could not be accepted.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    graceful.cancel();
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    jobs: Jobs,
    limits: CallbackLimits,
    shutdown: impl Future<Output = ()>,
) {
    let service = service_fn(move |request| {
        let jobs = jobs.clone();
        async move { Ok::<_, Infallible>(answer(request, &jobs, limits).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // That timeout also counts between requests. A proxy that reuses a
        // connection just as it is closed would lose a callback, so none is reused.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection, shutdown);
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = &mut shutdown => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "A callback connection broke.");
    }
}

async fn answer(request: Request<Incoming>, jobs: &Jobs, limits: CallbackLimits) -> Answer {
    let Some((job_id, secret)) = target(request.uri().path()) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let (job_id, secret) = (job_id.to_owned(), secret.to_owned());
    match jobs.accepts(&job_id, &secret).await {
        Ok(true) => {}
        Ok(false) => return empty(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::error!(%error, "A callback could not be checked.");
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    if request.method() != Method::POST {
        let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
        answer
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    let status = match body(request, limits).await {
        Ok(body) => store(jobs, &job_id, body).await,
        Err(status) => status,
    };
    tracing::debug!(job_id, status = status.as_u16(), "A callback came.");
    empty(status)
}

/// Job and secret in `/callbacks/{job_id}/{secret}`.
#[must_use]
pub fn target(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/callbacks/")?.split_once('/')
}

async fn body(request: Request<Incoming>, limits: CallbackLimits) -> Result<Bytes, StatusCode> {
    let body = Limited::new(request.into_body(), limits.max_body_size).collect();
    match timeout(limits.body_timeout, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

async fn store(jobs: &Jobs, job_id: &str, body: Bytes) -> StatusCode {
    match jobs.receive(job_id, body).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => {
            tracing::error!(job_id, %error, "A callback could not be stored.");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = status;
    answer
}
