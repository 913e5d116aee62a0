//! The server: listeners, services, and an end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tower::util::MapResponseLayer;

use crate::callback::{self, CallbackLimits};
use crate::health::Health;
use crate::jobs::store::{Store, StoreError};
use crate::jobs::{JobOptions, Jobs};
use crate::pronto::client::SetupError;
use crate::pronto::{Client, ClientOptions, Keyring};
use crate::proto::DESCRIPTORS;
use crate::proto::v1::account_service_server::AccountServiceServer;
use crate::proto::v1::contact_service_server::ContactServiceServer;
use crate::proto::v1::job_service_server::JobServiceServer;
use crate::proto::v1::lead_service_server::LeadServiceServer;
use crate::proto::v1::list_service_server::ListServiceServer;
use crate::proto::v1::location_service_server::LocationServiceServer;
use crate::proto::v1::persona_service_server::PersonaServiceServer;
use crate::proto::v1::sandbox_service_server::SandboxServiceServer;
use crate::proto::v1::search_service_server::SearchServiceServer;
use crate::proto::v1::signal_service_server::SignalServiceServer;
use crate::proto::v1::workspace_service_server::WorkspaceServiceServer;
use crate::rpc::Facade;
use crate::rpc::accounts::Accounts;
use crate::rpc::contacts::Contacts;
use crate::rpc::explain::explain;
use crate::rpc::jobs::JobsService;
use crate::rpc::leads::Leads;
use crate::rpc::lists::Lists;
use crate::rpc::locations::Locations;
use crate::rpc::personas::Personas;
use crate::rpc::sandbox::SandboxControl;
use crate::rpc::searches::Searches;
use crate::rpc::signals::Signals;
use crate::rpc::time_limit::DeadlineLayer;
use crate::rpc::workspace::Workspace;
use crate::sandbox::Sandbox;

/// Streams of one connection at once.
const MAX_STREAMS: u32 = 256;

/// A connection that says nothing is asked after this time, and closed when it
/// does not answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long callbacks under way may take at the end.
const CALLBACKS_TIMEOUT: Duration = Duration::from_secs(2);

/// Sockets that are already bound, so that callers know the ports.
pub struct Listeners {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For Pronto's callbacks.
    pub callbacks: TcpListener,
}

impl Listeners {
    /// Binds both.
    ///
    /// # Errors
    ///
    /// When an address is taken or not ours; the error names it.
    pub async fn bind(grpc: SocketAddr, callbacks: SocketAddr) -> Result<Self, ServerError> {
        Ok(Self {
            grpc: bind(grpc).await?,
            callbacks: callback::listen(callbacks)
                .map_err(|error| ServerError::Bind(callbacks, error))?,
        })
    }
}

/// Listens on an address.
///
/// # Errors
///
/// When it is taken or not ours; the error names it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ServerError::Bind(address, error))
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
    Bind(SocketAddr, std::io::Error),
    /// The client of Pronto cannot be set up.
    #[error(transparent)]
    Client(#[from] SetupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The descriptors cannot be served.
    #[error("reflection cannot be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The gRPC listener failed.
    #[error("the gRPC listener failed: {0}")]
    Grpc(#[from] tonic::transport::Error),
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
    let addresses = (
        listeners.grpc.local_addr()?,
        listeners.callbacks.local_addr()?,
    );
    let ending = CancellationToken::new();
    let keyring = Arc::new(options.keyring);
    let client = Client::new(options.client)?;
    let callback_url = options.jobs.callback_url.clone();
    let jobs = Jobs::new(
        store,
        client.clone(),
        keyring.clone(),
        options.jobs,
        ending.clone(),
    );

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let names = public_services(options.sandbox.is_some());
    let health = Health::new(reporter, names.iter().copied()).await;
    let facade = Facade {
        client,
        keyring,
        jobs: jobs.clone(),
    };
    let routes = services(facade, options.sandbox, &names)?.add_service(health_service);

    let callbacks_ending = CancellationToken::new();
    let callbacks = tokio::spawn(callback::serve(
        listeners.callbacks,
        jobs.clone(),
        options.callbacks,
        callbacks_ending.clone().cancelled_owned(),
    ));
    let resumed = jobs.resume().await?;
    tokio::spawn(jobs.keeper().run());
    let grpc = tokio::spawn(
        tonic::transport::Server::builder()
            .max_concurrent_streams(Some(MAX_STREAMS))
            .http2_keepalive_interval(Some(KEEPALIVE))
            .layer(DeadlineLayer)
            .layer(MapResponseLayer::new(explain))
            .add_routes(routes)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listeners.grpc).with_nodelay(Some(true)),
                ending.clone().cancelled_owned(),
            ),
    );
    let following = {
        let (health, is_writable) = (health.clone(), jobs.is_store_writable());
        tokio::spawn(async move { health.follow(is_writable).await })
    };
    tracing::info!(
        grpc_address = %addresses.0,
        callback_address = %addresses.1,
        callback_url = callback_url.as_ref().map(tracing::field::display),
        resumed_jobs = resumed,
        "Serving."
    );

    let mut grpc = grpc;
    tokio::select! {
        () = shutdown => {}
        ended = &mut grpc => return joined(ended),
    }
    tracing::info!("Shutting down.");
    following.abort();
    // Those who watch the health are told; their streams would keep the listener open.
    health.end().await;
    ending.cancel();
    let finished = async {
        let outcome = joined(grpc.await);
        jobs.settle().await;
        outcome
    };
    let outcome = timeout(options.shutdown_timeout, finished)
        .await
        .unwrap_or_else(|_| {
            tracing::warn!("Calls under way did not finish in time.");
            Ok(())
        });
    // Last, because nobody delivers a callback twice.
    callbacks_ending.cancel();
    if timeout(CALLBACKS_TIMEOUT, callbacks).await.is_err() {
        tracing::warn!("Callbacks under way did not finish in time.");
    }
    tracing::info!("Ended.");
    outcome
}

fn joined(
    ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>,
) -> Result<(), ServerError> {
    match ended {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(ServerError::Listener(std::io::Error::other(error))),
    }
}

/// The services that health and reflection name.
fn public_services(has_sandbox: bool) -> Vec<&'static str> {
    use tonic::server::NamedService;
    let mut names = vec![
        AccountServiceServer::<Accounts>::NAME,
        ContactServiceServer::<Contacts>::NAME,
        JobServiceServer::<JobsService>::NAME,
        LeadServiceServer::<Leads>::NAME,
        ListServiceServer::<Lists>::NAME,
        LocationServiceServer::<Locations>::NAME,
        PersonaServiceServer::<Personas>::NAME,
        SearchServiceServer::<Searches>::NAME,
        SignalServiceServer::<Signals>::NAME,
        WorkspaceServiceServer::<Workspace>::NAME,
    ];
    if has_sandbox {
        names.push(SandboxServiceServer::<SandboxControl>::NAME);
    }
    names
}

fn services(
    facade: Facade,
    sandbox: Option<Sandbox>,
    names: &[&'static str],
) -> Result<Routes, ServerError> {
    let mut routes = Routes::builder();
    routes
        .add_service(AccountServiceServer::new(Accounts(facade.clone())))
        .add_service(ContactServiceServer::new(Contacts(facade.clone())))
        .add_service(JobServiceServer::new(JobsService(facade.clone())))
        .add_service(LeadServiceServer::new(Leads(facade.clone())))
        .add_service(ListServiceServer::new(Lists(facade.clone())))
        .add_service(LocationServiceServer::new(Locations(facade.clone())))
        .add_service(PersonaServiceServer::new(Personas(facade.clone())))
        .add_service(SearchServiceServer::new(Searches(facade.clone())))
        .add_service(SignalServiceServer::new(Signals(facade.clone())))
        .add_service(WorkspaceServiceServer::new(Workspace(facade)))
        .add_service(reflection(names).build_v1()?)
        .add_service(reflection(names).build_v1alpha()?);
    if let Some(sandbox) = sandbox {
        routes.add_service(SandboxServiceServer::new(SandboxControl(sandbox)));
    }
    Ok(routes.routes())
}

fn reflection(names: &[&'static str]) -> tonic_reflection::server::Builder<'static> {
    let health = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(health)
        // What error details are made of, so that tools can show them.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    names
        .iter()
        .fold(builder, |builder, name| builder.with_service_name(*name))
}
