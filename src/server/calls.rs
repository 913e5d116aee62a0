//! The calls of one connection: how many are under way, and what their end waits for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;

use super::places::Place;
use crate::proto::method::Kind;
use crate::rpc::auth;

/// The calls of one connection.
pub struct Calls {
    place: Mutex<Place>,
    open: watch::Sender<Open>,
}

/// The calls under way.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Those that have no answer yet, and unary ones that have not read all of it.
    waiting: usize,
    /// Streams that have begun: they are told to end, and may be cut.
    streams: usize,
    /// Those of both kinds that keep the connection its place.
    keeping: usize,
}

impl Calls {
    /// The calls of a connection that has this place.
    pub fn new(place: Place) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(place),
            open: watch::Sender::new(Open::default()),
        })
    }

    /// A call begins; it ends with its guard. One that everybody may make does not keep the
    /// connection its place: else strangers could hold all places with it. Others end at once
    /// when it is not known who makes them.
    pub fn begin(self: &Arc<Self>, path: &str) -> Call {
        let keeps_place = !auth::is_open(path);
        self.change(|open| {
            open.waiting += 1;
            open.keeping += usize::from(keeps_place);
        });
        Call {
            calls: self.clone(),
            is_unary: Kind::of(path) == Some(Kind::Unary),
            is_stream: false,
            keeps_place,
        }
    }

    /// Counts, and tells the place when the first call begins or the last one ends.
    fn change(&self, change: impl FnOnce(&mut Open)) {
        let mut place = self.place.lock();
        self.open.send_modify(|open| {
            let was_idle = open.is_idle();
            change(open);
            match (was_idle, open.is_idle()) {
                (true, false) => place.work(),
                (false, true) => place.rest(),
                _ => {}
            }
        });
    }

    /// Waits until no call but streams that have begun was under way for so long.
    pub async fn settled(&self, quiet: Duration) {
        let mut open = self.open.subscribe();
        loop {
            if open.wait_for(|open| open.waiting == 0).await.is_err() {
                return;
            }
            let another = open.wait_for(|open| open.waiting > 0);
            if timeout(quiet, another).await.is_err() {
                return;
            }
        }
    }
}

impl Open {
    /// Whether the connection may give way.
    fn is_idle(self) -> bool {
        self.keeping == 0
    }
}

/// A call under way.
pub struct Call {
    calls: Arc<Calls>,
    is_unary: bool,
    /// Whether it is a stream that has begun.
    is_stream: bool,
    keeps_place: bool,
}

impl Call {
    /// An answer with which the call ends.
    pub fn with(mut self, answer: Response<Body>) -> Response<Answer> {
        if !self.is_unary {
            self.is_stream = true;
            self.calls.change(|open| {
                open.streams += 1;
                open.waiting -= 1;
            });
        }
        answer.map(|body| Answer { body, _call: self })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.change(|open| {
            open.keeping -= usize::from(self.keeps_place);
            match self.is_stream {
                true => open.streams -= 1,
                false => open.waiting -= 1,
            }
        });
    }
}

/// The body of an answer. When it is dropped, all of it is written or nobody reads it.
pub struct Answer {
    body: Body,
    _call: Call,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
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

    use tokio::time::Instant;

    use super::super::places::Places;
    use super::*;

    const UNARY: &str = "/pronto.v1.WorkspaceService/GetCredits";
    const STREAM: &str = "/pronto.v1.JobService/WatchJob";
    const QUIET: Duration = Duration::from_secs(3);

    fn calls() -> Arc<Calls> {
        Calls::new(Places::new(1).take().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_unary_calls_and_not_for_streams() {
        let calls = calls();
        let stream = calls.begin(STREAM).with(Response::new(Body::empty()));
        let unary = calls.begin(UNARY);
        let begun = Instant::now();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(7)).await;
            drop(unary);
        });
        calls.settled(QUIET).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
        drop(stream);
    }

    #[test]
    fn a_call_that_everybody_may_make_keeps_no_place() {
        for path in [
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            let places = Places::new(1);
            let calls = Calls::new(places.take().unwrap());
            let open = calls.begin(path).with(Response::new(Body::empty()));
            let unary = calls.begin(UNARY);
            assert!(places.take().is_none());
            drop(unary);
            assert!(places.take().is_some(), "{path}");
            drop(open);
        }
    }

    /// What it starts is under way.
    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_not_begun_is_waited_for() {
        let calls = calls();
        let stream = calls.begin(STREAM);
        let begun = Instant::now();
        let beginning = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(7)).await;
            stream.with(Response::new(Body::empty()))
        });
        calls.settled(QUIET).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
        assert!(beginning.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_begins_late_is_waited_for_too() {
        let calls = calls();
        let late = calls.clone();
        let begun = Instant::now();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let unary = late.begin(UNARY);
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(unary);
        });
        calls.settled(QUIET).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
    }
}
