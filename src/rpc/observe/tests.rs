#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;
use std::sync::Mutex;

use http_body_util::{BodyExt, StreamBody};
use tower::{ServiceExt, service_fn};
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};
use tracing_subscriber::{Layer as _, Registry};

use super::super::status;
use super::*;

/// What is logged.
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() != "seconds" {
            self.0 += &format!("{}={value:?} ", field.name());
        }
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = format!("{} {}", event.metadata().level(), fields.0);
        self.0.lock().unwrap().push(line.trim_end().to_owned());
    }
}

/// The lines that are logged meanwhile.
fn lines(work: impl Future<Output = ()>) -> Vec<String> {
    let lines = Lines::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let subscriber = Registry::default().with(lines.clone().boxed());
    with_default(subscriber, || runtime.block_on(work));
    std::mem::take(&mut *lines.0.lock().unwrap())
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The answer of a handler to a call, as it is seen.
async fn answer(path: &str, handler: impl Fn() -> Response<Body>) -> Response<Body> {
    let handler = service_fn(|_| {
        let answer = handler();
        async { Ok::<_, Infallible>(answer) }
    });
    ObserveLayer
        .layer(handler)
        .oneshot(request(path))
        .await
        .unwrap()
}

const WATCH: &str = "/pronto.v1.JobService/WatchJob";

/// A stream of empty messages, and its trailers.
fn stream(messages: usize, status: &Status) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    let message = Bytes::from_static(&[0; 5]);
    let frames = std::iter::repeat_n(message, messages).map(Frame::data);
    let frames = frames.chain([Frame::trailers(trailers)]);
    let frames = tokio_stream::iter(frames.map(Ok::<_, Infallible>));
    Response::new(Body::new(StreamBody::new(frames)))
}

#[test]
fn a_stream_is_logged_at_its_end_with_what_it_sent() {
    let seen = lines(async {
        let answer = answer(WATCH, || stream(3, &Status::ok(""))).await;
        tracing::info!("The answer began.");
        answer.into_body().collect().await.unwrap();
        tracing::info!("The answer ended.");
    });
    assert_eq!(
        seen,
        [
            "INFO message=The answer began.",
            "INFO message=RPC ended. method=\"pronto.v1.JobService/WatchJob\" code=\"OK\" messages=3",
            "INFO message=The answer ended.",
        ]
    );
}

#[test]
fn a_stream_whose_client_leaves_was_cancelled() {
    let seen = lines(async {
        let mut answer = answer(WATCH, || stream(3, &Status::ok(""))).await;
        answer.body_mut().frame().await.unwrap().unwrap();
    });
    let line = "INFO message=RPC ended. method=\"pronto.v1.JobService/WatchJob\" \
                code=\"CANCELLED\" reason=\"none\" messages=1";
    assert_eq!(seen, [line]);
}

#[test]
fn a_call_whose_client_leaves_before_the_answer_was_cancelled() {
    let seen = lines(async {
        let never = service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
        let call = ObserveLayer
            .layer(never)
            .oneshot(request("/pronto.v1.JobService/GetJob"));
        drop(tokio::time::timeout(std::time::Duration::ZERO, call).await);
    });
    let line = "INFO message=RPC ended. method=\"pronto.v1.JobService/GetJob\" \
                code=\"CANCELLED\" reason=\"none\"";
    assert_eq!(seen, [line]);
}

#[test]
fn an_error_is_logged_with_its_reason() {
    let failed = || status::internal("something").into_http();
    let seen = lines(async {
        drop(answer("/somebody.else.Service/Any", failed).await);
    });
    let line = "ERROR message=RPC ended. method=\"unknown\" code=\"INTERNAL\" reason=\"INTERNAL\"";
    assert_eq!(seen.last().unwrap(), line);
    assert_eq!(seen.len(), 2, "once: {seen:?}");
}

#[test]
fn the_level_follows_from_the_status() {
    let draining = reason::name(ErrorReason::Draining);
    for (code, reason, is_routine, expected) in [
        (Code::Ok, "", false, Level::INFO),
        (Code::Ok, "", true, Level::DEBUG),
        (Code::InvalidArgument, "INVALID_REQUEST", false, Level::INFO),
        (Code::Cancelled, NO_REASON, true, Level::INFO),
        (Code::Unauthenticated, NO_REASON, false, Level::WARN),
        (Code::PermissionDenied, NO_REASON, false, Level::WARN),
        (Code::ResourceExhausted, "RATE_LIMITED", false, Level::WARN),
        (
            Code::Unavailable,
            "UPSTREAM_UNAVAILABLE",
            false,
            Level::ERROR,
        ),
        (Code::Unavailable, draining, false, Level::INFO),
        (Code::Unknown, "OUTCOME_UNKNOWN", false, Level::ERROR),
        (Code::DataLoss, NO_REASON, false, Level::ERROR),
        (Code::Internal, "INTERNAL", false, Level::ERROR),
        (Code::Internal, "MALFORMED_MESSAGE", false, Level::INFO),
    ] {
        assert_eq!(
            level(code, reason, is_routine),
            expected,
            "{code:?} {reason}"
        );
    }
}

#[test]
fn the_answer_names_the_id_of_the_call() {
    lines(async {
        let mut request = request(WATCH);
        let id = http::HeaderValue::from_static("mine");
        request.headers_mut().insert(REQUEST_ID, id);
        let handler = service_fn(|_| async { Ok::<_, Infallible>(stream(0, &Status::ok(""))) });
        let answer = ObserveLayer.layer(handler).oneshot(request).await.unwrap();
        assert_eq!(answer.headers()[REQUEST_ID], "mine");
    });
}

#[test]
fn a_panic_of_a_handler_is_an_error_of_the_server() {
    let seen = lines(async {
        let answer = answer("/pronto.v1.JobService/GetJob", || panic!("a secret")).await;
        assert!(answer.headers().contains_key(REQUEST_ID));
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
        // Not at once, either.
        let late = service_fn(async |_| -> Result<Response<Body>, Infallible> {
            tokio::task::yield_now().await;
            panic!("a secret");
        });
        let call = ObserveLayer.layer(late).oneshot(request(WATCH)).await;
        let status = Status::from_header_map(call.unwrap().headers()).unwrap();
        assert_eq!(status.code(), Code::Internal);
    });
    let ended = |method: &str| {
        format!(
            "ERROR message=RPC ended. method=\"pronto.v1.JobService/{method}\" \
             code=\"INTERNAL\" reason=\"INTERNAL\""
        )
    };
    assert!(seen.contains(&ended("GetJob")), "{seen:?}");
    assert!(
        seen.contains(&(ended("WatchJob") + " messages=0")),
        "{seen:?}"
    );
}

#[test]
fn a_stream_that_panics_ends_with_a_status() {
    let seen = lines(async {
        let first = tokio_stream::once(Ok::<_, Infallible>(Frame::data(Bytes::from_static(
            &[0; 5],
        ))));
        let frames = tokio_stream::StreamExt::chain(
            first,
            futures_util::stream::poll_fn(|_| panic!("a secret")),
        );
        let frames = Mutex::new(Some(frames));
        let stream = || {
            let frames = frames.lock().unwrap().take().unwrap();
            Response::new(Body::new(StreamBody::new(frames)))
        };
        let body = answer(WATCH, stream).await.into_body();
        let all = body.collect().await.unwrap();
        let status = Status::from_header_map(all.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(all.to_bytes().len(), 5);
    });
    let line = "ERROR message=RPC ended. method=\"pronto.v1.JobService/WatchJob\" \
                code=\"INTERNAL\" reason=\"INTERNAL\" messages=1";
    assert!(seen.contains(&line.to_owned()), "{seen:?}");
}
