//! The HTTP listener for operators: metrics, probes, what Pronto sent that is not known,
//! and what is logged.

mod log_level;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::health::{Health, Trouble};
use crate::metrics::Metrics;
use crate::pronto::DriftLog;
use crate::server::places::{Place, Places};
use crate::telemetry::LogFilter;

/// How long the header of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take. It has one request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// At most so many connections are open at once. One more gets the place of the one that
/// has waited longest without a request.
const MAX_CONNECTIONS: usize = 256;

/// The largest header, in bytes.
const MAX_HEADER: usize = 16 << 10;

/// Wait so long after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The form in which Prometheus reads metrics.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Any other text.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What can be asked for.
const PAGES: [&str; 5] = ["/metrics", "/ready", "/live", "/drift", log_level::PATH];

/// What operators can ask about.
#[derive(Clone)]
pub struct Admin {
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the server serves.
    pub health: Health,
    /// What Pronto sent that is not known.
    pub drift: DriftLog,
    /// What is logged.
    pub log: LogFilter,
}

type Answer = Response<Full<Bytes>>;

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: impl Future<Output = ()>) {
    let places = Places::new(MAX_CONNECTIONS);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = places.take() else {
            continue;
        };
        let (admin, leave) = (admin.clone(), place.leave());
        tokio::spawn(async move {
            let connection = timeout(TIMEOUT, connection(stream, peer, admin, place));
            tokio::select! {
                () = leave.cancelled() => {}
                ended = connection => if ended.is_err() {
                    tracing::debug!("An admin connection took too long.");
                }
            }
        });
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, admin: Admin, place: Place) {
    let place = Mutex::new(place);
    let service = service_fn(|request| {
        place.lock().work();
        let answer = admin.answer(peer, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = serving.await {
        tracing::debug!(%error, "An admin connection broke.");
    }
}

impl Admin {
    async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        match (request.method(), path) {
            (_, log_level::PATH) => {
                let (status, line) = log_level::answer(&self.log, peer, request).await;
                text(status, &line)
            }
            (&Method::GET | &Method::HEAD, "/metrics") => self.metrics(),
            (&Method::GET | &Method::HEAD, "/ready") => probe("ready", self.health.readiness()),
            (&Method::GET | &Method::HEAD, "/live") => probe("live", self.health.liveness()),
            (&Method::GET | &Method::HEAD, "/drift") => self.drift(),
            _ if PAGES.contains(&path) => text(StatusCode::METHOD_NOT_ALLOWED, "GET only"),
            _ => {
                let pages = PAGES.join(", ");
                text(StatusCode::NOT_FOUND, &format!("there are only {pages}"))
            }
        }
    }

    fn drift(&self) -> Answer {
        page(StatusCode::OK, TEXT, self.drift.to_string())
    }

    fn metrics(&self) -> Answer {
        page(StatusCode::OK, METRICS, self.metrics.render())
    }
}

/// What a probe is told.
fn probe(well: &str, trouble: Trouble) -> Answer {
    match trouble {
        None => text(StatusCode::OK, well),
        Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

fn text(status: StatusCode, line: &str) -> Answer {
    page(status, TEXT, format!("{line}\n"))
}

fn page(status: StatusCode, form: HeaderValue, body: String) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, form);
    answer
}
