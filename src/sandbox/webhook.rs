//! Delivery to webhooks: unsigned, without an id, tried once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use reqwest::redirect;
use url::Url;

use super::state::State;
use super::trickle::{self, Course};

/// A receiver that takes longer has not received.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What sends webhooks.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Keeps connections.
    usual: reqwest::Client,
    /// Takes a new connection for each delivery.
    fresh: reqwest::Client,
}

impl Clients {
    /// The clients for all deliveries.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new() -> io::Result<Self> {
        let fresh = builder()?.pool_max_idle_per_host(0).build();
        Ok(Self {
            usual: client()?,
            fresh: fresh.map_err(io::Error::other)?,
        })
    }
}

/// A client that keeps connections.
///
/// # Errors
///
/// When TLS cannot be set up.
pub fn client() -> io::Result<reqwest::Client> {
    builder()?.build().map_err(io::Error::other)
}

fn builder() -> io::Result<reqwest::ClientBuilder> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_backend_preconfigured(tls()?))
}

/// The roots are built in: an empty image has none.
fn tls() -> io::Result<rustls::ClientConfig> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(rustls::RootCertStore::from_iter(roots))
        .with_no_client_auth();
    Ok(config)
}

/// A body on its way.
#[derive(Clone, Debug)]
pub struct Post {
    /// What is sent.
    pub body: Bytes,
    /// How it goes over the wire.
    pub course: Course,
    /// Whether something in front of the receiver refuses it.
    pub refused: bool,
    /// Whether it takes a connection of its own.
    pub fresh: bool,
}

/// Posts a body. A refused or failed delivery is not repeated, as with Pronto;
/// the counters tell of it.
pub async fn deliver(state: &State, url: &Url, post: Post) {
    state.counters.count_attempt();
    if !post.refused && send(state, url, post).await {
        state.counters.count_accepted();
    }
}

async fn send(state: &State, url: &Url, post: Post) -> bool {
    let Some(clients) = state.clients.get() else {
        return false;
    };
    let client = if post.fresh {
        &clients.fresh
    } else {
        &clients.usual
    };
    let size = post.body.len();
    let body = match post.course {
        Course::Straight => post.body.into(),
        course => reqwest::Body::wrap(trickle::body(post.body, course)),
    };
    let request = client
        .post(url.clone())
        // What a fault takes longer is not the receiver's.
        .timeout(TIMEOUT + post.course.duration())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, size)
        .body(body);
    match request.send().await {
        Ok(answer) => answer.status().is_success(),
        Err(error) => {
            // The URL holds a secret.
            let error = error.without_url();
            tracing::debug!(%error, "a webhook was not delivered");
            false
        }
    }
}
