//! The HTTP receiver of Pronto's callbacks.
//!
//! It authenticates a callback by the secret in its URL, stores the raw body and
//! answers; nothing is decoded on this path, so nothing that Pronto sends can be
//! refused or lost by our opinion of its shape. **2xx means: the body is on disk.**
//!
//! * [`request`]: from a request to its answer.
//! * [`body`]: a body in memory, within a budget that it shares with others.
//! * [`connection`]: one connection, from its first request to its last.
//! * [`socket`]: the connection's socket, as hyper uses it.
//! * [`watch`]: how long a connection may keep us waiting.
//! * [`places`]: how many connections are open, and which one goes first.

mod body;
mod connection;
mod places;
mod request;
mod socket;
mod watch;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{unconstrained, yield_now};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::jobs::Jobs;
use body::Budget;
use places::Places;

pub use request::target;

/// What the receiver puts up with.
#[derive(Clone, Copy, Debug)]
pub struct CallbackLimits {
    /// The largest body, in bytes.
    pub max_body_size: usize,
    /// How long the header of a request may take: of the first one from the
    /// connection on, of a later one from its first byte on.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a connection is kept between two requests. Longer than the 60 s of
    /// common proxies, so that they close it, and never send a callback on a
    /// connection that is being closed.
    pub idle_timeout: Duration,
    /// At most so many connections are open at once. When one more comes, that goes
    /// which has waited longest without a complete header.
    pub max_connections: usize,
    /// At most so many bytes of bodies are in memory at once, but always enough for
    /// one body of `max_body_size`. A body that does not fit waits. Bodies for unknown
    /// jobs have room of their own, for one body of `max_body_size`.
    pub max_buffered: usize,
}

/// So many connections wait in the kernel until they are accepted: as many as Linux
/// allows without a change of its configuration.
const BACKLOG: u32 = 4096;

/// So many connections are accepted in a row: in a burst the kernel's queue must be
/// emptied before the thousands of tasks that it made have had their turns.
const IN_A_ROW: usize = 1024;

/// The shortest and the longest pause after connections could not be accepted.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// After so long without an error of accept, the next one is logged again.
const QUIET: Duration = Duration::from_secs(10);

#[cfg(test)]
const TEST_LIMITS: CallbackLimits = CallbackLimits {
    max_body_size: 4096,
    header_timeout: Duration::from_secs(5),
    body_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(75),
    max_connections: 1,
    max_buffered: 4096,
};

/// What all connections share.
struct Receiver {
    jobs: Jobs,
    limits: CallbackLimits,
    budget: Budget,
    /// For the bodies of strangers, so that these take nothing from callbacks.
    strangers: Budget,
    places: Places,
}

/// Listens for callbacks, with a queue for bursts of new connections.
///
/// # Errors
///
/// When the address is taken or not ours.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As `TcpListener::bind` does: a restart must not wait for old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Receives callbacks until `shutdown`, then lets those under way finish.
pub async fn serve(
    listener: TcpListener,
    jobs: Jobs,
    limits: CallbackLimits,
    shutdown: impl Future<Output = ()>,
) {
    let receiver = Arc::new(Receiver {
        jobs,
        limits,
        budget: Budget::new(limits.max_buffered.max(limits.max_body_size)),
        strangers: Budget::new(limits.max_body_size),
        places: Places::new(limits.max_connections),
    });
    let connections = TaskTracker::new();
    let ending = CancellationToken::new();
    let end = async {
        shutdown.await;
        receiver.places.end();
        ending.cancel();
    };
    tokio::join!(end, accept(listener, &receiver, &connections, &ending));
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: TcpListener,
    receiver: &Arc<Receiver>,
    connections: &TaskTracker,
    ending: &CancellationToken,
) {
    let mut trouble = Trouble::default();
    let mut in_a_row = 0;
    while let Some(accepted) = next(&listener, ending).await {
        in_a_row += 1;
        if in_a_row % IN_A_ROW == 0 {
            yield_now().await;
        }
        match accepted {
            Ok((stream, _)) => {
                trouble.is_over();
                let place = receiver.places.take().await;
                connections.spawn(connection::run(stream, place, receiver.clone()));
            }
            // Its peer has gone; the next one is none the worse for it.
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                if trouble.is_new() {
                    tracing::error!(%error, "Callback connections cannot be accepted.");
                }
                tokio::select! {
                    () = ending.cancelled() => {}
                    () = sleep(trouble.pause()) => {}
                }
            }
        }
    }
}

/// The next connection. At the end, those that have come still count: they may
/// bring callbacks, and nobody delivers these twice.
async fn next(
    listener: &TcpListener,
    ending: &CancellationToken,
) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    if !ending.is_cancelled() {
        tokio::select! {
            accepted = unconstrained(listener.accept()) => return Some(accepted),
            () = ending.cancelled() => {}
        }
    }
    tokio::select! {
        biased;
        accepted = unconstrained(listener.accept()) => accepted.is_ok().then_some(accepted),
        () = std::future::ready(()) => None,
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Why connections cannot be accepted, such as too many open files.
#[derive(Default)]
struct Trouble {
    pause: Option<Duration>,
    last: Option<Instant>,
}

impl Trouble {
    /// How long to wait before the next try.
    fn pause(&mut self) -> Duration {
        let (shortest, longest) = ACCEPT_PAUSE;
        let pause = self.pause.map_or(shortest, |last| (last * 2).min(longest));
        self.pause = Some(pause);
        pause
    }

    /// Whether this is the first error of a burst. Single connections that are
    /// accepted in between do not end it.
    fn is_new(&mut self) -> bool {
        let now = Instant::now();
        let last = self.last.replace(now);
        last.is_none_or(|last| now - last >= QUIET)
    }

    fn is_over(&mut self) {
        self.pause = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_start_anew_after_a_success() {
        let (shortest, longest) = ACCEPT_PAUSE;
        let mut trouble = Trouble::default();
        assert_eq!(trouble.pause(), shortest);
        assert_eq!(trouble.pause(), shortest * 2);
        assert_eq!((0..20).map(|_| trouble.pause()).max(), Some(longest));
        trouble.is_over();
        assert_eq!(trouble.pause(), shortest);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_errors_is_one() {
        let mut trouble = Trouble::default();
        assert!(trouble.is_new());
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(1)).await;
            trouble.is_over();
            assert!(!trouble.is_new());
        }
        tokio::time::advance(QUIET).await;
        assert!(trouble.is_new());
    }
}
