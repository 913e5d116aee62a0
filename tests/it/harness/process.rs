//! The program, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

use serde_json::Value;

use super::{PATIENCE, record};

/// The program with arguments, in an environment of its own.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pronto-grpc"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running process, killed when a test gives up.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        if record::is_wanted() {
            command.env("PRONTO_GRPC_LOG", record::EVERYTHING);
        }
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let mut record = record::process();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(record) = &mut record {
                    writeln!(record, "{line}").unwrap();
                }
                if sender.send(line).is_err() && record.is_none() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that it says, unless it ends.
    pub fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it says nothing"),
        }
    }

    /// The next line that has this in it.
    pub fn line_with(&self, text: &str) -> String {
        let mut lines = std::iter::from_fn(|| self.line());
        lines
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?}"))
    }

    /// The fields of the next line of a JSON log that says this.
    pub fn logged(&self, message: &str) -> Value {
        self.logged_line(message)["fields"].clone()
    }

    /// The next line of a JSON log that says this.
    pub fn logged_line(&self, message: &str) -> Value {
        let mut seen = String::new();
        while let Some(line) = self.line() {
            let logged: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if logged["fields"]["message"] == message {
                return logged;
            }
            seen = seen + &line + "\n";
        }
        panic!("no {message:?} in: {seen}")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends a signal, and gives the status and everything that is still said.
    pub fn end(mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        self.signal(signal);
        // The end of the log is the end of the process.
        let said = std::iter::from_fn(|| self.line()).collect();
        let mut stdout = String::new();
        let mut pipe = self.child.stdout.take().unwrap();
        pipe.read_to_string(&mut stdout).unwrap();
        assert_eq!(stdout, "");
        (self.child.wait().unwrap(), said)
    }
}

impl Process {
    /// Waits until it ends by itself, and gives the status and what it says.
    pub fn ended(mut self) -> (ExitStatus, String) {
        // One that goes on instead falls silent, which fails the test.
        let said: Vec<_> = std::iter::from_fn(|| self.line()).collect();
        (self.child.wait().unwrap(), said.join("\n"))
    }

    /// Kills it as a crash does, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
