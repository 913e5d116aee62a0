//! Delivery to webhooks: unsigned, without an id, tried once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header;
use reqwest::redirect;
use serde_json::Value;
use url::Url;

use super::state::State;

/// A receiver that takes longer has not received.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The client for all deliveries.
///
/// # Errors
///
/// When TLS cannot be set up.
pub fn client() -> io::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(TIMEOUT)
        .tls_backend_preconfigured(tls()?)
        .build()
        .map_err(io::Error::other)
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

/// Posts a body. A refused or failed delivery is not repeated, as with Pronto;
/// the counters tell of it.
pub async fn deliver(state: &State, url: &Url, body: &Value) {
    state.counters.count_attempt();
    if post(state, url, body).await {
        state.counters.count_accepted();
    }
}

async fn post(state: &State, url: &Url, body: &Value) -> bool {
    let Some(client) = state.client.get() else {
        return false;
    };
    let request = client
        .post(url.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string());
    match request.send().await {
        Ok(answer) => answer.status().is_success(),
        Err(error) => {
            tracing::debug!(%error, "a webhook was not delivered");
            false
        }
    }
}
