//! The signals of the process.
//!
//! They are heeded in a thread of their own, so that a second one ends the process even
//! while something blocks it, such as a file of a volume that does not answer.

use std::io;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::server::Shutdown;

/// SIGTERM or SIGINT, heeded from the call on. After the first one, the second one ends the
/// process at once. SIGHUP changes nothing: files are read again by themselves.
///
/// # Errors
///
/// When signals cannot be heeded.
pub fn end() -> io::Result<impl Future<Output = Shutdown>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        }
    };
    let (ends, end) = oneshot::channel();
    let heed = async move {
        let (shutdown, _) = signals.next().await;
        let _ = ends.send(shutdown);
        let (_, signal) = signals.next().await;
        tracing::warn!("A second signal: ended at once.");
        // As shells report processes that a signal has ended.
        std::process::exit(128 + signal.as_raw_value());
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(heed))?;
    Ok(async {
        match end.await {
            Ok(shutdown) => shutdown,
            // The thread is gone, which only its panic can do.
            Err(_) => std::future::pending().await,
        }
    })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// The next one that ends the process.
    async fn next(&mut self) -> (Shutdown, SignalKind) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {
                    return (Shutdown::Graceful, SignalKind::terminate());
                }
                _ = self.interrupt.recv() => {
                    return (Shutdown::Prompt, SignalKind::interrupt());
                }
                _ = self.hang_up.recv() => {
                    tracing::info!("SIGHUP: files that change are read again without it.");
                }
            }
        }
    }
}
