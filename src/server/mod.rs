//! The server: listeners, services, and an end.
//!
//! * [`listeners`]: where it listens.
//! * [`accept`]: accepts connections. [`places`]: how many.
//! * [`connection`]: one connection, from its greeting to its end.
//! * [`wire`]: its bytes, and how long each side may keep the other waiting.
//! * [`calls`]: its calls, and what their end waits for.
//! * [`gate`]: what is served while the server starts, and refused while it ends.
//! * [`routes`]: the services, and what health and reflection know about them.
//! * [`media`]: which requests are calls. [`web`]: calls of browsers.
//! * [`drain`]: the steps of the end.
//! * [`options`]: how much of all that.

mod accept;
mod calls;
mod connection;
mod drain;
mod gate;
mod listeners;
mod media;
mod options;
pub(crate) mod places;
mod routes;
mod web;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceBuilder;
use tower::util::option_layer;

use crate::access::Access;
use crate::callback::{self, CallbackLimits};
use crate::health::Health;
use crate::jobs::store::{Store, StoreError};
use crate::jobs::{JobOptions, Jobs};
use crate::pronto::client::SetupError;
use crate::pronto::{Client, ClientOptions};
use crate::purchases::Purchases;
use crate::rpc::Facade;
use crate::rpc::auth::IdentityLayer;
use crate::rpc::explain::ExplainLayer;
use crate::rpc::observe::ObserveLayer;
use crate::rpc::pushback::PushbackLayer;
use crate::rpc::time_limit::DeadlineLayer;
use crate::sandbox::Sandbox;
use crate::tls::Acceptor;
use connection::{Calling, Context, Ending};
use drain::Schedule;
use gate::Gate;

pub use drain::{DrainOptions, Shutdown};
pub use listeners::{Address, Listener, Listeners};
pub use options::{ConnectionLimits, MessageOptions, ServingOptions, WebOptions};
pub use routes::names;

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
    /// Who may call, and with which keys.
    pub access: Access,
    /// Greets clients of TCP listeners; without it they speak in the clear.
    pub tls: Option<Acceptor>,
    /// How jobs behave.
    pub jobs: JobOptions,
    /// What the callback receiver puts up with.
    pub callbacks: CallbackLimits,
    /// How calls are served.
    pub serving: ServingOptions,
    /// Whether it serves, for those who ask.
    pub health: Health,
    /// The built-in Pronto, when it answers instead of the real one: its
    /// SandboxService is served, too, and its work goes on while callbacks are received.
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
    /// The store cannot be opened.
    #[error(transparent)]
    Opening(Box<dyn std::error::Error + Send + Sync>),
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

/// A store that is being opened.
pub type OpenedStore = Result<Arc<dyn Store>, Box<dyn std::error::Error + Send + Sync>>;

/// Serves until `shutdown`, then lets calls under way finish and ends streams
/// with the place where they can be continued. Listens, and tells about its health, while
/// the store is being opened.
///
/// # Errors
///
/// When the server cannot start.
pub async fn run(
    options: ServerOptions,
    listeners: Listeners,
    store: impl Future<Output = OpenedStore>,
    shutdown: impl Future<Output = Shutdown>,
) -> Result<(), ServerError> {
    let addresses = listeners.addresses()?;
    let health = options.health.clone();
    let (serving, tls) = (options.serving.clone(), options.tls.clone());
    let sandbox = options.sandbox.clone();
    let ending = Ending::default();
    // Also when the server does not start, or is dropped.
    let _cut = ending.cut.clone().drop_guard();
    let draining = CancellationToken::new();
    let gate = Gate::new(Routes::new(health.service()), draining.clone());
    let context = Context {
        service: layered(gate.clone(), options.access.clone(), &serving),
        limits: serving.connections,
        tls,
        takes_http1: serving.web.is_some(),
        ending: ending.clone(),
    };
    let grpc = tokio::spawn(accept::serve(listeners.grpc, context));

    let mut shutdown = std::pin::pin!(shutdown);
    let parts = async { open(options, store.await.map_err(ServerError::Opening)?, &gate).await };
    let parts = tokio::select! {
        parts = parts => parts?,
        _ = shutdown.as_mut() => {
            tracing::info!("Ended before it served.");
            return Ok(());
        }
    };
    let callbacks = parts.receive(listeners.callbacks);
    if let Some(sandbox) = &sandbox {
        sandbox.resume();
    }
    let following = {
        let (health, is_writable) = (health.clone(), parts.jobs.is_store_writable());
        tokio::spawn(async move { health.follow(is_writable).await })
    };
    tracing::info!(
        grpc_address = addresses.grpc,
        callback_address = %addresses.callbacks,
        callback_url = parts.callback_url.as_ref().map(tracing::field::display),
        resumed_jobs = parts.resumed,
        "Serving."
    );

    let schedule = serving.drain.schedule(shutdown.await);
    tracing::info!("Shutting down.");
    stop(following).await;
    health.leave().await;
    schedule.grace().await;
    draining.cancel();
    health.end().await;
    schedule.before_cut(parts.jobs.drain()).await;
    ending.leave.cancel();
    parts.end(grpc, &schedule).await;
    ending.cut.cancel();
    if let Some(sandbox) = &sandbox {
        // What it delivers from here on, nobody would receive.
        let _ = timeout_at(schedule.callbacks, sandbox.halt()).await;
    }
    // Last, because nobody delivers a callback twice.
    parts.callbacks_ending.cancel();
    if timeout_at(schedule.callbacks, callbacks).await.is_err() {
        tracing::warn!("Callbacks under way did not finish in time.");
    }
    tracing::info!("Ended.");
    Ok(())
}

/// Stops a task. It does nothing any more then.
async fn stop(task: JoinHandle<()>) {
    task.abort();
    let _ = task.await;
}

/// A service with all that is done for each call.
fn layered(gate: Gate, access: Access, options: &ServingOptions) -> impl Calling {
    let web = options.web.as_ref();
    ServiceBuilder::new()
        .layer(option_layer(web.and_then(web::cors)))
        .layer(media::MediaLayer)
        .layer(option_layer(web.map(|_| tonic_web::GrpcWebLayer::new())))
        .layer(ObserveLayer)
        .layer(DeadlineLayer)
        .layer(PushbackLayer)
        .layer(ExplainLayer)
        .layer(IdentityLayer(access))
        .service(gate)
}

/// What works once the store is open.
struct Parts {
    client: Client,
    jobs: Jobs,
    purchases: Purchases,
    callbacks: CallbackLimits,
    callback_url: Option<url::Url>,
    /// Ends what works in the background.
    ending: CancellationToken,
    callbacks_ending: CancellationToken,
    resumed: usize,
}

/// Lets everything begin to work, and opens the gate.
async fn open(
    options: ServerOptions,
    store: Arc<dyn Store>,
    gate: &Gate,
) -> Result<Parts, ServerError> {
    let ending = CancellationToken::new();
    let keyring = options.access.keyring();
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
    let facade = Facade {
        client: client.clone(),
        keyring,
        jobs: jobs.clone(),
        purchases: purchases.clone(),
    };
    let services = routes::services(facade, options.sandbox, &options.serving)?;
    let resumed = jobs.resume().await?;
    tokio::spawn(jobs.keeper().run());
    gate.open(services);
    Ok(Parts {
        client,
        jobs,
        purchases,
        callbacks: options.callbacks,
        callback_url,
        ending,
        callbacks_ending: CancellationToken::new(),
        resumed,
    })
}

impl Parts {
    /// Receives callbacks.
    fn receive(&self, listener: TcpListener) -> JoinHandle<()> {
        let ended = self.callbacks_ending.clone().cancelled_owned();
        tokio::spawn(callback::serve(
            listener,
            self.jobs.clone(),
            self.callbacks,
            ended,
        ))
    }

    /// Waits for the calls under way, and lets the background end.
    async fn end(&self, grpc: JoinHandle<()>, schedule: &Schedule) {
        self.ending.cancel();
        let (client, waiting) = (self.client.clone(), schedule.waiting);
        let closing = tokio::spawn(async move {
            sleep_until(waiting).await;
            // Who still waits for a rate limit must learn in time that nothing was sent.
            client.close();
        });
        let finished = async {
            // It ends with its last connection.
            let _ = grpc.await;
            self.jobs.settle().await;
            self.purchases.settle().await;
        };
        if !schedule.before_cut(finished).await {
            tracing::warn!("Calls under way did not finish in time.");
        }
        closing.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_is_stopped_is_gone() {
        let holds = Arc::new(());
        let held = Arc::downgrade(&holds);
        let task = tokio::spawn(async move {
            let _holds = holds;
            std::future::pending().await
        });
        tokio::task::yield_now().await;
        stop(task).await;
        assert!(held.upgrade().is_none());
    }
}
