//! Calls of browsers: gRPC-Web, and which origins may make them.

use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::options::WebOptions;
use crate::rpc::request_id::REQUEST_ID;

/// What a script may read of an answer.
const EXPOSED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static(REQUEST_ID),
];

/// How long a browser may remember what is allowed.
const MAX_AGE: std::time::Duration = std::time::Duration::from_secs(2 * 60 * 60);

/// Tells browsers which origins may call; none without origins.
pub fn cors(options: &WebOptions) -> Option<CorsLayer> {
    let origins = match options.origins.as_slice() {
        [] => return None,
        origins if origins.iter().any(|origin| origin == "*") => AllowOrigin::from(Any),
        // Those that cannot stand in a header are no origins.
        origins => AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        // Metadata of any name; browsers keep cookies and the like out of it. `*` would not
        // stand for `authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    Some(cors)
}
