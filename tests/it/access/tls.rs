//! TLS, and clients that show certificates.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::reload::Reloader;
use pronto_grpc::tls::{Acceptor, ClientCa, TlsFiles, TlsReload};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::assert_unknown;
use crate::harness::access::{AccessFolder, with_token, write};
use crate::harness::fake::Fake;
use crate::harness::process::{Process, program};
use crate::harness::{Setup, TestServer, connect};

/// Issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, name: &str) -> Pair {
        self.issue_until(name, 2100)
    }

    /// A certificate for a URI or a DNS name, up to a year.
    fn issue_until(&self, name: &str, year: i32) -> Pair {
        let mut params = CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.subject_alt_names = vec![match name.contains(':') {
            true => SanType::URI(name.try_into().unwrap()),
            false => SanType::DnsName(name.try_into().unwrap()),
        }];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

const BILLING: &str = "spiffe://cluster/ns/billing/sa/default";

const ACCESS: &str = r#"
    [clients.billing]
    certificates = ["spiffe://cluster/ns/billing/sa/default"]
    [clients.crm]
    certificates = ["crm.example.com"]
    token-files = ["crm-token"]
"#;

const CRM: &str = "token-of-the-crm-1";

/// A server with TLS in front of a fake.
struct Secured {
    server: TestServer,
    authority: Authority,
    files: TlsFiles,
    acceptor: Acceptor,
    _fake: Fake,
    _folders: (TempDir, AccessFolder),
}

impl Secured {
    /// Clients need certificates, or may have them.
    async fn start(is_required: bool) -> Self {
        let authority = Authority::new("authority");
        let data = tempfile::tempdir().unwrap();
        let files = files(data.path(), &authority, is_required);
        let (acceptor, _) = Acceptor::load(&files).unwrap();
        let folder = AccessFolder::new(ACCESS);
        folder.write("crm-token", CRM);
        let fake = Fake::always(200, r#"{"credits":1}"#).await;
        let mut setup = Setup::new(fake.address, data.path());
        setup.access = Some(folder.load().0);
        setup.tls = Some(acceptor.clone());
        Self {
            server: setup.start().await,
            authority,
            files,
            acceptor,
            _fake: fake,
            _folders: (data, folder),
        }
    }

    /// What becomes of a call over a connection of its own.
    async fn call(&self, certificate: Option<&Pair>, token: Option<&str>) -> Result<(), Failure> {
        let connection = tls(self.server.grpc, &self.authority.pem, certificate);
        let channel = connection.await.map_err(|_| Failure::Refused)?;
        let request = match token {
            Some(token) => with_token(GetCreditsRequest::default(), token),
            None => Request::new(GetCreditsRequest::default()),
        };
        let mut workspace = WorkspaceServiceClient::new(channel);
        let answer = workspace.get_credits(request).await;
        answer.map(drop).map_err(Failure::of)
    }
}

/// Why a call failed.
#[derive(Debug)]
enum Failure {
    /// There was no connection, or it broke before an answer: in TLS 1.3 a client learns
    /// only then that its certificate was refused.
    Refused,
    /// The server answered.
    Answer(Status),
}

impl Failure {
    fn of(status: Status) -> Self {
        match status.code() {
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => Self::Refused,
            _ => Self::Answer(status),
        }
    }
}

#[track_caller]
fn assert_refused(outcome: Result<(), Failure>) {
    assert!(matches!(outcome, Err(Failure::Refused)), "{outcome:?}");
}

fn files(folder: &Path, authority: &Authority, is_required: bool) -> TlsFiles {
    let pair = authority.issue("localhost");
    let files = TlsFiles {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        client_ca: Some(ClientCa {
            file: folder.join("ca.crt"),
            is_required,
        }),
    };
    write_pair(&files, &pair);
    write(&folder.join("ca.crt"), &authority.pem);
    files
}

fn write_pair(files: &TlsFiles, pair: &Pair) {
    write(&files.certificate, &pair.certificate);
    write(&files.key, &pair.key);
}

/// A client that trusts an authority and may show a certificate.
fn client(trusted: &str, certificate: Option<&Pair>) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap();
    roots.add(trusted).unwrap();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A connection with TLS.
async fn tls(
    address: SocketAddr,
    trusted: &str,
    certificate: Option<&Pair>,
) -> Result<Channel, tonic::transport::Error> {
    let connector = client(trusted, certificate);
    let connect = tower::service_fn(move |_| {
        let connector = connector.clone();
        async move {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from("localhost").unwrap();
            connector.connect(name, stream).await.map(TokioIo::new)
        }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(connect).await
}

#[tokio::test]
async fn a_certificate_tells_which_client_calls() {
    let secured = Secured::start(true).await;
    for name in [BILLING, "crm.example.com"] {
        let pair = secured.authority.issue(name);
        secured.call(Some(&pair), None).await.unwrap();
    }
    let nobody = secured
        .authority
        .issue("spiffe://cluster/ns/other/sa/default");
    let Err(Failure::Answer(status)) = secured.call(Some(&nobody), None).await else {
        panic!("it is answered")
    };
    assert_unknown(Err(status));
    // A token says who calls where the certificate does not, and never somebody else.
    secured.call(Some(&nobody), Some(CRM)).await.unwrap();
    let billing = secured.authority.issue(BILLING);
    let Err(Failure::Answer(status)) = secured.call(Some(&billing), Some(CRM)).await else {
        panic!("it is answered")
    };
    assert!(status.message().contains("different"), "{status:?}");
    assert_unknown(Err(status));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_refused() {
    let secured = Secured::start(true).await;
    assert_refused(secured.call(None, Some(CRM)).await);
    let stranger = Authority::new("authority").issue(BILLING);
    assert_refused(secured.call(Some(&stranger), None).await);
    let expired = secured.authority.issue_until(BILLING, 2020);
    assert_refused(secured.call(Some(&expired), None).await);
    let channel = connect(secured.server.grpc).await;
    let mut workspace = WorkspaceServiceClient::new(channel);
    let plain = workspace.get_credits(with_token(GetCreditsRequest::default(), CRM));
    assert!(plain.await.is_err(), "nothing is served in the clear");
}

#[tokio::test]
async fn where_certificates_are_optional_a_token_will_do() {
    let secured = Secured::start(false).await;
    secured.call(None, Some(CRM)).await.unwrap();
    let billing = secured.authority.issue(BILLING);
    secured.call(Some(&billing), None).await.unwrap();
    let Err(Failure::Answer(status)) = secured.call(None, None).await else {
        panic!("it is answered")
    };
    assert_unknown(Err(status));
    let stranger = Authority::new("another").issue(BILLING);
    assert_refused(secured.call(Some(&stranger), None).await);
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_are_open() {
    let secured = Secured::start(false).await;
    let open = tls(secured.server.grpc, &secured.authority.pem, None);
    let mut open = WorkspaceServiceClient::new(open.await.unwrap());
    let call = || with_token(GetCreditsRequest::default(), CRM);
    open.get_credits(call()).await.unwrap();

    let mut reloader = Reloader::default();
    let (_, seen) = Acceptor::load(&secured.files).unwrap();
    let source = TlsReload {
        acceptor: secured.acceptor.clone(),
        files: secured.files.clone(),
    };
    reloader.watch(source, seen);
    let next = Authority::new("next");
    let pair = next.issue("localhost");
    // The key alone does not fit: nothing changes.
    write(&secured.files.key, &pair.key);
    reloader.reload_now();
    secured.call(None, Some(CRM)).await.unwrap();
    write_pair(&secured.files, &pair);
    reloader.reload_now();

    assert_refused(secured.call(None, Some(CRM)).await);
    let renewed = tls(secured.server.grpc, &next.pem, None).await.unwrap();
    let mut renewed = WorkspaceServiceClient::new(renewed);
    renewed.get_credits(call()).await.unwrap();
    open.get_credits(call()).await.unwrap();
}

#[tokio::test]
async fn an_authority_that_is_replaced_is_no_longer_trusted() {
    let secured = Secured::start(true).await;
    let old = secured.authority.issue(BILLING);
    secured.call(Some(&old), None).await.unwrap();
    let mut reloader = Reloader::default();
    let (_, seen) = Acceptor::load(&secured.files).unwrap();
    let source = TlsReload {
        acceptor: secured.acceptor.clone(),
        files: secured.files.clone(),
    };
    reloader.watch(source, seen);
    let next = Authority::new("next");
    let authority = secured.files.client_ca.as_ref().unwrap();
    write(&authority.file, &next.pem);
    reloader.reload_now();
    assert_refused(secured.call(Some(&old), None).await);
    let new = next.issue(BILLING);
    secured.call(Some(&new), None).await.unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let problem = |change: &dyn Fn(&TlsFiles)| {
        let files = files(folder.path(), &authority, true);
        change(&files);
        Acceptor::load(&files).unwrap_err().join("; ")
    };
    let missing = problem(&|files| std::fs::remove_file(&files.key).unwrap());
    assert!(
        missing.contains("tls-key: ") && missing.contains("tls.key"),
        "{missing}"
    );
    let empty = problem(&|files| write(&files.certificate, ""));
    assert!(
        empty.contains("tls-certificate: ") && empty.contains("no certificate"),
        "{empty}"
    );
    let other = problem(&|files| write(&files.key, &authority.issue("localhost").key));
    assert!(other.contains("cannot be used together"), "{other}");
    let ca = problem(&|files| write(&files.client_ca.as_ref().unwrap().file, "text"));
    assert!(
        ca.contains("tls-client-ca: ") && ca.contains("ca.crt"),
        "{ca}"
    );
    let key = problem(&|files| {
        let pair = authority.issue("localhost");
        write(&files.key, &pair.certificate);
    });
    assert!(key.contains("no private key"), "{key}");
}

#[tokio::test]
async fn a_unix_socket_is_served_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), &Authority::new("authority"), true);
    let socket = folder.path().join("socket");
    let address = format!("unix:{}", socket.display());
    let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
    command.args([
        "--grpc-address",
        &address,
        "--callback-address",
        "127.0.0.1:0",
    ]);
    command.arg("--data-dir").arg(folder.path().join("data"));
    command.arg("--tls-certificate").arg(&files.certificate);
    command.arg("--tls-key").arg(&files.key);
    let process = Process::start(&mut command);
    process.logged("Serving.");
    let connect = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connect).await.unwrap();
    let mut workspace = WorkspaceServiceClient::new(channel);
    let credits = workspace.get_credits(GetCreditsRequest::default()).await;
    credits.unwrap();
}
