//! Gives errors that tonic makes by itself, before a handler is called, a reason as
//! those of handlers have.

use http::Response;
use tonic::Status;
use tonic::body::Body;

use super::status;

/// An answer whose error has a reason. One that is no error, has details or is none of
/// ours to explain stays as it is.
pub fn explain(answer: Response<Body>) -> Response<Body> {
    let bare = Status::from_header_map(answer.headers());
    let bare = bare.filter(|status| status.details().is_empty());
    match bare.as_ref().and_then(status::unread) {
        Some(explained) => explained.into_http(),
        None => answer,
    }
}
