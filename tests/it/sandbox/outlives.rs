//! `serve --sandbox`: server and sandbox in one process, which ends in the middle of a job.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pronto_grpc::proto::v1::contact_service_client::ContactServiceClient;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, ContactToEnrich, EnrichmentType, Findings,
    GetSandboxCountersRequest, JobEvent, ListFindingsRequest, WatchJobRequest,
};
use tonic::Streaming;
use tonic::transport::Channel;

use super::assert_complete;
use crate::harness::process::{Process, program};
use crate::harness::stage::{HeldPort, Stage, people_search};
use crate::harness::{connect, read, read_all};

/// So slow that a job is far from its end when the process ends.
const SLOW: &str = "100ms";
const FAST: &str = "1ms";

/// Events that a client sees before that.
const SEEN: usize = 12;

const PEOPLE: i32 = 40;

/// What outlives the process.
struct Site {
    callbacks: HeldPort,
    data: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            callbacks: HeldPort::new(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn callback_address(&self) -> String {
        format!("127.0.0.1:{}", self.callbacks.port)
    }

    fn data(&self) -> &Path {
        self.data.path()
    }

    async fn serve(&self, pace: &str) -> (Process, Channel) {
        let mut command = program(&["serve", "--sandbox", "--log-format", "json"]);
        command
            .args(["--grpc-address", "127.0.0.1:0", "--poll-interval", "50ms"])
            .args(["--callback-address", &self.callback_address()])
            .args(["--sandbox-pace", pace, "--drain-grace", "0s"])
            .arg("--data-dir")
            .arg(self.data());
        let starting = tokio::task::spawn_blocking(move || {
            let process = Process::start(&mut command);
            let address = process.logged("Serving.")["grpc_address"].clone();
            (process, address)
        });
        let (process, address) = starting.await.unwrap();
        let channel = connect(address.as_str().unwrap().parse().unwrap()).await;
        (process, channel)
    }
}

async fn rest(channel: &Channel, seen: &[JobEvent]) -> Vec<JobEvent> {
    let request = WatchJobRequest {
        job_id: seen[0].job_id.clone(),
        after_sequence: seen.last().unwrap().sequence,
    };
    let answer = JobServiceClient::new(channel.clone())
        .watch_job(request)
        .await;
    read_all(&mut answer.unwrap().into_inner()).await
}

/// What the sandbox found, once it is idle; it must have delivered in this process.
async fn findings(channel: &Channel) -> Vec<Findings> {
    let mut sandbox = SandboxServiceClient::new(channel.clone());
    let idle = GetSandboxCountersRequest { when_idle: true };
    let counters = sandbox.get_sandbox_counters(idle).await.unwrap();
    let counters = counters.into_inner().counters.unwrap();
    assert!(counters.webhooks_accepted > 0);
    let found = sandbox.list_findings(ListFindingsRequest::default()).await;
    found.unwrap().into_inner().findings
}

async fn search(channel: &Channel) -> Streaming<JobEvent> {
    let mut leads = LeadServiceClient::new(channel.clone());
    let answer = leads.search_leads(people_search(PEOPLE)).await;
    answer.unwrap().into_inner()
}

async fn batch(channel: &Channel) -> Streaming<JobEvent> {
    let contact = |number| ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: format!("L{number}"),
        domain: Some("acme.example".to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: (0..PEOPLE).map(contact).collect(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let mut contacts = ContactServiceClient::new(channel.clone());
    let answer = contacts.bulk_enrich_contacts(request).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_search_goes_on_after_a_crash() {
    let site = Site::new();
    let (process, channel) = site.serve(SLOW).await;
    let mut events = read(&mut search(&channel).await, SEEN).await;
    process.kill();

    let (_process, channel) = site.serve(FAST).await;
    events.extend(rest(&channel, &events).await);
    assert_complete(&events, "lead", PEOPLE as usize);
    let [search] = findings(&channel).await.try_into().unwrap();
    assert_eq!(
        (search.keys.len(), search.finished),
        (PEOPLE as usize, true)
    );
}

/// Nothing can be asked for the contacts of a batch: they are there only if each is delivered.
#[tokio::test]
async fn a_batch_goes_on_after_a_crash_and_is_charged_once() {
    let site = Site::new();
    let (process, channel) = site.serve(SLOW).await;
    let mut events = read(&mut batch(&channel).await, SEEN).await;
    process.kill();

    let (_process, channel) = site.serve(FAST).await;
    events.extend(rest(&channel, &events).await);
    let completed = assert_complete(&events, "contact", PEOPLE as usize);
    let counts = completed.counts.unwrap();
    assert!(counts.duplicates <= 1, "{}", counts.duplicates);
    let [batch] = findings(&channel).await.try_into().unwrap();
    assert_eq!(batch.keys.len(), PEOPLE as usize);
    assert_eq!(counts.credits, batch.credits as i64);
}

#[tokio::test]
async fn a_server_that_is_told_to_end_loses_no_delivery() {
    let site = Site::new();
    let (process, channel) = site.serve(SLOW).await;
    let mut events = read(&mut batch(&channel).await, SEEN).await;
    drop(channel);
    let ended = tokio::task::spawn_blocking(|| process.end("TERM"));
    let (status, said) = ended.await.unwrap();
    assert!(status.success(), "{said:?}");

    let (_process, channel) = site.serve(FAST).await;
    events.extend(rest(&channel, &events).await);
    assert_complete(&events, "contact", PEOPLE as usize);
}

/// Otherwise it would deliver to nobody until the process is gone.
#[tokio::test]
async fn a_server_that_ends_halts_its_sandbox() {
    let stage = Stage::start().await;
    let mut stream = stage.search(PEOPLE).await;
    read(&mut stream, SEEN).await;
    stage.set_pace(Duration::from_secs(3_600));
    drop(stream);
    stage.server.stop().await;
    assert_eq!(stage.sandbox.describe_counters().under_way, 0);
}

#[tokio::test]
async fn its_file_is_private_and_beside_the_store() {
    let site = Site::new();
    let (_process, channel) = site.serve(FAST).await;
    read_all(&mut search(&channel).await).await;
    // The server has the last delivery before the sandbox knows.
    findings(&channel).await;
    let file = site.data().join("sandbox.jsonl");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"done\"") && !text.contains("sandbox-key"));
}

#[tokio::test]
async fn a_file_that_is_not_understood_is_refused() {
    let site = Site::new();
    let file = site.data().join("sandbox.jsonl");
    std::fs::write(&file, "mine\n").unwrap();
    let mut command = program(&["serve", "--sandbox", "--grpc-address", "127.0.0.1:0"]);
    command
        .args(["--callback-address", &site.callback_address()])
        .arg("--data-dir")
        .arg(site.data());
    let ended = tokio::task::spawn_blocking(move || Process::start(&mut command).ended());
    let (status, said) = ended.await.unwrap();
    assert_eq!(status.code(), Some(70), "{said}");
    let expected = format!("{}: line 1: ", file.display());
    assert!(
        said.contains(&expected) && said.contains("remove it"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine\n");
}
