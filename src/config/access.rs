//! Options about whose calls are served, and with which keys of Pronto.

use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;
use super::units::{secret, unchecked_secret};

/// Who may call, and with which key of Pronto.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
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
}

impl AccessArgs {
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
}
