//! A server under test, on free ports, with a Pronto that runs here.

pub mod access;
pub mod callbacks;
pub mod clockless;
pub mod fake;
pub mod faulty;
pub mod frames;
pub mod process;
pub mod random;
pub mod raw;
pub mod record;
pub mod stage;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pronto_grpc::access::Access;
use pronto_grpc::callback::CallbackLimits;
use pronto_grpc::cli::sandbox_urls;
use pronto_grpc::config::{self, Command, ServeArgs};
use pronto_grpc::health::Health;
use pronto_grpc::jobs::JobOptions;
use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::pronto::BaseUrls;
use pronto_grpc::pronto::limits::parse_override;
use pronto_grpc::proto::reason::contract;
use pronto_grpc::proto::v1::account_service_client::AccountServiceClient;
use pronto_grpc::proto::v1::contact_service_client::ContactServiceClient;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::list_service_client::ListServiceClient;
use pronto_grpc::proto::v1::location_service_client::LocationServiceClient;
use pronto_grpc::proto::v1::persona_service_client::PersonaServiceClient;
use pronto_grpc::proto::v1::search_service_client::SearchServiceClient;
use pronto_grpc::proto::v1::signal_service_client::SignalServiceClient;
use pronto_grpc::proto::v1::usage_service_client::UsageServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{
    ErrorReason, GetJobRequest, Job, JobEvent, LeadFilters, SearchLeadsRequest, WatchJobRequest,
};
use pronto_grpc::sandbox::Sandbox;
use pronto_grpc::server::{self, Listeners, OpenedStore, ServerError, ServerOptions, Shutdown};
use pronto_grpc::tls::Acceptor;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::{ErrorInfo, StatusExt};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A key that the sandbox and the fake accept.
pub const KEY: &str = "sandbox-key";

/// How a server under test differs from `serve` without flags.
pub struct Setup {
    pub urls: BaseUrls,
    pub data_dir: PathBuf,
    pub callback_port: u16,
    pub has_callback_url: bool,
    pub api_key: Option<&'static str>,
    /// Who may call; everybody without it.
    pub access: Option<Access>,
    pub tls: Option<Acceptor>,
    pub jobs: JobOptions,
    pub callbacks: CallbackLimits,
    pub args: ServeArgs,
    /// Whether it calls as often as it likes, so that tests do not wait.
    pub is_unlimited: bool,
    /// The sandbox whose SandboxService is served.
    pub sandbox: Option<Sandbox>,
}

impl Setup {
    /// A server for a Pronto at this address.
    pub fn new(pronto: SocketAddr, data_dir: &Path) -> Self {
        let arguments = ["pronto-grpc", "serve"].map(Into::into).to_vec();
        let Command::Serve(mut args) = config::parse(arguments, &[]).unwrap().command else {
            panic!("serve is a command")
        };
        // Tests do not wait for clients that are not there.
        args.serving.drain_spread = Duration::ZERO;
        args.serving.shutdown_timeout = Duration::from_secs(5);
        Self {
            urls: sandbox_urls(pronto).unwrap(),
            data_dir: data_dir.to_owned(),
            callback_port: 0,
            has_callback_url: true,
            api_key: Some(KEY),
            access: None,
            tls: None,
            jobs: JobOptions {
                // Tests wait for what is, not for time to pass.
                poll_interval: Duration::from_millis(50),
                max_poll_interval: Duration::from_millis(200),
                settle_time: Duration::from_millis(300),
                ..args.job_options()
            },
            callbacks: args.callback.callback_limits(),
            args: *args,
            is_unlimited: true,
            sandbox: None,
        }
    }

    pub async fn start(self) -> TestServer {
        let file = self.data_dir.join("jobs.sqlite3");
        // A server that has just been stopped in this process may still read.
        let begun = Instant::now();
        let store = loop {
            match SqliteStore::open(&file) {
                Ok(store) => break store,
                Err(error) if begun.elapsed() > PATIENCE => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        self.start_with(Arc::new(store)).await
    }

    /// Starts the server with a store of the test's.
    pub async fn start_with(self, store: Arc<dyn Store>) -> TestServer {
        let server = self.start_opening(std::future::ready(Ok(store))).await;
        server.serving().await;
        server
    }

    /// Starts the server while its store is still being opened.
    pub async fn start_opening(
        self,
        store: impl Future<Output = OpenedStore> + Send + 'static,
    ) -> TestServer {
        record::begin();
        let (listeners, grpc) = Listeners::local(self.callback_port).await.unwrap();
        let callbacks = listeners.callbacks.local_addr().unwrap();
        let mut jobs = self.jobs;
        jobs.callback_url = self
            .has_callback_url
            .then(|| format!("http://{callbacks}").parse().unwrap());
        let mut client = self.args.upstream.client_options().unwrap();
        client.base_urls = self.urls;
        if self.is_unlimited {
            client.limits.overrides = vec![parse_override("*=1000000/second").unwrap()];
        }
        let health = Health::new(server::names(self.sandbox.is_some())).await;
        let options = ServerOptions {
            client,
            access: self
                .access
                .unwrap_or_else(|| Access::open(self.api_key.map(Into::into))),
            tls: self.tls,
            jobs,
            callbacks: self.callbacks,
            serving: self.args.serving_options(),
            health: health.clone(),
            sandbox: self.sandbox,
        };
        let end = CancellationToken::new();
        let ended = end.clone().cancelled_owned();
        let ended = async move {
            ended.await;
            Shutdown::Graceful
        };
        let server = tokio::spawn(server::run(options, listeners, store, ended));
        let channel = connect(grpc).await;
        TestServer {
            grpc,
            callbacks,
            channel,
            health,
            end,
            server,
        }
    }
}

/// A running server and a connection to it.
pub struct TestServer {
    pub grpc: SocketAddr,
    pub callbacks: SocketAddr,
    pub channel: Channel,
    health: Health,
    end: CancellationToken,
    server: JoinHandle<Result<(), ServerError>>,
}

impl TestServer {
    pub fn leads(&self) -> LeadServiceClient<Channel> {
        LeadServiceClient::new(self.channel.clone())
    }

    pub fn accounts(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub fn contacts(&self) -> ContactServiceClient<Channel> {
        ContactServiceClient::new(self.channel.clone())
    }

    pub fn jobs(&self) -> JobServiceClient<Channel> {
        JobServiceClient::new(self.channel.clone())
    }

    pub fn signals(&self) -> SignalServiceClient<Channel> {
        SignalServiceClient::new(self.channel.clone())
    }

    pub fn searches(&self) -> SearchServiceClient<Channel> {
        SearchServiceClient::new(self.channel.clone())
    }

    pub fn lists(&self) -> ListServiceClient<Channel> {
        ListServiceClient::new(self.channel.clone())
    }

    pub fn personas(&self) -> PersonaServiceClient<Channel> {
        PersonaServiceClient::new(self.channel.clone())
    }

    pub fn locations(&self) -> LocationServiceClient<Channel> {
        LocationServiceClient::new(self.channel.clone())
    }

    pub fn workspace(&self) -> WorkspaceServiceClient<Channel> {
        WorkspaceServiceClient::new(self.channel.clone())
    }

    pub fn usage(&self) -> UsageServiceClient<Channel> {
        UsageServiceClient::new(self.channel.clone())
    }

    pub async fn job(&self, job_id: &str) -> Job {
        let job_id = job_id.to_owned();
        let answer = self.jobs().get_job(GetJobRequest { job_id }).await;
        answer.unwrap().into_inner().job.unwrap()
    }

    pub async fn watch(&self, job_id: &str, after_sequence: i64) -> Streaming<JobEvent> {
        watch(self.jobs(), job_id, after_sequence).await
    }

    /// Watches as another client does, over a connection of its own.
    pub async fn watch_apart(&self, job_id: &str, after_sequence: i64) -> Streaming<JobEvent> {
        let jobs = JobServiceClient::new(connect(self.grpc).await);
        watch(jobs, job_id, after_sequence).await
    }

    /// Waits until it serves.
    pub async fn serving(&self) {
        let serving = tokio::time::timeout(PATIENCE, self.health.serving()).await;
        serving.unwrap_or_else(|_| panic!("{:?}", self.health.readiness()));
    }

    /// Tells it to end, and does not wait for that.
    pub fn end(&self) {
        self.end.cancel();
    }

    /// Shuts the server down, as SIGTERM does.
    pub async fn stop(self) {
        self.end.cancel();
        tokio::time::timeout(PATIENCE, self.server)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        record::end();
    }
}

/// Connects to a gRPC listener.
pub async fn connect(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

async fn watch(
    mut jobs: JobServiceClient<Channel>,
    job_id: &str,
    after_sequence: i64,
) -> Streaming<JobEvent> {
    let request = WatchJobRequest {
        job_id: job_id.to_owned(),
        after_sequence,
    };
    jobs.watch_job(request).await.unwrap().into_inner()
}

/// Some search for people.
pub fn search() -> SearchLeadsRequest {
    let filters = LeadFilters {
        keyword: Some("x".to_owned()),
        ..Default::default()
    };
    SearchLeadsRequest {
        filters: Some(filters),
        ..Default::default()
    }
}

/// A free port with a listener on it.
pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The next event that is no progress; none at the end of the stream. Progress
/// does not prolong the wait: a job that stands still fails its test.
pub async fn next(stream: &mut Streaming<JobEvent>) -> Option<Result<JobEvent, Status>> {
    let is_progress = |event: &Option<Result<JobEvent, Status>>| {
        matches!(
            event,
            Some(Ok(JobEvent {
                event: Some(Event::Progress(_)),
                ..
            }))
        )
    };
    let next = async {
        loop {
            let event = stream.next().await;
            if let Some(Ok(event)) = &event {
                record::event(event);
            }
            if !is_progress(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next)
        .await
        .expect("an event in time")
}

/// The next `count` events, without progress.
pub async fn read(stream: &mut Streaming<JobEvent>, count: usize) -> Vec<JobEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(next(stream).await.expect("more events").unwrap());
    }
    events
}

/// All events to the end, without progress; panics when the stream fails.
pub async fn read_all(stream: &mut Streaming<JobEvent>) -> Vec<JobEvent> {
    let mut events = Vec::new();
    while let Some(event) = next(stream).await {
        events.push(event.unwrap());
    }
    events
}

/// Sequences are `first`, `first + 1`, ... without holes.
#[track_caller]
pub fn assert_contiguous(events: &[JobEvent], first: i64) {
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    let expected: Vec<_> = (first..).take(events.len()).collect();
    assert_eq!(sequences, expected);
}

/// How many of the events are results.
pub fn count_results(events: &[JobEvent]) -> usize {
    let is_result = |event: &&JobEvent| {
        matches!(
            event.event,
            Some(Event::Lead(_) | Event::Account(_) | Event::Contact(_) | Event::Signal(_))
        )
    };
    events.iter().filter(is_result).count()
}

/// The `ErrorInfo` that every error carries. Whatever a test looks for in it, the error
/// keeps to the contract of its reason.
#[track_caller]
pub fn error_info(status: &Status) -> ErrorInfo {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "pronto.v1", "{status:?}");
    let reason = ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason));
    let contract = contract(reason.unwrap_or_else(|| panic!("no such reason: {status:?}")));
    assert_eq!(status.code(), contract.code, "{status:?}");
    for key in info.metadata.keys() {
        assert!(contract.has_key(key), "{key} is not documented: {status:?}");
    }
    for detail in details(status) {
        assert!(
            contract.has_detail(&detail),
            "{detail} is not documented: {status:?}"
        );
    }
    info
}

/// The details of an error beside its `ErrorInfo`, by their messages' names.
pub fn details(status: &Status) -> Vec<String> {
    let details = tonic_types::pb::Status::decode(status.details())
        .unwrap()
        .details;
    let names = details
        .iter()
        .map(|any| any.type_url.rsplit('/').next().unwrap());
    names
        .filter(|name| *name != "google.rpc.ErrorInfo")
        .map(str::to_owned)
        .collect()
}

/// An HTTP client.
pub fn http() -> reqwest::Client {
    // Installed already when another test was here first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
