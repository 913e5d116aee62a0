//! Options of the listeners.

use std::net::SocketAddr;

use clap::Args;

use super::units::socket_mode;
use crate::server::Address;

/// Where the server listens.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listeners")]
pub struct ListenArgs {
    /// Address of a gRPC listener: an IP address and a port, or `unix:` and the path of a
    /// Unix socket. May be given several times; in the environment `,` stands between them.
    #[arg(
        long,
        env = "PRONTO_GRPC_GRPC_ADDRESS",
        default_value = "127.0.0.1:50051",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    pub grpc_address: Vec<Address>,

    /// Mode of Unix sockets, in octal: who may connect.
    #[arg(
        long,
        env = "PRONTO_GRPC_SOCKET_MODE",
        default_value = "0660",
        value_name = "MODE",
        value_parser = socket_mode
    )]
    pub socket_mode: u32,

    /// Address of the HTTP listener for Pronto's callbacks.
    #[arg(
        long,
        env = "PRONTO_GRPC_CALLBACK_ADDRESS",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub callback_address: SocketAddr,

    /// Address of the HTTP listener for operators: `/metrics`, `/ready` and `/live`. There is
    /// none without it.
    #[arg(long, env = "PRONTO_GRPC_ADMIN_ADDRESS", value_name = "ADDRESS")]
    pub admin_address: Option<SocketAddr>,
}
