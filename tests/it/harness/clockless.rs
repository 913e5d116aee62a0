//! A gRPC client without a clock: it tells the server how long it has, and leaves it to
//! the server to keep to that. tonic's own clients give up by themselves.

use std::net::SocketAddr;

use http::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tonic::Request;
use tonic::body::Body;

/// A connection for the generated clients, and where it goes.
pub fn clockless(address: SocketAddr) -> (Client<HttpConnector, Body>, Uri) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connector);
    (client, format!("http://{address}").parse().unwrap())
}

/// A request with a `grpc-timeout`.
pub fn with_timeout<R>(request: R, timeout: &str) -> Request<R> {
    let mut request = Request::new(request);
    let metadata = request.metadata_mut();
    metadata.insert("grpc-timeout", timeout.parse().unwrap());
    request
}
