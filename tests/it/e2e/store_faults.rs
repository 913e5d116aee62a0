//! A store that fails for a while: nothing is lost, and nothing is sent twice.

use std::sync::Arc;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::{
    CancelJobRequest, GetJobRequest, JobEvent, JobOutcome, JobState, PurgePersonRequest,
};
use serde_json::{Value, json as object};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tonic::Code;

use super::restart::{asked, post};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::{
    PATIENCE, Setup, TestServer, assert_contiguous, connect, count_results, error_info, http, next,
    read, read_all, search,
};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn lead(name: &str) -> Value {
    object!({"first_name": name, "linkedin_url": format!("https://www.linkedin.com/in/{name}")})
}

fn finished() -> Value {
    object!({"search": {"id": ID, "status": "FINISHED"}, "leads": [{"lead": lead("ada")}]})
}

fn ongoing() -> Value {
    object!({"search": {"id": ID, "status": "ONGOING"}, "leads": []})
}

/// A server whose store can fail, and the Pronto that it calls.
struct Site {
    fake: Fake,
    store: Arc<FaultyStore>,
    server: TestServer,
    _data: TempDir,
}

impl Site {
    async fn with(poll: Value) -> Self {
        let fake = Fake::start(move |path, _| {
            std::future::ready(match path.starts_with("/api/v2/searches/") {
                true => json(200, poll.to_string()),
                false => json(201, object!({"id": ID}).to_string()),
            })
        })
        .await;
        Self::in_front_of(fake).await
    }

    async fn in_front_of(fake: Fake) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = FaultyStore::open(data.path());
        let mut setup = Setup::new(fake.address, data.path());
        // Streams do not look by themselves; they are woken.
        setup.jobs.progress_interval = PATIENCE * 2;
        let server = setup.start_with(store.clone()).await;
        Self {
            fake,
            store,
            server,
            _data: data,
        }
    }

    async fn webhook_url(&mut self) -> String {
        let start = asked(&mut self.fake, |asked| asked.method == "POST").await;
        start.body["webhook_url"].as_str().unwrap().to_owned()
    }

    /// How many starts Pronto was sent since the last look.
    fn starts(&mut self) -> usize {
        let asked = std::iter::from_fn(|| self.fake.asked.try_recv().ok());
        asked.filter(|asked| asked.method == "POST").count()
    }
}

#[track_caller]
fn assert_complete(events: &[JobEvent]) {
    assert_contiguous(events, 1);
    assert_eq!(count_results(events), 1, "{events:#?}");
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("{events:#?}")
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_stored_before() {
    let mut site = Site::with(finished()).await;
    site.store.fail(Operation::CreateJob, 1);
    let started = site.server.leads().start_lead_search(search()).await;
    let status = started.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(error_info(&status).reason, "STORE_UNAVAILABLE");
    assert_eq!(site.starts(), 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_is_recorded_again() {
    let mut site = Site::with(finished()).await;
    site.store.fail(Operation::Change, 2);
    let stream = site.server.leads().search_leads(search()).await.unwrap();
    let events = read_all(&mut stream.into_inner()).await;
    assert_complete(&events);
    let job = site.server.job(&events[0].job_id).await;
    assert_eq!(job.upstream_id.as_deref(), Some(ID));
    assert_eq!(site.starts(), 1);
}

#[tokio::test]
async fn an_answer_is_recorded_even_after_its_caller_gave_up() {
    let mut site = Site::with(ongoing()).await;
    site.store.fail(Operation::Change, usize::MAX);
    let started = site.server.leads().start_lead_search(search()).await;
    let info = error_info(&started.unwrap_err());
    assert_eq!(info.reason, "OUTCOME_UNKNOWN");
    let job_id = &info.metadata["job_id"];
    // A callback is kept meanwhile.
    let url = site.webhook_url().await;
    post(&url, &lead("ada")).await;
    assert_eq!(site.server.job(job_id).await.state(), JobState::Pending);
    site.store.fail(Operation::Change, 0);
    let mut stream = site.server.watch(job_id, 0).await;
    let events = read(&mut stream, 2).await;
    let Some(Event::Started(started)) = &events[0].event else {
        panic!("{events:#?}")
    };
    let acceptance = started.acceptance.as_ref().unwrap();
    assert_eq!(acceptance.id.as_deref(), Some(ID));
    assert_eq!(count_results(&events), 1);
    assert_eq!(site.starts(), 0);
}

#[tokio::test]
async fn a_job_goes_on_when_its_store_does() {
    for operation in [Operation::ReadDeliveries, Operation::Change] {
        let mut site = Site::with(ongoing()).await;
        let stream = site.server.leads().search_leads(search()).await.unwrap();
        let mut stream = stream.into_inner();
        let mut events = read(&mut stream, 1).await;
        let url = site.webhook_url().await;
        site.store.fail(operation, 3);
        for name in ["ada", "bob"] {
            post(&url, &lead(name)).await;
        }
        site.store.failed(operation, 3).await;
        post(&url, &lead("eve")).await;
        events.extend(read(&mut stream, 3).await);
        assert_contiguous(&events, 1);
        assert_eq!(count_results(&events), 3);
        let counts = site.server.job(&events[0].job_id).await.counts.unwrap();
        assert_eq!((counts.delivered, counts.duplicates), (3, 0));
    }
}

#[tokio::test]
async fn what_a_poll_brought_and_the_store_refused_is_polled_again() {
    let site = Site::with(finished()).await;
    site.store.fail(Operation::Append, 2);
    let stream = site.server.leads().search_leads(search()).await.unwrap();
    let events = read_all(&mut stream.into_inner()).await;
    site.store.failed(Operation::Append, 2).await;
    assert_complete(&events);
}

#[tokio::test]
async fn a_callback_is_refused_while_it_cannot_be_stored() {
    let mut site = Site::with(ongoing()).await;
    let stream = site.server.leads().search_leads(search()).await.unwrap();
    let mut stream = stream.into_inner();
    read(&mut stream, 1).await;
    let url = site.webhook_url().await;
    site.store.fail(Operation::Append, 2);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = http().post(&url).body(lead("ada").to_string()).send();
        statuses.push(answer.await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 204]);
    assert_eq!(count_results(&read(&mut stream, 1).await), 1);
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_ends_with_the_place_to_continue() {
    let mut site = Site::with(ongoing()).await;
    let stream = site.server.leads().search_leads(search()).await.unwrap();
    let mut stream = stream.into_inner();
    let job_id = read(&mut stream, 1).await.remove(0).job_id;
    let url = site.webhook_url().await;
    site.store.fail(Operation::ReadEvents, 1);
    post(&url, &lead("ada")).await;
    let status = next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(error_info(&status).reason, "STORE_UNAVAILABLE");
    let rest = read(&mut site.server.watch(&job_id, 1).await, 1).await;
    assert_contiguous(&rest, 2);
    assert_eq!(count_results(&rest), 1);
}

#[tokio::test]
async fn for_what_is_no_callback_of_ours_the_store_is_not_read() {
    let site = Site::with(ongoing()).await;
    site.store.fail(Operation::ReadJob, usize::MAX);
    let (id, secret) = (uuid::Uuid::now_v7().to_string(), "A".repeat(43));
    for (path, expected) in [
        ("x/y".to_owned(), 404),
        (format!("{id}/wp-login.php"), 404),
        (format!("admin/{secret}"), 404),
        // This one could be.
        (format!("{id}/{secret}"), 503),
    ] {
        let url = format!("http://{}/callbacks/{path}", site.server.callbacks);
        let answer = http().post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
}

/// A job that begins to run just after its runner, and whoever asked for that, read that
/// it is pending. The store then cannot be read so often.
async fn begins_behind_its_runner(failures: usize) {
    let gate = Arc::new(Semaphore::new(0));
    let inside = gate.clone();
    let fake = Fake::start(move |path, _| {
        let gate = inside.clone();
        async move {
            if path.starts_with("/api/v2/searches/") {
                return json(200, ongoing().to_string());
            }
            gate.acquire().await.unwrap().forget();
            json(201, object!({"id": ID}).to_string())
        }
    })
    .await;
    let mut site = Site::in_front_of(fake).await;
    let mut leads = site.server.leads();
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    site.webhook_url().await;
    site.store.hold(Operation::ReadJob);
    let mut jobs = site.server.jobs();
    let request = PurgePersonRequest {
        linkedin_url: "https://www.linkedin.com/in/ada".to_owned(),
        ..Default::default()
    };
    tokio::spawn(async move { jobs.purge_person(request).await });
    site.store.holds(2).await;
    gate.add_permits(1);
    starting.await.unwrap().unwrap();
    site.store.fail(Operation::ReadJob, failures);
    site.store.release();
    asked(&mut site.fake, |asked| asked.method == "GET").await;
}

#[tokio::test]
async fn a_job_that_begins_behind_its_runner_gets_another() {
    begins_behind_its_runner(0).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_behind_its_runner_gets_another() {
    begins_behind_its_runner(4).await;
}

#[tokio::test]
async fn a_cancellation_wakes_those_who_watch_when_its_caller_has_gone() {
    let site = Site::with(ongoing()).await;
    let stream = site.server.leads().search_leads(search()).await.unwrap();
    let mut stream = stream.into_inner();
    let job_id = read(&mut stream, 1).await.remove(0).job_id;
    site.store.hold(Operation::Change);
    let channel = connect(site.server.grpc).await;
    let mut canceller = JobServiceClient::new(channel.clone());
    let request = CancelJobRequest {
        job_id: job_id.clone(),
    };
    let cancelling = tokio::spawn(async move { canceller.cancel_job(request).await });
    site.store.holds(1).await;
    cancelling.abort();
    assert!(cancelling.await.unwrap_err().is_cancelled());
    // By the answers to these the server knows that the caller has gone.
    for _ in 0..3 {
        let mut jobs = JobServiceClient::new(channel.clone());
        let job_id = job_id.clone();
        jobs.get_job(GetJobRequest { job_id }).await.unwrap();
    }
    site.store.release();
    let status = next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(error_info(&status).reason, "JOB_CANCELLED");
}
