//! Which requests are calls. A web page of any origin can make a browser send a request,
//! but not one of gRPC's media types, unless CORS allows it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response, StatusCode};
use tonic::body::Body;
use tower::{Layer, Service};

/// With what gRPC's media types begin, those of gRPC-Web too.
const GRPC: &str = "application/grpc";

/// Refuses requests that are no calls.
#[derive(Clone)]
pub struct MediaLayer;

impl<S> Layer<S> for MediaLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls(inner)
    }
}

/// A service that gets calls only.
#[derive(Clone)]
pub struct Calls<S>(S);

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(request.headers()) {
            return Either::Left(self.0.call(request));
        }
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Either::Right(ready(Ok(refused)))
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let begins = media.and_then(|media| media.get(..GRPC.len()));
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(GRPC.as_bytes()))
}
