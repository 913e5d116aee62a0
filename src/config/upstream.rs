//! Options of calls to Pronto.

use std::time::Duration;

use bytesize::ByteSize;
use clap::{ArgAction, Args};
use url::Url;

use super::ConfigError;
use super::units::{byte_size, duration, to_usize, url};
use crate::pronto::limits::{LimitOptions, Override, parse_override};
use crate::pronto::{BaseUrls, ClientOptions, DriftLog};
use crate::proto::endpoint::{Vendor, base_url};
use crate::proto::v1::Host;

/// How Pronto is called.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Calls to Pronto")]
pub struct UpstreamArgs {
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

    /// Whether Pronto is told which trace a request belongs to, by W3C `traceparent`. It
    /// has no use for that; a proxy on the way to it may have.
    #[arg(
        long,
        env = "PRONTO_GRPC_PROPAGATE_TRACE_CONTEXT",
        default_value = "false",
        action = ArgAction::Set,
        value_name = "FLAG"
    )]
    pub propagate_trace_context: bool,
}

impl UpstreamArgs {
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
            max_answer_size: to_usize(self.max_answer_size),
            limits: LimitOptions {
                overrides: self.rate_limit.clone(),
                max_in_flight: self.max_in_flight,
            },
            answer_cache: self.answer_cache,
            propagate_trace_context: self.propagate_trace_context,
            drift: DriftLog::default(),
        })
    }
}
