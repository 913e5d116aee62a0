//! Whose call it is.
//!
//! [`IdentityLayer`] tells which client calls, for every service at once; handlers ask
//! which key is used. A request that did not pass the layer has no key.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request as HttpRequest, Response as HttpResponse};
use secrecy::SecretString;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Request, Status};
use tower::{Layer, Service};

use super::call_info::{CallInfo, CallerName};
use super::peer::Peer;
use super::status;
use crate::access::{Access, Identity, UnknownClient};
use crate::deadline::Deadline;
use crate::pronto::{Caller, Credential, Keyring};

/// The metadata key with which a caller brings an API key of Pronto.
pub const API_KEY: &str = "x-api-key";

/// Services that everybody may call: probes have no token, and reflection shows only what
/// is public.
const OPEN: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

/// Whether everybody may make the calls of this path.
#[must_use]
pub fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| path.starts_with(open))
}

/// Puts an [`Identity`] into the extensions of each request, or refuses it.
#[derive(Clone, Debug)]
pub struct IdentityLayer(pub Access);

/// A service that only those call who may.
#[derive(Clone, Debug)]
pub struct Identified<S> {
    inner: S,
    access: Access,
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Identified<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Identified {
            inner,
            access: self.0.clone(),
        }
    }
}

impl<S> Service<HttpRequest<Body>> for Identified<S>
where
    S: Service<HttpRequest<Body>, Response = HttpResponse<Body>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = HttpResponse<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest<Body>) -> Self::Future {
        if is_open(request.uri().path()) {
            return Box::pin(self.inner.call(request));
        }
        let peer = request.extensions().get::<Peer>();
        let certificates = peer.and_then(|peer| peer.certificates.clone());
        let token = || token(request.headers());
        match self.access.identify(token, certificates.as_deref()) {
            Ok(identity) => {
                request.extensions_mut().insert(identity);
                Box::pin(self.inner.call(request))
            }
            Err(unknown) => {
                let refused = status::unknown_client(unknown).into_http();
                Box::pin(async move { Ok(refused) })
            }
        }
    }
}

/// The token of a call, if it has one.
fn token(headers: &HeaderMap) -> Result<Option<SecretString>, UnknownClient> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => bearer(value).map(Some).ok_or(UnknownClient::Malformed),
        (Some(_), Some(_)) => Err(UnknownClient::Malformed),
    }
}

fn bearer(value: &HeaderValue) -> Option<SecretString> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.into())
}

/// For whom a call is made.
///
/// # Errors
///
/// UNAUTHENTICATED when there is no key, PERMISSION_DENIED when it may not be brought.
pub fn caller<R>(keyring: &Keyring, request: &Request<R>) -> Result<Caller, Status> {
    let extensions = request.extensions();
    let connection = || extensions.get::<Peer>().map(|peer| peer.connection.clone());
    let client = extensions
        .get::<Identity>()
        .and_then(|identity| identity.client.clone());
    Ok(Caller {
        credential: credential(keyring, request)?,
        party: client.or_else(connection).unwrap_or_default(),
        deadline: deadline(request),
        audience: None,
    })
}

/// When the caller gives up.
pub fn deadline<R>(request: &Request<R>) -> Option<Instant> {
    let deadline = request.extensions().get::<Deadline>();
    deadline.map(|deadline| deadline.0)
}

/// The credential of a call: the key that it brings, or the configured one of its client.
///
/// # Errors
///
/// UNAUTHENTICATED when there is neither, PERMISSION_DENIED when the client may not bring
/// a key.
pub fn credential<R>(keyring: &Keyring, request: &Request<R>) -> Result<Credential, Status> {
    let Some(identity) = request.extensions().get::<Identity>() else {
        return Err(status::internal(
            "a request came past the check of who calls",
        ));
    };
    let credential = match brought(request)? {
        Some(_) if !identity.pass_through => return Err(status::key_refused(identity)),
        Some(key) => keyring.of_key(key),
        None => keyring
            .configured(&identity.credential)
            .ok_or_else(|| status::no_key(&missing(identity)))?,
    };
    if let Some(info) = request.extensions().get::<CallInfo>() {
        info.tell(CallerName {
            client: identity.client.clone(),
            credential: credential.name.clone(),
        });
    }
    Ok(credential)
}

/// The key that a call brings, if it does.
fn brought<R>(request: &Request<R>) -> Result<Option<SecretString>, Status> {
    let mut values = request.metadata().get_all(API_KEY).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(status::no_key("x-api-key must be given once")),
    };
    match value.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() => Ok(Some(key.into())),
        _ => Err(status::no_key("x-api-key is empty or not ASCII")),
    }
}

fn missing(identity: &Identity) -> String {
    let send = match identity.pass_through {
        true => ", or send `x-api-key` metadata with the call",
        false => "",
    };
    match &identity.client {
        None => format!("no API key: set the server's `api-key` option{send}"),
        Some(client) => {
            let credential = &identity.credential;
            format!(
                "no API key: the client {client} uses the credential {credential}, which is not configured{send}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    /// A request of anybody, or of a client.
    fn request(client: Option<&str>) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Identity {
            client: client.map(Into::into),
            credential: "default".into(),
            pass_through: client.is_none(),
        });
        request.extensions_mut().insert(Peer {
            connection: "a-connection".into(),
            certificates: None,
        });
        request
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values
            .iter()
            .map(|value| (AUTHORIZATION, value.parse().unwrap()));
        values.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_brings_its_deadline() {
        let keyring = Keyring::new(Some("key".into()));
        let mut request = request(None);
        assert_eq!(caller(&keyring, &request).unwrap().deadline, None);
        let deadline = Instant::now();
        request.extensions_mut().insert(Deadline(deadline));
        let caller = caller(&keyring, &request).unwrap();
        assert_eq!(caller.deadline, Some(deadline));
    }

    #[test]
    fn who_takes_turns_is_the_client_or_else_the_connection() {
        let keyring = Keyring::new(Some("key".into()));
        let of = |client| caller(&keyring, &request(client)).unwrap().party;
        assert_eq!(&*of(None), "a-connection");
        assert_eq!(&*of(Some("crm")), "crm");
    }

    #[test]
    fn a_request_that_nobody_has_checked_has_no_key() {
        let keyring = Keyring::new(Some("key".into()));
        let refused = credential(&keyring, &Request::new(())).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Internal);
    }

    #[test]
    fn a_token_is_one_bearer_value() {
        use secrecy::ExposeSecret;
        let read = |values: &[&str]| {
            let token = token(&headers(values));
            token.map(|token| token.map(|token| token.expose_secret().to_owned()))
        };
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(read(&[value]), Ok(Some("abc".to_owned())), "{value}");
        }
        assert_eq!(read(&[]), Ok(None));
        for values in [
            &["Basic abc"][..],
            &["Bearer"],
            &["Bearer "],
            &["abc"],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(read(values), Err(UnknownClient::Malformed), "{values:?}");
        }
    }

    #[test]
    fn a_call_brings_one_key() {
        let keyring = Keyring::new(Some("key".into()));
        let mut request = request(None);
        request
            .metadata_mut()
            .insert(API_KEY, "one".parse().unwrap());
        assert!(credential(&keyring, &request).is_ok());
        request
            .metadata_mut()
            .append(API_KEY, "two".parse().unwrap());
        let refused = credential(&keyring, &request).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unauthenticated);
        assert!(refused.message().contains("once"), "{refused}");
    }

    #[test]
    fn the_log_learns_who_called() {
        let keyring = Keyring::new(Some("key".into()));
        let mut request = request(Some("crm"));
        let info = CallInfo::default();
        request.extensions_mut().insert(info.clone());
        credential(&keyring, &request).unwrap();
        let caller = info.caller().unwrap();
        assert_eq!(caller.client.as_deref(), Some("crm"));
        assert_eq!(caller.credential, "default");
    }
}
