//! Answers, and refusals in the shapes that Pronto gives them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::trickle::{self, Body, Course};
use crate::proto::json::{self, JsonMessage, Object, Spelling};

/// What goes over the wire.
pub type HttpResponse = Response<Body>;

/// An answer.
#[derive(Debug)]
pub enum Reply {
    /// A JSON body.
    Json(StatusCode, Value),
    /// No body.
    Empty(StatusCode),
}

impl Reply {
    /// 200 with a message's JSON.
    pub fn message<M: JsonMessage>(message: &M, spelling: Spelling) -> Self {
        Self::object(json::write(message, spelling))
    }

    /// 200 with a JSON object.
    #[must_use]
    pub fn object(object: Object) -> Self {
        Self::Json(StatusCode::OK, Value::Object(object))
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        match self {
            Self::Json(_, body) => Self::Json(status, body),
            Self::Empty(_) => Self::Empty(status),
        }
    }

    /// As HTTP.
    #[must_use]
    pub fn into_response(self) -> HttpResponse {
        match self {
            Self::Json(status, body) => json_response(status, &body),
            Self::Empty(status) => response(status, "application/json", Bytes::new()),
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 400: something that the endpoint cannot do without is missing.
    BadRequest(String),
    /// 401: the key is missing or wrong.
    Unauthorized,
    /// 403: the key may not use the endpoint.
    Forbidden,
    /// 404: no such thing.
    NotFound(&'static str),
    /// 404 for a path that does not exist: a page, not JSON.
    NoSuchPage,
    /// 413: the body is too large.
    TooLarge,
    /// 422 with one reason.
    Unprocessable(String),
    /// 422 with several reasons.
    Invalid(Vec<String>),
    /// 429: wait that long.
    RateLimited(Duration),
}

impl Fault {
    /// As HTTP, in the body shape that is known for it.
    #[must_use]
    pub fn into_response(self) -> HttpResponse {
        match self {
            Self::BadRequest(message) => numbered(StatusCode::BAD_REQUEST, &message),
            Self::Unauthorized => {
                json_response(StatusCode::UNAUTHORIZED, &json!({"error": "Unauthorized"}))
            }
            Self::Forbidden => json_response(StatusCode::FORBIDDEN, &json!({"error": "Forbidden"})),
            Self::NotFound(message) => numbered(StatusCode::NOT_FOUND, message),
            Self::NoSuchPage => response(StatusCode::NOT_FOUND, HTML, NO_SUCH_PAGE.into()),
            Self::TooLarge => numbered(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::Unprocessable(message) => json_response(
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!({"message": message}),
            ),
            Self::Invalid(errors) => {
                json_response(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": errors}))
            }
            Self::RateLimited(wait) => rate_limited(wait),
        }
    }
}

/// The type of a page.
pub const HTML: &str = "text/html; charset=utf-8";

const NO_SUCH_PAGE: &str = "<!DOCTYPE html>
<html>
<head><title>The page you were looking for doesn't exist (404)</title></head>
<body><h1>The page you were looking for doesn't exist.</h1></body>
</html>
";

/// What a proxy shows while Pronto is away.
pub const MAINTENANCE_PAGE: &str = "<!DOCTYPE html>
<html>
<head><title>We'll be back soon</title></head>
<body><h1>We're down for maintenance.</h1></body>
</html>
";

/// The shape whose `error` is the status.
#[must_use]
pub fn numbered(status: StatusCode, message: &str) -> HttpResponse {
    json_response(
        status,
        &json!({"error": status.as_u16(), "message": message}),
    )
}

/// 429 with Retry-After in seconds.
#[must_use]
pub fn rate_limited(wait: Duration) -> HttpResponse {
    let body = json!({"error": "Rate limit exceeded"});
    let mut response = json_response(StatusCode::TOO_MANY_REQUESTS, &body);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// An answer with a JSON body.
#[must_use]
pub fn json_response(status: StatusCode, body: &Value) -> HttpResponse {
    response(
        status,
        "application/json; charset=utf-8",
        body.to_string().into(),
    )
}

/// An answer with a body of any type.
#[must_use]
pub fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> HttpResponse {
    let mut response = Response::new(trickle::body(body, Course::Straight));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
