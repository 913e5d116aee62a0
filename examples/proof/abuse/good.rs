//! Callers who mean well: unary calls, a stream, and callbacks that it brings. They
//! keep to a schedule, so that waiting for one answer hides no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pronto_grpc::proto::v1::GetJobRequest;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::transport::Channel;

use super::Targets;
use crate::fake::{Job, lead};
use crate::http::{Sender, request};
use crate::log::{self, PATIENCE, connect};
use crate::report::quantile;

/// Between two calls, and between two callbacks.
const CALLS: Duration = Duration::from_millis(4);
const CALLBACKS: Duration = Duration::from_millis(10);

/// The stream of a job whose callbacks come from here.
pub struct Good {
    job: Job,
    channel: Channel,
    /// When each event came.
    arrived: Arc<Mutex<HashMap<u32, Instant>>>,
    watching: JoinHandle<()>,
    posted: u32,
}

/// What they waited for in one round.
#[derive(Default)]
pub struct Waits {
    pub calls: Vec<Duration>,
    pub callbacks: Vec<Duration>,
    pub events: Vec<Duration>,
    /// What went wrong.
    pub failures: Vec<String>,
}

impl Waits {
    /// The 99th percentiles.
    pub fn p99(&mut self) -> [Duration; 3] {
        [&mut self.calls, &mut self.callbacks, &mut self.events].map(|waits| quantile(waits, 0.99))
    }
}

impl Good {
    pub async fn start(targets: &Targets, job: Job) -> Self {
        let channel = connect(targets.grpc).await.unwrap();
        let arrived = Arc::<Mutex<HashMap<_, _>>>::default();
        let mut stream = log::watch(connect(targets.grpc).await.unwrap(), &job.id, 0)
            .await
            .unwrap();
        let own = arrived.clone();
        let watching = tokio::spawn(async move {
            while let Ok(seen) = log::next(&mut stream).await {
                if let Some(number) = seen.number {
                    own.lock().insert(number, Instant::now());
                }
            }
        });
        Self {
            job,
            channel,
            arrived,
            watching,
            posted: 0,
        }
    }

    /// One round of them.
    pub async fn round(&mut self, targets: &Targets, length: Duration) -> Waits {
        let calls = tokio::spawn(calls(self.channel.clone(), self.job.id.clone(), length));
        let mut waits = Waits::default();
        let mut due = HashMap::new();
        let mut senders = JoinSet::new();
        let free: Arc<Mutex<Vec<Sender>>> = Arc::default();
        let mut ticks = interval(CALLBACKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let begin = Instant::now();
        while begin.elapsed() < length {
            let at = ticks.tick().await.into_std();
            let number = self.posted;
            self.posted += 1;
            due.insert(number, at);
            let request = request(&self.job.path, &lead(number, 1_000));
            let (address, free) = (targets.callbacks, free.clone());
            senders.spawn(async move {
                let kept = free.lock().pop();
                let mut sender = kept.unwrap_or_else(|| Sender::new(address));
                let answer = sender.post(&request).await;
                free.lock().push(sender);
                (at.elapsed(), answer)
            });
        }
        for (taken, answer) in senders.join_all().await {
            waits.callbacks.push(taken);
            match answer {
                Ok(200..300) => {}
                other => waits.failures.push(format!("a callback: {other:?}")),
            }
        }
        let (taken, failures) = calls.await.unwrap();
        waits.calls = taken;
        waits.failures.extend(failures);
        self.collect(due, &mut waits).await;
        waits
    }

    /// Waits for the events of the callbacks that were due at these times.
    async fn collect(&self, due: HashMap<u32, Instant>, waits: &mut Waits) {
        let all_here = async {
            while self.arrived.lock().len() < self.posted as usize {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(PATIENCE, all_here).await;
        let arrived = self.arrived.lock();
        for (number, due) in due {
            match arrived.get(&number) {
                Some(came) => waits.events.push(came.saturating_duration_since(due)),
                None => waits.failures.push(format!("event {number} never came")),
            }
        }
    }
}

impl Drop for Good {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn calls(channel: Channel, job_id: String, length: Duration) -> (Vec<Duration>, Vec<String>) {
    let mut ticks = interval(CALLS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    let begin = Instant::now();
    while begin.elapsed() < length {
        let at = ticks.tick().await.into_std();
        let mut jobs = JobServiceClient::new(channel.clone());
        let job_id = job_id.clone();
        calls.spawn(async move {
            let answer = timeout(PATIENCE, jobs.get_job(GetJobRequest { job_id })).await;
            (at.elapsed(), answer.map(|answer| answer.map(drop)))
        });
    }
    let (mut taken, mut failures) = (Vec::new(), Vec::new());
    for (time, answer) in calls.join_all().await {
        taken.push(time);
        if !matches!(answer, Ok(Ok(()))) {
            failures.push(format!("a call: {answer:?}"));
        }
    }
    (taken, failures)
}
