//! TLS for the gRPC listeners.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::reload::{Problems, Reader, Reading, Seen, Source};

/// What clients may speak: gRPC is HTTP/2, gRPC-Web also HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a TLS server, all in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities that client certificates are verified with.
    pub client_ca: Option<ClientCa>,
}

/// How clients are verified.
#[derive(Clone, Debug)]
pub struct ClientCa {
    /// The authorities' certificates.
    pub file: PathBuf,
    /// Whether a client without a certificate is refused.
    pub is_required: bool,
}

/// A certificate chain, the client's own certificate first.
pub type Chain = Arc<[CertificateDer<'static>]>;

/// Accepts TLS connections. Copies of it share what is reloaded.
#[derive(Clone, Debug)]
pub struct Acceptor {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// An acceptor with what is in these files, and what they looked like.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or used; the error names it.
    pub fn load(files: &TlsFiles) -> Result<(Self, Seen), Problems> {
        let mut reader = Reader::default();
        let material = Material::read(files, &mut reader)?;
        let config = Arc::new(material.config(files)?);
        let acceptor = Self {
            config: Arc::new(RwLock::new(config)),
        };
        Ok((acceptor, reader.finish()))
    }

    /// Greets a client. Gives the certificates that it showed, which are verified.
    ///
    /// # Errors
    ///
    /// When the client does not speak TLS, or is not trusted.
    pub async fn accept<IO>(&self, io: IO) -> io::Result<(TlsStream<IO>, Option<Chain>)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let config = self.config.read().clone();
        let stream = TlsAcceptor::from(config).accept(io).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let shown = shown.map(|chain| chain.iter().map(|it| it.clone().into_owned()).collect());
        Ok((stream, shown))
    }
}

/// What is in the files.
struct Material {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Material {
    /// Reads all of them; nothing of what is wrong is left out.
    fn read(files: &TlsFiles, reader: &mut Reader) -> Result<Self, Problems> {
        let certificates = certificates("tls-certificate", &files.certificate, reader);
        let key = key(&files.key, reader);
        let authorities = match &files.client_ca {
            Some(authority) => certificates_of_authorities(&authority.file, reader),
            None => Ok(Vec::new()),
        };
        match (certificates, key, authorities) {
            (Ok(certificates), Ok(key), Ok(authorities)) => Ok(Self {
                certificates,
                key,
                authorities,
            }),
            (certificates, key, authorities) => {
                let problems = [certificates.err(), key.err(), authorities.err()];
                Err(problems.into_iter().flatten().collect())
            }
        }
    }

    fn config(self, files: &TlsFiles) -> Result<ServerConfig, Problems> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |error: rustls::Error| {
            vec![format!(
                "tls-certificate and tls-key: {} and {} cannot be used together: {error}",
                files.certificate.display(),
                files.key.display(),
            )]
        };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &files.client_ca {
            Some(authority) => builder.with_client_cert_verifier(
                verifier(authority, self.authorities, provider).map_err(|why| vec![why])?,
            ),
            None => builder.with_no_client_auth(),
        };
        let config = builder.with_single_cert(self.certificates, self.key);
        let mut config = config.map_err(unusable)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

fn verifier(
    authority: &ClientCa,
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let unusable = |why: String| format!("tls-client-ca: {}: {why}", authority.file.display());
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match authority.is_required {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| unusable(error.to_string()))
}

fn certificates_of_authorities(
    file: &Path,
    reader: &mut Reader,
) -> Result<Vec<CertificateDer<'static>>, String> {
    certificates("tls-client-ca", file, reader)
}

fn certificates(
    option: &str,
    file: &Path,
    reader: &mut Reader,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let unusable = |why: String| format!("{option}: {}: {why}", file.display());
    let text = reader
        .read(file)
        .map_err(|error| unusable(error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable("it has no certificate in PEM".to_owned())),
        Err(error) => Err(unusable(pem_problem(&error))),
    }
}

fn key(file: &Path, reader: &mut Reader) -> Result<PrivateKeyDer<'static>, String> {
    let unusable = |why: String| format!("tls-key: {}: {why}", file.display());
    let text = reader
        .read(file)
        .map_err(|error| unusable(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| unusable(pem_problem(&error)))
}

/// What is wrong with a PEM file, without what is in it.
fn pem_problem(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "it has no private key in PEM".to_owned(),
        _ => "it is not PEM".to_owned(),
    }
}

/// Certificates and keys, read again. Connections that are open keep theirs.
pub struct TlsReload {
    /// What is replaced.
    pub acceptor: Acceptor,
    /// What is read.
    pub files: TlsFiles,
}

impl Source for TlsReload {
    fn name(&self) -> &'static str {
        "TLS certificates"
    }

    fn read(&self) -> Reading {
        let mut reader = Reader::default();
        let material = Material::read(&self.files, &mut reader);
        let (acceptor, files) = (self.acceptor.clone(), self.files.clone());
        Reading {
            seen: reader.finish(),
            apply: Box::new(move || {
                let config = material?.config(&files)?;
                *acceptor.config.write() = Arc::new(config);
                Ok(())
            }),
        }
    }
}
