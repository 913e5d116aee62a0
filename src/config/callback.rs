//! Options of what Pronto posts.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use url::Url;

use super::units::{byte_size, count, public_url, to_usize};
use crate::callback::CallbackLimits;

/// How Pronto's callbacks are received.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Callbacks")]
pub struct CallbackArgs {
    /// Public https URL under which Pronto reaches the callback listener.
    /// Without it, results are polled where Pronto allows that.
    #[arg(long, env = "PRONTO_GRPC_CALLBACK_URL", value_name = "URL", value_parser = public_url)]
    pub callback_url: Option<Url>,

    /// Largest body of a callback.
    #[arg(long, env = "PRONTO_GRPC_MAX_CALLBACK_SIZE", default_value = "8MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_callback_size: ByteSize,

    /// At most so many callback connections are open at once, fewer where the limit of open files is lower.
    /// For one more, that is closed which has waited longest without a complete request header.
    #[arg(long, env = "PRONTO_GRPC_MAX_CALLBACK_CONNECTIONS", default_value = "10000", value_name = "COUNT", value_parser = count)]
    pub max_callback_connections: usize,
}

impl CallbackArgs {
    /// What the callback receiver puts up with.
    #[must_use]
    pub fn callback_limits(&self) -> CallbackLimits {
        CallbackLimits {
            max_body_size: to_usize(self.max_callback_size),
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: self.max_callback_connections,
            max_buffered: 64 << 20,
        }
    }
}
