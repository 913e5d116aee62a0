//! A sender of callbacks that costs little: two cores are shared with the server.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::log::PATIENCE;

/// A request, ready to be sent.
pub fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: callbacks\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection, made when it is needed and kept while the server keeps it.
pub struct Sender {
    address: SocketAddr,
    connection: Option<TcpStream>,
}

impl Sender {
    /// A sender without a connection.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends a request and gives the status of its answer.
    ///
    /// # Errors
    ///
    /// When no whole answer came; the connection is then given up.
    pub async fn post(&mut self, request: &[u8]) -> Result<u16> {
        let exchange = timeout(PATIENCE, self.exchange(request));
        exchange
            .await
            .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        let answer = read_answer(&mut stream).await?;
        if !answer.closes {
            self.connection = Some(stream);
        }
        Ok(answer.status)
    }
}

/// What a sender needs to know of an answer.
struct Answer {
    status: u16,
    closes: bool,
}

/// Reads a whole answer.
async fn read_answer(stream: &mut TcpStream) -> Result<Answer> {
    const LARGEST: usize = 4096;
    let mut bytes = [0; LARGEST];
    let mut length = 0;
    loop {
        let read = stream.read(&mut bytes[length..]).await?;
        length += read;
        let head = bytes[..length].windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(head) = head
            && let (answer, body) = parse(&bytes[..head])?
            && head + 4 + body <= length
        {
            return Ok(answer);
        }
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The answer in a head, and the length of its body.
fn parse(head: &[u8]) -> Result<(Answer, usize)> {
    let malformed = || Error::from(ErrorKind::InvalidData);
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let mut answer = Answer {
        status: status.ok_or_else(malformed)?,
        closes: false,
    };
    let mut body = 0;
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "connection" => answer.closes = value.trim().eq_ignore_ascii_case("close"),
            "content-length" => body = value.trim().parse().map_err(|_| malformed())?,
            _ => {}
        }
    }
    Ok((answer, body))
}
