//! From a request to its answer.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, sleep_until};
use uuid::Uuid;

use super::Receiver;
use super::body::{Body, Refusal};
use crate::jobs::CallbackSecret;
use crate::metrics;
use crate::trace::{self, Kind, Step};

/// What belongs to no job is answered after this time, so that who guesses does not
/// learn from it what was looked up. Pronto never waits for it.
const UNKNOWN_AFTER: Duration = Duration::from_millis(5);

/// An answer; the status says it all.
pub type Answer = Response<Empty<Bytes>>;

/// Answers a request, and tells whether another may follow on the connection: all of
/// this one was read, and it was for a job.
pub async fn answer(request: Request<Incoming>, receiver: &Receiver) -> (Answer, bool) {
    let begin = Instant::now();
    let (head, body) = request.into_parts();
    let mut body = Body::new(body);
    let answer = respond(&head, &mut body, receiver).await;
    let is_unknown = answer.status() == StatusCode::NOT_FOUND;
    if is_unknown {
        sleep_until(begin + UNKNOWN_AFTER).await;
    }
    metrics::callback_answered(answer.status());
    // Whether it was read would tell what was looked up.
    (answer, body.is_read() && !is_unknown)
}

/// Says that the connection is closed after this answer.
pub fn close_after(answer: &mut Answer) {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
}

async fn respond(head: &Parts, body: &mut Body, receiver: &Receiver) -> Answer {
    let Some((job_id, secret)) = target(head.uri.path()).filter(could_be_ours) else {
        return unknown();
    };
    let receipt = match receiver.jobs.accepts(job_id, secret).await {
        Ok(Some(receipt)) => receipt,
        Ok(None) => {
            return unmatched(head, body, receiver)
                .await
                .unwrap_or_else(unknown);
        }
        Err(error) => {
            tracing::error!(%error, "A callback could not be checked.");
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    if head.method != Method::POST {
        return only_post();
    }
    let (trace, span) = trace::of_job(receipt.origin);
    let receiving = async {
        let status = receive(job_id, body, receiver).await;
        tracing::debug!(job_id, status = status.as_u16(), "A callback came.");
        empty(status)
    };
    let mut step = Step::begin(Kind::Callback, "callback", &trace);
    let answer = trace.scope(span, receiving).await;
    step.tell("http.response.status_code", answer.status().as_str());
    step.end(answer.status().is_server_error().then_some("not stored"));
    answer
}

/// Job and secret in `/callbacks/{job_id}/{secret}`.
#[must_use]
pub fn target(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/callbacks/")?.split_once('/')
}

/// Whether we could have made this job and this secret: for what a scanner tries, the
/// store is not read.
fn could_be_ours((job_id, secret): &(&str, &str)) -> bool {
    Uuid::try_parse(job_id).is_ok() && CallbackSecret::is_well_formed(secret)
}

/// Keeps a callback for which there is no job. Whoever has the secret of a purged
/// job is told that it is stored; to all others it looks as if nothing was there.
async fn unmatched(head: &Parts, body: &mut Body, receiver: &Receiver) -> Option<Answer> {
    let (job_id, secret) = target(head.uri.path())?;
    if head.method != Method::POST {
        return None;
    }
    let place = match receiver.jobs.unmatched_place(job_id, secret).await {
        Ok(place) => place?,
        Err(error) => {
            tracing::error!(%error, "A callback could not be checked.");
            return Some(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
    };
    let is_known = place.is_known();
    metrics::callback_unmatched(is_known);
    let budget = match is_known {
        true => &receiver.budget,
        false => &receiver.strangers,
    };
    let body = match body.read(&receiver.limits, budget).await {
        Ok(body) => body,
        Err(refusal) => return is_known.then(|| empty(refused(refusal, job_id))),
    };
    match receiver
        .jobs
        .keep_unmatched(place, body.bytes.clone())
        .await
    {
        Ok(true) => Some(empty(StatusCode::NO_CONTENT)),
        Ok(false) => None,
        Err(error) => {
            tracing::error!(%error, "A callback for a purged job could not be stored.");
            Some(empty(StatusCode::SERVICE_UNAVAILABLE))
        }
    }
}

/// The answer to what belongs to no job: a stranger cannot tell an unknown job from
/// a wrong secret or a wrong path.
fn unknown() -> Answer {
    empty(StatusCode::NOT_FOUND)
}

fn only_post() -> Answer {
    let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
    let post = HeaderValue::from_static("POST");
    answer.headers_mut().insert(header::ALLOW, post);
    answer
}

/// Reads and stores a body. The only way to a 2xx leads through the store.
async fn receive(job_id: &str, body: &mut Body, receiver: &Receiver) -> StatusCode {
    let body = match body.read(&receiver.limits, &receiver.budget).await {
        Ok(body) => body,
        Err(refusal) => return refused(refusal, job_id),
    };
    // Its share of the budget is kept until it is stored.
    match receiver.jobs.receive(job_id, body.bytes.clone()).await {
        Ok(()) => {
            metrics::callback_committed();
            StatusCode::NO_CONTENT
        }
        Err(error) => {
            tracing::error!(job_id, %error, "A callback could not be stored.");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The answer to a body that was not taken. Who sent it has the job's secret, so it is
/// Pronto's and is lost: the operator is told.
fn refused(refusal: Refusal, job_id: &str) -> StatusCode {
    match refusal {
        Refusal::TooLarge => {
            tracing::warn!(job_id, "A callback is larger than max-callback-size.");
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Refusal::NoRoom => {
            tracing::error!(job_id, "A callback found no memory for its body.");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::Slow => {
            tracing::warn!(job_id, "A callback's body did not come in time.");
            StatusCode::REQUEST_TIMEOUT
        }
        Refusal::Broken => {
            tracing::warn!(job_id, "A callback's body broke off or is not well formed.");
            StatusCode::BAD_REQUEST
        }
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    /// What is logged: levels, messages and fields.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields(event.metadata().level().to_string());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }
    }

    #[test]
    fn each_callback_that_is_lost_is_told_with_its_job() {
        for (refusal, status, level) in [
            (Refusal::TooLarge, 413, "WARN"),
            (Refusal::NoRoom, 503, "ERROR"),
            (Refusal::Slow, 408, "WARN"),
            (Refusal::Broken, 400, "WARN"),
        ] {
            let lines = Lines::default();
            let subscriber = tracing_subscriber::registry().with(lines.clone());
            let answer = with_default(subscriber, || refused(refusal, "job"));
            assert_eq!(answer, status);
            let lines = lines.0.lock().unwrap();
            assert!(
                matches!(&lines[..], [line] if line.starts_with(level) && line.contains("\"job\"")),
                "{refusal:?}: {lines:?}"
            );
        }
    }
}
