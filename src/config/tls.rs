//! Options of TLS on the gRPC listeners.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ConfigError;
use crate::tls::{ClientCa, TlsFiles};

/// TLS of the gRPC listeners.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// File with the certificate chain of the gRPC listeners, in PEM. With it the TCP
    /// listeners speak TLS only; Unix sockets never do. It is read again when it changes,
    /// and so are the other files of TLS; open connections keep what they have.
    #[arg(long, env = "PRONTO_GRPC_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// File with the private key of the certificate, in PEM.
    #[arg(long, env = "PRONTO_GRPC_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// File with the certificates of the authorities, in PEM, that issue certificates of
    /// clients. Certificates are not looked up in lists of revoked ones.
    #[arg(long, env = "PRONTO_GRPC_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// Whether a client needs a certificate, where `tls-client-ca` is set.
    #[arg(
        long,
        env = "PRONTO_GRPC_TLS_CLIENT_AUTH",
        default_value = "required",
        value_enum
    )]
    pub tls_client_auth: ClientAuth,
}

/// Whether a client needs a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientAuth {
    /// Who has none is not served.
    Required,
    /// Who has none may show a token instead.
    Optional,
}

impl TlsArgs {
    /// The files of TLS; none without TLS.
    #[must_use]
    pub fn files(&self) -> Option<TlsFiles> {
        let client_ca = self.tls_client_ca.clone().map(|file| ClientCa {
            file,
            is_required: self.tls_client_auth == ClientAuth::Required,
        });
        Some(TlsFiles {
            certificate: self.tls_certificate.clone()?,
            key: self.tls_key.clone()?,
            client_ca,
        })
    }

    /// Checks options that depend on each other.
    ///
    /// # Errors
    ///
    /// When one is missing; the error names it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let both = "TLS needs both tls-certificate and tls-key";
        let problem = match (&self.tls_certificate, &self.tls_key, &self.tls_client_ca) {
            (Some(_), None, _) => format!("tls-key: is missing: {both}"),
            (None, Some(_), _) => format!("tls-certificate: is missing: {both}"),
            (None, None, Some(_)) => format!("tls-client-ca: is of no use without TLS: {both}"),
            _ => return Ok(()),
        };
        Err(ConfigError::new(problem))
    }
}
