//! A server with a certificate that only an authority of the proof's own vouches for, and
//! with a client that has a token.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

use super::columns::Column;
use super::program::{Environment, Program};
use super::witness::saw;
use crate::server::Place;

const TOKEN: &str = "token-of-a-client-of-the-proof";

const ACCESS: &str = "[clients.proof]\ntoken-files = [\"token\"]\n";

/// The client calls with the right token, a wrong one, and without the authority.
pub async fn tls(column: &Column) -> Result<(), String> {
    let place = Place::with_sandbox([]);
    let folder = place.folder().to_owned();
    write_certificates(&folder);
    write(&folder, "token", TOKEN);
    write(&folder, "access.toml", ACCESS);
    let file = |name: &str| folder.join(name).display().to_string();
    let place = place.and([
        format!("--tls-certificate={}", file("server.pem")),
        format!("--tls-key={}", file("server.key")),
        format!("--access-file={}", file("access.toml")),
    ]);
    let server = place.start().await;
    let environment: Environment = vec![
        (
            "PRONTO_TLS_ADDRESS",
            format!("localhost:{}", place.grpc().port()),
        ),
        ("PRONTO_CA_FILE", file("authority.pem")),
        ("PRONTO_TOKEN", TOKEN.to_owned()),
    ];
    let program = Program::start(column, &["tls".to_owned()], &environment);
    program.success().await?;
    saw(&server, "tls").await
}

fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    write(
        folder,
        "authority.pem",
        &params.self_signed(&key).unwrap().pem(),
    );
    let issuer = Issuer::new(params, key);

    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    write(folder, "server.pem", &certificate.pem());
    write(folder, "server.key", &key.serialize_pem());
}

/// Writes a file that nobody else may read: the server refuses others for secrets.
fn write(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
