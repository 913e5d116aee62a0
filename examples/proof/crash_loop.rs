//! Senders post numbered callbacks while the server is killed again and again. What
//! was answered 2xx is streamed after that, once; a client that resumes by sequence
//! sees no gap and nothing twice, and what it saw never changes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Form;
use crate::fake::{Fake, Job, lead};
use crate::http::{Sender, request};
use crate::log::{self, Log, PATIENCE, connect};
use crate::report::{Report, ms, quantile};
use crate::server::Place;

const SENDERS: usize = 32;
const JOBS: usize = 4;
const BODY: usize = 300;

/// How often the server has been started; odd while it serves.
type Generation = watch::Receiver<u64>;

/// What all senders share.
#[derive(Default)]
struct Sent {
    next: AtomicU32,
    unanswered: AtomicUsize,
    refused: AtomicUsize,
    acked: Mutex<HashSet<u32>>,
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let rounds = form.pick(20, 200);
    let fake = Fake::start().await;
    let place = Arc::new(Place::new(&fake));
    let mut server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let jobs = fake.jobs(&channel, JOBS).await;

    let sent = Arc::new(Sent::default());
    let (is_up, generation) = watch::channel(1);
    let followers: Vec<_> = jobs
        .iter()
        .map(|job| Follower::start(place.clone(), job.clone(), generation.clone()))
        .collect();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let sender = Sender::new(place.callbacks());
        senders.spawn(send(sender, jobs.clone(), sent.clone(), generation.clone()));
    }

    let mut recoveries = Vec::new();
    for _ in 0..rounds {
        sleep(random_life()).await;
        server.kill();
        is_up.send_modify(|generation| *generation += 1);
        server = place.start().await;
        recoveries.push(server.serving_after);
        is_up.send_modify(|generation| *generation += 1);
    }
    senders.shutdown().await;

    let acked = sent.acked.lock().clone();
    let drained = drain(&followers, &acked).await;
    let mut report = Report::default();
    report.figure("rounds", rounds);
    report.figure("sent", sent.next.load(Ordering::Relaxed));
    report.figure("acked", acked.len());
    report.figure("unanswered", sent.unanswered.load(Ordering::Relaxed));
    report.zero("refused", sent.refused.load(Ordering::Relaxed));
    report.zero("acked_lost", drained.lost);
    report_logs(&mut report, &place, &jobs, followers).await;
    report.figure("recovery_ms_p50", ms(quantile(&mut recoveries, 0.5)));
    report.figure("recovery_ms_max", ms(quantile(&mut recoveries, 1.0)));
    report.figure("drained_ms", ms(drained.after));
    report
}

/// How long the server lives in a round: 20 to 500 ms.
fn random_life() -> Duration {
    let random = getrandom::u32().unwrap();
    Duration::from_micros(20_000 + u64::from(random) % 480_000)
}

/// Posts numbers while the server is up, each number once.
async fn send(mut sender: Sender, jobs: Vec<Job>, sent: Arc<Sent>, mut generation: Generation) {
    while generation
        .wait_for(|generation| generation % 2 == 1)
        .await
        .is_ok()
    {
        let before = *generation.borrow();
        let number = sent.next.fetch_add(1, Ordering::Relaxed);
        let job = &jobs[number as usize % jobs.len()];
        match sender.post(&request(&job.path, &lead(number, BODY))).await {
            Ok(200..300) => {
                sent.acked.lock().insert(number);
            }
            Ok(_) => {
                sent.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                sent.unanswered.fetch_add(1, Ordering::Relaxed);
                // It has been killed, or will be known to be in a moment.
                let _ = generation.wait_for(|now| *now != before).await;
            }
        }
    }
}

/// A client that watches a job, and goes on after the last sequence it has.
struct Follower {
    log: Arc<Mutex<Log>>,
    /// A server that lost what it had sent refuses to go on.
    refusals: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Follower {
    fn start(place: Arc<Place>, job: Job, mut generation: Generation) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let refusals = Arc::new(Mutex::new(Vec::new()));
        let (own, refused) = (log.clone(), refusals.clone());
        let task = tokio::spawn(async move {
            while generation.wait_for(|now| now % 2 == 1).await.is_ok() {
                let before = *generation.borrow();
                let status = follow(&place, &job, &own).await;
                let expected = [
                    tonic::Code::Unavailable,
                    tonic::Code::Unknown,
                    tonic::Code::Internal,
                    tonic::Code::Cancelled,
                    tonic::Code::DeadlineExceeded,
                ];
                if !expected.contains(&status.code()) {
                    refused.lock().push(format!("{}: {status}", job.id));
                }
                if status.code() != tonic::Code::DeadlineExceeded {
                    let _ = generation.wait_for(|now| *now != before).await;
                }
            }
        });
        Self {
            log,
            refusals,
            task,
        }
    }
}

/// Watches until the stream breaks.
async fn follow(place: &Place, job: &Job, log: &Mutex<Log>) -> tonic::Status {
    let after = log.lock().last();
    let watched = async {
        let mut stream = log::watch(connect(place.grpc()).await?, &job.id, after).await?;
        loop {
            let seen = log::next(&mut stream).await?;
            log.lock().take(seen);
        }
    };
    let broken: Result<std::convert::Infallible, _> = watched.await;
    match broken {
        Err(status) => status,
    }
}

/// How the rest was streamed.
struct Drained {
    lost: usize,
    after: Duration,
}

/// Waits until everything that was answered has been streamed, or nothing comes.
async fn drain(followers: &[Follower], acked: &HashSet<u32>) -> Drained {
    let begin = Instant::now();
    let mut progress = (0, Instant::now());
    loop {
        let lost = acked
            .iter()
            .filter(|number| {
                let follower = &followers[**number as usize % followers.len()];
                !follower.log.lock().has(**number)
            })
            .count();
        let events: i64 = followers.iter().map(|f| f.log.lock().last()).sum();
        if events != progress.0 {
            progress = (events, Instant::now());
        }
        if lost == 0 || progress.1.elapsed() > PATIENCE {
            return Drained {
                lost,
                after: begin.elapsed(),
            };
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Compares what the clients have with the log as it is read anew.
async fn report_logs(report: &mut Report, place: &Place, jobs: &[Job], followers: Vec<Follower>) {
    let (mut duplicates, mut gaps, mut changed, mut people) = (0, 0, 0, 0);
    for (job, follower) in jobs.iter().zip(followers) {
        follower.task.abort();
        for refusal in follower.refusals.lock().iter() {
            report.hold(false, || format!("a watcher was refused: {refusal}"));
        }
        let log = follower.log.lock().last();
        let anew = log::read(place.grpc(), &job.id, log).await.unwrap();
        let log = follower.log.lock();
        duplicates += log.duplicates + anew.duplicates;
        gaps += log.gaps + anew.gaps;
        people += log.people();
        let both = log.events().iter().zip(anew.events());
        changed += both.filter(|(seen, now)| seen != now).count();
    }
    report.figure("streamed", people);
    report.zero("duplicates", duplicates);
    report.zero("gaps", gaps);
    report.zero("changed", changed);
}
