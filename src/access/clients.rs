//! Who a caller is: by a token, or by a certificate.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::pronto::credential::Digest;

/// A caller that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownClient {
    /// Its name.
    pub name: Arc<str>,
    /// The name of the credential whose key it uses.
    pub credential: Arc<str>,
    /// Whether it may bring a key of its own.
    pub pass_through: bool,
}

/// All callers that the configuration names.
#[derive(Debug, Default)]
pub struct Clients {
    by_token: HashMap<Digest, Arc<KnownClient>>,
    by_certificate: HashMap<String, Arc<KnownClient>>,
}

/// Why it is not known who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownClient {
    /// The caller shows nothing that could tell.
    #[error(
        "who calls is not known: send `authorization: Bearer TOKEN` metadata with the call, or \
         connect with a client certificate"
    )]
    Anonymous,
    /// The metadata has another form.
    #[error("`authorization` metadata must be one value, `Bearer TOKEN`")]
    Malformed,
    /// The token is nobody's.
    #[error("the token in `authorization` metadata is not one of a client's")]
    Token,
    /// The certificate is nobody's.
    #[error("the client certificate has no name of a client's")]
    Certificate,
    /// Token and certificate are those of different clients.
    #[error(
        "the client certificate and the token, or the names in it, are those of different clients"
    )]
    Different,
}

impl Clients {
    /// Adds a token of a client's; whose it is already, if it is another's.
    pub fn add_token(&mut self, token: Digest, client: &Arc<KnownClient>) -> Option<Arc<str>> {
        let before = self.by_token.insert(token, client.clone());
        before.map(|other| other.name.clone())
    }

    /// Adds a name in certificates; whose it is already, if it is another's.
    pub fn add_certificate(&mut self, name: String, client: &Arc<KnownClient>) -> Option<Arc<str>> {
        let before = self.by_certificate.insert(name, client.clone());
        before.map(|other| other.name.clone())
    }

    /// All of them, by name.
    #[must_use]
    pub fn known(&self) -> Vec<Arc<KnownClient>> {
        let all = self.by_token.values().chain(self.by_certificate.values());
        let by_name: BTreeMap<_, _> = all.map(|client| (&client.name, client)).collect();
        by_name.into_values().cloned().collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_token.is_empty() && self.by_certificate.is_empty()
    }

    /// Who calls. A token that is wrong is refused, whatever the certificate says.
    ///
    /// # Errors
    ///
    /// When that is not known, or not sure.
    pub fn identify(
        &self,
        token: Option<&SecretString>,
        certificates: Option<&[CertificateDer<'_>]>,
    ) -> Result<Arc<KnownClient>, UnknownClient> {
        let by_certificate = certificates.map(|chain| self.of_certificate(chain));
        let Some(token) = token else {
            let found = by_certificate.unwrap_or(Err(UnknownClient::Anonymous));
            return found?.ok_or(UnknownClient::Certificate);
        };
        let by_token = self.by_token.get(&Digest::of(token));
        let by_token = by_token.ok_or(UnknownClient::Token)?;
        match by_certificate.transpose()?.flatten() {
            Some(other) if other.name != by_token.name => Err(UnknownClient::Different),
            _ => Ok(by_token.clone()),
        }
    }

    /// Whose certificate it is, if it is one of a client's.
    fn of_certificate(
        &self,
        chain: &[CertificateDer<'_>],
    ) -> Result<Option<Arc<KnownClient>>, UnknownClient> {
        let names = chain.first().map(names).unwrap_or_default();
        let mut clients = names
            .iter()
            .filter_map(|name| self.by_certificate.get(name));
        let first = clients.next();
        match clients.all(|other| Some(&other.name) == first.map(|first| &first.name)) {
            true => Ok(first.cloned()),
            false => Err(UnknownClient::Different),
        }
    }
}

/// The names in a certificate: its URIs and DNS names; where it has none, the common
/// name of its subject.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    // It was verified, so it can be read.
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let alternatives = alternatives
        .iter()
        .flat_map(|found| &found.value.general_names);
    let names = alternatives.filter_map(|name| match name {
        GeneralName::URI(name) | GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    if !names.is_empty() {
        return names;
    }
    let subject = certificate.subject().iter_common_name();
    let subject = subject.filter_map(|name| name.as_str().ok());
    subject.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn client(name: &str) -> Arc<KnownClient> {
        Arc::new(KnownClient {
            name: name.into(),
            credential: "default".into(),
            pass_through: false,
        })
    }

    /// A certificate with a common name, and these URIs and DNS names.
    fn certificate(common: &str, alternatives: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        let alternative = |name: &&str| match name.contains(':') {
            true => SanType::URI((*name).try_into().unwrap()),
            false => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names = alternatives.iter().map(alternative).collect();
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn clients() -> Clients {
        let (billing, crm) = (client("billing"), client("crm"));
        let mut clients = Clients::default();
        for name in ["spiffe://cluster/billing", "billing.example.com"] {
            clients.add_certificate(name.to_owned(), &billing);
        }
        clients.add_certificate("crm".to_owned(), &crm);
        clients.add_token(Digest::of(&"a-token-of-the-crm".into()), &crm);
        clients
    }

    #[test]
    fn a_certificate_is_known_by_its_names() {
        let of = |common: &str, alternatives: &[&str]| {
            let found = clients().identify(None, Some(&[certificate(common, alternatives)]));
            found.map(|client| client.name.to_string())
        };
        let billing = Ok("billing".to_owned());
        assert_eq!(of("x", &["spiffe://cluster/billing"]), billing);
        assert_eq!(of("x", &["a.example.com", "billing.example.com"]), billing);
        assert_eq!(of("crm", &[]), Ok("crm".to_owned()));
        let unknown = Err(UnknownClient::Certificate);
        assert_eq!(
            of("crm", &["a.example.com"]),
            unknown,
            "names come before the subject"
        );
        assert_eq!(of("x", &["spiffe://cluster/billing/more"]), unknown);
        assert_eq!(of("x", &["example.com"]), unknown);
        let two = ["spiffe://cluster/billing", "crm"];
        assert_eq!(of("x", &two), Err(UnknownClient::Different));
    }

    #[test]
    fn a_token_and_a_certificate_are_of_the_same_client() {
        let clients = clients();
        let identify = |token: &str, common: &str| {
            let found = clients.identify(Some(&token.into()), Some(&[certificate(common, &[])]));
            found.map(|client| client.name.to_string())
        };
        assert_eq!(identify("a-token-of-the-crm", "crm"), Ok("crm".to_owned()));
        assert_eq!(identify("a-token-of-the-crm", "mesh"), Ok("crm".to_owned()));
        assert_eq!(
            identify("a-token-of-nobody", "crm"),
            Err(UnknownClient::Token)
        );
        let billing = [certificate("x", &["billing.example.com"])];
        let mixed = clients.identify(Some(&"a-token-of-the-crm".into()), Some(&billing));
        assert_eq!(mixed, Err(UnknownClient::Different));
        assert_eq!(clients.identify(None, None), Err(UnknownClient::Anonymous));
        let nothing = clients.identify(None, Some(&[b"no certificate".to_vec().into()]));
        assert_eq!(nothing, Err(UnknownClient::Certificate));
    }
}
