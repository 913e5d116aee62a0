//! Gives errors that tonic makes by itself, before a handler is called or while it
//! writes an answer, a reason as those of handlers have.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::request_body::{Hangup, RequestBody};
use super::status;

/// The paths of reflection.
const REFLECTION: &str = "/grpc.reflection.";

/// Explains the errors of all calls.
#[derive(Clone, Copy, Debug)]
pub struct ExplainLayer;

/// A service whose errors are explained.
#[derive(Clone, Debug)]
pub struct Explained<S> {
    inner: S,
}

impl<S> Layer<S> for ExplainLayer {
    type Service = Explained<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Explained { inner }
    }
}

impl<S> Service<Request<Body>> for Explained<S>
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
        // Clients may ask one thing after the other there.
        if request.uri().path().starts_with(REFLECTION) {
            let call = self.inner.call(request);
            return Box::pin(async move { Ok(explain(call.await?, &Hangup::default())) });
        }
        let (head, body) = request.into_parts();
        let (body, hangup) = RequestBody::new(body);
        let call = self.inner.call(Request::from_parts(head, Body::new(body)));
        Box::pin(async move { Ok(explain(call.await?, &hangup)) })
    }
}

/// An answer whose error has a reason.
fn explain(answer: Response<Body>, hangup: &Hangup) -> Response<Body> {
    match explained(answer.headers(), hangup) {
        Some(explained) => explained.into_http(),
        None => answer.map(|body| Body::new(ExplainedBody(body))),
    }
}

/// The error in these headers with its reason. None for one that has details or is none of
/// ours to explain, and where there is no error.
fn explained(headers: &HeaderMap, hangup: &Hangup) -> Option<Status> {
    let bare = Status::from_header_map(headers)?;
    if bare.code() == Code::Internal && hangup.has_happened() {
        // tonic misses the message; nobody reads what it says.
        return Some(Status::cancelled("the caller went away"));
    }
    match bare.details().is_empty() {
        true => status::unread(&bare),
        false => None,
    }
}

/// The body of an answer. The error in its trailers has a reason.
struct ExplainedBody(Body);

impl http_body::Body for ExplainedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = ready!(Pin::new(&mut self.0).poll_frame(context));
        let trailers = polled.as_ref().and_then(|frame| frame.as_ref().ok());
        let trailers = trailers.and_then(Frame::trailers_ref);
        let explained = trailers.and_then(|trailers| explained(trailers, &Hangup::default()));
        let Some(explained) = explained else {
            return Poll::Ready(polled);
        };
        let mut trailers = HeaderMap::new();
        let written = explained.add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::{Instant, advance};
    use tonic::service::Routes;
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    use super::*;
    use crate::proto::v1::workspace_service_server::{WorkspaceService, WorkspaceServiceServer};
    use crate::proto::v1::{
        GetAccountRequest, GetAccountResponse, GetCreditsRequest, GetCreditsResponse,
    };

    /// A service that nobody reaches.
    struct Unreachable;

    #[tonic::async_trait]
    impl WorkspaceService for Unreachable {
        async fn get_account(
            &self,
            _: tonic::Request<GetAccountRequest>,
        ) -> Result<tonic::Response<GetAccountResponse>, Status> {
            Err(Status::unknown("reached"))
        }

        async fn get_credits(
            &self,
            _: tonic::Request<GetCreditsRequest>,
        ) -> Result<tonic::Response<GetCreditsResponse>, Status> {
            Err(Status::unknown("reached"))
        }
    }

    /// What becomes of a call whose body is this.
    async fn called(body: Body) -> Status {
        let routes = Routes::new(WorkspaceServiceServer::new(Unreachable)).prepare();
        let request = Request::post("/pronto.v1.WorkspaceService/GetCredits")
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        let answer = ExplainLayer.layer(routes).oneshot(request).await.unwrap();
        Status::from_header_map(answer.headers()).unwrap()
    }

    #[tokio::test]
    async fn t13_a_caller_that_goes_away_before_its_message_has_cancelled() {
        let reset = Status::cancelled("RST_STREAM");
        let frames = tokio_stream::once(Err::<Frame<Bytes>, _>(reset));
        let status = called(Body::new(StreamBody::new(frames))).await;
        assert_eq!(status.code(), Code::Cancelled);
    }

    #[tokio::test]
    async fn a_caller_that_sends_no_message_has_made_a_mistake() {
        let status = called(Body::empty()).await;
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "MALFORMED_MESSAGE");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_come_is_given_up() {
        let begun = Instant::now();
        let silence = tokio_stream::pending::<Result<Frame<Bytes>, Status>>();
        let status = called(Body::new(StreamBody::new(silence))).await;
        assert_eq!(begun.elapsed().as_secs(), 30);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "DEADLINE_EXCEEDED");
        advance(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn an_error_in_trailers_has_a_reason_too() {
        let mut trailers = HeaderMap::new();
        Status::out_of_range("too large")
            .add_header(&mut trailers)
            .unwrap();
        let frames = tokio_stream::once(Ok::<_, Status>(Frame::trailers(trailers)));
        let answer = Response::new(Body::new(StreamBody::new(frames)));
        let body = explain(answer, &Hangup::default()).into_body();
        let collected = body.collect().await.unwrap();
        let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "MESSAGE_TOO_LARGE");
    }
}
