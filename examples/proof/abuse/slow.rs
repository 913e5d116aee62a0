//! Peers that say nothing, or a byte now and then.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Targets;
use super::frames::PREFACE;

/// What a slow peer says at once, and what it says byte by byte.
#[derive(Clone)]
pub struct Slow {
    pub name: &'static str,
    address: SocketAddr,
    at_once: Vec<u8>,
    by_byte: Vec<u8>,
    /// It must be cut after this time.
    pub limit: Duration,
}

/// Beyond the server's own limits, for a machine that is busy.
const SLACK: Duration = Duration::from_secs(3);

/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);

/// Slow peers of each kind.
pub fn kinds(targets: &Targets) -> Vec<Slow> {
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\n", targets.job.path);
    let body = format!("{head}content-length: 1000\r\n\r\n");
    let head = head.into_bytes();
    let slow = |name, address, at_once: &[u8], by_byte: &[u8], seconds| Slow {
        name,
        address,
        at_once: at_once.to_vec(),
        by_byte: by_byte.to_vec(),
        limit: Duration::from_secs(seconds) + SLACK,
    };
    let (grpc, callbacks, admin) = (targets.grpc, targets.callbacks, targets.admin);
    vec![
        slow("grpc_silent", grpc, b"", b"", 5),
        slow("grpc_preface", grpc, b"", PREFACE, 5),
        slow("grpc_cut_preface", grpc, &PREFACE[..23], b"", 5),
        slow("callback_silent", callbacks, b"", b"", 5),
        slow("callback_head", callbacks, b"", &head, 5),
        slow("callback_body", callbacks, body.as_bytes(), &[b' '; 60], 10),
        slow("admin_silent", admin, b"", b"", 5),
        slow(
            "admin_head",
            admin,
            b"",
            b"GET /metrics HTTP/1.1\r\nhost: x\r\n",
            5,
        ),
    ]
}

impl Slow {
    /// After how long it is cut; none when it is not.
    pub async fn cut_after(self) -> Option<Duration> {
        let limit = self.limit;
        let begin = Instant::now();
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let peer = async {
            stream.write_all(&self.at_once).await.ok()?;
            let mut bytes = self.by_byte.iter();
            let mut answer = [0; 512];
            loop {
                match timeout(PAUSE, stream.read(&mut answer)).await {
                    // An answer before the end, such as 408.
                    Ok(Ok(1..)) => {}
                    Ok(_) => return Some(begin.elapsed()),
                    Err(_) => {
                        if let Some(byte) = bytes.next()
                            && stream.write_all(&[*byte]).await.is_err()
                        {
                            return Some(begin.elapsed());
                        }
                    }
                }
            }
        };
        timeout(limit, peer).await.ok().flatten()
    }
}

/// So many slow peers of each kind at once, which stay until this is dropped.
pub fn crowd(targets: &Targets, each: usize) -> JoinSet<Option<Duration>> {
    let mut peers = JoinSet::new();
    for kind in kinds(targets) {
        for _ in 0..each {
            peers.spawn(kind.clone().cut_after());
        }
    }
    peers
}
