//! How the server serves.

use std::time::Duration;

use tonic::codec::CompressionEncoding;

use super::drain::DrainOptions;

/// How the server serves.
#[derive(Clone, Debug)]
pub struct ServingOptions {
    /// What gRPC connections may do.
    pub connections: ConnectionLimits,
    /// What messages may be like.
    pub messages: MessageOptions,
    /// Whether browsers are served, too.
    pub web: Option<WebOptions>,
    /// Whether clients can ask for the descriptors.
    pub reflection: bool,
    /// How it ends.
    pub drain: DrainOptions,
}

/// What gRPC connections may do.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// At most so many are open at once.
    pub max_connections: usize,
    /// At most so many calls of one are under way at once.
    pub max_streams: u32,
    /// After so long without a word, the peer is asked whether it is there.
    pub keepalive_interval: Duration,
    /// It has so long to answer that.
    pub keepalive_timeout: Duration,
    /// After about so long a connection takes no more calls; none: never.
    pub max_age: Option<Duration>,
    /// How long the first bytes of HTTP/2 may take.
    pub greeting_timeout: Duration,
    /// How long the handshake of TLS may take.
    pub handshake_timeout: Duration,
}

impl ConnectionLimits {
    /// A peer that takes nothing from us for so long is gone: it would have had to answer
    /// a question meanwhile.
    #[must_use]
    pub fn stall_timeout(&self) -> Duration {
        self.keepalive_interval + self.keepalive_timeout
    }
}

/// What messages may be like.
#[derive(Clone, Debug)]
pub struct MessageOptions {
    /// The largest request, in bytes, decompressed.
    pub max_request: usize,
    /// The largest answer or event, in bytes.
    pub max_response: usize,
    /// The compressions that are understood, and used for clients that understand them.
    pub compression: Vec<CompressionEncoding>,
}

/// How browsers are served.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// The origins whose scripts may call; `*` is any.
    pub origins: Vec<String>,
}
