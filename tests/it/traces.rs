//! Log lines name the trace that they belong to, and one of them tells about each RPC.

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{GetCreditsRequest, GetJobRequest, WatchJobRequest};
use serde_json::Value;
use tonic::Request;
use tonic::transport::Channel;

use crate::harness::fake::{Fake, json};
use crate::harness::process::{Process, program};
use crate::harness::stage::people_search;
use crate::harness::{KEY, Setup, connect, error_info, read_all};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";

/// A request that belongs to a trace.
fn traced<T>(request: T, trace: &str) -> Request<T> {
    let mut request = Request::new(request);
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", parent.parse().unwrap());
    request
}

/// A server that logs everything, and a connection to it.
async fn server(data: &tempfile::TempDir) -> (Process, Channel) {
    let mut command = program(&[
        "serve",
        "--sandbox",
        "--log-format",
        "json",
        "--log",
        "debug",
    ]);
    command.args([
        "--grpc-address",
        "127.0.0.1:0",
        "--callback-address",
        "127.0.0.1:0",
    ]);
    let process = Process::start(command.arg("--data-dir").arg(data.path()));
    let serving = process.logged("Serving.");
    let address = serving["grpc_address"].as_str().unwrap().parse().unwrap();
    (process, connect(address).await)
}

/// The next lines that say these, in any order of lines between them.
fn lines(process: &Process, messages: &[&str]) -> Vec<Value> {
    let said = messages.iter();
    said.map(|message| process.logged_line(message)).collect()
}

#[tokio::test]
async fn what_a_call_causes_belongs_to_its_trace() {
    let data = tempfile::tempdir().unwrap();
    let (process, channel) = server(&data).await;
    let mut leads = LeadServiceClient::new(channel.clone());
    let search = leads.search_leads(traced(people_search(3), TRACE));
    let events = read_all(&mut search.await.unwrap().into_inner()).await;
    let job_id = &events[0].job_id;

    let said = [
        "A job started.",
        "A callback came.",
        "A job ended.",
        "RPC ended.",
    ];
    let said = lines(&process, &said);
    for line in &said {
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    }
    assert_eq!(said[2]["fields"]["state"], "COMPLETED", "{}", said[2]);

    let request = WatchJobRequest {
        job_id: job_id.clone(),
        after_sequence: 0,
    };
    let mut jobs = JobServiceClient::new(channel);
    let watch = jobs.watch_job(traced(request, OTHER)).await.unwrap();
    read_all(&mut watch.into_inner()).await;
    let line = process.logged_line("RPC ended.");
    let span = &line["span"];
    assert_eq!(span["trace_id"], OTHER, "{line}");
    assert_eq!(span["job_trace_id"], TRACE, "{line}");
    assert_eq!(span["job_id"], **job_id, "{line}");
}

#[tokio::test]
async fn a_refused_job_is_logged_with_the_reason_of_its_call() {
    let fake = Fake::always(422, r#"{"message":"no"}"#).await;
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--log-format", "json", "--api-key", KEY]);
    for address in ["--grpc-address", "--callback-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    command.args(["--callback-url", "http://127.0.0.1:9"]);
    command.args(["--main-url", &format!("http://{}", fake.address)]);
    let process = Process::start(command.arg("--data-dir").arg(data.path()));
    let serving = process.logged("Serving.");
    let address = serving["grpc_address"].as_str().unwrap().parse().unwrap();
    let mut leads = LeadServiceClient::new(connect(address).await);
    let error = leads.search_leads(people_search(1)).await.unwrap_err();
    assert_eq!(error_info(&error).reason, "UPSTREAM_REJECTED");
    let refused = process.logged("A job was refused.");
    assert_eq!(refused["reason"], "UPSTREAM_REJECTED");
    assert_eq!(process.logged("RPC ended.")["reason"], "UPSTREAM_REJECTED");
}

/// A span keeps all that it is told, and a stream reads its job again with every page.
#[tokio::test]
async fn a_stream_is_told_to_the_log_once() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(&["serve", "--sandbox", "--sandbox-pace", "50ms"]);
    for address in ["--grpc-address", "--callback-address", "--admin-address"] {
        command.args([address, "127.0.0.1:0"]);
    }
    let process = Process::start(command.arg("--data-dir").arg(data.path()));
    let serving = process.line_with("Serving.");
    let address = serving.split("grpc_address=\"").nth(1).unwrap();
    let address = address.split('"').next().unwrap().parse().unwrap();
    let mut leads = LeadServiceClient::new(connect(address).await);
    let search = leads.search_leads(people_search(5)).await.unwrap();
    read_all(&mut search.into_inner()).await;
    let line = process.line_with("RPC ended.");
    assert_eq!(line.matches(" job_id=").count(), 1, "{line}");
}

#[tokio::test]
async fn an_error_has_a_line_and_an_id_too() {
    let data = tempfile::tempdir().unwrap();
    let (process, channel) = server(&data).await;
    let mut jobs = JobServiceClient::new(channel);
    let request = |id: Option<&str>| {
        let job_id = "nobody knows".to_owned();
        let mut request = Request::new(GetJobRequest { job_id });
        if let Some(id) = id {
            request
                .metadata_mut()
                .insert("x-request-id", id.parse().unwrap());
        }
        request
    };
    let error = jobs.get_job(request(Some("mine"))).await.unwrap_err();
    assert_eq!(error.metadata().get("x-request-id").unwrap(), "mine");
    let line = process.logged_line("RPC ended.");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["span"]["request_id"], "mine");
    assert_eq!(line["fields"]["method"], "pronto.v1.JobService/GetJob");
    assert_eq!(line["fields"]["code"], "NOT_FOUND");
    assert_eq!(line["fields"]["reason"], "NOT_FOUND");

    // Who names no id and no trace is given both.
    let error = jobs.get_job(request(None)).await.unwrap_err();
    let id = error.metadata().get("x-request-id").unwrap();
    let line = process.logged_line("RPC ended.");
    assert_eq!(line["span"]["request_id"], id.to_str().unwrap());
    assert_eq!(line["span"]["trace_id"].as_str().unwrap().len(), 32);
}

/// What Pronto is told of the trace of a call.
async fn told(is_wanted: bool) -> Option<String> {
    let mut fake = Fake::start(|_, _| async { json(200, r#"{"credits":1}"#) }).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.args.upstream.propagate_trace_context = is_wanted;
    let server = setup.start().await;
    let request = traced(GetCreditsRequest::default(), TRACE);
    server.workspace().get_credits(request).await.unwrap();
    let asked = fake.asked.recv().await.unwrap();
    server.stop().await;
    asked.traceparent
}

#[tokio::test]
async fn pronto_is_told_the_trace_only_where_that_is_wanted() {
    assert_eq!(told(false).await, None);
    let told = told(true).await.unwrap();
    let (version_and_trace, span) = told.split_at(36);
    assert_eq!(version_and_trace, format!("00-{TRACE}-"));
    assert!(
        span.ends_with("-01") && !span.contains("00f067aa0ba902b7"),
        "{told}"
    );
}
