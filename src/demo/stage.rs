//! Sandbox and server of the demonstration, on free ports.

use std::net::SocketAddr;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{Outcome, PATIENCE};
use crate::access::Access;
use crate::cli::sandbox_urls;
use crate::config::{self, Command, ServeArgs};
use crate::health::Health;
use crate::jobs::store::Store;
use crate::jobs::store::sqlite::SqliteStore;
use crate::proto::v1::account_service_client::AccountServiceClient;
use crate::proto::v1::contact_service_client::ContactServiceClient;
use crate::proto::v1::job_service_client::JobServiceClient;
use crate::proto::v1::lead_service_client::LeadServiceClient;
use crate::proto::v1::workspace_service_client::WorkspaceServiceClient;
use crate::sandbox::{self, Sandbox, SandboxConfig};
use crate::server::{self, Listeners, ServerError, ServerOptions, Shutdown};

/// A running sandbox and server.
pub struct Stage {
    /// Address of the gRPC listener.
    pub grpc: SocketAddr,
    /// Address of the callback listener.
    pub callbacks: SocketAddr,
    server: JoinHandle<Result<(), ServerError>>,
    end: CancellationToken,
    _data: TempDir,
}

/// Ordinary gRPC clients.
pub struct Clients {
    /// Of AccountService.
    pub accounts: AccountServiceClient<Channel>,
    /// Of ContactService.
    pub contacts: ContactServiceClient<Channel>,
    /// Of JobService.
    pub jobs: JobServiceClient<Channel>,
    /// Of LeadService.
    pub leads: LeadServiceClient<Channel>,
    /// Of WorkspaceService.
    pub workspace: WorkspaceServiceClient<Channel>,
}

impl Stage {
    /// Starts both.
    pub async fn start() -> Outcome<Self> {
        let end = CancellationToken::new();
        let sandbox_listener = TcpListener::bind("127.0.0.1:0").await?;
        let urls = sandbox_urls(sandbox_listener.local_addr()?)?;
        let sandbox = Sandbox::new(SandboxConfig::default());
        tokio::spawn(sandbox.serve(sandbox_listener, end.clone().cancelled_owned()));

        let (listeners, grpc) = Listeners::local(0).await?;
        let callbacks = listeners.callbacks.local_addr()?;
        let args = default_args()?;
        let mut client = args.upstream.client_options()?;
        client.base_urls = urls;
        let mut jobs = args.job_options();
        jobs.callback_url = Some(format!("http://{callbacks}").parse()?);
        let health = Health::new(server::names(false)).await;
        let options = ServerOptions {
            client,
            access: Access::open(Some(sandbox::DEFAULT_API_KEY.into())),
            tls: None,
            jobs,
            callbacks: args.callback.callback_limits(),
            serving: args.serving_options(),
            health: health.clone(),
            sandbox: None,
        };
        let data = tempfile::tempdir()?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data.path().join("demo.sqlite3"))?);
        let ended = end.clone().cancelled_owned();
        let ended = async move {
            ended.await;
            Shutdown::Prompt
        };
        let server = tokio::spawn(server::run(
            options,
            listeners,
            std::future::ready(Ok(store)),
            ended,
        ));
        timeout(PATIENCE, health.serving()).await?;
        Ok(Self {
            grpc,
            callbacks,
            server,
            end,
            _data: data,
        })
    }

    /// Connects to the server.
    pub async fn clients(&self) -> Outcome<Clients> {
        let endpoint = Endpoint::try_from(format!("http://{}", self.grpc))?;
        let channel = endpoint.connect_timeout(PATIENCE).connect().await?;
        Ok(Clients {
            accounts: AccountServiceClient::new(channel.clone()),
            contacts: ContactServiceClient::new(channel.clone()),
            jobs: JobServiceClient::new(channel.clone()),
            leads: LeadServiceClient::new(channel.clone()),
            workspace: WorkspaceServiceClient::new(channel),
        })
    }

    /// Ends both.
    pub async fn stop(self) -> Outcome<()> {
        self.end.cancel();
        timeout(PATIENCE, self.server).await???;
        Ok(())
    }
}

/// The options of `serve` as they are without any flag.
fn default_args() -> Outcome<ServeArgs> {
    let arguments = ["pronto-grpc", "serve"].map(Into::into).to_vec();
    match config::parse(arguments, &[])?.command {
        Command::Serve(args) => Ok(*args),
        _ => Err("`serve` is not a command".into()),
    }
}
