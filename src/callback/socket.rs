//! The socket of a connection, as hyper uses it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::watch::SharedWatch;

/// A socket that tells the watch what comes.
pub struct Socket {
    stream: TokioIo<TcpStream>,
    watch: SharedWatch,
    is_closing: bool,
}

impl Socket {
    /// A watched socket.
    pub fn new(stream: TcpStream, watch: SharedWatch) -> Self {
        Self {
            stream: TokioIo::new(stream),
            watch,
            is_closing: false,
        }
    }

    /// Whether the kernel has something to read, also when tokio does not know yet.
    fn has_unread(&self) -> bool {
        let socket = SockRef::from(self.stream.inner());
        matches!(socket.peek(&mut [MaybeUninit::uninit()]), Ok(1..))
    }

    /// Reads what the peer still sends, and forgets it.
    fn poll_forget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        loop {
            let mut read = ReadBuf::uninit(&mut buffer);
            let stream = Pin::new(self.stream.inner_mut());
            match ready!(stream.poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let mut watch = self.watch.lock();
        if outcome.is_ready() {
            watch.hear();
        } else if watch.wants_look() && self.has_unread() {
            watch.found_unread();
        }
        drop(watch);
        outcome
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Closes our side, then waits until the peer has closed its own: with something
    /// unread, the kernel would answer it with a reset, and a reset destroys the
    /// answer that is on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_closing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.is_closing = true;
            self.watch.lock().begin_closing();
        }
        self.poll_forget(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use parking_lot::Mutex;

    use super::super::TEST_LIMITS;
    use super::super::places::Places;
    use super::super::watch::Watch;
    use super::*;

    #[tokio::test]
    async fn it_sees_what_the_kernel_has() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let watch = Watch::new(Places::new(1).take().await, TEST_LIMITS);
        let stream = TcpStream::from_std(stream).unwrap();
        let socket = Socket::new(stream, std::sync::Arc::new(Mutex::new(watch)));
        assert!(!socket.has_unread());
        peer.write_all(b"x").unwrap();
        assert!(socket.has_unread());
    }
}
