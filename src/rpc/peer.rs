//! Who is at the other end of a connection.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// Who is at the other end of a connection. The listener puts it into the extensions of
/// each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// A name for the connection, unlike that of any other that is open: the address of
    /// the peer, or a number where it has none.
    pub connection: Arc<str>,
    /// The client's certificates, verified, its own first; none when it brought none.
    pub certificates: Option<Arc<[CertificateDer<'static>]>>,
}
