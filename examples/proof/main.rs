//! Programs that prove the promises. Each drives the release binary over real
//! sockets, prints its figures as one last line, and fails when a promise is broken.
//! `scripts/proof` is the door: it builds what is needed and cleans up.
//!
//! A proof is a file with a `run` and a line in [`PROOFS`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program that ends when it cannot go on"
)]

mod abuse;
mod burst;
mod clients;
mod crash_loop;
mod deadlines;
mod disk_faults;
mod double_spend;
mod drain;
mod fake;
mod footprint;
mod http;
mod limits;
mod link;
mod log;
mod matrix;
mod memory;
mod report;
mod resume;
mod server;
mod storm;
mod till;

use std::pin::Pin;
use std::process::ExitCode;

use report::Report;

/// How thorough a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For each change.
    Short,
    /// For the figures in the documentation.
    Long,
}

impl Form {
    /// One of two values.
    pub fn pick<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

type Run = fn(Form) -> Pin<Box<dyn Future<Output = Report>>>;

/// The proofs, with what each of them shows.
const PROOFS: &[(&str, &str, Run)] = &[
    (
        "abuse",
        "peers that mean harm are cut, and callers who mean well do not notice them",
        |form| Box::pin(abuse::run(form)),
    ),
    (
        "crash-loop",
        "a callback answered 2xx survives SIGKILL, and is streamed once",
        |form| Box::pin(crash_loop::run(form)),
    ),
    (
        "burst",
        "callbacks that come at once are all stored and streamed",
        |form| Box::pin(burst::run(form)),
    ),
    (
        "resume",
        "a stream cut anywhere, by anything, goes on without gap or repeat",
        |form| Box::pin(resume::run(form)),
    ),
    (
        "memory",
        "a long log and many watchers cost the server little memory",
        |form| Box::pin(memory::run(form)),
    ),
    (
        "footprint",
        "a server that has nothing to do takes little, and starts at once",
        |form| Box::pin(footprint::run(form)),
    ),
    (
        "deadlines",
        "calls and streams end at their deadline, and say so",
        |form| Box::pin(deadlines::run(form)),
    ),
    (
        "drain",
        "a server that ends answers its calls, and hands its streams over",
        |form| Box::pin(drain::run(form)),
    ),
    (
        "disk-faults",
        "a disk that fails at any operation loses nothing that was answered 2xx",
        |form| Box::pin(disk_faults::run(form)),
    ),
    (
        "fault-matrix",
        "under every fault and pair of faults each RPC ends with what was found",
        |form| Box::pin(matrix::run(form)),
    ),
    (
        "limits",
        "rate limits are kept, used, and shared fairly between callers",
        |form| Box::pin(limits::run(form)),
    ),
    (
        "double-spend",
        "a request that is sent a hundred times is billed once, also across SIGKILL",
        |form| Box::pin(double_spend::run(form)),
    ),
    (
        "storm",
        "a Pronto that fails at every turn is asked once, and its bill is the ledger",
        |form| Box::pin(storm::run(form)),
    ),
    (
        "clients",
        "clients in every language do what gRPC can, and their streams lose and repeat nothing",
        |form| Box::pin(clients::run(form)),
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let form = match arguments.get(1) {
        Some(&"--long") => Form::Long,
        _ => Form::Short,
    };
    match arguments.as_slice() {
        ["client", rest @ ..] => {
            resume::client(rest).await;
            ExitCode::SUCCESS
        }
        [] => {
            for (name, shows, _) in PROOFS {
                println!("{name:<12} {shows}");
            }
            ExitCode::SUCCESS
        }
        [name] | [name, "--long"] => match PROOFS.iter().find(|proof| proof.0 == *name) {
            Some((name, _, run)) => run(form).await.print(name),
            None => unusable(&format!("no proof is named {name}")),
        },
        _ => unusable("usage: proof [NAME [--long]]"),
    }
}

fn unusable(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(64)
}
