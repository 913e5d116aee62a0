//! Ends calls at their deadline, whatever their handlers do. tonic's own timeout does
//! not end open streams, and ends other calls with CANCELLED.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::status;
use crate::deadline::{Alarm, Deadline, GRPC_TIMEOUT, within};
use crate::proto::validate::Violation;

/// Puts a [`Deadline`] into the extensions of each request that has one, and ends the
/// call then with DEADLINE_EXCEEDED. The handler is dropped.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer;

/// A service whose calls end at their deadlines.
#[derive(Clone, Debug)]
pub struct TimeLimited<S> {
    inner: S,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = TimeLimited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeLimited { inner }
    }
}

impl<S> Service<Request<Body>> for TimeLimited<S>
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let deadline = match Deadline::of(request.headers()) {
            Ok(Some(deadline)) => deadline,
            Ok(None) => return Box::pin(self.inner.call(request)),
            Err(error) => {
                let violation = Violation {
                    field: GRPC_TIMEOUT.to_owned(),
                    description: error.to_string(),
                };
                let refused = status::invalid(vec![violation]).into_http();
                return Box::pin(async move { Ok(refused) });
            }
        };
        request.extensions_mut().insert(deadline);
        let call = self.inner.call(request);
        Box::pin(async move {
            match within(deadline, call).await {
                Ok(answer) => {
                    Ok(answer?.map(|body| Body::new(TimeLimitedBody::new(body, deadline))))
                }
                Err(_) => Ok(status::deadline().into_http()),
            }
        })
    }
}

/// The body of an answer, as far as it comes before the deadline.
struct TimeLimitedBody {
    body: Body,
    alarm: Alarm,
    /// The alarm rang and something came nevertheless.
    is_late: bool,
    has_ended: bool,
}

impl TimeLimitedBody {
    fn new(body: Body, deadline: Deadline) -> Self {
        Self {
            body,
            alarm: Alarm::new(deadline),
            is_late: false,
            has_ended: false,
        }
    }

    /// Nothing comes behind trailers.
    fn end(&mut self) {
        self.has_ended = true;
        self.body = Body::empty();
    }

    fn cut(&mut self) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.end();
        let mut trailers = HeaderMap::new();
        let written = status::deadline().add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }
}

impl http_body::Body for TimeLimitedBody {
    type Data = Bytes;
    type Error = Status;

    /// A stream that knows its deadline ends by itself, and says more than this can. So
    /// whether the deadline has passed is asked first, and the stream is only cut when
    /// it goes on although it had. What it had written by then still goes out.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let rings = self.alarm.rings(context);
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending if rings => self.cut(),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() && self.is_late => self.cut(),
            polled => {
                self.is_late = rings;
                let frame = ready!(polled);
                if !matches!(&frame, Some(Ok(frame)) if frame.is_data()) {
                    self.end();
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::convert::Infallible;
    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::{Instant, advance};
    use tokio_stream::{Stream, StreamExt};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn data() -> Frame<Bytes> {
        Frame::data(Bytes::from_static(b"x"))
    }

    /// What comes of a stream that has a second, when it is asked for more this often:
    /// the number of its messages, and its code.
    async fn read(
        stream: impl Stream<Item = Frame<Bytes>> + Send + 'static,
        often: Duration,
    ) -> (usize, String) {
        let frames = stream.map(Ok::<_, Infallible>);
        let deadline = Deadline(Instant::now() + SECOND);
        let mut body = TimeLimitedBody::new(Body::new(StreamBody::new(frames)), deadline);
        let mut messages = 0;
        loop {
            let frame = body.frame().await.unwrap().unwrap();
            let Ok(trailers) = frame.into_trailers() else {
                messages += 1;
                advance(often).await;
                continue;
            };
            assert!(body.frame().await.is_none());
            assert!(http_body::Body::is_end_stream(&body));
            let code = trailers["grpc-status"].to_str().unwrap();
            return (messages, code.to_owned());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_falls_silent_ends_at_the_deadline() {
        let start = Instant::now();
        let stream = tokio_stream::once(data()).chain(tokio_stream::pending());
        assert_eq!(read(stream, Duration::ZERO).await, (1, "4".to_owned()));
        // The clock of tests goes by milliseconds.
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_never_falls_silent_ends_with_what_it_had_written() {
        let stream = tokio_stream::iter(std::iter::repeat_with(data));
        assert_eq!(read(stream, SECOND / 4).await, (5, "4".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_ends_by_itself_at_the_deadline_says_why() {
        let deadline = Deadline(Instant::now() + SECOND);
        let own = tokio_stream::once(()).then(move |()| async move {
            let mut alarm = Alarm::new(deadline);
            std::future::poll_fn(|context| match alarm.rings(context) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            let code = ("grpc-status".parse().unwrap(), "14".parse().unwrap());
            Frame::trailers(HeaderMap::from_iter([code]))
        });
        assert_eq!(read(own, Duration::ZERO).await, (0, "14".to_owned()));
    }
}
