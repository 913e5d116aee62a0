//! A program of a client, as a process.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::columns::Column;

/// A program that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a program is told by its environment.
pub type Environment = Vec<(&'static str, String)>;

/// A program that runs. Killed, with what it started, when it is dropped.
pub struct Program {
    child: Child,
    /// What it reads: nothing, but the end of it when its success is waited for.
    stdin: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
    complaint: Option<JoinHandle<String>>,
}

impl Program {
    /// Runs a scenario of a client.
    pub fn start(column: &Column, arguments: &[String], environment: &Environment) -> Self {
        let mut child = Command::new(root().join(column.program))
            .args(arguments)
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", column.program));
        let (sender, lines) = unbounded_channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        let mut stderr = child.stderr.take().unwrap();
        let complaint = std::thread::spawn(move || {
            let mut complaint = Vec::new();
            let _ = stderr.read_to_end(&mut complaint);
            String::from_utf8_lossy(&complaint).into_owned()
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            complaint: Some(complaint),
        }
    }

    /// The next line that it prints; none once it prints no more.
    pub async fn line(&mut self) -> Result<Option<String>, String> {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        line.map_err(|_| format!("said nothing for {} s", PATIENCE.as_secs()))
    }

    /// The lines that it prints until there are so many, or it prints no more.
    pub async fn lines(&mut self, count: usize) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        while lines.len() < count
            && let Some(line) = self.line().await?
        {
            lines.push(line);
        }
        Ok(lines)
    }

    /// Waits until it has ended well, and gives what else it prints.
    pub async fn success(mut self) -> Result<Vec<String>, String> {
        self.stdin = None;
        let lines = self.lines(usize::MAX).await?;
        let status = self.child.wait().unwrap();
        match status.success() {
            true => Ok(lines),
            false => Err(self.failure(status).await),
        }
    }

    /// Kills it as a crash does.
    pub fn kill(mut self) {
        self.kill_group();
    }

    async fn failure(&mut self, status: ExitStatus) -> String {
        self.kill_group();
        let complaint = self.complaint.take().unwrap();
        let complaint = spawn_blocking(|| complaint.join().unwrap()).await.unwrap();
        format!("{status}: {}", end_of(complaint.trim()))
    }

    fn kill_group(&mut self) {
        let group = format!("-{}", self.child.id());
        // Nobody may be left of it.
        let mut kill = Command::new("kill");
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The end of a text, which has what went wrong.
fn end_of(text: &str) -> &str {
    const SHOWN: usize = 1500;
    let from = text.len().saturating_sub(SHOWN);
    let from = (from..).find(|&from| text.is_char_boundary(from));
    &text[from.unwrap_or(0)..]
}
