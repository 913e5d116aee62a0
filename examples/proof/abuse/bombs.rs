//! Bodies for the callback listener that are too large, too deep, or no JSON.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::log::PATIENCE;

/// A body, and how it is sent.
pub struct Bomb {
    pub name: &'static str,
    head: String,
    body: Body,
    /// Statuses that are right.
    pub right: &'static [u16],
}

enum Body {
    Bytes(Vec<u8>),
    /// The same bytes again and again.
    Endless(Vec<u8>),
}

const STORED: &[u16] = &[204];
const TOO_LARGE: &[u16] = &[413];

/// All of them. Those that are no JSON of ours are stored as they came.
pub fn all() -> Vec<Bomb> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let keys: Vec<_> = (0..600_000).map(|n| format!("\"{n:x}\":0")).collect();
    let people = format!("[{}{{}}]", "{},".repeat(2_000_000));
    let chunk = [
        format!("{:x}\r\n", 64 << 10).as_bytes(),
        &[b' '; 64 << 10],
        b"\r\n",
    ]
    .concat();
    let sized = |name, body: Vec<u8>, right| Bomb {
        name,
        head: format!("content-length: {}\r\n", body.len()),
        body: Body::Bytes(body),
        right,
    };
    vec![
        Bomb {
            name: "gigabyte",
            head: format!("content-length: {}\r\n", 1 << 30),
            body: Body::Endless(vec![b' '; 64 << 10]),
            right: TOO_LARGE,
        },
        Bomb {
            name: "endless_chunks",
            head: "transfer-encoding: chunked\r\n".to_owned(),
            body: Body::Endless(chunk),
            right: TOO_LARGE,
        },
        Bomb {
            name: "gzip",
            head: format!(
                "content-encoding: gzip\r\ncontent-length: {}\r\n",
                gzip().len()
            ),
            body: Body::Bytes(gzip()),
            right: &[204, 415],
        },
        sized("deep", deep.into_bytes(), STORED),
        sized(
            "many_keys",
            format!("{{{}}}", keys.join(",")).into_bytes(),
            STORED,
        ),
        sized("many_people", people.into_bytes(), STORED),
        sized("nan", br#"{"first_name":NaN}"#.to_vec(), STORED),
        sized(
            "invalid_utf8",
            b"{\"first_name\":\"\xff\xfe\"}".to_vec(),
            STORED,
        ),
        sized(
            "duplicate_keys",
            format!("{{{}\"a\":1}}", "\"a\":0,".repeat(100_000)).into_bytes(),
            STORED,
        ),
    ]
}

/// Ten MiB of zeros, by gzip: stored blocks would be as large, so it is one block
/// with a fixed code that repeats a zero at distance one.
fn gzip() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(1, 1);
    bits.push(1, 2);
    bits.code(0x30, 8); // A zero.
    for _ in 0..(10 << 20) / 258 {
        bits.code(0xc5, 8); // 258 bytes more ...
        bits.code(0, 5); // ... from one byte back.
    }
    bits.code(0, 7);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(bits.bytes());
    gzip.extend([0; 8]);
    gzip
}

/// Bits, packed as DEFLATE wants them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, value: u32, bits: u32) {
        for bit in 0..bits {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (self.count % 8);
            }
            self.count += 1;
        }
    }

    /// Codes begin with their most significant bit.
    fn code(&mut self, code: u32, bits: u32) {
        (0..bits)
            .rev()
            .for_each(|bit| self.push(code >> bit & 1, 1));
    }

    fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Bomb {
    /// Throws it, and gives the status of the answer; none where the connection was cut.
    pub async fn throw(&self, address: SocketAddr, path: &str) -> Option<u16> {
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut read, mut write) = stream.into_split();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{}\r\n",
            self.head
        );
        let send = async {
            write.write_all(head.as_bytes()).await?;
            match &self.body {
                Body::Bytes(bytes) => write.write_all(bytes).await?,
                Body::Endless(bytes) => loop {
                    write.write_all(bytes).await?;
                },
            }
            std::future::pending::<std::io::Result<()>>().await
        };
        let answer = async {
            let mut answer = Vec::new();
            while answer.len() < 12 {
                if read.read_buf(&mut answer).await.ok()? == 0 {
                    return None;
                }
            }
            std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
        };
        let exchange = async {
            tokio::pin!(answer);
            tokio::select! {
                answer = &mut answer => answer,
                // The server stopped reading; it may have answered before.
                _ = send => timeout(Duration::from_secs(1), answer).await.ok().flatten(),
            }
        };
        timeout(PATIENCE, exchange).await.ok().flatten()
    }
}
