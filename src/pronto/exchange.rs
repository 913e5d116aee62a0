//! One request over the wire, and the form of its answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded;

use super::classify::{classify, refused_in_success};
use super::client::{ClientOptions, SetupError};
use super::limits::Pass;
use super::noted_body::NotedBody;
use super::retry::{Attempt, Cause};
use super::sharing::Question;
use super::{Credential, DriftLog, Failure};
use crate::metrics;
use crate::proto::endpoint::{Endpoint, UpstreamRequest};
use crate::proto::json::{self, Object, ReadError, Spelling};
use crate::proto::reason::name;
use crate::proto::v1::{ErrorReason, Host};
use crate::trace::{self, Kind, Step, TRACEPARENT, TRACESTATE, TraceContext};

/// The header that carries the API key.
const API_KEY: &str = "x-api-key";

/// A request, ready to be sent as often as necessary.
#[derive(Clone)]
pub struct Outgoing {
    /// Where it goes.
    pub endpoint: &'static Endpoint,
    credential: Credential,
    path: String,
    /// The body, or the parameters of a request without body.
    content: Bytes,
}

impl Outgoing {
    /// A request of a credential.
    pub fn new<R: UpstreamRequest>(credential: &Credential, request: &R) -> Self {
        let endpoint = R::ENDPOINT;
        let fields = json::write(request, Spelling::Observed);
        let content = match has_body(endpoint) {
            true => serde_json::Value::Object(fields).to_string(),
            false => query(fields),
        };
        Self {
            endpoint,
            credential: credential.clone(),
            path: request.path(),
            content: content.into(),
        }
    }

    /// What it asks, and for whom.
    pub fn question(&self) -> Question {
        Question {
            credential: self.credential.name.clone(),
            rpc: self.endpoint.rpc,
            path: self.path.clone(),
            content: self.content.clone(),
        }
    }
}

/// Sends requests.
#[derive(Debug)]
pub struct Exchange {
    http: reqwest::Client,
    options: ClientOptions,
}

impl Exchange {
    /// A way to Pronto.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(options: ClientOptions) -> Result<Self, SetupError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .connect_timeout(options.connect_timeout)
            // Below the keepalive of common servers, so that a connection is not
            // taken from the pool while the other side closes it.
            .pool_idle_timeout(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            // What is sent again is decided in `retry`, and counted.
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("pronto-grpc/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, options })
    }

    /// How long a call to the main host may take.
    pub fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// What Pronto sent that is not known.
    pub fn drift(&self) -> &DriftLog {
        &self.options.drift
    }

    /// Sends a request once and returns the body of the answer, which is a success. The
    /// deadline ends it where nothing was sent, or where it can be repeated.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn send(
        &self,
        pass: Pass,
        outgoing: &Outgoing,
        deadline: Option<Instant>,
    ) -> Result<Bytes, Attempt> {
        let here = trace::current().map_or_else(TraceContext::begin, |caller| caller.child());
        let mut step = Step::begin(Kind::Upstream, outgoing.endpoint.rpc, &here);
        let sending = self.send_in_time(pass, outgoing, deadline);
        let outcome = here.scope(tracing::Span::current(), sending).await;
        let failed = outcome.as_ref().err().map(|_| outcome_name(&outcome));
        step.tell("http.request.method", outgoing.endpoint.method);
        step.tell("url.template", outgoing.endpoint.path);
        step.end(failed);
        outcome
    }

    async fn send_in_time(
        &self,
        pass: Pass,
        outgoing: &Outgoing,
        deadline: Option<Instant>,
    ) -> Result<Bytes, Attempt> {
        let endpoint = outgoing.endpoint;
        let begun = Instant::now();
        let limit = begun + self.timeout(endpoint);
        let mut answer = pin!(self.execute(&pass, outgoing));
        let in_time = match deadline.filter(|deadline| *deadline < limit) {
            Some(deadline) => timeout_at(deadline, &mut answer).await.ok(),
            None => None,
        };
        let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let outcome = match in_time {
            Some(outcome) => outcome,
            None if is_over && (endpoint.repeatable || pass.is_void()) => Err(Attempt {
                cause: Cause::TimedOut,
                failure: overrun(endpoint),
            }),
            None => match timeout_at(limit, answer).await {
                Ok(outcome) => outcome,
                Err(_) if pass.is_void() => Err(unsent(endpoint)),
                Err(_) => Err(timed_out(endpoint)),
            },
        };
        if let Err(failed) = &outcome
            && failed.cause == Cause::Answered(429)
        {
            pass.refused(failed.failure.retry_after);
        }
        if let Ok(body) = &outcome {
            let drifts = (endpoint.drifts)(body);
            self.options.drift.note(endpoint.rpc, drifts);
        }
        let is_brought = outgoing.credential.is_brought();
        metrics::upstream_ended(endpoint, outcome_name(&outcome), is_brought);
        metrics::upstream_took(endpoint, begun.elapsed());
        outcome
    }

    fn timeout(&self, endpoint: &Endpoint) -> Duration {
        match endpoint.host {
            Host::Synchronous => self.options.synchronous_timeout,
            Host::Main | Host::Unspecified => self.options.request_timeout,
        }
    }

    fn prepare(&self, pass: &Pass, outgoing: &Outgoing) -> reqwest::RequestBuilder {
        let Outgoing {
            endpoint,
            credential,
            path,
            content,
        } = outgoing;
        let base = match endpoint.host {
            Host::Synchronous => &self.options.base_urls.synchronous,
            Host::Main | Host::Unspecified => &self.options.base_urls.main,
        };
        let mut url = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let mut body = content.clone();
        if !has_body(endpoint) {
            if !body.is_empty() {
                url.push('?');
                url.push_str(&String::from_utf8_lossy(&body));
            }
            body = Bytes::new();
        }
        // A key that is no header value is one that Pronto cannot know either.
        let key = HeaderValue::from_str(credential.key.expose_secret())
            .unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        let request = self
            .http
            .request(method(endpoint), url)
            .header(API_KEY, key);
        let request = match trace::current() {
            Some(here) if self.options.propagate_trace_context => propagate(request, here),
            _ => request,
        };
        let request = match has_body(endpoint) {
            true => request.header(CONTENT_TYPE, "application/json"),
            false => request,
        };
        request.body(reqwest::Body::wrap(NotedBody::new(body, pass.departure())))
    }

    async fn execute(&self, pass: &Pass, outgoing: &Outgoing) -> Result<Bytes, Attempt> {
        let endpoint = outgoing.endpoint;
        let key = &outgoing.credential.key;
        let answer = self.prepare(pass, outgoing).send().await;
        let answer = answer.map_err(|error| match pass.is_sent() {
            true => broken(endpoint, error),
            false => {
                log_cause(endpoint, error);
                unsent(endpoint)
            }
        })?;
        pass.answered();
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = self.body(endpoint, answer).await?;
        let answered = |failure| Attempt {
            cause: Cause::Answered(status.as_u16()),
            failure,
        };
        if !status.is_success() {
            let failure = classify(endpoint, key, status, &headers, &body);
            return Err(answered(failure));
        }
        if let Some(refused) = refused_in_success(endpoint, key, status, &body) {
            return Err(answered(refused));
        }
        let is_html = headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        // What may be paid is kept whatever it is; who reads it refuses it.
        if is_html && endpoint.sharing.is_some() {
            let what = "an HTML page instead of JSON";
            return Err(answered(malformed(endpoint, status, what)));
        }
        // Success without content is an answer without fields.
        let is_empty = body.is_empty() && (status == 204 || endpoint.method == "DELETE");
        Ok(if is_empty {
            Bytes::from_static(b"{}")
        } else {
            body
        })
    }

    async fn body(
        &self,
        endpoint: &'static Endpoint,
        mut answer: reqwest::Response,
    ) -> Result<Bytes, Attempt> {
        let status = answer.status();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| broken(endpoint, error))?
        {
            body.extend_from_slice(&chunk);
            if body.len() > self.options.max_answer_size {
                let what = format!("larger than {} bytes", self.options.max_answer_size);
                return Err(Attempt {
                    cause: Cause::Answered(status.as_u16()),
                    failure: malformed(endpoint, status, &what),
                });
            }
        }
        Ok(body.freeze())
    }
}

/// Reads the body of an answer.
///
/// # Errors
///
/// When it is not what the endpoint should answer.
pub fn read_answer<M: json::JsonMessage>(
    endpoint: &'static Endpoint,
    body: &[u8],
) -> Result<M, Failure> {
    json::read(body).map_err(|error| {
        let what = match error {
            _ if body.trim_ascii_start().starts_with(b"<") => "an HTML page instead of JSON".into(),
            ReadError::Empty => "empty".into(),
            error => error.to_string(),
        };
        malformed(endpoint, StatusCode::OK, &what)
    })
}

fn malformed(endpoint: &'static Endpoint, status: StatusCode, what: &str) -> Failure {
    let message = format!("Pronto's answer is not what it should be: {what}");
    let failure = Failure::new(ErrorReason::UpstreamMalformed, endpoint, message);
    Failure {
        http_status: Some(status.as_u16()),
        ..failure
    }
}

/// Tells the operator why a connection failed. The URL is left out: it may hold what
/// was asked.
fn log_cause(endpoint: &'static Endpoint, error: reqwest::Error) {
    let error = error.without_url();
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        cause = format!("{cause}: {error}");
        source = error.source();
    }
    tracing::warn!(operation = endpoint.rpc, %cause, "A connection to Pronto failed.");
}

/// The failure of a request of which not a byte was sent.
fn unsent(endpoint: &'static Endpoint) -> Attempt {
    let message = "Pronto could not be reached; nothing was sent";
    Attempt {
        cause: Cause::Unsent,
        failure: Failure::new(ErrorReason::UpstreamUnavailable, endpoint, message),
    }
}

/// The failure of a request that broke after some of it was sent.
fn broken(endpoint: &'static Endpoint, error: reqwest::Error) -> Attempt {
    let is_timeout = error.is_timeout();
    log_cause(endpoint, error);
    if is_timeout {
        return timed_out(endpoint);
    }
    let reason = unanswered(endpoint, ErrorReason::UpstreamUnavailable);
    Attempt {
        cause: Cause::Broken,
        failure: Failure::new(reason, endpoint, "the connection to Pronto broke"),
    }
}

/// The failure of a request that was sent, and not answered in time.
fn timed_out(endpoint: &'static Endpoint) -> Attempt {
    let reason = unanswered(endpoint, ErrorReason::UpstreamTimeout);
    Attempt {
        cause: Cause::TimedOut,
        failure: Failure::new(reason, endpoint, "Pronto did not answer in time"),
    }
}

/// The failure of a call that was given up at its caller's deadline.
pub fn overrun(endpoint: &'static Endpoint) -> Failure {
    let message = "the deadline passed before Pronto answered";
    Failure::new(ErrorReason::DeadlineExceeded, endpoint, message)
}

/// What it means that a request was sent and not answered: perhaps it was carried out.
fn unanswered(endpoint: &Endpoint, harmless: ErrorReason) -> ErrorReason {
    match endpoint.repeatable {
        true => harmless,
        false => ErrorReason::OutcomeUnknown,
    }
}

/// How requests are counted.
fn outcome_name(outcome: &Result<Bytes, Attempt>) -> &'static str {
    let Err(failed) = outcome else { return "ok" };
    name(failed.failure.reason)
}

/// Tells Pronto which trace a request belongs to.
fn propagate(request: reqwest::RequestBuilder, here: TraceContext) -> reqwest::RequestBuilder {
    let request = request.header(TRACEPARENT, here.traceparent());
    match here.state {
        Some(state) => request.header(TRACESTATE, state),
        None => request,
    }
}

fn method(endpoint: &Endpoint) -> Method {
    Method::from_bytes(endpoint.method.as_bytes()).unwrap_or(Method::POST)
}

fn has_body(endpoint: &Endpoint) -> bool {
    matches!(method(endpoint), Method::POST | Method::PUT)
}

/// The parameters of a request without body.
fn query(fields: Object) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in fields {
        match value {
            serde_json::Value::String(text) => query.append_pair(&key, &text),
            value => query.append_pair(&key, &value.to_string()),
        };
    }
    query.finish()
}

/// TLS with the certificate authorities that the binary brings along, so that it
/// runs on an empty image.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
