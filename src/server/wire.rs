//! A connection's bytes, and how long each side may keep the other waiting.
//!
//! HTTP/2's keepalive begins behind the greeting, and cannot be asked through a pipe that
//! is full: both times are kept here. So is the time after our last byte.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::options::ConnectionLimits;

/// The length of HTTP/2's greeting. No request of HTTP/1.1 is shorter, apart from some
/// that nobody serves.
const GREETING: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// So long a peer may read what we wrote at last, and close. A socket that is closed with
/// something unread answers with a reset, and that destroys what is on its way to the
/// peer.
pub const LINGER: Duration = Duration::from_secs(3);

/// Whether the greeting of a connection has come.
#[derive(Clone, Default)]
pub struct Greeting(Arc<AtomicBool>);

impl Greeting {
    /// Whether it has come.
    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection's bytes.
pub struct Wire<IO> {
    io: IO,
    /// So many bytes of the greeting are missing.
    missing: usize,
    greeting: Greeting,
    /// Until when the greeting must have come.
    patience: Pin<Box<Sleep>>,
    stall_timeout: Duration,
    /// Until when the peer must take something, while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Until when the peer must have closed, once we have.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Wire<IO> {
    /// The bytes of a new connection.
    pub fn new(io: IO, limits: &ConnectionLimits) -> Self {
        Self {
            io,
            missing: GREETING,
            greeting: Greeting::default(),
            patience: Box::pin(sleep(limits.greeting_timeout)),
            stall_timeout: limits.stall_timeout(),
            stalled: None,
            closing: None,
        }
    }

    /// Whether its greeting has come.
    pub fn greeting(&self) -> Greeting {
        self.greeting.clone()
    }

    fn heard(&mut self, bytes: usize) {
        self.missing = self.missing.saturating_sub(bytes);
        if self.missing == 0 {
            self.greeting.0.store(true, Ordering::Relaxed);
        }
    }

    /// What came of a write, unless the peer has taken nothing for too long.
    fn written<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let timeout = self.stall_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// Reads what the peer still sends, and forgets it, until it closes.
    fn poll_forget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; 4096];
        loop {
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.io).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.io).poll_read(context, buffer);
        if self.missing > 0 {
            self.heard(buffer.filled().len() - before);
            if outcome.is_pending() {
                ready!(self.patience.as_mut().poll(context));
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        }
        outcome
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(context, bytes);
        self.written(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.io).poll_flush(context);
        self.written(outcome, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            let outcome = Pin::new(&mut self.io).poll_shutdown(context);
            ready!(self.written(outcome, context))?;
        }
        let closing = self.closing.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_forget(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            max_connections: 1,
            max_streams: 1,
            keepalive_interval: 30 * SECOND,
            keepalive_timeout: 10 * SECOND,
            max_age: None,
            greeting_timeout: 5 * SECOND,
            handshake_timeout: 10 * SECOND,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn t5_a_greeting_that_does_not_come_whole_ends_the_connection() {
        for sent in [0, 1, GREETING - 1] {
            let (mut peer, io) = duplex(64);
            let mut wire = Wire::new(io, &limits());
            let greeting = wire.greeting();
            let begun = Instant::now();
            peer.write_all(&[b'x'; GREETING][..sent]).await.unwrap();
            let read = wire.read_to_end(&mut Vec::new()).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(begun.elapsed(), 5 * SECOND, "{sent} bytes");
            assert!(!greeting.has_come());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn t5_bytes_that_drip_do_not_prolong_the_greeting() {
        let (mut peer, io) = duplex(64);
        let mut wire = Wire::new(io, &limits());
        tokio::spawn(async move {
            loop {
                peer.write_all(b"x").await.unwrap();
                tokio::time::sleep(SECOND).await;
            }
        });
        let begun = Instant::now();
        wire.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(begun.elapsed(), 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn behind_the_greeting_a_peer_may_be_silent() {
        let (mut peer, io) = duplex(64);
        let mut wire = Wire::new(io, &limits());
        peer.write_all(&[b'x'; GREETING]).await.unwrap();
        wire.read_exact(&mut [0; GREETING]).await.unwrap();
        assert!(wire.greeting().has_come());
        tokio::spawn(async move {
            tokio::time::sleep(3600 * SECOND).await;
            peer.write_all(b"y").await.unwrap();
        });
        assert_eq!(wire.read_u8().await.unwrap(), b'y');
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_gone() {
        let (_peer, io) = duplex(64);
        let mut wire = Wire::new(io, &limits());
        let begun = Instant::now();
        let written = wire.write_all(&[0; 65]).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), 40 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_peer_still_sends_is_read_until_it_closes() {
        let (mut peer, io) = duplex(64);
        let mut wire = Wire::new(io, &limits());
        let begun = Instant::now();
        let sending = tokio::spawn(async move {
            peer.write_all(&[0; 1000]).await.unwrap();
            tokio::time::sleep(SECOND).await;
        });
        wire.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), SECOND);
        sending.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_closes_is_left() {
        let (_peer, io) = duplex(64);
        let mut wire = Wire::new(io, &limits());
        let begun = Instant::now();
        wire.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), LINGER);
    }
}
