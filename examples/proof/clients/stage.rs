//! What a scenario is played on: a server of its own, and where clients find it.

use std::net::SocketAddr;
use std::time::Duration;

use pronto_grpc::cli::sandbox_urls;
use pronto_grpc::sandbox::{DEFAULT_API_KEY, Sandbox, SandboxConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tonic::transport::Channel;

use super::program::Environment;
use crate::log::connect;
use crate::server::{Place, Server};

/// The key of a stranger, for whom jobs of others are not there.
const STRANGER: &str = "somebody-else";

/// What clients of every kind want of a server.
const OPTIONS: [&str; 7] = [
    // With the questions for health and reflection.
    "--log=info,pronto_grpc::rpc=debug",
    "--compression=gzip",
    "--grpc-web=true",
    "--cors-origin=*",
    "--max-request-size=16MiB",
    // Behind a signal, a stream ends within this time.
    "--drain-spread=1s",
    "--poll-interval=500ms",
];

/// A server of a scenario.
pub struct Stage {
    /// Where it runs.
    pub place: Place,
    server: Option<Server>,
    sockets: TempDir,
}

impl Stage {
    /// A server with its sandbox, as users try it.
    pub async fn new() -> Self {
        Self::of(Place::with_sandbox([])).await
    }

    /// A server whose Pronto is a sandbox of this process, and so outlives it.
    pub async fn beside_pronto(pace: Duration) -> (Self, Sandbox) {
        Self::beside_pronto_with(pace, &[]).await
    }

    /// The same with options.
    pub async fn beside_pronto_with(pace: Duration, options: &[&str]) -> (Self, Sandbox) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sandbox = Sandbox::new(SandboxConfig {
            api_keys: [DEFAULT_API_KEY, STRANGER].map(str::to_owned).to_vec(),
            pace,
            ..SandboxConfig::default()
        });
        tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
        let urls = sandbox_urls(address).unwrap();
        let place = Place::empty();
        let callbacks = place.callbacks();
        let place = place.and(options.iter().map(|option| (*option).to_owned()));
        let stage = Self::of(place.and([
            format!("--api-key={DEFAULT_API_KEY}"),
            format!("--callback-url=http://{callbacks}"),
            format!("--main-url={}", urls.main),
            format!("--synchronous-url={}", urls.synchronous),
        ]));
        (stage.await, sandbox)
    }

    async fn of(place: Place) -> Self {
        // The path of a socket has 107 bytes, which the folder of a checkout may exceed.
        let sockets = tempfile::tempdir_in("/tmp").unwrap();
        let place = place.and(OPTIONS.map(str::to_owned));
        let place = place.and([format!("--grpc-address=unix:{}", socket(&sockets))]);
        let server = Some(place.start().await);
        Self {
            place,
            server,
            sockets,
        }
    }

    /// Kills the server as a crash does, and starts it again.
    pub async fn crash(&mut self) {
        let server = self.server.take();
        spawn_blocking(|| server.map(Server::kill)).await.unwrap();
        self.server = Some(self.place.start().await);
    }

    /// Tells the server to end, and starts it again when it has.
    pub async fn restart(&mut self) {
        let server = self.server.take();
        let ended = spawn_blocking(|| server.map(Server::terminate));
        ended.await.unwrap();
        self.server = Some(self.place.start().await);
    }

    /// The server that runs.
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// A channel of the proof's own.
    pub async fn channel(&self) -> Channel {
        connect(self.place.grpc()).await.unwrap()
    }

    /// What a client that calls the server itself is told.
    pub fn environment(&self) -> Environment {
        self.environment_through(self.place.grpc())
    }

    /// What a client that calls through a wire is told.
    pub fn environment_through(&self, address: SocketAddr) -> Environment {
        vec![
            ("PRONTO_ADDRESS", address.to_string()),
            ("PRONTO_UNIX_SOCKET", socket(&self.sockets)),
        ]
    }
}

/// The socket in a folder.
fn socket(folder: &TempDir) -> String {
    folder.path().join("grpc.sock").display().to_string()
}
