//! Options about whose calls are served, and with which keys of Pronto.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use secrecy::SecretString;

use super::units::unchecked_secret;
use crate::access::AccessSources;

/// Who may call, and with which key of Pronto.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// API key of Pronto for calls that bring no `x-api-key` metadata.
    /// Prefer the environment or `api-key-file`: flags are visible to other users.
    #[arg(long, env = "PRONTO_GRPC_API_KEY", hide_env_values = true, value_name = "KEY", value_parser = unchecked_secret)]
    pub api_key: Option<SecretString>,

    /// File that holds the API key. It is read again when it changes.
    #[arg(
        long,
        env = "PRONTO_GRPC_API_KEY_FILE",
        value_name = "FILE",
        conflicts_with = "api_key"
    )]
    pub api_key_file: Option<PathBuf>,

    /// TOML file with further keys of Pronto's, and with the clients that may call. With
    /// clients in it nobody else may. It and the files that it names are read again when
    /// they change.
    #[arg(long, env = "PRONTO_GRPC_ACCESS_FILE", value_name = "FILE")]
    pub access_file: Option<PathBuf>,

    /// Whether callers may bring an API key of their own as `x-api-key` metadata, when no
    /// clients are configured. Each client has its own `pass-through`.
    #[arg(
        long,
        env = "PRONTO_GRPC_PASS_THROUGH",
        default_value = "true",
        action = ArgAction::Set,
        value_name = "FLAG"
    )]
    pub pass_through: bool,

    /// Listen for gRPC on an address that other machines reach although there is neither
    /// TLS nor a client in the access file: whoever reaches the port spends the credits
    /// of the configured key. Meant for networks that keep others out.
    #[arg(long, env = "PRONTO_GRPC_ALLOW_INSECURE", value_parser = BoolishValueParser::new())]
    pub allow_insecure: bool,
}

impl AccessArgs {
    /// Where keys and clients come from.
    #[must_use]
    pub fn sources(&self) -> AccessSources {
        AccessSources {
            api_key_file: self.api_key_file.clone(),
            access_file: self.access_file.clone(),
            pass_through: self.pass_through,
            ..AccessSources::key(self.api_key.clone())
        }
    }
}
