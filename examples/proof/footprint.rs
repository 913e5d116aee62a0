//! A server that has nothing to do takes little: memory, time to start, and processor
//! time while a thousand streams wait.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::Form;
use crate::fake::Fake;
use crate::log::{self, PATIENCE, connect};
use crate::memory::idle_share;
use crate::report::{Report, ms};
use crate::server::{Place, Server, binary};

/// The most memory of a server that does nothing: with the pages of its program that are in
/// memory, of which there are as many as the kernel finds useful, and without them.
const IDLE_KIB: u64 = 24 << 10;
const IDLE_PRIVATE_KIB: u64 = 5 << 10;

/// A start should take a tenth of this. Machines differ, and are shared, so only one that
/// takes far longer is a broken promise.
const START: Duration = Duration::from_millis(500);

/// The largest share of a core for streams that wait, in percent.
const IDLE_PERCENT: f64 = 1.0;

/// Streams that wait, and how many of them share a connection.
const STREAMS: usize = 1_000;
const OF_A_CONNECTION: usize = 200;

/// A server that has started does a few more things before it is idle.
const REST: Duration = Duration::from_secs(2);

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let fake = Fake::start().await;
    let place = Place::new(&fake);
    start(form, &place, &mut report).await;
    idle(form, &fake, &place, &mut report).await;
    sizes(&mut report);
    report
}

/// From the start of the process until a probe is told that it serves.
async fn start(form: Form, place: &Place, report: &mut Report) {
    let mut times = Vec::new();
    for _ in 0..form.pick(5, 21) {
        let begin = Instant::now();
        let server = Server::start(place.command());
        let serving = async {
            timeout(PATIENCE, serves(place)).await.unwrap();
            begin.elapsed()
        };
        let (server, time) = tokio::join!(server, serving);
        server.unwrap().kill();
        times.push(time);
    }
    times.sort();
    let median = times[times.len() / 2];
    report.figure("serving_ms", ms(median));
    report.figure("serving_best_ms", ms(times[0]));
    report.hold(median < START, || {
        format!("it serves {median:?} after its start, not within {START:?}")
    });
}

/// Asks until the health says so, as probes do.
async fn serves(place: &Place) {
    let endpoint = Endpoint::from_shared(format!("http://{}", place.grpc())).unwrap();
    loop {
        if let Ok(channel) = endpoint.connect().await {
            let mut health = HealthClient::new(channel);
            let answer = health.check(HealthCheckRequest::default()).await;
            let status = answer.map(|answer| answer.into_inner().status());
            if matches!(status, Ok(ServingStatus::Serving)) {
                return;
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn idle(form: Form, fake: &Fake, place: &Place, report: &mut Report) {
    let server = place.start().await;
    sleep(REST).await;
    let memory = server.memory();
    let (rss, private) = (memory.resident, memory.private);
    report.figure("rss_idle_kib", rss);
    report.figure("rss_idle_private_kib", private);
    report.hold(rss <= IDLE_KIB && private <= IDLE_PRIVATE_KIB, || {
        format!(
            "it has {rss} KiB without anything to do, {private} of them its own, not \
             {IDLE_KIB} and {IDLE_PRIVATE_KIB} at most"
        )
    });
    let channel = connect(place.grpc()).await.unwrap();
    let job = fake.job(channel.clone()).await.unwrap();
    sleep(REST).await;
    let before = server.memory().resident;
    let mut streams = Vec::new();
    while streams.len() < STREAMS {
        let channel = connect(place.grpc()).await.unwrap();
        for _ in 0..OF_A_CONNECTION {
            let stream = log::watch(channel.clone(), &job.id, 0).await;
            streams.push(stream.unwrap());
        }
    }
    for stream in &mut streams {
        log::next(stream).await.unwrap();
    }
    sleep(REST).await;
    let taken = server.memory().resident.saturating_sub(before);
    let each = taken as f64 / STREAMS as f64;
    report.figure("streams", STREAMS);
    report.figure("stream_kib", format!("{each:.1}"));
    let percent = idle_share(&server, form.pick(20, 60)).await;
    report.figure("streams_cpu_percent", format!("{percent:.2}"));
    report.hold(percent < IDLE_PERCENT, || {
        format!("streams that wait take {percent:.2} % of a core, not less than {IDLE_PERCENT}")
    });
}

fn sizes(report: &mut Report) {
    let size = std::fs::metadata(binary()).unwrap().len();
    report.figure("binary_kib", size / 1024);
    // Written by whatever built the image, if anything did.
    if let Ok(size) = std::fs::read_to_string(Path::new("target/image-size")) {
        report.figure("image", size.trim());
    }
}
