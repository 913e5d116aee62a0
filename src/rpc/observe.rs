//! Sees each RPC from its beginning to its real end: counts it, gives it an id and a
//! place in a trace, and writes one line about it. A stream ends with its trailers, or
//! when its client is gone.
//!
//! | ended with | level |
//! |---|---|
//! | OK, and what the caller did wrong or gave up | INFO |
//! | OK of health checks and reflection | DEBUG |
//! | UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED | WARN |
//! | UNAVAILABLE, INTERNAL, UNKNOWN, DATA_LOSS | ERROR |
//! | INTERNAL because the caller's message cannot be read | INFO |
//! | UNAVAILABLE because the server starts or ends, or a stream is too old | INFO |
//!
//! An RPC that panics ends with INTERNAL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::{Layer, Service};
use tracing::{Level, Span};

use super::call_info::CallInfo;
use super::messages::Messages;
use super::request_id::{REQUEST_ID, RequestId};
use super::status::internal;
use crate::metrics::{self, Ended};
use crate::proto::reason;
use crate::proto::rpc;
use crate::proto::v1::ErrorReason;
use crate::trace::{Kind, Step, TraceContext};

/// Sees each RPC. Belongs around all other layers that speak gRPC.
#[derive(Clone, Copy, Debug)]
pub struct ObserveLayer;

/// A service whose RPCs are seen.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    inner: S,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed { inner }
    }
}

impl<S> Service<Request<Body>> for Observed<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let trace = TraceContext::of(request.headers());
        let request_id = RequestId::of(request.headers());
        let observation = Observation::begin(&request, &trace, &request_id);
        request.extensions_mut().insert(observation.info.clone());
        let span = observation.span.clone();
        let call = AssertUnwindSafe(|| self.inner.call(request));
        let call = span.in_scope(|| catch_unwind(call));
        let call = async move {
            let mut answer = answer_of(call).await?;
            answer.headers_mut().insert(REQUEST_ID, request_id.header());
            Ok(observation.of_answer(answer))
        };
        Box::pin(trace.scope(span, call))
    }
}

/// The answer to a call, also where it panics.
async fn answer_of<E>(
    call: thread::Result<impl Future<Output = Result<Response<Body>, E>>>,
) -> Result<Response<Body>, E> {
    let answer = match call {
        Ok(call) => AssertUnwindSafe(call).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    answer.unwrap_or_else(|_| Ok(panicked().into_http()))
}

/// What a caller is told of a panic.
fn panicked() -> Status {
    internal("the server panicked; this is a mistake in it")
}

/// What is called.
#[derive(Clone, Copy)]
struct Method {
    name: &'static str,
    streams: bool,
    /// Called by machines all the time.
    is_routine: bool,
}

impl Method {
    /// Those of strangers have no names of their own, so that they cannot fill the memory
    /// of who counts.
    fn of(path: &str) -> Self {
        if let Some(rpc) = rpc::of_path(path) {
            return Self {
                name: rpc.name,
                streams: rpc.streams,
                is_routine: false,
            };
        }
        let (name, streams) = match path {
            "/grpc.health.v1.Health/Check" => ("grpc.health.v1.Health/Check", false),
            "/grpc.health.v1.Health/List" => ("grpc.health.v1.Health/List", false),
            "/grpc.health.v1.Health/Watch" => ("grpc.health.v1.Health/Watch", true),
            path if path.starts_with("/grpc.reflection.") => ("grpc.reflection", true),
            _ => ("unknown", false),
        };
        Self {
            name,
            streams,
            is_routine: name != "unknown",
        }
    }
}

/// An RPC under way. Dropped before its end it was given up by its caller.
struct Observation {
    method: Method,
    begun: Instant,
    info: CallInfo,
    span: Span,
    step: Step,
    messages: Messages,
    has_ended: bool,
}

impl Observation {
    fn begin(request: &Request<Body>, trace: &TraceContext, request_id: &RequestId) -> Self {
        let method = Method::of(request.uri().path());
        metrics::rpc_began(method.name);
        Self {
            method,
            begun: Instant::now(),
            info: CallInfo::default(),
            // At the highest level, so that it is there for all that is logged in it.
            span: tracing::error_span!(
                "rpc",
                trace_id = %trace.trace_id,
                request_id = request_id.as_str(),
                job_id = tracing::field::Empty,
                job_trace_id = tracing::field::Empty,
            ),
            step: Step::begin(Kind::Rpc, method.name, trace),
            messages: Messages::default(),
            has_ended: false,
        }
    }

    /// An answer that is seen to its end.
    fn of_answer(mut self, answer: Response<Body>) -> Response<Body> {
        if let Some(status) = Status::from_header_map(answer.headers()) {
            self.end(status.code(), reason_of(&status));
        }
        answer.map(|body| {
            Body::new(ObservedBody {
                body,
                observation: self,
            })
        })
    }

    fn see(&mut self, frame: Option<&Result<Frame<Bytes>, Status>>) {
        match frame {
            Some(Ok(frame)) => match (frame.data_ref(), frame.trailers_ref()) {
                (Some(data), _) => self.messages.count(data),
                (_, Some(trailers)) => self.end_with(trailers),
                _ => {}
            },
            Some(Err(status)) => self.end(status.code(), reason_of(status)),
            None => self.end(Code::Unknown, NO_REASON),
        }
    }

    fn end_with(&mut self, trailers: &HeaderMap) {
        match Status::from_header_map(trailers) {
            Some(status) => self.end(status.code(), reason_of(&status)),
            None => self.end(Code::Unknown, NO_REASON),
        }
    }

    /// Only the first end counts.
    fn end(&mut self, code: Code, reason: &'static str) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let ended = Ended {
            code: code_name(code),
            reason,
            time: self.begun.elapsed(),
            messages: self.messages.counted(),
        };
        metrics::rpc_ended(self.method.name, self.method.streams, ended);
        self.tell(ended);
        self.span.in_scope(|| self.log(code, ended));
    }

    fn tell(&mut self, ended: Ended) {
        self.step.tell("rpc.system.name", "grpc");
        self.step.tell("rpc.method", self.method.name);
        self.step.tell("rpc.response.status_code", ended.code);
        if !ended.reason.is_empty() {
            self.step.tell("error.type", ended.reason);
        }
        // What callers do wrong is no error of the server's.
        let is_error = matches!(
            ended.code,
            "UNKNOWN" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS"
        );
        let is_ours = is_error && !is_unreadable(ended.reason);
        self.step.end(is_ours.then_some(ended.code));
    }

    fn log(&self, code: Code, ended: Ended) {
        let caller = self.info.caller();
        let client = caller.and_then(|caller| caller.client.as_deref());
        let credential = caller.map(|caller| caller.credential.as_str());
        let reason = Some(ended.reason).filter(|reason| !reason.is_empty());
        let messages = self.method.streams.then_some(ended.messages);
        // The level of an event is part of its callsite.
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    method = self.method.name,
                    code = ended.code,
                    reason,
                    seconds = ended.time.as_secs_f64(),
                    client,
                    credential,
                    messages,
                    "RPC ended."
                )
            };
        }
        match level(code, ended.reason, self.method.is_routine) {
            Level::ERROR => line!(Level::ERROR),
            Level::WARN => line!(Level::WARN),
            Level::INFO => line!(Level::INFO),
            _ => line!(Level::DEBUG),
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.end(Code::Cancelled, NO_REASON);
    }
}

/// An answer that is seen to its end.
struct ObservedBody {
    body: Body,
    observation: Observation,
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.observation.span.clone();
        let _entered = span.enter();
        let body = &mut self.body;
        let frame = AssertUnwindSafe(|| Pin::new(body).poll_frame(context));
        let frame = match catch_unwind(frame) {
            Ok(frame) => ready!(frame),
            Err(_) => {
                self.body = Body::empty();
                Some(trailers(&panicked()))
            }
        };
        self.observation.see(frame.as_ref());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A status at the end of a stream.
fn trailers(status: &Status) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}

/// What is counted for an error without a reason.
const NO_REASON: &str = "none";

/// The reason of an error, as one of those that are known.
fn reason_of(status: &Status) -> &'static str {
    if status.code() == Code::Ok {
        return "";
    }
    let Some(info) = status.get_details_error_info() else {
        return NO_REASON;
    };
    let known = ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason));
    known.map_or("other", reason::name)
}

/// The level at which the end of an RPC is logged.
fn level(code: Code, reason: &str, is_routine: bool) -> Level {
    match code {
        Code::Ok if is_routine => Level::DEBUG,
        Code::Unavailable if is_planned(reason) => Level::INFO,
        Code::Internal if is_unreadable(reason) => Level::INFO,
        Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => Level::ERROR,
        Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted => Level::WARN,
        _ => Level::INFO,
    }
}

/// Whether a call could not go on because the server starts, ends or lets streams move.
fn is_planned(reason: &str) -> bool {
    let planned = [
        ErrorReason::Draining,
        ErrorReason::Starting,
        ErrorReason::StreamTooOld,
    ];
    planned.iter().any(|known| reason == reason::name(*known))
}

/// Whether the caller sent what cannot be read. gRPC's code for that is INTERNAL.
fn is_unreadable(reason: &str) -> bool {
    reason == reason::name(ErrorReason::MalformedMessage)
}

/// A code as gRPC spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
