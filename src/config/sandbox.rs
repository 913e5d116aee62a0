//! Options of the built-in Pronto.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::units::pause;
use crate::sandbox::{
    FinalMessage, Generation, SandboxConfig, SandboxFault, StreamingShape, parse_fault,
};

/// Options of `sandbox`.
#[derive(Clone, Debug, Args)]
pub struct SandboxArgs {
    /// Address of the listener; both of Pronto's hosts are served there.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_ADDRESS",
        default_value = "127.0.0.1:8090",
        value_name = "ADDRESS"
    )]
    pub address: SocketAddr,

    /// How it behaves.
    #[command(flatten)]
    pub options: SandboxOptions,
}

/// How the built-in Pronto behaves.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub struct SandboxOptions {
    /// The same seed gives the same companies and people.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_SEED",
        default_value = "1",
        value_name = "NUMBER"
    )]
    pub sandbox_seed: u64,

    /// Which generation of results is sent.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_GENERATION",
        default_value = "observed",
        value_enum
    )]
    pub sandbox_generation: Generation,

    /// Shape of streamed leads.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_STREAMING_SHAPE",
        default_value = "flat",
        value_enum
    )]
    pub sandbox_streaming_shape: StreamingShape,

    /// How a streamed lead search ends.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_FINAL_MESSAGE",
        default_value = "repeating",
        value_enum
    )]
    pub sandbox_final_message: FinalMessage,

    /// Credits at the start.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_CREDITS",
        default_value = "100000",
        value_name = "NUMBER"
    )]
    pub sandbox_credits: i64,

    /// Whether the account has consented to personal email enrichment.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_CONSENT",
        default_value = "true",
        action = ArgAction::Set,
        value_name = "FLAG"
    )]
    pub sandbox_consent: bool,

    /// Whether rate limits are enforced.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_RATE_LIMITS",
        default_value = "true",
        action = ArgAction::Set,
        value_name = "FLAG"
    )]
    pub sandbox_rate_limits: bool,

    /// Time between two deliveries; `0s` is as fast as possible.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_PACE",
        default_value = "20ms",
        value_name = "DURATION",
        value_parser = pause
    )]
    pub sandbox_pace: Duration,

    /// How long a synchronous contact enrichment takes.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_SYNC_LATENCY",
        default_value = "50ms",
        value_name = "DURATION",
        value_parser = pause
    )]
    pub sandbox_sync_latency: Duration,

    /// What goes wrong: `KIND[=SHARE][,FIELD=VALUE]...`, such as `drop=10%`. May be
    /// given several times; in the environment and in a file `;` stands between them.
    #[arg(
        long,
        env = "PRONTO_GRPC_SANDBOX_FAULT",
        value_delimiter = ';',
        value_name = "FAULT",
        value_parser = parse_fault
    )]
    pub sandbox_fault: Vec<SandboxFault>,
}

impl From<&SandboxOptions> for SandboxConfig {
    fn from(options: &SandboxOptions) -> Self {
        Self {
            seed: options.sandbox_seed,
            generation: options.sandbox_generation,
            streaming_shape: options.sandbox_streaming_shape,
            final_message: options.sandbox_final_message,
            credits: options.sandbox_credits,
            personal_email_consent: options.sandbox_consent,
            rate_limits: options.sandbox_rate_limits,
            pace: options.sandbox_pace,
            sync_latency: options.sandbox_sync_latency,
            faults: options.sandbox_fault.clone(),
            ..Self::default()
        }
    }
}
