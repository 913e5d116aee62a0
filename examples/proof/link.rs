//! A wire between client and server that can be cut.

use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::log::PATIENCE;

/// How a wire is cut, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The client's end is closed: no byte follows.
    Fin,
    /// The connection is reset.
    Reset,
}

/// A wire for one connection.
pub struct Link {
    /// Where the client connects.
    pub address: SocketAddr,
    cut: oneshot::Sender<Cut>,
    task: JoinHandle<()>,
}

impl Link {
    /// A wire to a server.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, is_cut) = oneshot::channel();
        let task = tokio::spawn(carry(listener, server, is_cut));
        Self { address, cut, task }
    }

    /// Cuts the wire, whatever is on it, and waits until the server's end is closed.
    pub async fn cut(self, how: Cut) {
        let _ = self.cut.send(how);
        self.task.await.unwrap();
    }
}

async fn carry(listener: TcpListener, server: SocketAddr, cut: oneshot::Receiver<Cut>) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut server = TcpStream::connect(server).await.unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let how = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        how = cut => how,
    };
    drop(client);
    match how {
        Ok(Cut::Fin) => {
            // With bytes left unread, a close would be a reset.
            let _ = server.shutdown().await;
            let closed = timeout(PATIENCE, copy(&mut server, &mut sink())).await;
            let _ = closed.expect("the server closes what the client has closed");
        }
        Ok(Cut::Reset) | Err(_) => server.set_zero_linger().unwrap(),
    }
}
