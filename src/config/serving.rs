//! Options of gRPC connections, messages and streams, and of their end.

use std::time::Duration;

use bytesize::ByteSize;
use clap::{ArgAction, Args, ValueEnum};
use tonic::codec::CompressionEncoding;

use super::ConfigError;
use super::units::{byte_size, count, duration, origin, pause, streams, to_usize};
use crate::server::{
    Address, ConnectionLimits, DrainOptions, MessageOptions, ServingOptions, WebOptions,
};

/// A compression of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl From<Compression> for CompressionEncoding {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// How calls are served, and how that ends.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArgs {
    /// At most so many gRPC connections are open at once, fewer where the limit of open files
    /// is lower. One more gets the place of one without a call under way, and is refused where
    /// there is none; questions about health and reflection are no calls here.
    #[arg(long, env = "PRONTO_GRPC_MAX_CONNECTIONS", default_value = "10000", value_name = "COUNT", value_parser = count)]
    pub max_connections: usize,

    /// At most so many calls and streams of a connection are under way at once; further ones
    /// wait in the client.
    #[arg(long, env = "PRONTO_GRPC_MAX_STREAMS", default_value = "256", value_name = "COUNT", value_parser = streams)]
    pub max_streams: u32,

    /// About so long a connection takes calls; then the client is told to open another one,
    /// and calls under way go on. `0s` is for ever: only behind a balancer of connections
    /// does another one lead to another server.
    #[arg(long, env = "PRONTO_GRPC_MAX_CONNECTION_AGE", default_value = "0s", value_name = "DURATION", value_parser = pause)]
    pub max_connection_age: Duration,

    /// About so long a stream lasts; then it ends with STREAM_TOO_OLD, and its client
    /// continues with WatchJob. `0s` is for ever.
    #[arg(long, env = "PRONTO_GRPC_MAX_STREAM_AGE", default_value = "1h", value_name = "DURATION", value_parser = pause)]
    pub max_stream_age: Duration,

    /// A client that was silent for so long is asked whether it is there.
    #[arg(long, env = "PRONTO_GRPC_KEEPALIVE_INTERVAL", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub keepalive_interval: Duration,

    /// One that does not answer that in this time is gone.
    #[arg(long, env = "PRONTO_GRPC_KEEPALIVE_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub keepalive_timeout: Duration,

    /// Largest request, decompressed.
    #[arg(long, env = "PRONTO_GRPC_MAX_REQUEST_SIZE", default_value = "4MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_request_size: ByteSize,

    /// Largest answer. Not smaller than `max-answer-size` and `max-callback-size`, so that
    /// what was paid for can be read; many clients accept 4 MiB unless they are told to
    /// accept more.
    #[arg(long, env = "PRONTO_GRPC_MAX_RESPONSE_SIZE", default_value = "32MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_response_size: ByteSize,

    /// Compressions that are understood, and used for clients that understand them. May be
    /// given several times, or with `,` between them. None without it.
    #[arg(
        long,
        env = "PRONTO_GRPC_COMPRESSION",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub compression: Vec<Compression>,

    /// Whether browsers are served, too: gRPC-Web, also over HTTP/1.1.
    #[arg(long, env = "PRONTO_GRPC_GRPC_WEB", default_value = "false", action = ArgAction::Set, value_name = "BOOL")]
    pub grpc_web: bool,

    /// Origin whose scripts may call, such as `https://app.example.com`; `*` is any. May be
    /// given several times, or with `,` between them. Without any, only scripts of the
    /// server's own origin can. Needs `grpc-web`.
    #[arg(long, env = "PRONTO_GRPC_CORS_ORIGIN", value_delimiter = ',', value_name = "ORIGIN", value_parser = origin)]
    pub cors_origin: Vec<String>,

    /// Whether clients can ask for the descriptors of the API.
    #[arg(long, env = "PRONTO_GRPC_REFLECTION", default_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub reflection: bool,

    /// After SIGTERM everything is served as before for so long, while health says
    /// NOT_SERVING, so that balancers send no more calls. By default `5s`, but `0s` where each
    /// gRPC listener is of this machine only. SIGINT skips it.
    #[arg(long, env = "PRONTO_GRPC_DRAIN_GRACE", value_name = "DURATION", value_parser = pause)]
    pub drain_grace: Option<Duration>,

    /// After that, streams end within this time, each at a random moment.
    #[arg(long, env = "PRONTO_GRPC_DRAIN_SPREAD", default_value = "10s", value_name = "DURATION", value_parser = pause)]
    pub drain_spread: Duration,

    /// How long the end takes at most after a signal: calls that are then under way are cut.
    /// Longer than `drain-grace` and `drain-spread` together.
    #[arg(long, env = "PRONTO_GRPC_SHUTDOWN_TIMEOUT", default_value = "25s", value_name = "DURATION", value_parser = duration)]
    pub shutdown_timeout: Duration,
}

/// The grace where somebody else sends calls.
const GRACE: Duration = Duration::from_secs(5);

impl ServingArgs {
    /// Checks times that depend on each other.
    ///
    /// # Errors
    ///
    /// When they do not go together; the error names all.
    pub fn check(&self, listeners: &[Address]) -> Result<(), ConfigError> {
        let (grace, spread) = (self.grace(listeners), self.drain_spread);
        if grace + spread < self.shutdown_timeout {
            return Ok(());
        }
        let [grace, spread, timeout] =
            [grace, spread, self.shutdown_timeout].map(humantime::format_duration);
        Err(ConfigError::new(format!(
            "shutdown-timeout: {timeout} is not longer than drain-grace, {grace}, and \
             drain-spread, {spread}, together: calls under way would have no time to finish"
        )))
    }

    /// Checks that origins are there for browsers that are served.
    ///
    /// # Errors
    ///
    /// When there are origins and no gRPC-Web; the error names both.
    pub fn check_origins(&self) -> Result<(), ConfigError> {
        match self.cors_origin.is_empty() || self.grpc_web {
            true => Ok(()),
            false => Err(ConfigError::new(
                "cors-origin: does nothing without grpc-web, which is false: browsers are not \
                 served",
            )),
        }
    }

    /// Checks that an answer can hold what was received.
    ///
    /// # Errors
    ///
    /// When it cannot hold what has this option as its limit; the error names both.
    pub fn check_holds(&self, option: &str, size: ByteSize) -> Result<(), ConfigError> {
        let response = self.max_response_size;
        match response < size {
            true => Err(ConfigError::new(format!(
                "max-response-size: {response} is smaller than {option}, {size}: what was \
                 received could not be read"
            ))),
            false => Ok(()),
        }
    }

    /// How calls are served on these listeners.
    #[must_use]
    pub fn options(&self, listeners: &[Address]) -> ServingOptions {
        ServingOptions {
            connections: ConnectionLimits {
                max_connections: self.max_connections,
                max_streams: self.max_streams,
                keepalive_interval: self.keepalive_interval,
                keepalive_timeout: self.keepalive_timeout,
                max_age: unless_zero(self.max_connection_age),
                greeting_timeout: Duration::from_secs(5),
                handshake_timeout: Duration::from_secs(10),
            },
            messages: MessageOptions {
                max_request: to_usize(self.max_request_size),
                max_response: to_usize(self.max_response_size),
                compression: self.compression.iter().copied().map(Into::into).collect(),
            },
            web: self.grpc_web.then(|| WebOptions {
                origins: self.cors_origin.clone(),
            }),
            reflection: self.reflection,
            drain: DrainOptions {
                grace: self.grace(listeners),
                spread: self.drain_spread,
                timeout: self.shutdown_timeout,
            },
        }
    }

    /// How old streams become.
    #[must_use]
    pub fn max_stream_age(&self) -> Option<Duration> {
        unless_zero(self.max_stream_age)
    }

    fn grace(&self, listeners: &[Address]) -> Duration {
        let usual = match listeners.iter().all(Address::is_local) {
            true => Duration::ZERO,
            false => GRACE,
        };
        self.drain_grace.unwrap_or(usual)
    }
}

fn unless_zero(time: Duration) -> Option<Duration> {
    Some(time).filter(|time| !time.is_zero())
}
