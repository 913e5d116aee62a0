//! Answers of the REST API, as faults will have them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;

use super::faults::{Group, Strike};
use super::reply::{self, Fault, HTML, HttpResponse, MAINTENANCE_PAGE};
use super::router;
use super::state::State;
use super::trickle::{self, Course};
use crate::proto::v1::FaultKind;

/// The connection is to be reset instead of answered.
#[derive(Debug, thiserror::Error)]
#[error("a fault resets the connection")]
pub struct Reset;

/// Answers a request.
///
/// # Errors
///
/// When the connection is to be reset.
pub async fn answer(
    state: Arc<State>,
    parts: Parts,
    body: Result<Bytes, Fault>,
) -> Result<HttpResponse, Reset> {
    let Some((endpoint, _)) = router::find(parts.method.as_str(), parts.uri.path()) else {
        return Ok(Fault::NoSuchPage.into_response());
    };
    state.counters.count_request(endpoint);
    let strikes = state.strike(Group::Answer, endpoint);
    for stall in strikes.iter().filter(|s| s.kind == FaultKind::AnswerStall) {
        tokio::time::sleep(stall.duration).await;
    }
    if strikes.iter().any(|s| s.kind == FaultKind::AnswerReset) {
        return Err(Reset);
    }
    let refusal = strikes.iter().find_map(|s| Some((s, refusal(s)?)));
    let mut response = match refusal {
        Some((strike, refusal)) => {
            if strike.carried_out {
                router::answer(state, parts, body).await;
            }
            refusal
        }
        None => router::answer(state, parts, body).await,
    };
    if strikes.iter().any(|s| s.kind == FaultKind::AnswerLost) {
        return Err(Reset);
    }
    for strike in &strikes {
        response = damaged(response, strike).await;
    }
    Ok(response)
}

/// What refuses a request with a status.
fn refusal(strike: &Strike) -> Option<HttpResponse> {
    let page = |status| reply::response(status, HTML, MAINTENANCE_PAGE.into());
    Some(match strike.kind {
        FaultKind::AnswerRateLimited => reply::rate_limited(strike.duration),
        FaultKind::AnswerRateLimitedDate => rate_limited_until(strike.duration),
        FaultKind::AnswerInternalError => {
            reply::numbered(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
        }
        FaultKind::AnswerBadGateway => page(StatusCode::BAD_GATEWAY),
        FaultKind::AnswerUnavailable => page(StatusCode::SERVICE_UNAVAILABLE),
        FaultKind::AnswerGatewayTimeout => page(StatusCode::GATEWAY_TIMEOUT),
        _ => return None,
    })
}

fn rate_limited_until(wait: Duration) -> HttpResponse {
    let mut response = reply::rate_limited(wait);
    // Dates have whole seconds: the next one is not too early.
    let until = SystemTime::now() + wait + Duration::from_secs(1);
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(until)) {
        response.headers_mut().insert(header::RETRY_AFTER, date);
    }
    response
}

/// The answer after a fault that damages it; other faults leave it as it is.
async fn damaged(response: HttpResponse, strike: &Strike) -> HttpResponse {
    match strike.kind {
        FaultKind::AnswerHtml => reply::response(StatusCode::OK, HTML, MAINTENANCE_PAGE.into()),
        FaultKind::AnswerEmpty => with_body(response, |_| (Bytes::new(), Course::Straight)).await,
        FaultKind::AnswerTruncated => {
            let cut = |body: Bytes| (body.slice(..body.len() / 2), Course::Straight);
            with_body(response, cut).await
        }
        FaultKind::AnswerSlow => {
            let duration = strike.duration;
            with_body(response, |body| (body, Course::Slow(duration))).await
        }
        FaultKind::AnswerWrongContentType => {
            let mut response = response;
            let plain = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, plain);
            response
        }
        _ => response,
    }
}

async fn with_body(
    response: HttpResponse,
    change: impl FnOnce(Bytes) -> (Bytes, Course),
) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let bytes: Result<_, io::Error> = body.collect().await;
    // Bodies of answers are made here, and whole.
    let bytes = bytes.map(|body| body.to_bytes()).unwrap_or_default();
    let (bytes, course) = change(bytes);
    HttpResponse::from_parts(parts, trickle::body(bytes, course))
}
