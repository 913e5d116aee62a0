//! A peer that speaks HTTP/2 frame by frame, and keeps to no rule.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u32 = 7;
const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// A write that the server does not take within this time.
const BLOCKED: Duration = Duration::from_millis(500);

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// One setting.
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// The header block of a gRPC request: literals without indexing, no Huffman code.
pub fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "abuse"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in usual.iter().chain(more) {
        block.push(0);
        literal(&mut block, name.as_bytes());
        literal(&mut block, value.as_bytes());
    }
    block
}

fn literal(block: &mut Vec<u8>, bytes: &[u8]) {
    const PREFIX: usize = 127;
    if bytes.len() < PREFIX {
        block.push(bytes.len() as u8);
    } else {
        block.push(PREFIX as u8);
        let mut rest = bytes.len() - PREFIX;
        while rest >= 128 {
            block.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        block.push(rest as u8);
    }
    block.extend(bytes);
}

/// What the server said to a peer.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Streams that it reset, and those of them that it refused.
    pub resets: usize,
    pub refused: usize,
    /// Streams that it answered.
    pub answers: usize,
    /// Why it wants no more.
    pub goaway: Option<u32>,
    /// The last stream that it looked at, as it said with that.
    pub last_stream: u32,
    /// So many streams it allows.
    pub max_streams: Option<u32>,
    /// Whether it closed the connection.
    pub closed: bool,
}

impl Seen {
    /// Whether the server has given this peer up.
    pub fn is_over(&self) -> bool {
        self.closed || self.goaway.is_some_and(|code| code != 0)
    }
}

/// A connection.
pub struct Peer {
    write: OwnedWriteHalf,
    seen: Arc<Mutex<Seen>>,
    /// None for a peer that reads nothing.
    reader: Option<JoinHandle<()>>,
    _deaf: Option<OwnedReadHalf>,
}

impl Peer {
    /// Connects, with these settings.
    pub async fn connect(address: SocketAddr, settings: &[u8]) -> Option<Self> {
        let mut peer = Self::open(address, true).await?;
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
        peer.send(&hello).await.then_some(peer)
    }

    /// Connects, and never reads.
    pub async fn connect_deaf(address: SocketAddr) -> Option<Self> {
        let mut peer = Self::open(address, false).await?;
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        peer.send(&hello).await.then_some(peer)
    }

    async fn open(address: SocketAddr, reads: bool) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (read, write) = stream.into_split();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (reader, deaf) = match reads {
            true => (Some(tokio::spawn(listen(read, seen.clone()))), None),
            false => (None, Some(read)),
        };
        Some(Self {
            write,
            seen,
            reader,
            _deaf: deaf,
        })
    }

    /// Sends bytes. False once the server takes no more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = timeout(BLOCKED, self.write.write_all(bytes)).await;
        matches!(sent, Ok(Ok(()))) && !self.seen().is_over()
    }

    /// What the server said so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// Waits until the server said what is looked for, or for so long.
    pub async fn wait(&self, limit: Duration, is_it: impl Fn(&Seen) -> bool) -> Seen {
        let begin = Instant::now();
        loop {
            let seen = self.seen();
            if is_it(&seen) || begin.elapsed() > limit {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

async fn listen(mut read: OwnedReadHalf, seen: Arc<Mutex<Seen>>) {
    let mut head = [0; 9];
    while read.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if read.read_exact(&mut payload).await.is_err() {
            break;
        }
        note(&mut seen.lock(), head[3], head[4], &payload);
    }
    seen.lock().closed = true;
}

fn note(seen: &mut Seen, kind: u8, flags: u8, payload: &[u8]) {
    let number = |at: usize| {
        let bytes = payload.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map(u32::from_be_bytes)
    };
    match kind {
        HEADERS => seen.answers += 1,
        RST_STREAM => {
            seen.resets += 1;
            seen.refused += usize::from(number(0) == Some(REFUSED_STREAM));
        }
        GOAWAY => {
            seen.goaway = number(4);
            seen.last_stream = number(0).unwrap_or_default();
        }
        SETTINGS if flags == 0 => {
            for (at, setting) in payload.chunks_exact(6).enumerate() {
                if setting[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes() {
                    seen.max_streams = number(at * 6 + 2);
                }
            }
        }
        _ => {}
    }
}
