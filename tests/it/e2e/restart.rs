//! What a job is after its end, and after a restart.

use std::time::Duration;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{GetJobRequest, Job, JobOutcome, JobState};
use serde_json::{Value, json as object};
use tokio::time::timeout;

use crate::harness::callbacks::with_key;
use crate::harness::fake::{Asked, Fake, json};
use crate::harness::stage::HeldPort;
use crate::harness::{
    PATIENCE, Setup, TestServer, assert_contiguous, count_results, http, read, read_all, search,
};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

fn lead(name: &str) -> Value {
    object!({"first_name": name, "linkedin_url": format!("https://www.linkedin.com/in/{name}")})
}

/// A Pronto that answers every question about a search the same.
async fn pronto(status: u16, poll: Value) -> Fake {
    Fake::start(move |path, _| {
        std::future::ready(match path.starts_with("/api/v2/searches/") {
            true => json(status, poll.to_string()),
            false => json(201, object!({"id": ID}).to_string()),
        })
    })
    .await
}

pub async fn asked(fake: &mut Fake, is_it: impl Fn(&Asked) -> bool) -> Asked {
    let wait = async {
        loop {
            let asked = fake.asked.recv().await.unwrap();
            if is_it(&asked) {
                return asked;
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

pub async fn post(url: &str, body: &Value) {
    let answer = http().post(url).body(body.to_string()).send();
    assert_eq!(answer.await.unwrap().status(), 204);
}

async fn logged(server: &TestServer, job_id: &str, last_sequence: i64) -> Job {
    let wait = async {
        loop {
            let job = server.job(job_id).await;
            if job.last_sequence >= last_sequence {
                return job;
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

#[tokio::test]
async fn a_final_message_is_remembered_where_pronto_cannot_be_asked() {
    let mut fake = pronto(404, object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    // It is asked once, because of the final message, and not again.
    setup.jobs.poll_interval = PATIENCE;
    setup.jobs.max_poll_interval = PATIENCE;
    let server = setup.start().await;
    let stream = server.leads().search_leads(search()).await.unwrap();
    let mut stream = stream.into_inner();
    let job_id = read(&mut stream, 1).await.remove(0).job_id;
    let url = asked(&mut fake, |asked| asked.method == "POST").await.body["webhook_url"].clone();
    let last = object!({"search": {"id": ID}, "leads": [{"lead": lead("ada")}]});
    post(url.as_str().unwrap(), &last).await;
    read(&mut stream, 1).await;
    asked(&mut fake, |asked| asked.method == "GET").await;
    assert_eq!(server.job(&job_id).await.state(), JobState::Running);
    drop(stream);
    server.stop().await;

    let server = Setup::new(fake.address, data.path()).start().await;
    let events = read_all(&mut server.watch(&job_id, 0).await).await;
    assert_contiguous(&events, 1);
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("{events:#?}")
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    assert_eq!(count_results(&events), 1);
}

#[tokio::test]
async fn results_after_the_end_are_counted_and_watched_also_after_a_restart() {
    let finished =
        object!({"search": {"id": ID, "status": "FINISHED"}, "leads": [{"lead": lead("ada")}]});
    let mut fake = pronto(200, finished).await;
    let (data, callbacks) = (tempfile::tempdir().unwrap(), HeldPort::new());
    let setup = || Setup {
        callback_port: callbacks.port,
        ..Setup::new(fake.address, data.path())
    };
    let (first, second) = (setup(), setup());
    let server = first.start().await;
    let stream = server.leads().search_leads(search()).await.unwrap();
    let events = read_all(&mut stream.into_inner()).await;
    let job_id = events[0].job_id.clone();
    let ended = server.job(&job_id).await;
    assert_eq!((events.len(), ended.counts.unwrap().late), (3, 0));
    let url = asked(&mut fake, |asked| asked.method == "POST").await.body["webhook_url"].clone();
    let url = url.as_str().unwrap();

    // What is known is not late, and not delivered twice.
    post(url, &lead("ada")).await;
    post(url, &lead("bob")).await;
    let job = logged(&server, &job_id, 4).await;
    let counts = job.counts.unwrap();
    assert_eq!(
        (counts.late, counts.delivered, counts.duplicates),
        (1, 2, 1)
    );
    server.stop().await;

    let server = second.start().await;
    post(url, &lead("eve")).await;
    let job = logged(&server, &job_id, 5).await;
    let counts = job.counts.unwrap();
    assert_eq!((counts.late, counts.delivered), (2, 3));
    assert_eq!(job.state(), JobState::Completed);
    assert_eq!(job.finish_time, ended.finish_time);
    let events = read_all(&mut server.watch(&job_id, 0).await).await;
    assert_contiguous(&events, 1);
    assert_eq!(events.len(), 5);
    assert!(matches!(events[2].event, Some(Event::Completed(_))));
    let late = read_all(&mut server.watch(&job_id, 3).await).await;
    assert_eq!(count_results(&late), 2);
}

#[tokio::test]
async fn what_a_crash_left_undecoded_behind_the_end_is_delivered() {
    use pronto_grpc::jobs::store::Store;
    use pronto_grpc::jobs::store::sqlite::SqliteStore;
    use pronto_grpc::proto::v1::CallbackSource;

    let finished = object!({"search": {"id": ID, "status": "FINISHED"}, "leads": []});
    let fake = pronto(200, finished).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let stream = server.leads().search_leads(search()).await.unwrap();
    let events = read_all(&mut stream.into_inner()).await;
    let job_id = events[0].job_id.clone();
    server.stop().await;
    {
        let store = SqliteStore::open(&data.path().join("jobs.sqlite3")).unwrap();
        let body = lead("ada").to_string().into();
        let source = CallbackSource::Callback;
        store.append_delivery(&job_id, source, body).await.unwrap();
    }
    let server = Setup::new(fake.address, data.path()).start().await;
    let job = logged(&server, &job_id, 3).await;
    assert_eq!(job.counts.unwrap().late, 1);
}

#[tokio::test]
async fn a_brought_key_comes_back_with_a_question_about_its_job() {
    let ongoing = object!({"search": {"id": ID, "status": "ONGOING"}, "leads": []});
    let mut fake = pronto(200, ongoing).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = with_key(search(), Some("brought-key"));
    let started = server.leads().start_lead_search(request).await.unwrap();
    let job_id = started.into_inner().job.unwrap().id;
    server.stop().await;
    while fake.asked.try_recv().is_ok() {}

    let server = Setup::new(fake.address, data.path()).start().await;
    let request = with_key(GetJobRequest { job_id }, Some("brought-key"));
    server.jobs().get_job(request).await.unwrap();
    let asked = asked(&mut fake, |asked| asked.method == "GET").await;
    assert_eq!(asked.key.as_deref(), Some("brought-key"));
}

#[tokio::test]
async fn a_pause_that_pronto_wishes_for_is_kept() {
    const PAUSE: Duration = Duration::from_secs(1);
    let polled = std::sync::Mutex::new(Vec::new());
    let (sender, mut polls) = tokio::sync::mpsc::unbounded_channel();
    let fake = Fake::start(move |path, _| {
        let mut answer = json(201, object!({"id": ID}).to_string());
        if path.starts_with("/api/v2/searches/") {
            let mut polled = polled.lock().unwrap();
            polled.push(std::time::Instant::now());
            if let [first, second] = polled[..] {
                sender.send(second - first).unwrap();
            }
            answer = json(429, r#"{"error":"slow down"}"#);
            let seconds = PAUSE.as_secs().into();
            answer.headers_mut().insert("retry-after", seconds);
        }
        std::future::ready(answer)
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    server.leads().start_lead_search(search()).await.unwrap();
    let between = timeout(PATIENCE, polls.recv()).await.unwrap().unwrap();
    assert!(between >= PAUSE, "{between:?}");
}
