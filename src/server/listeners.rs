//! Where the server listens.

use std::fmt;
use std::fs::{Metadata, Permissions, hard_link, remove_file, set_permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::ServerError;
use crate::callback;

/// Where clients reach a listener, in the syntax of gRPC names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write an IP address and a port, such as 127.0.0.1:50051, or the path of \
                     a Unix socket, such as unix:/run/pronto-grpc.sock";
        match text.strip_prefix("unix:") {
            Some("") => Err(usage.to_owned()),
            // gRPC clients write absolute paths in either way.
            Some(path) => Ok(Self::Unix(path.strip_prefix("//").unwrap_or(path).into())),
            None => text.parse().map(Self::Tcp).map_err(|_| usage.to_owned()),
        }
    }
}

impl Address {
    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// A socket that is bound.
pub enum Listener {
    /// Of an IP address.
    Tcp(TcpListener),
    /// Of a path, which goes before the listener does: until then no other file is the same.
    Unix(SocketFile, UnixListener),
}

/// The file of a Unix socket. Removed when it is dropped, unless somebody else has put
/// another one there.
pub struct SocketFile {
    path: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = self.path.symlink_metadata();
        if found.is_ok_and(|file| identity(&file) == self.identity) {
            let _ = remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// A connection that was accepted.
pub struct Accepted {
    /// Its bytes.
    pub io: Box<dyn Io>,
    /// A name for it.
    pub name: Arc<str>,
    /// Whether it came over TCP.
    pub is_tcp: bool,
}

/// A connection of either kind.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Listener {
    /// Listens on an address; a Unix socket gets this mode.
    ///
    /// # Errors
    ///
    /// When it is taken or not ours; the error names it.
    pub async fn bind(address: &Address, socket_mode: u32) -> Result<Self, ServerError> {
        let bound = match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => bind_unix(path, socket_mode),
        };
        bound.map_err(|error| ServerError::Bind(address.to_string(), error))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Self::Unix(file, _) => Ok(Address::Unix(file.path.clone())),
        }
    }

    /// The next connection.
    ///
    /// # Errors
    ///
    /// When the system has none to give.
    pub async fn accept(&self) -> io::Result<Accepted> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A socket that cannot be told so still works.
                let _ = stream.set_nodelay(true);
                Ok(Accepted {
                    io: Box::new(stream),
                    name: peer.to_string().into(),
                    is_tcp: true,
                })
            }
            Self::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                Ok(Accepted {
                    io: Box::new(stream),
                    name: format!("unix:{number}").into(),
                    is_tcp: false,
                })
            }
        }
    }
}

/// Takes over the path of a socket that nobody serves any more. The socket begins in a folder
/// that only we may enter, so that nobody connects before it has its mode.
fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    remove_left(path)?;
    let beside = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = tempfile::Builder::new()
        .prefix(".")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(beside.unwrap_or_else(|| Path::new(".")))?;
    let begun = folder.path().join("s");
    let listener = UnixListener::bind(&begun)?;
    set_permissions(&begun, Permissions::from_mode(mode))?;
    let identity = identity(&begun.symlink_metadata()?);
    // Unlike a renamed file, it takes no path that is taken.
    hard_link(&begun, path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => ErrorKind::AddrInUse.into(),
        _ => error,
    })?;
    let path = path.to_owned();
    Ok(Listener::Unix(SocketFile { path, identity }, listener))
}

/// Removes a socket whose server is gone. One that refuses us for another reason is served.
fn remove_left(path: &Path) -> io::Result<()> {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|file| file.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match Probe::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => remove_file(path),
        _ => Ok(()),
    }
}

/// Sockets that are already bound, so that callers know the ports.
pub struct Listeners {
    /// For gRPC; at least one.
    pub grpc: Vec<Listener>,
    /// For Pronto's callbacks.
    pub callbacks: TcpListener,
}

/// Where clients and Pronto reach the server.
pub struct Addresses {
    /// Those for gRPC, with commas between them.
    pub grpc: String,
    /// That for callbacks.
    pub callbacks: SocketAddr,
}

impl Listeners {
    /// Where they listen.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<Addresses> {
        let grpc = self.grpc.iter().map(Listener::address);
        let grpc = grpc.collect::<Result<Vec<_>, _>>()?;
        let grpc: Vec<_> = grpc.iter().map(ToString::to_string).collect();
        Ok(Addresses {
            grpc: grpc.join(","),
            callbacks: self.callbacks.local_addr()?,
        })
    }

    /// Binds all.
    ///
    /// # Errors
    ///
    /// When an address is taken or not ours; the error names it.
    pub async fn bind(
        grpc: &[Address],
        socket_mode: u32,
        callbacks: SocketAddr,
    ) -> Result<Self, ServerError> {
        let mut listeners = Vec::new();
        for address in grpc {
            listeners.push(Listener::bind(address, socket_mode).await?);
        }
        Ok(Self {
            grpc: listeners,
            callbacks: callback::listen(callbacks)
                .map_err(|error| ServerError::Bind(callbacks.to_string(), error))?,
        })
    }

    /// Binds one port for gRPC on this machine, and one for callbacks.
    ///
    /// # Errors
    ///
    /// When an address is taken; the error names it.
    pub async fn local(callback_port: u16) -> Result<(Self, SocketAddr), ServerError> {
        let grpc = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = grpc.local_addr()?;
        let mut listeners = Self::bind(&[], 0, ([127, 0, 0, 1], callback_port).into()).await?;
        listeners.grpc.push(Listener::Tcp(grpc));
        Ok((listeners, address))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn identity_of(path: &Path) -> (u64, u64) {
        identity(&path.symlink_metadata().unwrap())
    }

    fn bind(path: &Path) -> io::Result<Listener> {
        bind_unix(path, 0o620)
    }

    #[tokio::test]
    async fn a_socket_has_its_mode_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o620);
        assert!(Probe::connect(&path).is_ok());
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert_eq!(listener.address().unwrap(), Address::Unix(path));
        drop(listener);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_socket_that_is_served_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let first = bind(&path).unwrap();
        let known = identity_of(&path);
        let refused = bind(&path).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        assert_eq!(identity_of(&path), known);
        drop(first);
        std::fs::write(&path, "a file").unwrap();
        assert!(bind(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"a file");
    }

    /// A socket of datagrams refuses a stream with an error of its own.
    #[tokio::test]
    async fn a_socket_that_cannot_be_asked_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _other = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        let known = identity_of(&path);
        assert!(bind(&path).is_err());
        assert_eq!(identity_of(&path), known);
    }

    #[tokio::test]
    async fn a_socket_that_is_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(bind(&path).is_ok());
    }

    #[tokio::test]
    async fn the_socket_of_another_server_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let first = bind(&path).unwrap();
        remove_file(&path).unwrap();
        let _second = bind(&path).unwrap();
        drop(first);
        assert!(Probe::connect(&path).is_ok());
    }
}
