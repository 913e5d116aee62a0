//! What a client saw, and what is there in the end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use pronto_grpc::proto::v1::ListCallbacksRequest;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::trial::{HEALTH, LOOK, POLLED, Trial};
use crate::fake::{Job, lead};
use crate::log::{self, Log, connect};
use crate::server::Place;

/// A client that watches, whatever happens to the server.
pub struct Watcher {
    log: Arc<Mutex<Log>>,
    task: AbortHandle,
}

impl Watcher {
    /// Watches a job.
    pub fn start(place: &Place, job: &Job) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let (own, address, job_id) = (log.clone(), place.grpc(), job.id.clone());
        let task = tokio::spawn(async move {
            loop {
                let after = own.lock().last();
                if let Ok(channel) = connect(address).await
                    && let Ok(mut stream) = log::watch(channel, &job_id, after).await
                {
                    while let Ok(seen) = log::next(&mut stream).await {
                        own.lock().take(seen);
                    }
                }
                sleep(LOOK).await;
            }
        });
        Self {
            log,
            task: task.abort_handle(),
        }
    }

    /// What it saw.
    pub fn stop(self) -> Log {
        self.task.abort();
        std::mem::take(&mut *self.log.lock())
    }
}

/// Compares what was answered and seen with what is there.
pub async fn verify(trial: &mut Trial, job: &Job, seen: &Log) {
    let people = trial.acked.iter().copied().chain(POLLED);
    let people: Vec<_> = people.collect();
    let Some(log) = read_with(trial, job, &people).await else {
        trial.broken("the log cannot be read");
        return;
    };
    let lost: Vec<_> = people.iter().filter(|number| !log.has(**number)).collect();
    if !lost.is_empty() {
        trial.outcome.lost += lost.len();
        trial.broken(format!("not streamed: {lost:?}"));
    }
    let (gaps, repeats) = (log.gaps + seen.gaps, log.duplicates + seen.duplicates);
    if gaps + repeats > 0 {
        trial.broken(format!("{gaps} gaps and {repeats} duplicates"));
    }
    if log.events().get(..seen.events().len()) != Some(seen.events()) {
        trial.broken("what a client had seen is not what is there");
    }
    let bodies = bodies(trial, job).await.unwrap_or_default();
    let lost = trial
        .acked
        .iter()
        .filter(|number| !bodies.contains(&lead(**number, 300)));
    let lost: Vec<_> = lost.copied().collect();
    if !lost.is_empty() {
        trial.outcome.lost += lost.len();
        trial.broken(format!("not listed: {lost:?}"));
    }
}

/// The log, once it has these people, or after a while. A late one is added behind
/// the end of the stream.
async fn read_with(trial: &mut Trial, job: &Job, people: &[u32]) -> Option<Log> {
    let begin = Instant::now();
    loop {
        let mut log = Log::default();
        let channel = trial.channel().await.ok()?;
        let mut stream = log::watch(channel, &job.id, 0).await.ok()?;
        while let Ok(seen) = log::next(&mut stream).await {
            log.take(seen);
        }
        let has_all = people.iter().all(|number| log.has(*number));
        if has_all || begin.elapsed() > HEALTH {
            return Some(log);
        }
        sleep(LOOK).await;
    }
}

/// The bodies that are listed.
async fn bodies(trial: &mut Trial, job: &Job) -> Option<HashSet<String>> {
    let mut jobs = JobServiceClient::new(trial.channel().await.ok()?);
    let mut bodies = HashSet::new();
    let mut page_token = String::new();
    loop {
        let request = ListCallbacksRequest {
            job_id: job.id.clone(),
            page_size: 0,
            page_token,
        };
        let page = jobs.list_callbacks(request).await.ok()?.into_inner();
        let texts = page.callbacks.into_iter().map(|callback| callback.body);
        bodies.extend(texts.filter_map(|body| String::from_utf8(body).ok()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Some(bodies);
        }
    }
}
