//! Accepts gRPC connections, until the server ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::connection::{Calling, Context};
use super::listeners::Listener;
use super::places::Places;

/// Wait so long after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the connections of listeners until the server ends; then no new ones are
/// accepted. Returns when the last one is closed.
pub async fn serve<S: Calling>(listeners: Vec<Listener>, context: Context<S>) {
    let context = Arc::new(context);
    let places = Places::new(context.limits.max_connections);
    let connections = TaskTracker::new();
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let accepting = accept(
                listener,
                context.clone(),
                places.clone(),
                connections.clone(),
            );
            tokio::spawn(accepting)
        })
        .collect();
    for task in accepting {
        let _ = task.await;
    }
    connections.close();
    connections.wait().await;
}

async fn accept<S: Calling>(
    listener: Listener,
    context: Arc<Context<S>>,
    places: Places,
    connections: TaskTracker,
) {
    let mut was_full = false;
    loop {
        let accepted = tokio::select! {
            () = context.ending.leave.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "A gRPC connection could not be accepted.");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = places.take();
        let is_full = place.is_none();
        if is_full && !was_full {
            let open = context.limits.max_connections;
            tracing::warn!(
                open,
                "A gRPC connection is refused: as many as max-connections have calls under way."
            );
        }
        was_full = is_full;
        if let Some(place) = place {
            connections.spawn(context.clone().run(accepted, place));
        }
    }
}
