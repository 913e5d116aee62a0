//! Whether the server serves, and whether it is alive. Probes ask `grpc.health.v1.Health`,
//! or the operators' listener.
//!
//! It serves while it takes calls and its store can be written. It is alive while it
//! answers, unless its store could not be written for a long time: another node may have
//! a better disk. Neither depends on Pronto.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The name under which to ask whether it serves; the same as the empty one.
pub const READINESS: &str = "readiness";

/// The name under which to ask whether it is alive.
pub const LIVENESS: &str = "liveness";

/// A store that could not be written for so long needs help.
const STORE_PATIENCE: Duration = Duration::from_secs(60);

/// Why something is not well, in words for operators; none when it is.
pub type Trouble = Option<&'static str>;

/// The health of the server. Its services live and die together.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<[&'static str]>,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy)]
struct State {
    readiness: Trouble,
    liveness: Trouble,
}

impl Health {
    /// The health of a server that starts: it is alive, and does not serve yet.
    pub async fn new(services: impl IntoIterator<Item = &'static str>) -> Self {
        let state = State {
            readiness: Some("the server starts"),
            liveness: None,
        };
        let health = Self {
            reporter: HealthReporter::new(),
            // The empty name is that of the server as a whole.
            services: services.into_iter().chain(["", READINESS]).collect(),
            state: Arc::new(watch::Sender::new(state)),
        };
        health.tell().await;
        health
    }

    /// The service that answers questions about it.
    #[must_use]
    pub fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Why the server does not serve.
    #[must_use]
    pub fn readiness(&self) -> Trouble {
        self.state.borrow().readiness
    }

    /// Why the server is not alive.
    #[must_use]
    pub fn liveness(&self) -> Trouble {
        self.state.borrow().liveness
    }

    /// Waits until the server serves.
    pub async fn serving(&self) {
        let mut state = self.state.subscribe();
        // The sender is kept by this health.
        let _ = state.wait_for(|state| state.readiness.is_none()).await;
    }

    /// Serves while the store `is_writable`, until the sender of that is gone.
    pub async fn follow(&self, mut is_writable: watch::Receiver<bool>) {
        let mut patience = None;
        loop {
            let written = *is_writable.borrow_and_update();
            let since = patience.take().filter(|_| !written);
            let until = since.unwrap_or_else(|| Instant::now() + STORE_PATIENCE);
            self.set(|state| {
                state.readiness = (!written).then_some("the store cannot be written");
                if written {
                    state.liveness = None;
                }
            })
            .await;
            let changed = match written {
                true => is_writable.changed().await,
                false => match timeout_at(until, is_writable.changed()).await {
                    Ok(changed) => changed,
                    Err(_) => {
                        let why = Some("the store could not be written for a minute");
                        self.set(|state| state.liveness = why).await;
                        is_writable.changed().await
                    }
                },
            };
            patience = (!written).then_some(until);
            if changed.is_err() {
                return;
            }
        }
    }

    /// The server ends: it does not serve any more.
    pub async fn leave(&self) {
        self.set(|state| state.readiness = Some("the server shuts down"))
            .await;
    }

    /// Those who watch are let go. Those who ask are still answered.
    pub async fn end(&self) {
        let mut reporter = self.reporter.clone();
        for service in self.services.iter().chain(&[LIVENESS]) {
            reporter.clear_service_status(service).await;
        }
        self.tell().await;
    }

    async fn set(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
        self.tell().await;
    }

    async fn tell(&self) {
        let (readiness, liveness) = (self.readiness(), self.liveness());
        for service in self.services.iter() {
            let status = status(readiness);
            self.reporter.set_service_status(service, status).await;
        }
        let status = status(liveness);
        self.reporter.set_service_status(LIVENESS, status).await;
    }
}

fn status(trouble: Trouble) -> ServingStatus {
    match trouble {
        None => ServingStatus::Serving,
        Some(_) => ServingStatus::NotServing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_for_a_minute_costs_the_life() {
        let health = Health::new([]).await;
        let (writable, is_writable) = watch::channel(true);
        let follower = health.clone();
        let following = tokio::spawn(async move { follower.follow(is_writable).await });
        let pass = |seconds| tokio::time::sleep(Duration::from_secs(seconds));

        assert_eq!(
            (health.readiness().is_some(), health.liveness()),
            (true, None)
        );
        pass(1).await;
        assert_eq!((health.readiness(), health.liveness()), (None, None));
        writable.send_replace(false);
        pass(30).await;
        assert!(health.readiness().is_some());
        // That it is said again is no news.
        writable.send_replace(false);
        pass(29).await;
        assert_eq!(health.liveness(), None);
        pass(2).await;
        assert!(health.liveness().is_some());
        writable.send_replace(true);
        pass(1).await;
        assert_eq!((health.readiness(), health.liveness()), (None, None));
        drop(writable);
        assert!(following.await.is_ok());
    }
}
