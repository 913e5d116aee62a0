//! Every option: its default, its unit, its documentation. One file for each group.
//!
//! A value comes from a flag, else from the environment, else from the
//! configuration file, else from the default.

mod access;
mod callback;
mod effective;
mod jobs;
mod layers;
mod listen;
mod material;
mod money;
mod sandbox;
mod serving;
mod telemetry;
mod tls;
pub(crate) mod units;
mod upstream;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::jobs::{Deadlines, JobOptions};
use crate::server::ServingOptions;

pub use access::AccessArgs;
pub use callback::CallbackArgs;
pub use effective::CheckArgs;
pub use jobs::JobArgs;
pub use layers::{ConfigError, parse};
pub use listen::ListenArgs;
pub use material::Material;
pub use money::MoneyOptions;
pub use sandbox::{SandboxArgs, SandboxOptions};
pub use serving::{Compression, ServingArgs};
pub use telemetry::{LogFormat, TelemetryArgs};
pub use tls::{ClientAuth, TlsArgs};
pub use upstream::UpstreamArgs;

/// A gRPC facade for the Pronto (Pipecorn) REST API.
#[derive(Debug, Parser)]
#[command(name = "pronto-grpc", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve gRPC, and receive Pronto's callbacks.
    Serve(Box<ServeArgs>),
    /// Check the configuration of `serve` with everything that it names, and print it as
    /// a TOML file that `--config` takes, without secrets.
    Check(Box<CheckArgs>),
    /// Run the built-in Pronto alone.
    Sandbox(SandboxArgs),
    /// Show what it does: sandbox, server and client in one process.
    Demo,
    /// Write the descriptor set of the API, for tools without reflection.
    Descriptor {
        /// File to write; `-` is the standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// Options of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// TOML file with options under their long names, such as `api-key-file = "/run/key"`.
    #[arg(long, env = "PRONTO_GRPC_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where the server listens.
    #[command(flatten)]
    pub listen: ListenArgs,

    /// How calls are served, and how that ends.
    #[command(flatten)]
    pub serving: ServingArgs,

    /// Who may call, and with which key of Pronto.
    #[command(flatten)]
    pub access: AccessArgs,

    /// TLS of the gRPC listeners.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// How Pronto is called.
    #[command(flatten)]
    pub upstream: UpstreamArgs,

    /// How Pronto's callbacks are received.
    #[command(flatten)]
    pub callback: CallbackArgs,

    /// How jobs behave.
    #[command(flatten)]
    pub jobs: JobArgs,

    /// What calls cost, and what may be spent.
    #[command(flatten)]
    pub money: MoneyOptions,

    /// What the server tells about itself.
    #[command(flatten)]
    pub telemetry: TelemetryArgs,

    /// Serve the built-in Pronto instead of the real one.
    #[arg(long, env = "PRONTO_GRPC_SANDBOX", help_heading = "Sandbox", value_parser = BoolishValueParser::new())]
    pub sandbox: bool,

    /// How the built-in Pronto behaves.
    #[command(flatten)]
    pub sandbox_options: SandboxOptions,
}

impl ServeArgs {
    /// Checks options that depend on each other.
    ///
    /// # Errors
    ///
    /// When some do not go together; the error names them.
    pub fn check(&self) -> Result<(), ConfigError> {
        let problems = self.contradictions();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(ConfigError::all(&problems)),
        }
    }

    /// Options that do not go together.
    fn contradictions(&self) -> Vec<String> {
        let checks = [
            self.check_addresses(),
            self.serving.check(&self.listen.grpc_address),
            self.serving.check_origins(),
            self.serving
                .check_holds("max-answer-size", self.upstream.max_answer_size),
            self.serving
                .check_holds("max-callback-size", self.callback.max_callback_size),
            self.tls.check(),
            self.jobs.check(),
            self.money.check(),
            self.telemetry.check(),
            self.check_sizes(),
        ];
        let problems = checks.into_iter().filter_map(Result::err);
        problems.map(|problem| problem.to_string()).collect()
    }

    fn check_addresses(&self) -> Result<(), ConfigError> {
        match self.listen.grpc_address.is_empty() {
            true => Err(ConfigError::new("grpc-address: needs at least one address")),
            false => Ok(()),
        }
    }

    fn check_sizes(&self) -> Result<(), ConfigError> {
        let (unmatched, callback) = (
            self.jobs.max_unmatched_size,
            self.callback.max_callback_size,
        );
        if unmatched < callback {
            return Err(ConfigError::new(format!(
                "max-unmatched-size: {unmatched} is smaller than max-callback-size, \
                 {callback}: a callback could be accepted that is not kept",
            )));
        }
        Ok(())
    }

    /// How jobs behave.
    #[must_use]
    pub fn job_options(&self) -> JobOptions {
        let jobs = &self.jobs;
        JobOptions {
            callback_url: self.callback.callback_url.clone(),
            deadlines: Deadlines {
                search: jobs.search_deadline,
                contact: jobs.contact_deadline,
                bulk: jobs.bulk_deadline,
            },
            poll_interval: jobs.poll_interval,
            max_poll_interval: jobs.max_poll_interval.max(jobs.poll_interval),
            settle_time: jobs.settle_time,
            progress_interval: jobs.progress_interval,
            max_stream_age: self.serving.max_stream_age(),
            drain_spread: self.serving.drain_spread,
            retention: jobs.retention,
            ledger_retention: jobs.ledger_retention,
            max_store_size: jobs.max_store_size.as_u64(),
            max_unmatched_size: units::to_usize(jobs.max_unmatched_size),
            prices: self.money.prices(),
            budgets: self.money.budgets(),
        }
    }

    /// How calls are served.
    #[must_use]
    pub fn serving_options(&self) -> ServingOptions {
        self.serving.options(&self.listen.grpc_address)
    }

    /// The file of the store. The sandbox has one of its own: its jobs mean
    /// nothing to the real Pronto.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.jobs.data_dir.join(if self.sandbox {
            "sandbox.sqlite3"
        } else {
            "jobs.sqlite3"
        })
    }
}
