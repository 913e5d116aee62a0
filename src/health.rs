//! What `grpc.health.v1.Health` says: SERVING while the server takes calls and its
//! store can be written.

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The health of all services, which live and die together.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// The health of services, none of which serves yet.
    pub async fn new(
        reporter: HealthReporter,
        services: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        // The empty name is that of the server as a whole.
        let services = services.into_iter().chain([""]).collect();
        let health = Self { reporter, services };
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// Serves while `is_writable`, until the sender of that is gone.
    pub async fn follow(&self, mut is_writable: watch::Receiver<bool>) {
        loop {
            let status = match *is_writable.borrow_and_update() {
                true => ServingStatus::Serving,
                false => ServingStatus::NotServing,
            };
            self.set(status).await;
            if is_writable.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends: nothing serves any more, and those who watch are told and let go.
    pub async fn end(&self) {
        self.set(ServingStatus::NotServing).await;
        let mut reporter = self.reporter.clone();
        for service in &self.services {
            reporter.clear_service_status(service).await;
        }
    }

    async fn set(&self, status: ServingStatus) {
        for service in &self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
