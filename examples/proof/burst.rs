//! Callbacks that come all at once on fresh connections, and then steadily for a
//! while: all are answered 2xx, and all are streamed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::Form;
use crate::fake::{Fake, Job, lead};
use crate::http::{Sender, request};
use crate::log::{self, Log, PATIENCE, connect};
use crate::report::{Report, ms, quantile};
use crate::server::{Place, Server};

const JOBS: usize = 8;
const BODY: usize = 2048;

/// So many connections are open at once at most.
const AT_ONCE: usize = 4096;

/// Connections of the steady load, each with one callback under way.
const STEADY: usize = 128;

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    for (count, times) in [(100, 9), (1_000, 5), (10_000, form.pick(1, 3))] {
        let mut stage = Stage::start().await;
        let mut taken = Vec::new();
        for _ in 0..times {
            taken.push(stage.burst(count).await);
        }
        report.figure(&format!("burst_{count}_ms"), ms(quantile(&mut taken, 0.5)));
        let streamed = stage.drain().await;
        report.figure(&format!("burst_{count}_streamed_ms"), ms(streamed));
        stage.judge(&mut report, &format!("burst_{count}"));
    }
    let mut stage = Stage::start().await;
    let seconds = form.pick(5, 30);
    let steady = stage.steady(Duration::from_secs(seconds)).await;
    report.figure("steady_per_s", steady.latencies.len() as u64 / seconds);
    let mut latencies = steady.latencies;
    report.figure("steady_p50_ms", ms(quantile(&mut latencies, 0.5)));
    report.figure("steady_p99_ms", ms(quantile(&mut latencies, 0.99)));
    report.figure("steady_lag_events", steady.lag);
    report.figure("steady_drained_ms", ms(stage.drain().await));
    stage.judge(&mut report, "steady");
    let device = ms(fdatasync(stage.place.folder()));
    report.figure("device_fdatasync_ms", device);
    report
}

/// A server with jobs and a watcher for each of them.
struct Stage {
    place: Place,
    _server: Server,
    _fake: Fake,
    jobs: Vec<Job>,
    watchers: Vec<Watcher>,
    /// Callbacks that were posted. Their numbers are 0, 1, 2, ...
    posted: u32,
    /// Answers that were no 2xx, and connections that broke.
    failures: Vec<String>,
}

struct Watcher {
    log: Arc<Mutex<Log>>,
    task: JoinHandle<tonic::Status>,
}

/// What the steady load brought.
struct Steady {
    latencies: Vec<Duration>,
    lag: usize,
}

impl Stage {
    async fn start() -> Self {
        let fake = Fake::start().await;
        let place = Place::new(&fake);
        let server = place.start().await;
        let channel = connect(place.grpc()).await.unwrap();
        let jobs = fake.jobs(&channel, JOBS).await;
        let mut watchers = Vec::new();
        for job in &jobs {
            watchers.push(Watcher::start(&place, job).await);
        }
        Self {
            place,
            _server: server,
            _fake: fake,
            jobs,
            watchers,
            posted: 0,
            failures: Vec::new(),
        }
    }

    fn request(&self, number: u32) -> Vec<u8> {
        let job = &self.jobs[number as usize % JOBS];
        request(&job.path, &lead(number, BODY))
    }

    /// Posts callbacks at once, each on a connection of its own, and gives the time
    /// until the last one is answered.
    async fn burst(&mut self, count: u32) -> Duration {
        let numbers = self.posted..self.posted + count;
        let requests: Vec<_> = numbers.map(|number| self.request(number)).collect();
        self.posted += count;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let address = self.place.callbacks();
        let begin = Instant::now();
        let mut senders = JoinSet::new();
        for request in requests {
            let places = places.clone();
            senders.spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                Sender::new(address).post(&request).await
            });
        }
        let answers = senders.join_all().await;
        let taken = begin.elapsed();
        self.failures
            .extend(answers.into_iter().filter_map(failure));
        taken
    }

    /// Posts for a while over connections that are kept, where the server keeps them.
    async fn steady(&mut self, duration: Duration) -> Steady {
        let next = Arc::new(std::sync::atomic::AtomicU32::new(self.posted));
        let requests = Arc::new(Requests::new(&self.jobs));
        let until = Instant::now() + duration;
        let mut senders = JoinSet::new();
        for _ in 0..STEADY {
            let mut sender = Sender::new(self.place.callbacks());
            let (next, requests) = (next.clone(), requests.clone());
            senders.spawn(async move {
                let (mut latencies, mut failures) = (Vec::new(), Vec::new());
                while Instant::now() < until {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let request = requests.of(number);
                    let begin = Instant::now();
                    let answer = sender.post(&request).await;
                    latencies.push(begin.elapsed());
                    failures.extend(failure(answer));
                }
                (latencies, failures)
            });
        }
        let mut latencies = Vec::new();
        for (some, failures) in senders.join_all().await {
            latencies.extend(some);
            self.failures.extend(failures);
        }
        self.posted = next.load(std::sync::atomic::Ordering::Relaxed);
        let lag = self.missing();
        Steady { latencies, lag }
    }

    /// Callbacks that no stream has brought yet.
    fn missing(&self) -> usize {
        let streamed: usize = self.watchers.iter().map(|w| w.log.lock().people()).sum();
        (self.posted as usize).saturating_sub(streamed)
    }

    /// Waits until every callback is streamed, or nothing comes any more.
    async fn drain(&self) -> Duration {
        let begin = Instant::now();
        let mut progress = (0, Instant::now());
        loop {
            let missing = self.missing();
            if missing != progress.0 {
                progress = (missing, Instant::now());
            }
            if missing == 0 || progress.1.elapsed() > PATIENCE {
                return begin.elapsed();
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn judge(&self, report: &mut Report, what: &str) {
        for failure in &self.failures {
            report.hold(false, || {
                format!("{what}: a callback was not answered 2xx: {failure}")
            });
        }
        let missing = self.missing();
        report.hold(missing == 0, || {
            format!("{what}: {missing} callbacks were not streamed")
        });
        for watcher in &self.watchers {
            let log = watcher.log.lock();
            let (gaps, duplicates) = (log.gaps, log.duplicates);
            report.hold(gaps + duplicates == 0, || {
                format!("{what}: a stream had {gaps} gaps and {duplicates} duplicates")
            });
            let ended = watcher.task.is_finished();
            report.hold(!ended, || format!("{what}: a stream ended"));
            watcher.task.abort();
        }
    }
}

fn failure(answer: std::io::Result<u16>) -> Option<String> {
    match answer {
        Ok(200..300) => None,
        Ok(status) => Some(status.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

impl Watcher {
    async fn start(place: &Place, job: &Job) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let channel = connect(place.grpc()).await.unwrap();
        let mut stream = log::watch(channel, &job.id, 0).await.unwrap();
        let own = log.clone();
        let task = tokio::spawn(async move {
            loop {
                match log::next(&mut stream).await {
                    Ok(seen) => own.lock().take(seen),
                    Err(status) => return status,
                }
            }
        });
        Self { log, task }
    }
}

/// Requests of the steady load. Only the number differs from one to the next, so
/// that making one costs a copy.
struct Requests {
    /// For each job, with the places of the number.
    templates: Vec<(Vec<u8>, Vec<usize>)>,
}

/// Stands where the number belongs, and is as long as each number.
const PLACEHOLDER: u32 = 1_000_000_000;

impl Requests {
    fn new(jobs: &[Job]) -> Self {
        let digits = PLACEHOLDER.to_string();
        let templates = jobs.iter().map(|job| {
            let bytes = request(&job.path, &lead(PLACEHOLDER, BODY));
            let places = bytes.windows(digits.len()).enumerate();
            let places = places.filter(|(_, window)| *window == digits.as_bytes());
            let places = places.map(|(place, _)| place).collect();
            (bytes, places)
        });
        Self {
            templates: templates.collect(),
        }
    }

    fn of(&self, number: u32) -> Vec<u8> {
        let (template, places) = &self.templates[number as usize % self.templates.len()];
        let digits = (PLACEHOLDER + number).to_string();
        let mut request = template.clone();
        for place in places {
            request[*place..*place + digits.len()].copy_from_slice(digits.as_bytes());
        }
        request
    }
}

/// How long the device takes to keep 4 KiB: write and fdatasync, the median.
fn fdatasync(folder: &Path) -> Duration {
    const TIMES: u64 = 200;
    const BLOCK: [u8; 4096] = [1; 4096];
    let file = File::create(folder.join("fdatasync")).unwrap();
    let mut taken: Vec<_> = (0..TIMES)
        .map(|index| {
            let begin = Instant::now();
            file.write_all_at(&BLOCK, index * BLOCK.len() as u64)
                .unwrap();
            file.sync_data().unwrap();
            begin.elapsed()
        })
        .collect();
    quantile(&mut taken, 0.5)
}
