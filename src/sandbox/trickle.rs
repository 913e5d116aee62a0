//! Bodies that do not simply arrive: in pieces, or only to the middle.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Pieces of a slow body.
const PIECES: usize = 10;

/// How a body goes over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Course {
    /// At once.
    #[default]
    Straight,
    /// In pieces, over this time.
    Slow(Duration),
    /// To the middle; this much later the connection breaks.
    Broken(Duration),
}

impl Course {
    /// How long it takes.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::Straight => Duration::ZERO,
            Self::Slow(duration) | Self::Broken(duration) => duration,
        }
    }
}

/// A body.
pub type Body = BoxBody<Bytes, io::Error>;

/// A body that takes a course.
#[must_use]
pub fn body(bytes: Bytes, course: Course) -> Body {
    if course == Course::Straight {
        return Full::new(bytes).map_err(|never| match never {}).boxed();
    }
    let (pieces, received) = mpsc::channel(1);
    tokio::spawn(async move {
        // An error means that the reader is gone.
        let _ = send(bytes, course, &pieces).await;
    });
    StreamBody::new(ReceiverStream::new(received)).boxed()
}

type Pieces = mpsc::Sender<io::Result<Frame<Bytes>>>;

async fn send(
    mut bytes: Bytes,
    course: Course,
    pieces: &Pieces,
) -> Result<(), mpsc::error::SendError<io::Result<Frame<Bytes>>>> {
    match course {
        Course::Straight => pieces.send(Ok(Frame::data(bytes))).await,
        Course::Slow(duration) => {
            let size = bytes.len().div_ceil(PIECES).max(1);
            while !bytes.is_empty() {
                let piece = bytes.split_to(size.min(bytes.len()));
                pieces.send(Ok(Frame::data(piece))).await?;
                tokio::time::sleep(duration / PIECES as u32).await;
            }
            Ok(())
        }
        Course::Broken(duration) => {
            bytes.truncate(bytes.len() / 2);
            pieces.send(Ok(Frame::data(bytes))).await?;
            tokio::time::sleep(duration).await;
            let broken = io::Error::from(io::ErrorKind::ConnectionReset);
            pieces.send(Err(broken)).await
        }
    }
}
