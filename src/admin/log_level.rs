//! What is logged, shown to whoever may see the metrics, and changed from this machine.

use std::net::SocketAddr;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};

use crate::telemetry::LogFilter;

/// The path of this page.
pub const PATH: &str = "/log-level";

/// The longest filter, in bytes.
const MAX_FILTER: usize = 4096;

/// Answers `GET` with the filter, and takes another one by `PUT`.
pub async fn answer<B>(
    filter: &LogFilter,
    peer: SocketAddr,
    request: Request<B>,
) -> (StatusCode, String)
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    match *request.method() {
        Method::GET | Method::HEAD => (StatusCode::OK, filter.get()),
        Method::PUT if peer.ip().to_canonical().is_loopback() => {
            change(filter, request.into_body()).await
        }
        Method::PUT => {
            let why = "the log is changed from the machine that writes it";
            (StatusCode::FORBIDDEN, why.to_owned())
        }
        _ => (
            StatusCode::METHOD_NOT_ALLOWED,
            "GET and PUT only".to_owned(),
        ),
    }
}

async fn change<B>(filter: &LogFilter, body: B) -> (StatusCode, String)
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    let wanted = match Limited::new(body, MAX_FILTER).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            let why = format!("a filter has at most {MAX_FILTER} bytes");
            return (StatusCode::PAYLOAD_TOO_LARGE, why);
        }
    };
    let changed = match std::str::from_utf8(&wanted) {
        Ok(wanted) => filter.set(wanted),
        Err(_) => Err("it is not UTF-8".to_owned()),
    };
    match changed {
        Ok(()) => (StatusCode::OK, filter.get()),
        Err(why) => {
            let example = "write `info`, `debug`, or a filter such as `info,pronto_grpc=debug`";
            (
                StatusCode::BAD_REQUEST,
                format!("no filter: {why}; {example}"),
            )
        }
    }
}
