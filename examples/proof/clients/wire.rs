//! A wire between clients and a server, for any number of connections, that counts what
//! passes and breaks when its rule says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::frames::Frames;

/// How long a client takes at most to read what it was sent.
const READING: Duration = Duration::from_millis(50);

/// When a connection breaks.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Never.
    Whole,
    /// When it has carried some bytes to the client, random ones, by turns with a FIN
    /// and a reset.
    Cut,
    /// When the answer to a call begins, at two of three connections with a call.
    NoAnswer,
    /// When the answer to a call begins, the first connection carries nothing more and
    /// stays open.
    Mute,
    /// When it has carried so many bytes to the client, the first few carry nothing more
    /// and stay open.
    Silent {
        /// How many connections fall silent.
        times: usize,
        /// After so many bytes.
        after: u64,
    },
}

/// A wire. It is gone when it is dropped, and so are its connections' ends.
pub struct Wire {
    /// Where clients connect.
    pub address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    answered: AtomicUsize,
    broken: AtomicUsize,
    bytes: AtomicU64,
}

impl Wire {
    /// A wire to a server.
    pub async fn to(server: SocketAddr, rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::<Counts>::default();
        let accepting = tokio::spawn(accept(listener, server, rule, counts.clone()));
        Self {
            address,
            counts,
            accepting,
        }
    }

    /// Connections that broke or fell silent by the rule.
    pub fn broken(&self) -> usize {
        self.counts.broken.load(Ordering::Relaxed)
    }

    /// Bytes that were carried, both ways.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, rule: Rule, counts: Arc<Counts>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = counts.connections.fetch_add(1, Ordering::Relaxed);
        // A server that is not there is a connection that breaks at once.
        let Ok(server) = TcpStream::connect(server).await else {
            continue;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let end = End::of(rule, number, counts.broken.load(Ordering::Relaxed));
        tokio::spawn(carry(client, server, end, counts.clone()));
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Natural,
    After { bytes: u64, resets: bool },
    AtAnswer { silent: bool },
    Silence { after: u64 },
}

impl End {
    fn of(rule: Rule, number: usize, broken: usize) -> Self {
        match rule {
            Rule::Cut => Self::After {
                // What is smaller than a frame (16 KiB) brings nothing while much is
                // replayed: some break there, too, but not all.
                bytes: fastrand::u64(600..48_000),
                resets: number % 2 == 1,
            },
            Rule::NoAnswer => Self::AtAnswer { silent: false },
            Rule::Mute => Self::AtAnswer { silent: true },
            Rule::Silent { times, after } if broken < times => Self::Silence { after },
            _ => Self::Natural,
        }
    }
}

async fn carry(client: TcpStream, server: TcpStream, end: End, counts: Arc<Counts>) {
    let (mut client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let upstream = calls(&mut client_reads, server_writes, &counts);
    let downstream = answers(server_reads, client_writes, end, &counts);
    let ended = tokio::select! {
        ended = downstream => Some(ended),
        () = upstream => None,
    };
    let Some((client_writes, how)) = ended else {
        return;
    };
    let whole = client_reads.reunite(client_writes);
    match (how, whole) {
        (Broken::Reset, Ok(client)) => {
            // A reset takes along what was not read: some clients have the time for it.
            sleep(READING.mul_f32(fastrand::f32())).await;
            drop(client.set_zero_linger());
        }
        // Takes what the client says until that gives it up.
        (Broken::Silent, Ok(mut client)) => drop(copy(&mut client, &mut sink()).await),
        _ => {}
    }
}

/// Carries what the client sends.
async fn calls(client: &mut OwnedReadHalf, mut server: OwnedWriteHalf, counts: &Counts) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer).await {
        counts.bytes.fetch_add(length as u64, Ordering::Relaxed);
        if server.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// How the way to the client ended.
enum Broken {
    Closed,
    Reset,
    Silent,
}

/// Carries what the server sends until the connection is to break.
async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    mut end: End,
    counts: &Counts,
) -> (OwnedWriteHalf, Broken) {
    let mut frames = Frames::default();
    let mut carried = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(length @ 1..) = server.read(&mut buffer).await else {
            return (client, Broken::Closed);
        };
        let bytes = &buffer[..length];
        let left = match end {
            End::Natural => length,
            End::AtAnswer { silent } => match frames.before_headers(bytes) {
                Some(before) if loses(silent, counts) => before,
                Some(_) => {
                    end = End::Natural;
                    length
                }
                None => length,
            },
            End::After { bytes, .. } => (bytes - carried).min(length as u64) as usize,
            End::Silence { after } => (after - carried).min(length as u64) as usize,
        };
        if client.write_all(&bytes[..left]).await.is_err() {
            return (client, Broken::Closed);
        }
        carried += left as u64;
        counts.bytes.fetch_add(left as u64, Ordering::Relaxed);
        if left < length {
            counts.broken.fetch_add(1, Ordering::Relaxed);
            let how = match end {
                End::After { resets: true, .. } => Broken::Reset,
                End::Silence { .. } | End::AtAnswer { silent: true } => Broken::Silent,
                _ => Broken::Closed,
            };
            return (client, how);
        }
    }
}

/// Whether the next answer is lost: the first one to silence, or two of three.
fn loses(silent: bool, counts: &Counts) -> bool {
    let number = counts.answered.fetch_add(1, Ordering::Relaxed);
    match silent {
        true => number == 0,
        false => number % 3 != 2,
    }
}
