//! The server: listeners, services, and an end.
//!
//! * [`listeners`]: where it listens.
//! * [`connection`]: gRPC connections, from accepting them to their end.
//! * [`routes`]: the services, and what health and reflection know about them.

mod connection;
mod listeners;
mod routes;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower::util::MapResponseLayer;

use crate::callback::{self, CallbackLimits};
use crate::health::Health;
use crate::jobs::store::{Store, StoreError};
use crate::jobs::{JobOptions, Jobs};
use crate::pronto::client::SetupError;
use crate::pronto::{Client, ClientOptions, Keyring};
use crate::purchases::Purchases;
use crate::rpc::Facade;
use crate::rpc::explain::explain;
use crate::rpc::observe::ObserveLayer;
use crate::rpc::time_limit::DeadlineLayer;
use crate::sandbox::Sandbox;

pub use listeners::{Address, Listener, Listeners};

/// How long callbacks under way may take at the end.
const CALLBACKS_TIMEOUT: Duration = Duration::from_secs(2);

/// Listens on an address.
///
/// # Errors
///
/// When it is taken or not ours; the error names it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ServerError::Bind(address.to_string(), error))
}

/// What a server is made of.
pub struct ServerOptions {
    /// How to call Pronto.
    pub client: ClientOptions,
    /// API keys.
    pub keyring: Keyring,
    /// How jobs behave.
    pub jobs: JobOptions,
    /// What the callback receiver puts up with.
    pub callbacks: CallbackLimits,
    /// How long calls under way may take after `shutdown`.
    pub shutdown_timeout: Duration,
    /// The built-in Pronto, when it answers instead of the real one: its
    /// SandboxService is served, too.
    pub sandbox: Option<Sandbox>,
}

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("{0} cannot be listened on: {1}")]
    Bind(String, std::io::Error),
    /// The client of Pronto cannot be set up.
    #[error(transparent)]
    Client(#[from] SetupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The descriptors cannot be served.
    #[error("reflection cannot be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// An address of a listener is not known.
    #[error("a listener failed: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves until `shutdown`, then lets calls under way finish and ends streams
/// with the place where they can be continued.
///
/// # Errors
///
/// When the server cannot start, or the gRPC listener fails.
pub async fn run(
    options: ServerOptions,
    listeners: Listeners,
    store: Arc<dyn Store>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let grpc_address = listeners.grpc.iter().map(Listener::address);
    let grpc_address = grpc_address.collect::<Result<Vec<_>, _>>()?;
    let grpc_address: Vec<_> = grpc_address.iter().map(ToString::to_string).collect();
    let callback_address = listeners.callbacks.local_addr()?;
    let ending = CancellationToken::new();
    let keyring = Arc::new(options.keyring);
    let client = Client::new(options.client)?;
    let callback_url = options.jobs.callback_url.clone();
    let purchases = Purchases::new(
        store.clone(),
        client.clone(),
        options.jobs.prices.clone(),
        options.jobs.budgets.clone(),
        ending.clone(),
    );
    let jobs = Jobs::new(
        store,
        client.clone(),
        keyring.clone(),
        options.jobs,
        ending.clone(),
    );

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let names = routes::names(options.sandbox.is_some());
    let health = Health::new(reporter, names.iter().copied()).await;
    let facade = Facade {
        client: client.clone(),
        keyring,
        jobs: jobs.clone(),
        purchases: purchases.clone(),
    };
    let routes = routes::services(facade, options.sandbox, &names)?.add_service(health_service);

    let callbacks_ending = CancellationToken::new();
    let callbacks = tokio::spawn(callback::serve(
        listeners.callbacks,
        jobs.clone(),
        options.callbacks,
        callbacks_ending.clone().cancelled_owned(),
    ));
    let resumed = jobs.resume().await?;
    tokio::spawn(jobs.keeper().run());
    let service = ServiceBuilder::new()
        .layer(ObserveLayer)
        .layer(DeadlineLayer)
        .layer(MapResponseLayer::new(explain))
        .service(routes.prepare());
    let grpc = connection::serve(listeners.grpc, service, ending.clone());
    let grpc = tokio::spawn(grpc);
    let following = {
        let (health, is_writable) = (health.clone(), jobs.is_store_writable());
        tokio::spawn(async move { health.follow(is_writable).await })
    };
    tracing::info!(
        grpc_address = grpc_address.join(","),
        %callback_address,
        callback_url = callback_url.as_ref().map(tracing::field::display),
        resumed_jobs = resumed,
        "Serving."
    );

    shutdown.await;
    tracing::info!("Shutting down.");
    following.abort();
    // Those who watch the health are told; their streams would keep the listener open.
    health.end().await;
    ending.cancel();
    let closing = tokio::spawn(async move {
        sleep(options.shutdown_timeout / 2).await;
        // Who still waits for a rate limit must learn in time that nothing was sent.
        client.close();
    });
    let finished = async {
        // It ends with its last connection.
        let _ = grpc.await;
        jobs.settle().await;
        purchases.settle().await;
    };
    if timeout(options.shutdown_timeout, finished).await.is_err() {
        tracing::warn!("Calls under way did not finish in time.");
    }
    closing.abort();
    // Last, because nobody delivers a callback twice.
    callbacks_ending.cancel();
    if timeout(CALLBACKS_TIMEOUT, callbacks).await.is_err() {
        tracing::warn!("Callbacks under way did not finish in time.");
    }
    tracing::info!("Ended.");
    Ok(())
}
