//! Where the server listens.

use std::fmt;
use std::fs::{Permissions, remove_file, set_permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
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
    /// Of a path, which goes with the listener.
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket. Removed when it is dropped.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody else may have taken it away.
        let _ = remove_file(&self.0);
    }
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
            Self::Unix(_, file) => Ok(Address::Unix(file.0.clone())),
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
            Self::Unix(listener, _) => {
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

/// Takes over the path of a socket that nobody serves any more.
fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|file| file.file_type().is_socket());
    if is_socket && Probe::connect(path).is_err() {
        remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    set_permissions(path, Permissions::from_mode(mode))?;
    Ok(Listener::Unix(listener, file))
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
