//! A Pronto that does as a test says with each connection, byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is answered.
    Answer,
    /// It is answered, and the connection closed as if it had been idle for too long.
    AnswerAndClose,
    /// It is read, and the connection closed.
    Close,
    /// It is read, and the connection reset.
    Reset,
    /// The answer breaks off.
    BreakOff,
    /// It is never answered.
    Ignore,
}

/// A running Pronto.
pub struct Wire {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    /// A connection was closed by the other side.
    pub gone: Arc<Notify>,
}

impl Wire {
    /// Request number `n` meets `act(n)`.
    pub async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let (listener, address) = crate::harness::listener().await;
        let wire = Self {
            address,
            requests: Arc::default(),
            gone: Arc::default(),
        };
        let (requests, gone) = (wire.requests.clone(), wire.gone.clone());
        tokio::spawn(accept(listener, Arc::new(act), requests, gone));
        wire
    }

    /// The requests that were read, header and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

async fn accept(
    listener: TcpListener,
    act: Arc<impl Fn(usize) -> Act + Send + Sync + 'static>,
    requests: Arc<Mutex<Vec<String>>>,
    gone: Arc<Notify>,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (act, requests, gone) = (act.clone(), requests.clone(), gone.clone());
        tokio::spawn(async move {
            while let Some(request) = read_request(&mut stream).await {
                let number = {
                    let mut requests = requests.lock();
                    requests.push(request);
                    requests.len() - 1
                };
                if !carry_out(&mut stream, act(number)).await {
                    if act(number) == Act::Reset {
                        stream.set_zero_linger().unwrap();
                    }
                    return;
                }
            }
            gone.notify_one();
        });
    }
}

/// Whether the connection stays open.
async fn carry_out(stream: &mut TcpStream, act: Act) -> bool {
    const HEAD: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n";
    let text = match act {
        Act::Answer | Act::AnswerAndClose => format!("{HEAD}{{}}"),
        Act::BreakOff => format!("{HEAD}{{"),
        Act::Close | Act::Reset | Act::Ignore => String::new(),
    };
    let _ = stream.write_all(text.as_bytes()).await;
    matches!(act, Act::Answer | Act::Ignore)
}

/// A request; none when the connection ended.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let known = String::from_utf8_lossy(&text).to_lowercase();
        if let Some((head, body)) = known.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(known);
            }
        }
        match stream.read_buf(&mut text).await {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
    }
}
