//! Which trace something belongs to, as <https://www.w3.org/TR/trace-context/> has it.
//!
//! An RPC continues the trace of its caller, or begins one. What it causes belongs to the
//! same trace: requests to Pronto, and the job with its callbacks, for as long as it runs.
//! A trace goes along with a task; [`carry`] takes it into a new one.

#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
#[path = "trace/no_export.rs"]
mod export;

use std::fmt;
use std::future::Future;

use http::{HeaderMap, HeaderValue};
use tracing::{Instrument, Span};
use url::Url;

pub use export::{Exporter, Step};

/// The header that names trace and parent.
pub const TRACEPARENT: &str = "traceparent";

/// The header with what other systems know of the trace.
pub const TRACESTATE: &str = "tracestate";

/// The longest `tracestate` that is passed on; the standard asks for 512.
const MAX_STATE: usize = 512;

/// The flag of a trace that its caller records.
const SAMPLED: u8 = 1;

tokio::task_local! {
    static CURRENT: Option<TraceContext>;
}

/// The id of a trace; not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a step of a trace; not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// What a step of a trace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An RPC, to the end of its answer.
    Rpc,
    /// A request to Pronto.
    Upstream,
    /// A callback of Pronto's.
    Callback,
}

/// To whom traces are told, and how many.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// A collector that speaks OTLP over gRPC.
    pub endpoint: Url,
    /// The share of traces that is told, of those that begin here.
    pub sampling_ratio: f64,
}

/// Why no traces are told.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The build cannot.
    #[error("otlp-endpoint: this build exports no traces: build it with `--features otlp`")]
    NotBuilt,
    /// The collector's URL is not usable.
    #[error("otlp-endpoint: {0}")]
    Endpoint(String),
}

/// The trace that something long began in, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The trace.
    pub trace_id: TraceId,
    /// Whether it is recorded.
    pub is_sampled: bool,
}

impl Origin {
    /// What was written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (trace_id, flags) = text.split_once('-')?;
        let [flags] = bytes(flags)?;
        Some(Self {
            trace_id: TraceId::parse(trace_id)?,
            is_sampled: flags & SAMPLED != 0,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        write!(out, "{}-{flags:02x}", self.trace_id)
    }
}

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The step of it that goes on here: the parent of what follows.
    pub span_id: SpanId,
    /// The step before.
    pub parent: Option<SpanId>,
    /// Whether the trace is recorded, as decided where it began.
    pub is_sampled: bool,
    /// What other systems know of it, passed on as it came.
    pub state: Option<HeaderValue>,
}

impl TraceContext {
    /// A new trace.
    #[must_use]
    pub fn begin() -> Self {
        let trace_id = TraceId::random();
        Self::of_origin(Origin {
            trace_id,
            is_sampled: export::records(trace_id),
        })
    }

    /// The next step of the trace that these headers name; a new trace where they name
    /// none, or not as the standard says.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        Self::read(headers).map_or_else(Self::begin, |caller| caller.child())
    }

    /// The place in a trace that these headers name.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = parents.next().filter(|_| parents.next().is_none())?;
        let (trace_id, span_id, is_sampled) = parse(parent.to_str().ok()?.trim())?;
        Some(Self {
            trace_id,
            span_id,
            parent: None,
            is_sampled,
            state: state(headers),
        })
    }

    /// A new step of a trace that something began in before.
    #[must_use]
    pub fn of_origin(origin: Origin) -> Self {
        Self {
            trace_id: origin.trace_id,
            span_id: SpanId::random(),
            parent: None,
            is_sampled: origin.is_sampled,
            state: None,
        }
    }

    /// What is stored of the trace with what begins in it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            trace_id: self.trace_id,
            is_sampled: self.is_sampled,
        }
    }

    /// The next step of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: SpanId::random(),
            parent: Some(self.span_id),
            ..self.clone()
        }
    }

    /// The value of `traceparent` that names this place.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        format!("00-{}-{}-{flags:02x}", self.trace_id, self.span_id)
    }

    /// Does something as part of this trace, in a span.
    pub fn scope<F: Future>(self, span: Span, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(Some(self), work).instrument(span)
    }
}

/// Where the current task is, if anywhere.
#[must_use]
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// Does something in another task, as part of the trace and the span of this one.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(current(), work).instrument(Span::current())
}

/// The trace of a job, and the span of what is done for it. One that was stored without a
/// trace begins one.
#[must_use]
pub fn of_job(origin: Option<Origin>) -> (TraceContext, Span) {
    let trace = origin.map_or_else(TraceContext::begin, TraceContext::of_origin);
    let span = tracing::error_span!("job", trace_id = %trace.trace_id);
    (trace, span)
}

/// Tells the log that the current RPC is about a job, which may have a trace of its own.
pub fn follows(job_id: &str, origin: Option<Origin>) {
    let span = Span::current();
    span.record("job_id", job_id);
    if let Some(origin) = origin {
        span.record("job_trace_id", tracing::field::display(origin.trace_id));
    }
}

/// `version-trace-parent-flags`, in lower-case hexadecimal digits. A later version may
/// have more at its end.
fn parse(text: &str) -> Option<(TraceId, SpanId, bool)> {
    let mut parts = text.splitn(5, '-');
    let [version] = bytes(parts.next()?)?;
    let trace_id = TraceId::new(bytes(parts.next()?)?)?;
    let span_id = SpanId::new(bytes(parts.next()?)?)?;
    let [flags] = bytes(parts.next()?)?;
    let is_known = match version {
        0 => parts.next().is_none(),
        255 => false,
        _ => true,
    };
    is_known.then_some((trace_id, span_id, flags & SAMPLED != 0))
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let is_lower = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    if digits.len() != 2 * N || !digits.bytes().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Several headers are one list. One that is too long is left out as a whole.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let states = headers.get_all(TRACESTATE).iter();
    let states: Vec<&str> = states.map(|s| s.to_str().ok()).collect::<Option<_>>()?;
    let state = states.join(",");
    let fits = (1..=MAX_STATE).contains(&state.len());
    fits.then(|| HeaderValue::try_from(state).ok()).flatten()
}

/// An id of this many random bytes, not zero.
macro_rules! id {
    ($id:ident, $bytes:literal) => {
        impl $id {
            /// The id of these bytes, unless all are zero.
            #[must_use]
            pub fn new(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// The id that is written so.
            #[must_use]
            pub fn parse(digits: &str) -> Option<Self> {
                Self::new(bytes(digits)?)
            }

            /// The bytes.
            #[must_use]
            pub fn bytes(self) -> [u8; $bytes] {
                self.0
            }

            fn random() -> Self {
                let mut bytes = [0; $bytes];
                fastrand::fill(&mut bytes);
                Self::new(bytes).unwrap_or(Self([1; $bytes]))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

#[cfg(test)]
mod tests;
