//! The HTTP listener for operators: metrics, and what is logged.

mod log_level;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::metrics::Metrics;
use crate::telemetry::LogFilter;

/// How long the header of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Wait so long after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The form in which Prometheus reads metrics.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What operators see and change.
#[derive(Clone)]
pub struct Admin {
    /// What is counted.
    pub metrics: Metrics,
    /// What is logged.
    pub log: LogFilter,
}

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let admin = admin.clone();
        let service = service_fn(move |request| {
            let admin = admin.clone();
            async move { Ok::<_, Infallible>(answer(request, peer, &admin).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "An admin connection broke.");
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    admin: &Admin,
) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (_, log_level::PATH) => {
            let (status, line) = log_level::answer(&admin.log, peer, request).await;
            (status, line + "\n")
        }
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, admin.metrics.render()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
        _ => {
            let pages = "there are only /metrics and /log-level\n";
            (StatusCode::NOT_FOUND, pages.to_owned())
        }
    };
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let form = http::HeaderValue::from_static(TEXT_FORMAT);
    answer.headers_mut().insert(header::CONTENT_TYPE, form);
    answer
}
