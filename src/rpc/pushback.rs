//! `grpc-retry-pushback-ms`, by which a server tells the retries built into gRPC libraries
//! when to try again. They obey it without a bound: told an hour, a call sleeps an hour, or
//! until its deadline. What nobody would wait for becomes "do not try again".
//!
//! <https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback>

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::deadline::Deadline;

/// After how many milliseconds gRPC's own retries may try again.
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// What is negative means that they may not.
const NEVER: HeaderValue = HeaderValue::from_static("-1");

/// A call without a deadline is not made to wait longer. What is over sooner is a server
/// that starts or drains, or a short turn of Pronto's.
const LONGEST_WITHOUT_DEADLINE: Duration = Duration::from_secs(30);

/// Takes back the pushback of errors that is longer than the call has time. It stands
/// inside of [`DeadlineLayer`](super::time_limit::DeadlineLayer), which knows the deadline.
#[derive(Clone, Copy, Debug)]
pub struct PushbackLayer;

/// A service whose pushback is bounded.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    inner: S,
}

impl<S> Layer<S> for PushbackLayer {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner }
    }
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let deadline = request.extensions().get().copied();
        let call = self.inner.call(request);
        Box::pin(async move {
            let mut answer = call.await?;
            bound(answer.headers_mut(), deadline);
            Ok(answer.map(|body| Body::new(BoundedBody { body, deadline })))
        })
    }
}

/// Bounds the pushback in headers or trailers, where there is one.
fn bound(headers: &mut HeaderMap, deadline: Option<Deadline>) {
    let pause = headers.get(PUSHBACK).and_then(|pause| pause.to_str().ok());
    let Some(pause) = pause.and_then(|pause| pause.parse().ok()) else {
        return;
    };
    let left = match deadline {
        Some(Deadline(at)) => at.saturating_duration_since(Instant::now()),
        None => LONGEST_WITHOUT_DEADLINE,
    };
    if Duration::from_millis(pause) > left {
        headers.insert(PUSHBACK, NEVER);
    }
}

/// The body of an answer. The error in its trailers has a bounded pushback.
struct BoundedBody {
    body: Body,
    deadline: Option<Deadline>,
}

impl http_body::Body for BoundedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let deadline = self.deadline;
        let mut polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        let frame = polled.as_mut().and_then(|frame| frame.as_mut().ok());
        if let Some(trailers) = frame.and_then(Frame::trailers_mut) {
            bound(trailers, deadline);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::convert::Infallible;

    use http_body_util::{BodyExt, StreamBody};
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::rpc::time_limit::DeadlineLayer;

    /// What a call with this `grpc-timeout` is told of a pause, in headers and in trailers.
    async fn told(pause: &'static str, timeout: Option<&str>) -> [String; 2] {
        let service = DeadlineLayer.layer(PushbackLayer.layer(service_fn(
            move |_: Request<Body>| async move {
                let pushback = (PUSHBACK.parse().unwrap(), pause.parse().unwrap());
                let error = HeaderMap::from_iter([pushback]);
                let frame = Frame::<Bytes>::trailers(error.clone());
                let frames = tokio_stream::once(Ok::<_, Infallible>(frame));
                let mut answer = Response::new(Body::new(StreamBody::new(frames)));
                *answer.headers_mut() = error;
                Ok::<_, Infallible>(answer)
            },
        )));
        let mut request = Request::new(Body::empty());
        if let Some(timeout) = timeout {
            let headers = request.headers_mut();
            headers.insert("grpc-timeout", timeout.parse().unwrap());
        }
        let answer = service.oneshot(request).await.unwrap();
        let headers = answer.headers().clone();
        let trailers = answer.into_body().collect().await.unwrap();
        [&headers, trailers.trailers().unwrap()]
            .map(|headers| headers[PUSHBACK].to_str().unwrap().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_fits_into_the_time_is_told_and_no_other() {
        for (pause, timeout, expected) in [
            ("1000", Some("2S"), "1000"),
            ("3600000", Some("2H"), "3600000"),
            ("2001", Some("2S"), "-1"),
            ("0", Some("1u"), "0"),
            // Without a deadline.
            ("30000", None, "30000"),
            ("30001", None, "-1"),
            ("18446744073709551615", None, "-1"),
        ] {
            let told = told(pause, timeout).await;
            assert_eq!(told, [expected, expected], "{pause} in {timeout:?}");
        }
    }
}
