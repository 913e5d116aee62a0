//! The release binary, as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::fake::Fake;
use crate::log::PATIENCE;

/// For proofs that start more jobs than Pronto allows.
pub const UNLIMITED: &str = "--rate-limit=*=1000000/second";

/// A port that nothing else takes while no server listens on it.
struct HeldPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl HeldPort {
    /// Linux lets a listener share the address of a socket that does not listen.
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _socket: socket,
        }
    }
}

/// Where a server runs, again and again: its folder and its ports stay.
pub struct Place {
    grpc: HeldPort,
    callbacks: HeldPort,
    admin: HeldPort,
    /// Which Pronto it calls, and how.
    options: Vec<String>,
    folder: TempDir,
}

impl Place {
    /// A new place, for a server that calls this Pronto, and polls it hardly ever.
    pub fn new(pronto: &Fake) -> Self {
        Self::polling(pronto, "60s")
    }

    /// A new place, for a server that polls this Pronto so often.
    pub fn polling(pronto: &Fake, poll_interval: &str) -> Self {
        Self::calling(pronto.address, poll_interval)
    }

    /// A new place, for a server that polls the Pronto at this address so often.
    pub fn calling(pronto: SocketAddr, poll_interval: &str) -> Self {
        let place = Self::empty();
        let callbacks = place.callbacks();
        place.and([
            "--api-key=proof".to_owned(),
            format!("--poll-interval={poll_interval}"),
            format!("--max-poll-interval={poll_interval}"),
            format!("--callback-url=http://{callbacks}"),
            format!("--main-url=http://{pronto}"),
            format!("--synchronous-url=http://{pronto}"),
            UNLIMITED.to_owned(),
        ])
    }

    /// A new place, for a server with a sandbox.
    pub fn with_sandbox(options: impl IntoIterator<Item = String>) -> Self {
        Self::empty().and(["--sandbox".to_owned()]).and(options)
    }

    /// The same with a listener for operators.
    pub fn with_admin(self) -> Self {
        let address = self.admin();
        self.and([format!("--admin-address={address}")])
    }

    /// A new place, for a server with no option but its addresses.
    pub fn empty() -> Self {
        Self {
            grpc: HeldPort::new(),
            callbacks: HeldPort::new(),
            admin: HeldPort::new(),
            options: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With further options.
    pub fn and(mut self, options: impl IntoIterator<Item = String>) -> Self {
        self.options.extend(options);
        self
    }

    /// The gRPC listener.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc.address
    }

    /// The listener of callbacks.
    pub fn callbacks(&self) -> SocketAddr {
        self.callbacks.address
    }

    /// The listener for operators, where there is one.
    pub fn admin(&self) -> SocketAddr {
        self.admin.address
    }

    /// The store's folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder beside the store's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command that runs a server here.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .args(["serve", "--log-format", "json"])
            .args(["--grpc-address", &self.grpc().to_string()])
            .args(["--callback-address", &self.callbacks().to_string()])
            .args(&self.options)
            .arg("--data-dir")
            .arg(self.data());
        command
    }

    /// Runs a server here, and waits until it serves.
    pub async fn start(&self) -> Server {
        Server::start(self.command())
            .await
            .unwrap_or_else(|ended| panic!("the server does not serve: {ended:?}"))
    }
}

/// The binary that was built beside this program.
pub fn binary() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let release = this.parent().and_then(Path::parent).unwrap();
    release.join("pronto-grpc")
}

/// A server that serves. Killed when it is dropped.
pub struct Server {
    child: Child,
    said: Said,
    calls: Calls,
    /// From the start of the process until it served.
    pub serving_after: Duration,
}

/// What the process said that is no line of its log, such as a panic.
type Said = Arc<Mutex<Vec<String>>>;

/// The calls that ended, by method and code.
type Calls = Arc<Mutex<Vec<(String, String)>>>;

impl Server {
    /// Runs a command, and waits until it serves.
    ///
    /// # Errors
    ///
    /// When it ends before that; says how, and what it said.
    pub async fn start(mut command: Command) -> Result<Self, NoStart> {
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (said, calls) = (Said::default(), Calls::default());
        let (sender, serving) = mpsc::channel();
        let (heard, ended) = (said.clone(), calls.clone());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.contains(r#""message":"Serving.""#) {
                    let _ = sender.send(Instant::now());
                } else if line.contains(r#""message":"RPC ended.""#) {
                    ended.lock().extend(call(&line));
                } else if !line.starts_with('{') {
                    heard.lock().push(line);
                }
            }
        });
        let serving = tokio::task::spawn_blocking(move || serving.recv_timeout(PATIENCE));
        let serving = serving.await.unwrap();
        let mut server = Self {
            child,
            said,
            calls,
            serving_after: Duration::ZERO,
        };
        let status = match serving {
            Ok(serving) => {
                server.serving_after = serving - begin;
                return Ok(server);
            }
            Err(RecvTimeoutError::Timeout) => None,
            // The end of the log is the end of the process.
            Err(RecvTimeoutError::Disconnected) => Some(server.child.wait().unwrap()),
        };
        let said = server.said();
        Err(NoStart { status, said })
    }

    /// The memory that it has.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.split_whitespace().next());
            value.and_then(|value| value.parse().ok()).unwrap()
        };
        Memory {
            resident: kib("VmRSS:"),
            peak: kib("VmHWM:"),
            private: kib("RssAnon:"),
        }
    }

    /// Lets the peak of its memory be what it has now.
    pub fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").unwrap();
    }

    /// The time that it has run, in the kernel and beside it.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(self.proc("stat")).unwrap();
        // The name before the last bracket may hold anything.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut field = || ticks.next().unwrap().unwrap();
        field() + field()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it said beside its log.
    pub fn said(&self) -> String {
        self.said.lock().join("\n")
    }

    /// How many calls of a method have ended with a code, as far as its log has come.
    pub fn calls(&self, method: &str, code: &str) -> usize {
        let calls = self.calls.lock();
        let is_meant = |(one, with): &&(String, String)| one == method && with == code;
        calls.iter().filter(is_meant).count()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to end, and waits until it has.
    pub fn terminate(mut self) -> ExitStatus {
        let told = Command::new("kill").arg(self.id().to_string()).status();
        assert!(told.unwrap().success());
        self.child.wait().unwrap()
    }

    /// Kills it as a crash does, and waits until it is gone.
    pub fn kill(mut self) {
        self.kill_now();
    }

    /// Kills it, and keeps what it said.
    pub fn kill_now(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Method and code in a line of the log.
fn call(line: &str) -> Option<(String, String)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| Some(line["fields"][name].as_str()?.to_owned());
    Some((field("method")?, field("code")?))
}

/// The memory of a process, in KiB.
pub struct Memory {
    /// What it has.
    pub resident: u64,
    /// The most that it had.
    pub peak: u64,
    /// What of it is its own: not pages of its program, which the kernel shares and drops.
    pub private: u64,
}

/// Why a server does not serve.
#[derive(Debug)]
pub struct NoStart {
    /// How it ended; none when it hangs.
    pub status: Option<ExitStatus>,
    /// What it said.
    pub said: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already when it was killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
