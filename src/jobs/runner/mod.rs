//! One task for each running job: the only writer of its events. It turns
//! deliveries into events, asks Pronto for what did not arrive, and ends the job.

mod end;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::decode::{Decoded, decode};
use super::model::{Change, Delivery, End, StoredJob};
use super::reconcile::{self, Pace, Progress};
use super::service::Shared;
use super::store::StoreError;
use crate::proto::endpoint::{Endpoint, Late};
use crate::proto::v1::{CallbackSource, Completion, ResultKind};

/// Results are recorded in portions, so that a large body does not hold up the
/// callbacks of other jobs.
const PORTION: usize = 200;

/// Bodies from this size on are decoded off the async threads.
const LARGE: usize = 64 << 10;

/// A job whose store fails is tried again after this time, then ever later.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest time between two tries.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Starts a runner for a job unless it has one.
pub(super) fn ensure(shared: &Arc<Shared>, job_id: &str) {
    if shared.running.lock().insert(job_id.to_owned()) {
        let claim = Claim {
            shared: shared.clone(),
            job_id: job_id.to_owned(),
        };
        tokio::spawn(keep_running(claim));
    }
}

/// A job's place among those that have a runner; given back however the runner ends.
struct Claim {
    shared: Arc<Shared>,
    job_id: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared.running.lock().remove(&self.job_id);
    }
}

async fn keep_running(claim: Claim) {
    let shared = claim.shared.clone();
    let job_id = claim.job_id.clone();
    let mut retry = FIRST_RETRY;
    while let Err(error) = run(&shared, &job_id).await {
        tracing::error!(job_id, %error, "A job waits for the store.");
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = sleep(retry) => retry = (retry * 2).min(LAST_RETRY),
        }
    }
    drop(claim);
    // A delivery may have come between the last look and the line above.
    if has_work(&shared, &job_id).await && !shared.shutdown.is_cancelled() {
        ensure(&shared, &job_id);
    }
}

async fn has_work(shared: &Shared, job_id: &str) -> bool {
    let can_run = match shared.store.job(job_id).await {
        Ok(Some(job)) => late(&job).is_some() && job.last_sequence > 0,
        _ => false,
    };
    can_run && matches!(shared.store.next_undecoded(job_id).await, Ok(Some(_)))
}

fn late(job: &StoredJob) -> Option<&'static Late> {
    Endpoint::of_rpc(&job.operation)?.late.as_ref()
}

async fn run(shared: &Arc<Shared>, job_id: &str) -> Result<(), StoreError> {
    let woken = shared.wakes.subscribe(job_id);
    let Some(job) = shared.store.job(job_id).await? else {
        return Ok(());
    };
    // A job without `started` is not numbered yet, because that comes first.
    // Whoever starts it calls again.
    let (Some(late), true) = (late(&job), job.last_sequence > 0) else {
        return Ok(());
    };
    Runner::new(shared.clone(), job, late, woken).run().await
}

/// A question to Pronto under way.
type Question = AbortOnDropHandle<Progress>;

struct Runner {
    shared: Arc<Shared>,
    job: StoredJob,
    late: &'static Late,
    woken: watch::Receiver<()>,
    pace: Pace,
    question: Option<Question>,
    /// A message listed all people of the search.
    final_seen: bool,
    /// Pronto said that it has finished, but did not show everything.
    finished: bool,
}

impl Runner {
    fn new(
        shared: Arc<Shared>,
        job: StoredJob,
        late: &'static Late,
        woken: watch::Receiver<()>,
    ) -> Self {
        let options = &shared.options;
        let mut pace = Pace::new(options.poll_interval, options.max_poll_interval);
        let by_status = [Completion::SearchStatus, Completion::ContactStatus];
        if job.upstream_id.is_none() || !by_status.contains(&late.completion) {
            pace.stop();
        }
        let question = None;
        Self {
            shared,
            job,
            late,
            woken,
            pace,
            question,
            final_seen: false,
            finished: false,
        }
    }

    async fn run(mut self) -> Result<(), StoreError> {
        loop {
            self.woken.mark_unchanged();
            self.decode_deliveries().await?;
            self.reload().await?;
            if self.job.has_ended() {
                return Ok(());
            }
            if let Some(end) = self.end().await? {
                return self.finish_with(end).await;
            }
            self.ask_when_due();
            let next = self.next_look();
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return Ok(()),
                _ = self.woken.changed() => {}
                progress = answer(&mut self.question) => self.hear(progress).await?,
                () = sleep_until_or_forever(next) => {}
            }
        }
    }

    async fn reload(&mut self) -> Result<(), StoreError> {
        let job = self.shared.store.job(&self.job.id).await?;
        self.job = job.ok_or_else(|| StoreError::NoSuchJob(self.job.id.clone()))?;
        Ok(())
    }

    async fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.job = self.shared.store.change(&self.job.id, change).await?;
        self.shared.wakes.wake(&self.job.id);
        self.woken.mark_unchanged();
        Ok(())
    }

    /// Ends the job, unless a client has done so.
    async fn finish_with(&mut self, end: End) -> Result<(), StoreError> {
        match self
            .change(Change {
                end: Some(end),
                ..Default::default()
            })
            .await
        {
            Err(StoreError::AlreadyEnded { .. }) => return Ok(()),
            ended => ended?,
        }
        let job = &self.job;
        tracing::info!(
            job_id = job.id,
            operation = job.operation,
            state = job.state.as_str_name(),
            delivered = job.delivered,
            recovered = job.recovered,
            duplicates = job.duplicates,
            missing = job.missing,
            "A job ended."
        );
        Ok(())
    }

    // === deliveries ===

    /// Decodes what arrived; tells whether any of it was a list of all results.
    async fn decode_deliveries(&mut self) -> Result<bool, StoreError> {
        let mut has_list = false;
        while let Some(delivery) = self.shared.store.next_undecoded(&self.job.id).await? {
            let (id, source) = (delivery.id, delivery.source);
            let is_large = delivery.body.len() >= LARGE;
            // One large body at a time in the whole server bounds its memory.
            let turn = self.shared.large_bodies.clone();
            let _turn = if is_large {
                turn.acquire_owned().await.ok()
            } else {
                None
            };
            let Decoded {
                mut found,
                is_list,
                is_final,
            } = self.decode(delivery, is_large).await?;
            has_list |= is_list;
            // A poll looks like that, too, but tells its status.
            if is_final && source == CallbackSource::Callback && !self.final_seen {
                self.final_seen = true;
                self.pace.hurry();
            }
            let mut repeats = 0;
            if is_list && self.are_all_known(found.len()) {
                repeats = found.drain(..).len() as i64;
            }
            let mut found = found.into_iter();
            loop {
                let portion: Vec<_> = found.by_ref().take(PORTION).collect();
                let is_last = found.len() == 0;
                let decoded = is_last.then_some(id);
                self.change(Change {
                    decoded,
                    found: portion,
                    repeats,
                    ..Default::default()
                })
                .await?;
                if is_last {
                    break;
                }
            }
        }
        Ok(has_list)
    }

    /// Whether a list says nothing new. Signals about people have nothing that they
    /// are recognized by in every shape; but a list that is no longer than what
    /// was delivered repeats it.
    fn are_all_known(&self, listed: usize) -> bool {
        self.late.result == ResultKind::LeadSignal && self.job.delivered >= listed as i64
    }

    async fn decode(&self, delivery: Delivery, is_large: bool) -> Result<Decoded, StoreError> {
        let kind = self.late.result;
        let is_batch = self.late.completion == Completion::ItemCount;
        let decode = move || decode(kind, is_batch, delivery.source, &delivery.body);
        match is_large {
            false => Ok(decode()),
            true => tokio::task::spawn_blocking(decode)
                .await
                .map_err(|error| StoreError::Engine(format!("decoding failed: {error}"))),
        }
    }

    // === reconciliation ===

    /// When there is something to do without being woken.
    fn next_look(&self) -> Option<Instant> {
        let poll = self.pace.next().filter(|_| self.question.is_none());
        let settled = self.finished.then(|| self.settled_at());
        let deadline = self.job.deadline.map(from_now);
        [poll, settled, deadline].into_iter().flatten().min()
    }

    /// Asks Pronto, while callbacks go on being decoded.
    fn ask_when_due(&mut self) {
        let is_due = self.pace.next().is_some_and(|next| next <= Instant::now());
        if is_due && self.question.is_none() {
            let (shared, job) = (self.shared.clone(), self.job.clone());
            let completion = self.late.completion;
            let ask = async move { reconcile::ask(&shared, &job, completion).await };
            self.question = Some(AbortOnDropHandle::new(tokio::spawn(ask)));
        }
    }

    async fn hear(&mut self, progress: Progress) -> Result<(), StoreError> {
        self.question = None;
        match progress {
            Progress::Running | Progress::Unknown => self.pace.asked(),
            Progress::Gone => self.pace.asked_in_vain(),
            Progress::Finished(body) => {
                self.pace.stop();
                let shows_all = self.append(body).await?;
                self.finished = true;
                if self.is_everything(shows_all) {
                    self.finish_with(End::Complete).await?;
                }
            }
            Progress::Failed {
                body,
                reason,
                status,
            } => {
                self.append(body).await?;
                let message = format!("Pronto ended it with status {status}");
                self.finish_with(End::Failed { reason, message }).await?;
            }
        }
        Ok(())
    }

    /// Appends what polling read; tells whether it lists all results.
    async fn append(&mut self, body: Bytes) -> Result<bool, StoreError> {
        let store = &self.shared.store;
        store
            .append_delivery(&self.job.id, CallbackSource::Poll, body)
            .await?;
        self.decode_deliveries().await
    }
}

/// The answer to a question; never, while none is asked.
async fn answer(question: &mut Option<Question>) -> Progress {
    match question {
        Some(question) => question.await.unwrap_or(Progress::Unknown),
        None => std::future::pending().await,
    }
}

fn from_now(time: SystemTime) -> Instant {
    Instant::now() + time.duration_since(SystemTime::now()).unwrap_or_default()
}

async fn sleep_until_or_forever(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}
