//! A log of a million events costs the server no memory, wherever it is read; and a
//! watcher that waits costs little.

use std::time::{Duration, Instant};

use pronto_grpc::proto::v1::GetJobRequest;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use crate::Form;
use crate::fake::{Fake, Job, lead, leads};
use crate::http::{Sender, request};
use crate::log::{self, PATIENCE, connect};
use crate::report::{Report, ms};
use crate::server::{Place, Server};

/// People in one callback.
const LIST: u32 = 2_000;

/// Callbacks that are posted at once, and watchers that are started at once.
const AT_ONCE: usize = 4;

/// Watchers of one connection.
const STREAMS: usize = 200;

/// The longest time until a watcher has its first event.
const FIRST_EVENT: Duration = Duration::from_millis(500);

/// The most memory that the server may have while a client reads.
const MEMORY_KIB: u64 = 64 << 10;

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let fake = Fake::start().await;
    let place = Place::new(&fake);
    read_from_the_middle(form, &fake, &place, &mut report).await;
    wait_in_numbers(form, &fake, &place, &mut report).await;
    report
}

// === reading ===

async fn read_from_the_middle(form: Form, fake: &Fake, place: &Place, report: &mut Report) {
    let people = form.pick(100_000, 1_000_000);
    let (job, filled) = fill(fake, place, people).await;
    let events = i64::from(people) + 1;
    report.figure("events", events);
    report.figure("filled_s", filled.as_secs());

    let server = place.start().await;
    report.figure("recovery_ms", ms(server.serving_after));
    report.figure("rss_started_kib", server.memory().resident);
    server.forget_peak();
    let begin = Instant::now();
    let channel = connect(place.grpc()).await.unwrap();
    let middle = events / 2;
    let mut stream = log::watch(channel, &job.id, middle).await.unwrap();
    let mut last = log::next(&mut stream).await.unwrap().sequence;
    let first_event = begin.elapsed();
    report.hold(last == middle + 1, || format!("the first event is {last}"));
    while last < events {
        let next = log::next(&mut stream).await.unwrap().sequence;
        report.hold(next == last + 1, || format!("{next} follows {last}"));
        last = next;
    }
    let rate = (events - middle) as f64 / begin.elapsed().as_secs_f64();
    let peak = server.memory().peak;
    report.figure("first_event_ms", ms(first_event));
    report.figure("read_per_s", rate as u64);
    report.figure("rss_reading_kib", peak);
    report.hold(first_event < FIRST_EVENT, || {
        format!("the first event came after {first_event:?}, not within {FIRST_EVENT:?}")
    });
    report.hold(peak < MEMORY_KIB, || {
        format!("reading took {peak} KiB, not less than {MEMORY_KIB}")
    });
    server.kill();
}

/// Fills the log of a job, and tells how long that took.
async fn fill(fake: &Fake, place: &Place, people: u32) -> (Job, Duration) {
    let _server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let job = fake.job(channel.clone()).await.unwrap();
    let begin = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..AT_ONCE {
        let (job, address) = (job.clone(), place.callbacks());
        senders.spawn(async move {
            let mut poster = Sender::new(address);
            for first in (0..people)
                .step_by(LIST as usize)
                .skip(sender)
                .step_by(AT_ONCE)
            {
                let list = leads(first..(first + LIST).min(people));
                let status = poster.post(&request(&job.path, &list)).await.unwrap();
                assert!((200..300).contains(&status), "a list was answered {status}");
            }
        });
    }
    senders.join_all().await;
    wait_for_events(channel, &job, i64::from(people) + 1).await;
    (job, begin.elapsed())
}

async fn wait_for_events(channel: Channel, job: &Job, events: i64) {
    let mut jobs = JobServiceClient::new(channel);
    let mut progress = (0, Instant::now());
    while progress.0 < events {
        sleep(Duration::from_millis(20)).await;
        let job_id = job.id.clone();
        let answer = jobs.get_job(GetJobRequest { job_id }).await.unwrap();
        let last = answer.into_inner().job.unwrap().last_sequence;
        if last > progress.0 {
            progress = (last, Instant::now());
        }
        let stands = progress.1.elapsed() > PATIENCE;
        assert!(!stands, "the log stands still at {last} of {events}");
    }
}

// === waiting ===

async fn wait_in_numbers(form: Form, fake: &Fake, place: &Place, report: &mut Report) {
    let count = form.pick(1_000, 5_000);
    let server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let job = fake.job(channel.clone()).await.unwrap();
    wait_for_events(channel, &job, 1).await;
    let before = server.memory().resident;

    let mut watchers = Vec::new();
    while watchers.len() < count {
        let channel = connect(place.grpc()).await.unwrap();
        for _ in 0..STREAMS.min(count - watchers.len()) {
            watchers.push(log::watch(channel.clone(), &job.id, 1).await.unwrap());
        }
    }
    let waiting = server.memory().resident.saturating_sub(before);
    report.figure("watchers", count);
    report.figure(
        "watcher_kib",
        format!("{:.1}", waiting as f64 / count as f64),
    );
    let idle = idle_share(&server, form.pick(3, 30)).await;
    report.figure("watchers_cpu_percent", format!("{idle:.1}"));

    let begin = Instant::now();
    let mut waits = JoinSet::new();
    for mut stream in watchers {
        waits.spawn(async move { log::next(&mut stream).await.map(|seen| seen.sequence) });
    }
    let callback = request(&job.path, &lead(1, 300));
    let status = Sender::new(place.callbacks()).post(&callback).await;
    report.hold(matches!(status, Ok(200..300)), || {
        format!("the callback: {status:?}")
    });
    let woken = timeout(PATIENCE, waits.join_all())
        .await
        .unwrap_or_default();
    let woken = woken.iter().filter(|next| matches!(next, Ok(2))).count();
    report.figure("watchers_woken_ms", ms(begin.elapsed()));
    report.hold(woken == count, || {
        format!("{woken} of {count} watchers were woken")
    });
}

/// The share of a core that the server takes, in percent.
pub async fn idle_share(server: &Server, seconds: u64) -> f64 {
    /// Linux counts the time of a process in hundredths of a second.
    const TICKS_PER_SECOND: f64 = 100.0;
    let before = server.ticks();
    sleep(Duration::from_secs(seconds)).await;
    let ticks = (server.ticks() - before) as f64;
    ticks / TICKS_PER_SECOND / seconds as f64 * 100.0
}
