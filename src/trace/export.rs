//! Tells a collector about steps of traces, over OTLP.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    self as otel, Span as _, SpanBuilder, SpanKind, TraceContextExt, TraceFlags, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue, SpanId as OtelSpanId, TraceId as OtelTraceId};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, Sampler, SdkTracer, SdkTracerProvider};

use super::{ExportError, ExportOptions, Kind, TraceContext, TraceId};

/// What is not told by then is lost.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The name of who tells.
const SERVICE: &str = env!("CARGO_PKG_NAME");

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The share of traces that is recorded, of those that begin here.
static RATIO: OnceLock<f64> = OnceLock::new();

thread_local! {
    /// The ids of the step that begins now: they are in the log, too.
    static IDS: Cell<Option<(OtelTraceId, OtelSpanId)>> = const { Cell::new(None) };
}

/// Who tells the collector.
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Tells about all steps from now on, for the whole process.
    ///
    /// # Errors
    ///
    /// When the collector's URL is not usable.
    pub fn start(options: &ExportOptions) -> Result<Self, ExportError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(options.endpoint.as_str())
            .build()
            .map_err(|error| ExportError::Endpoint(error.to_string()))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name(SERVICE)
            .with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_id_generator(OurIds)
            // Decided where the trace began.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.build())
            .build();
        let _ = RATIO.set(options.sampling_ratio);
        let _ = TRACER.set(provider.tracer(SERVICE));
        Ok(Self(provider))
    }

    /// Tells what is not told yet.
    pub async fn end(self) {
        let end = move || self.0.shutdown_with_timeout(FLUSH_TIMEOUT);
        match tokio::task::spawn_blocking(end).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "The last traces were not exported."),
            Err(error) => tracing::warn!(%error, "The last traces were not exported."),
        }
    }
}

/// Whether a trace that begins here is recorded.
pub fn records(trace_id: TraceId) -> bool {
    let [_, _, _, _, _, _, _, _, random @ ..] = trace_id.bytes();
    let place = u64::from_be_bytes(random) as f64 / u64::MAX as f64;
    RATIO
        .get()
        .is_none_or(|ratio| place < *ratio || *ratio >= 1.0)
}

/// A step of a trace.
pub struct Step(Option<<SdkTracer as Tracer>::Span>);

impl Step {
    /// A step begins.
    #[must_use]
    pub fn begin(kind: Kind, name: &'static str, here: &TraceContext) -> Self {
        let tracer = TRACER.get().filter(|_| here.is_sampled);
        Self(tracer.map(|tracer| {
            let trace_id = OtelTraceId::from_bytes(here.trace_id.bytes());
            let span_id = OtelSpanId::from_bytes(here.span_id.bytes());
            IDS.set(Some((trace_id, span_id)));
            let builder = SpanBuilder::from_name(name).with_kind(match kind {
                Kind::Rpc | Kind::Callback => SpanKind::Server,
                Kind::Upstream => SpanKind::Client,
            });
            tracer.build_with_context(builder, &parent(here, trace_id))
        }))
    }

    /// Something about it: nothing secret, and nothing of people.
    pub fn tell(&mut self, key: &'static str, value: impl Into<String>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value.into()));
        }
    }

    /// It ended, with an error where there was one.
    pub fn end(&mut self, error: Option<&'static str>) {
        if let Some(mut span) = self.0.take() {
            if let Some(error) = error {
                span.set_status(otel::Status::error(error));
            }
            span.end();
        }
    }
}

fn parent(here: &TraceContext, trace_id: OtelTraceId) -> Context {
    let Some(parent) = here.parent else {
        return Context::new();
    };
    let flags = match here.is_sampled {
        true => TraceFlags::SAMPLED,
        false => TraceFlags::default(),
    };
    let parent = OtelSpanId::from_bytes(parent.bytes());
    let parent = otel::SpanContext::new(trace_id, parent, flags, true, Default::default());
    Context::new().with_remote_span_context(parent)
}

/// Gives steps the ids that they have here.
#[derive(Debug)]
struct OurIds;

impl OurIds {
    /// Nothing but [`Step::begin`] makes spans, so there always are some.
    fn next() -> (OtelTraceId, OtelSpanId) {
        IDS.get()
            .unwrap_or((OtelTraceId::INVALID, OtelSpanId::INVALID))
    }
}

impl IdGenerator for OurIds {
    fn new_trace_id(&self) -> OtelTraceId {
        Self::next().0
    }

    fn new_span_id(&self) -> OtelSpanId {
        Self::next().1
    }
}
