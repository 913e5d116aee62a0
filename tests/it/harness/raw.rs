//! An HTTP client that does only what a test says, byte for byte.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection to a listener.
pub struct Raw {
    stream: TcpStream,
    /// What came and is not taken yet.
    came: Vec<u8>,
}

/// The head of an answer, in lower case.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    text: String,
}

impl Head {
    /// Whether the answer has this header line.
    pub fn has(&self, line: &str) -> bool {
        self.text.lines().any(|known| known == line)
    }

    /// All of it but one header.
    pub fn without(&self, header: &str) -> Vec<String> {
        let lines = self.text.lines().map(str::to_owned);
        lines.filter(|line| !line.starts_with(header)).collect()
    }
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await;
        Self {
            stream: stream.unwrap().unwrap(),
            came: Vec::new(),
        }
    }

    /// Connects and sends without letting anything else run meanwhile.
    pub fn send_at_once(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(bytes.as_ref()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self {
            stream: TcpStream::from_std(stream).unwrap(),
            came: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.stream.write_all(bytes.as_ref());
        timeout(PATIENCE, sent).await.unwrap().unwrap();
    }

    /// Sends, unless the other side has given up.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = self.stream.write_all(bytes.as_ref());
        timeout(PATIENCE, sent).await.unwrap().is_ok()
    }

    /// Sends no more, but still reads.
    pub async fn end_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next answer; none of them has a body.
    pub async fn answer(&mut self) -> Head {
        loop {
            if let Some(end) = self.came.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.came.drain(..end + 4).collect();
                let text = String::from_utf8(head).unwrap().to_lowercase();
                let status = text.split(' ').nth(1).unwrap().parse().unwrap();
                return Head { status, text };
            }
            let mut buffer = [0; 1024];
            let count = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            let count = count.expect("an answer in time").unwrap();
            assert_ne!(count, 0, "closed without an answer");
            self.came.extend_from_slice(&buffer[..count]);
        }
    }

    /// Whether nothing is said for so long.
    pub async fn is_quiet_for(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 1];
        timeout(time, self.stream.peek(&mut buffer)).await.is_err()
    }

    /// Waits until the connection is closed, without another answer.
    pub async fn closed(&mut self) {
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut self.came));
        // A reset closes too.
        let _ = read.await.expect("closed in time");
        assert!(self.came.is_empty(), "an answer: {:?}", self.came);
    }
}
