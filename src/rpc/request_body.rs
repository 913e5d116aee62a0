//! What comes of a request's body: in time, and whether its caller goes away meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use super::status;
use crate::deadline::{Alarm, Deadline};

/// How long a request may take to arrive: some megabytes over a slow line.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Whether a caller went away before its request had come.
#[derive(Clone, Debug, Default)]
pub struct Hangup(Arc<AtomicBool>);

impl Hangup {
    /// Whether it did.
    pub fn has_happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request.
pub struct RequestBody {
    body: Body,
    hangup: Hangup,
    alarm: Alarm,
}

impl RequestBody {
    /// The body of a request that has begun, and what is noted about it.
    pub fn new(body: Body) -> (Self, Hangup) {
        let hangup = Hangup::default();
        let noted = hangup.clone();
        let alarm = Alarm::new(Deadline(Instant::now() + TIMEOUT));
        (
            Self {
                body,
                hangup,
                alarm,
            },
            noted,
        )
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending if self.alarm.rings(context) => {
                Poll::Ready(Some(Err(status::deadline())))
            }
            Poll::Ready(Some(Err(_))) => {
                self.hangup.0.store(true, Ordering::Relaxed);
                polled
            }
            _ => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
