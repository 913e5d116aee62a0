//! Options of what the server tells about itself.

use clap::{Args, ValueEnum};

use url::Url;

use super::units::{log_filter, ratio, url};
use crate::config::ConfigError;
use crate::trace::{ExportError, ExportOptions};

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

    /// Collector to which traces are exported over OTLP/gRPC, such as
    /// `http://127.0.0.1:4317`. Only builds with the feature `otlp` can.
    #[arg(long, env = "PRONTO_GRPC_OTLP_ENDPOINT", value_name = "URL", value_parser = url)]
    pub otlp_endpoint: Option<Url>,

    /// Share of the traces that begin here that is exported, from 0 to 1. Those of callers
    /// are exported where the callers record them.
    #[arg(long, env = "PRONTO_GRPC_OTLP_SAMPLING_RATIO", default_value = "1", value_name = "RATIO", value_parser = ratio)]
    pub otlp_sampling_ratio: f64,
}

impl TelemetryArgs {
    /// Checks whether this build can do it.
    ///
    /// # Errors
    ///
    /// When traces are to be exported by a build that exports none.
    pub fn check(&self) -> Result<(), ConfigError> {
        match &self.otlp_endpoint {
            Some(_) if !cfg!(feature = "otlp") => {
                Err(ConfigError::new(ExportError::NotBuilt.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Where traces go, if anywhere.
    #[must_use]
    pub fn export_options(&self) -> Option<ExportOptions> {
        Some(ExportOptions {
            endpoint: self.otlp_endpoint.clone()?,
            sampling_ratio: self.otlp_sampling_ratio,
        })
    }
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}
