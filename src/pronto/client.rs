//! Sends a request to Pronto and reads the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::Url;

use super::classify::{classify, refused_in_success};
use super::courtesy::Courtesy;
use super::{Caller, Credential, Failure};
use crate::proto::endpoint::{Endpoint, UnaryRequest, UpstreamRequest};
use crate::proto::json::{self, Object, ReadError, Spelling};
use crate::proto::v1::{ErrorReason, Host};

/// The header that carries the API key.
const API_KEY: &str = "x-api-key";

/// Where Pronto's two hosts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrls {
    /// The main host.
    pub main: Url,
    /// The host of synchronous enrichment.
    pub synchronous: Url,
}

/// How to call Pronto.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where.
    pub base_urls: BaseUrls,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a call to the main host may take.
    pub request_timeout: Duration,
    /// How long a call to the synchronous host may take.
    pub synchronous_timeout: Duration,
    /// The largest answer, in bytes.
    pub max_answer_size: usize,
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// Calls Pronto.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    options: ClientOptions,
    courtesy: Arc<Courtesy>,
}

impl Client {
    /// A client.
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
            .no_proxy()
            .user_agent(concat!("pronto-grpc/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            options,
            courtesy: Arc::default(),
        })
    }

    /// How long a call to the main host may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// Sends a request that Pronto answers at once.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn call<R: UnaryRequest>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<R::Answer, Failure> {
        let body = self.send(caller, request).await?;
        read_answer(R::ENDPOINT, &body)
    }

    /// Sends a caller's request and returns the body of the answer, which is a success.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn send<R: UpstreamRequest>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<Bytes, Failure> {
        // The synchronous host keeps a request for long, and has room for many.
        let is_main = R::ENDPOINT.host != Host::Synchronous;
        let _caller = is_main.then(|| self.courtesy.caller(&caller.credential.name));
        self.exchange(&caller.credential, request).await
    }

    /// Sends a request for which no caller waits: it gives way to theirs, but not for
    /// longer than `patience`.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn poll<R: UpstreamRequest>(
        &self,
        credential: &Credential,
        request: &R,
        patience: Duration,
    ) -> Result<Bytes, Failure> {
        let _poll = self.courtesy.poll(&credential.name, patience).await;
        self.exchange(credential, request).await
    }

    async fn exchange<R: UpstreamRequest>(
        &self,
        credential: &Credential,
        request: &R,
    ) -> Result<Bytes, Failure> {
        let endpoint = R::ENDPOINT;
        let fields = json::write(request, Spelling::Observed);
        let request = self.prepare(credential, endpoint, &request.path(), fields);
        let limit = match endpoint.host {
            Host::Synchronous => self.options.synchronous_timeout,
            Host::Main | Host::Unspecified => self.options.request_timeout,
        };
        match timeout(limit, self.execute(endpoint, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(no_answer(endpoint, "Pronto did not answer in time", true)),
        }
    }

    fn prepare(
        &self,
        credential: &Credential,
        endpoint: &Endpoint,
        path: &str,
        fields: Object,
    ) -> reqwest::RequestBuilder {
        let base = match endpoint.host {
            Host::Synchronous => &self.options.base_urls.synchronous,
            Host::Main | Host::Unspecified => &self.options.base_urls.main,
        };
        let url = format!("{}{path}", base.as_str().trim_end_matches('/'));
        // A key that is no header value is one that Pronto cannot know either.
        let key = HeaderValue::from_str(credential.key.expose_secret())
            .unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap_or(Method::POST);
        let has_body = method == Method::POST || method == Method::PUT;
        let request = self.http.request(method, url).header(API_KEY, key);
        match has_body {
            true => request
                .header(CONTENT_TYPE, "application/json")
                .body(serde_json::Value::Object(fields).to_string()),
            false => request.query(&query(fields)),
        }
    }

    async fn execute(
        &self,
        endpoint: &'static Endpoint,
        request: reqwest::RequestBuilder,
    ) -> Result<Bytes, Failure> {
        let answer = request
            .send()
            .await
            .map_err(|error| broken(endpoint, &error))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = self.body(endpoint, answer).await?;
        if !status.is_success() {
            return Err(classify(endpoint, status, &headers, &body));
        }
        if let Some(refused) = refused_in_success(endpoint, status, &body) {
            return Err(refused);
        }
        let is_html = headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if is_html {
            return Err(malformed(endpoint, status, "an HTML page instead of JSON"));
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
    ) -> Result<Bytes, Failure> {
        let status = answer.status();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| broken(endpoint, &error))?
        {
            body.extend_from_slice(&chunk);
            if body.len() > self.options.max_answer_size {
                let what = format!("larger than {} bytes", self.options.max_answer_size);
                return Err(malformed(endpoint, status, &what));
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

/// The failure behind a call that broke.
fn broken(endpoint: &'static Endpoint, error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        let message = "Pronto could not be reached; nothing was sent";
        return Failure::new(ErrorReason::UpstreamUnavailable, endpoint, message);
    }
    match error.is_timeout() {
        true => no_answer(endpoint, "Pronto did not answer in time", true),
        false => no_answer(endpoint, "the connection to Pronto broke", false),
    }
}

/// The failure of a request that was sent, and perhaps carried out.
fn no_answer(endpoint: &'static Endpoint, message: &str, timed_out: bool) -> Failure {
    let reason = match (endpoint.repeatable, timed_out) {
        (true, true) => ErrorReason::UpstreamTimeout,
        (true, false) => ErrorReason::UpstreamUnavailable,
        (false, _) => ErrorReason::OutcomeUnknown,
    };
    Failure::new(reason, endpoint, message)
}

/// The parameters of a request without body.
fn query(fields: Object) -> Vec<(String, String)> {
    fields
        .into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => (key, text),
            value => (key, value.to_string()),
        })
        .collect()
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
