//! Options of what the server tells about itself.

use clap::{Args, ValueEnum};

use super::units::log_filter;

/// What the server tells about itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryArgs {
    /// What is logged: `info`, `debug`, or a filter such as `info,pronto_grpc=debug`.
    #[arg(long, env = "PRONTO_GRPC_LOG", default_value = "info", value_name = "FILTER", value_parser = log_filter)]
    pub log: String,

    /// Form of the log.
    #[arg(
        long,
        env = "PRONTO_GRPC_LOG_FORMAT",
        default_value = "text",
        value_enum
    )]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}
