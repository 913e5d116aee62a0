//! Traces arrive at a collector as they are in the log: `cargo test --features otlp`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::harness::process::{Process, program};
use crate::harness::stage::people_search;
use crate::harness::{connect, listener, read_all};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Keeps all spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let (listener, address) = listener().await;
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let connections = TcpListenerStream::new(listener);
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(connections),
        );
        (collector, address)
    }

    /// The spans of a trace with this name.
    fn spans(&self, trace: &str, name: &str) -> Vec<Span> {
        let spans = self.0.lock().unwrap().clone().into_iter();
        spans
            .filter(|span| hex(&span.trace_id) == trace && span.name == name)
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Serves one search that belongs to a trace, and ends.
async fn search(options: &[&str], parent: &str) {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
    command.args([
        "--grpc-address",
        "127.0.0.1:0",
        "--callback-address",
        "127.0.0.1:0",
    ]);
    command.args(options).arg("--data-dir").arg(data.path());
    let process = Process::start(&mut command);
    let serving = process.logged("Serving.");
    let address = serving["grpc_address"].as_str().unwrap().parse().unwrap();
    let mut request = Request::new(people_search(3));
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", parent.parse().unwrap());
    let mut leads = LeadServiceClient::new(connect(address).await);
    let answer = leads.search_leads(request).await;
    read_all(&mut answer.unwrap().into_inner()).await;
    drop(leads);
    let ended = tokio::task::spawn_blocking(|| process.end("TERM")).await;
    assert!(ended.unwrap().0.success());
}

#[tokio::test]
async fn a_trace_is_exported_from_the_caller_to_the_callback() {
    let (collector, address) = Collector::start().await;
    let endpoint = format!("--otlp-endpoint=http://{address}");
    search(&[&endpoint], &format!("00-{TRACE}-{PARENT}-01")).await;

    let rpcs = collector.spans(TRACE, "pronto.v1.LeadService/SearchLeads");
    let [rpc] = &rpcs[..] else { panic!("{rpcs:?}") };
    assert_eq!(rpc.kind(), SpanKind::Server);
    assert_eq!(hex(&rpc.parent_span_id), PARENT);
    let sent = collector.spans(TRACE, "pronto.v1.LeadService/StartLeadSearch");
    let [sent] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(sent.kind(), SpanKind::Client);
    assert_eq!(sent.parent_span_id, rpc.span_id);
    let callbacks = collector.spans(TRACE, "callback");
    assert!(!callbacks.is_empty());
    assert!(sent.start_time_unix_nano >= rpc.start_time_unix_nano);
    assert!(callbacks[0].end_time_unix_nano <= rpc.end_time_unix_nano);
}

#[tokio::test]
async fn what_the_caller_does_not_record_is_not_exported() {
    let (collector, address) = Collector::start().await;
    let endpoint = format!("--otlp-endpoint=http://{address}");
    let options = [&*endpoint, "--otlp-sampling-ratio=0"];
    search(&options, &format!("00-{TRACE}-{PARENT}-00")).await;
    assert_eq!(*collector.0.lock().unwrap(), []);
}
