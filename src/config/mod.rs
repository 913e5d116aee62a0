//! Every option: its default, its unit, its documentation.
//!
//! A value comes from a flag, else from the environment, else from the
//! configuration file, else from the default.

mod layers;
mod money;
mod sandbox;
mod units;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::callback::CallbackLimits;
use crate::jobs::{Deadlines, JobOptions};
use crate::ledger::REPEATABLE;
use crate::pronto::limits::{LimitOptions, Override, parse_override};
use crate::pronto::{BaseUrls, ClientOptions};
use crate::proto::endpoint::{Vendor, base_url};
use crate::proto::v1::Host;
use units::{byte_size, duration, public_url, secret, unchecked_secret, url};

pub use layers::{ConfigError, parse};
pub use money::MoneyOptions;
pub use sandbox::{SandboxArgs, SandboxOptions};

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

    /// Address of the gRPC listener.
    #[arg(
        long,
        env = "PRONTO_GRPC_GRPC_ADDRESS",
        default_value = "127.0.0.1:50051",
        value_name = "ADDRESS"
    )]
    pub grpc_address: SocketAddr,

    /// Address of the HTTP listener for Pronto's callbacks.
    #[arg(
        long,
        env = "PRONTO_GRPC_CALLBACK_ADDRESS",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub callback_address: SocketAddr,

    /// Address of the HTTP listener for operators: `/metrics`. There is none without it.
    #[arg(long, env = "PRONTO_GRPC_ADMIN_ADDRESS", value_name = "ADDRESS")]
    pub admin_address: Option<SocketAddr>,

    /// Public https URL under which Pronto reaches the callback listener.
    /// Without it, results are polled where Pronto allows that.
    #[arg(long, env = "PRONTO_GRPC_CALLBACK_URL", value_name = "URL", value_parser = public_url)]
    pub callback_url: Option<Url>,

    /// API key of Pronto for calls that bring no `x-api-key` metadata.
    /// Prefer the environment or `api-key-file`: flags are visible to other users.
    #[arg(long, env = "PRONTO_GRPC_API_KEY", hide_env_values = true, value_name = "KEY", value_parser = unchecked_secret)]
    pub api_key: Option<SecretString>,

    /// File that holds the API key.
    #[arg(
        long,
        env = "PRONTO_GRPC_API_KEY_FILE",
        value_name = "FILE",
        conflicts_with = "api_key"
    )]
    pub api_key_file: Option<PathBuf>,

    /// Under which of its names Pronto is called.
    #[arg(
        long,
        env = "PRONTO_GRPC_VENDOR",
        default_value = "prontohq",
        value_enum
    )]
    pub vendor: Vendor,

    /// Base URL of Pronto's main host, instead of the vendor's.
    #[arg(long, env = "PRONTO_GRPC_MAIN_URL", value_name = "URL", value_parser = url)]
    pub main_url: Option<Url>,

    /// Base URL of Pronto's host of synchronous enrichment, instead of the vendor's.
    #[arg(long, env = "PRONTO_GRPC_SYNCHRONOUS_URL", value_name = "URL", value_parser = url)]
    pub synchronous_url: Option<Url>,

    /// How long a connection to Pronto may take.
    #[arg(long, env = "PRONTO_GRPC_CONNECT_TIMEOUT", default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub connect_timeout: Duration,

    /// How long a call to Pronto may take.
    #[arg(long, env = "PRONTO_GRPC_REQUEST_TIMEOUT", default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub request_timeout: Duration,

    /// How long a synchronous enrichment may take.
    #[arg(long, env = "PRONTO_GRPC_SYNCHRONOUS_TIMEOUT", default_value = "120s", value_name = "DURATION", value_parser = duration)]
    pub synchronous_timeout: Duration,

    /// Largest answer of Pronto's.
    #[arg(long, env = "PRONTO_GRPC_MAX_ANSWER_SIZE", default_value = "32MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_answer_size: ByteSize,

    /// How many requests an API key may send to an RPC's endpoint, instead of what
    /// Pronto documents: `RPC=COUNT/PERIOD`, such as `GetHeadcount=10/minute`; `*` stands
    /// for all others. May be given several times; in the environment `;` stands between
    /// them.
    #[arg(
        long,
        env = "PRONTO_GRPC_RATE_LIMIT",
        value_delimiter = ';',
        value_name = "LIMIT",
        value_parser = parse_override
    )]
    pub rate_limit: Vec<Override>,

    /// At most so many requests of an API key are under way at once on Pronto's main
    /// host; 0: any number.
    #[arg(
        long,
        env = "PRONTO_GRPC_MAX_IN_FLIGHT",
        default_value = "5",
        value_name = "COUNT"
    )]
    pub max_in_flight: usize,

    /// Whether answers about data that changes seldom, such as locations and personas,
    /// are given to later calls of the same API key, too, for seconds or minutes.
    #[arg(
        long,
        env = "PRONTO_GRPC_ANSWER_CACHE",
        default_value = "true",
        action = ArgAction::Set,
        value_name = "FLAG"
    )]
    pub answer_cache: bool,

    /// Largest body of a callback.
    #[arg(long, env = "PRONTO_GRPC_MAX_CALLBACK_SIZE", default_value = "8MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_callback_size: ByteSize,

    /// At most so many callback connections are open at once, fewer where the limit of open files is lower.
    /// For one more, that is closed which has waited longest without a complete request header.
    #[arg(long, env = "PRONTO_GRPC_MAX_CALLBACK_CONNECTIONS", default_value = "10000", value_name = "COUNT", value_parser = units::count)]
    pub max_callback_connections: usize,

    /// Folder of the store: jobs and their results. Created when it is missing.
    #[arg(
        long,
        env = "PRONTO_GRPC_DATA_DIR",
        default_value = "pronto-grpc-data",
        value_name = "FOLDER"
    )]
    pub data_dir: PathBuf,

    /// A search that has not ended after this time is ended as INCOMPLETE.
    /// Signals that never end have no deadline.
    #[arg(long, env = "PRONTO_GRPC_SEARCH_DEADLINE", default_value = "2h", value_name = "DURATION", value_parser = duration)]
    pub search_deadline: Duration,

    /// The same for the enrichment of one contact.
    #[arg(long, env = "PRONTO_GRPC_CONTACT_DEADLINE", default_value = "1h", value_name = "DURATION", value_parser = duration)]
    pub contact_deadline: Duration,

    /// The same for an enrichment in bulk.
    #[arg(long, env = "PRONTO_GRPC_BULK_DEADLINE", default_value = "6h", value_name = "DURATION", value_parser = duration)]
    pub bulk_deadline: Duration,

    /// How long ended jobs, raw bodies, answers and callbacks without a job are kept.
    /// Not shorter than the deadline of a job.
    #[arg(long, env = "PRONTO_GRPC_RETENTION", default_value = "72h", value_name = "DURATION", value_parser = duration)]
    pub retention: Duration,

    /// How long the ledger keeps what each call and result cost. Not shorter than
    /// `retention`, nor than a day. Daily sums are kept for 400 days.
    #[arg(long, env = "PRONTO_GRPC_LEDGER_RETENTION", default_value = "90d", value_name = "DURATION", value_parser = duration)]
    pub ledger_retention: Duration,

    /// Largest size of the store. Above it the oldest raw bodies, answers and ended
    /// jobs are purged; when that is not enough, no job is started.
    #[arg(long, env = "PRONTO_GRPC_MAX_STORE_SIZE", default_value = "10GiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_store_size: ByteSize,

    /// Largest size of all callbacks without a job: of those for purged jobs, and
    /// again of those for unknown ones. The oldest ones give way.
    #[arg(long, env = "PRONTO_GRPC_MAX_UNMATCHED_SIZE", default_value = "64MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_unmatched_size: ByteSize,

    /// How soon Pronto is first asked for results that did not arrive.
    #[arg(long, env = "PRONTO_GRPC_POLL_INTERVAL", default_value = "2s", value_name = "DURATION", value_parser = duration)]
    pub poll_interval: Duration,

    /// Longest time between two such questions; the time grows from one to the next.
    #[arg(long, env = "PRONTO_GRPC_MAX_POLL_INTERVAL", default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub max_poll_interval: Duration,

    /// How long callbacks may still come after Pronto says that it has finished,
    /// when polling does not show every result.
    #[arg(long, env = "PRONTO_GRPC_SETTLE_TIME", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub settle_time: Duration,

    /// Time between two `progress` events of a stream, at most 20s.
    #[arg(long, env = "PRONTO_GRPC_PROGRESS_INTERVAL", default_value = "15s", value_name = "DURATION", value_parser = units::progress_interval)]
    pub progress_interval: Duration,

    /// What calls cost, and what may be spent.
    #[command(flatten)]
    pub money: MoneyOptions,

    /// How long calls under way may take after a signal to end.
    #[arg(long, env = "PRONTO_GRPC_SHUTDOWN_TIMEOUT", default_value = "25s", value_name = "DURATION", value_parser = duration)]
    pub shutdown_timeout: Duration,

    /// What is logged: `info`, `debug`, or a filter such as `info,pronto_grpc=debug`.
    #[arg(long, env = "PRONTO_GRPC_LOG", default_value = "info", value_name = "FILTER", value_parser = units::log_filter)]
    pub log: String,

    /// Form of the log.
    #[arg(
        long,
        env = "PRONTO_GRPC_LOG_FORMAT",
        default_value = "text",
        value_enum
    )]
    pub log_format: LogFormat,

    /// Serve the built-in Pronto instead of the real one.
    #[arg(long, env = "PRONTO_GRPC_SANDBOX", value_parser = BoolishValueParser::new())]
    pub sandbox: bool,

    /// How the built-in Pronto behaves.
    #[command(flatten)]
    pub sandbox_options: SandboxOptions,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl ServeArgs {
    /// The API key, from wherever it stands.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is empty.
    pub fn api_key(&self) -> Result<Option<SecretString>, ConfigError> {
        let Some(file) = &self.api_key_file else {
            // Checked here, because an error of the command line shows the value.
            let key = self
                .api_key
                .as_ref()
                .map(|key| secret(key.expose_secret()))
                .transpose();
            return key.map_err(|why| ConfigError::new(format!("api-key: {why}")));
        };
        let unusable =
            |why: &str| ConfigError::new(format!("api-key-file: {}: {why}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| unusable(&error.to_string()))?;
        secret(text.trim()).map(Some).map_err(|why| unusable(&why))
    }

    /// How to call Pronto.
    ///
    /// # Errors
    ///
    /// When a base URL of the vendor is not usable.
    pub fn client_options(&self) -> Result<ClientOptions, ConfigError> {
        let base = |chosen: &Option<Url>, host| match chosen {
            Some(chosen) => Ok(chosen.clone()),
            None => url(base_url(host, self.vendor)).map_err(ConfigError::new),
        };
        Ok(ClientOptions {
            base_urls: BaseUrls {
                main: base(&self.main_url, Host::Main)?,
                synchronous: base(&self.synchronous_url, Host::Synchronous)?,
            },
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            synchronous_timeout: self.synchronous_timeout,
            max_answer_size: units::to_usize(self.max_answer_size),
            limits: LimitOptions {
                overrides: self.rate_limit.clone(),
                max_in_flight: self.max_in_flight,
            },
            answer_cache: self.answer_cache,
        })
    }

    /// Checks options that depend on each other.
    ///
    /// # Errors
    ///
    /// When two do not go together; the error names both.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (option, longest) = self.longest_deadline();
        if self.retention < longest {
            let (retention, longest) = (
                humantime::format_duration(self.retention),
                humantime::format_duration(longest),
            );
            return Err(ConfigError::new(format!(
                "retention: {retention} is shorter than {option}, {longest}: what a job that \
                 runs has received would be purged"
            )));
        }
        self.check_ledger()?;
        self.money.check()?;
        if self.max_unmatched_size < self.max_callback_size {
            return Err(ConfigError::new(format!(
                "max-unmatched-size: {} is smaller than max-callback-size, {}: a callback \
                 could be accepted that is not kept",
                self.max_unmatched_size, self.max_callback_size
            )));
        }
        Ok(())
    }

    /// What can be repeated or used again is found through the ledger.
    fn check_ledger(&self) -> Result<(), ConfigError> {
        let kept = ("retention", self.retention);
        let (what, shortest) = match kept.1 < REPEATABLE {
            true => ("the time for which requests can be repeated", REPEATABLE),
            false => kept,
        };
        if self.ledger_retention >= shortest {
            return Ok(());
        }
        Err(ConfigError::new(format!(
            "ledger-retention: {} is shorter than {what}, {}: what is still kept would not be \
             found any more",
            humantime::format_duration(self.ledger_retention),
            humantime::format_duration(shortest),
        )))
    }

    /// The longest deadline of a job, and the option that sets it.
    fn longest_deadline(&self) -> (&'static str, Duration) {
        let search = ("search-deadline", self.search_deadline);
        let others = [
            ("contact-deadline", self.contact_deadline),
            ("bulk-deadline", self.bulk_deadline),
        ];
        others.into_iter().fold(
            search,
            |longest, other| {
                if other.1 > longest.1 { other } else { longest }
            },
        )
    }

    /// How jobs behave.
    #[must_use]
    pub fn job_options(&self) -> JobOptions {
        JobOptions {
            callback_url: self.callback_url.clone(),
            deadlines: Deadlines {
                search: self.search_deadline,
                contact: self.contact_deadline,
                bulk: self.bulk_deadline,
            },
            poll_interval: self.poll_interval,
            max_poll_interval: self.max_poll_interval.max(self.poll_interval),
            settle_time: self.settle_time,
            progress_interval: self.progress_interval,
            retention: self.retention,
            ledger_retention: self.ledger_retention,
            max_store_size: self.max_store_size.as_u64(),
            max_unmatched_size: units::to_usize(self.max_unmatched_size),
            prices: self.money.prices(),
            budgets: self.money.budgets(),
        }
    }

    /// What the callback receiver puts up with.
    #[must_use]
    pub fn callback_limits(&self) -> CallbackLimits {
        CallbackLimits {
            max_body_size: units::to_usize(self.max_callback_size),
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: self.max_callback_connections,
            max_buffered: 64 << 20,
        }
    }

    /// The file of the store. The sandbox has one of its own: its jobs mean
    /// nothing to the real Pronto.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.data_dir.join(if self.sandbox {
            "sandbox.sqlite3"
        } else {
            "jobs.sqlite3"
        })
    }
}
