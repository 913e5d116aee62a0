//! A request as it goes over the wire, and whether any of it did.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::limits::Departure;

/// The request was given up before any of it was sent, and must not be sent.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up before it was sent")]
pub struct Void;

/// A body that notes when the request is sent.
///
/// hyper asks a body whether it is empty at the moment at which it writes the header,
/// and never before: a body that was never asked belongs to a request of which not a
/// byte was sent.
#[derive(Debug)]
pub struct NotedBody {
    content: Bytes,
    departure: Departure,
}

impl NotedBody {
    /// A body of this content, which may be empty.
    #[must_use]
    pub fn new(content: Bytes, departure: Departure) -> Self {
        Self { content, departure }
    }
}

impl Body for NotedBody {
    type Data = Bytes;
    type Error = Void;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Void>>> {
        if !self.departure.now() {
            return Poll::Ready(Some(Err(Void)));
        }
        let content = std::mem::take(&mut self.content);
        Poll::Ready((!content.is_empty()).then(|| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.departure.now() && self.content.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.len() as u64)
    }
}
