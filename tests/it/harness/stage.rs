//! A server under test in front of the built-in sandbox.

use std::net::SocketAddr;
use std::time::Duration;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountPreview, JobEvent, LeadFilters, LeadResult, PreviewAccountSearchRequest,
    SearchLeadsRequest, SeniorityLevel,
};
use pronto_grpc::sandbox::{Sandbox, SandboxConfig};
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tonic::Streaming;

use super::{Setup, TestServer, read_all};

/// So long that nothing is found meanwhile, so short that a test can wait for the
/// one pause that has begun.
pub const SLOW: Duration = Duration::from_millis(300);

/// Short, but every result is one step of its own.
pub const FAST: Duration = Duration::from_millis(1);

/// A small world without limits.
pub fn quick() -> SandboxConfig {
    SandboxConfig {
        companies: 200,
        people: 2_000,
        pace: FAST,
        sync_latency: Duration::ZERO,
        rate_limits: false,
        ..Default::default()
    }
}

/// Starts a sandbox.
pub async fn sandbox(config: SandboxConfig) -> (Sandbox, SocketAddr) {
    let (listener, address) = super::listener().await;
    let sandbox = Sandbox::new(config);
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    (sandbox, address)
}

/// A server and its sandbox.
pub struct Stage {
    pub sandbox: Sandbox,
    pub server: TestServer,
    _data: TempDir,
}

impl Stage {
    pub async fn start() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(config: SandboxConfig) -> Self {
        Self::set_up(config, |_| {}).await
    }

    /// A server that differs from others.
    pub async fn set_up(config: SandboxConfig, change: impl FnOnce(&mut Setup)) -> Self {
        let (sandbox, address) = sandbox(config).await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(address, data.path());
        setup.sandbox = Some(sandbox.clone());
        change(&mut setup);
        let server = setup.start().await;
        Self {
            sandbox,
            server,
            _data: data,
        }
    }

    pub fn set_pace(&self, pace: Duration) {
        self.sandbox.switches().write().pace = pace;
    }

    /// Starts a search for so many people.
    pub async fn search(&self, people: i32) -> Streaming<JobEvent> {
        let search = people_search(people);
        let answer = self.server.leads().search_leads(search).await;
        answer.unwrap().into_inner()
    }

    /// People of the world.
    pub async fn people(&self, count: i32) -> Vec<LeadResult> {
        let events = read_all(&mut self.search(count).await).await;
        let leads = events.into_iter().filter_map(|event| match event.event {
            Some(Event::Lead(lead)) => Some(lead),
            _ => None,
        });
        leads.collect()
    }

    /// LinkedIn profiles of people of the world.
    pub async fn profiles(&self, count: i32) -> Vec<String> {
        let people = self.people(count).await.into_iter();
        people
            .map(|result| result.lead.unwrap().linkedin_url.unwrap())
            .collect()
    }

    /// The first companies of the world.
    pub async fn companies(&self) -> Vec<AccountPreview> {
        let request = PreviewAccountSearchRequest::default();
        let mut accounts = self.server.accounts();
        let answer = accounts.preview_account_search(request).await;
        answer.unwrap().into_inner().preview
    }

    /// The LinkedIn page of a company of the world.
    pub async fn company(&self) -> String {
        let first = self.companies().await.into_iter().next().unwrap();
        first.linkedin_url.unwrap()
    }
}

/// A search that finds so many people.
pub fn people_search(limit: i32) -> SearchLeadsRequest {
    let filters = LeadFilters {
        seniority_levels: vec![
            SeniorityLevel::Director.into(),
            SeniorityLevel::Senior.into(),
        ],
        ..Default::default()
    };
    SearchLeadsRequest {
        filters: Some(filters),
        limit: Some(limit),
        ..Default::default()
    }
}

/// A port that no other process takes while no server listens on it.
pub struct HeldPort {
    pub port: u16,
    _socket: TcpSocket,
}

impl HeldPort {
    /// Linux lets a listener share the address of a socket that does not listen.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self {
            port: socket.local_addr().unwrap().port(),
            _socket: socket,
        }
    }
}
