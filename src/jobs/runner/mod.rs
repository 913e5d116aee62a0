//! One task for each running job: the only writer of its events. It turns
//! deliveries into events, asks Pronto for what did not arrive, and ends the job.

mod deliveries;
mod end;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::locate;
use super::model::{Change, End, StoredJob, state_name};
use super::pace::Pace;
use super::reconcile::{self, Progress};
use super::service::Shared;
use super::store::StoreError;
use crate::metrics;
use crate::proto::endpoint::{Endpoint, Late};
use crate::proto::v1::{CallbackSource, Completion};
use crate::trace;

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
        if matches!(error, StoreError::NoSuchJob(_)) {
            // It was purged.
            return;
        }
        tracing::error!(job_id, %error, "A job waits for the store.");
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = sleep(retry) => retry = (retry * 2).min(LAST_RETRY),
        }
    }
    drop(claim);
    // Between the last look and the line above a delivery may have come, or a pending
    // job may have begun to run. A store that cannot tell is asked again, with pauses.
    if has_work(&shared, &job_id).await && !shared.shutdown.is_cancelled() {
        ensure(&shared, &job_id);
    }
}

async fn has_work(shared: &Shared, job_id: &str) -> bool {
    let job = match shared.store.job(job_id).await {
        Ok(Some(job)) if can_run(&job) => job,
        Ok(_) => return false,
        Err(_) => return true,
    };
    let next = shared.store.deliveries(job_id, job.decoded.through, 1);
    !job.has_ended() || next.await.map_or(true, |next| !next.is_empty())
}

/// Whether there is something to do for a runner. A job without `started` is not
/// numbered yet, because that comes first. Whoever starts it calls again.
fn can_run(job: &StoredJob) -> bool {
    late(job).is_some() && job.last_sequence > 0
}

fn late(job: &StoredJob) -> Option<&'static Late> {
    Endpoint::of_rpc(&job.operation)?.late.as_ref()
}

async fn run(shared: &Arc<Shared>, job_id: &str) -> Result<(), StoreError> {
    let woken = shared.wakes.subscribe(job_id);
    let Some(job) = shared.store.job(job_id).await? else {
        return Ok(());
    };
    let Some(late) = late(&job).filter(|_| can_run(&job)) else {
        return Ok(());
    };
    // All that it does belongs to the trace of the call that started it.
    let (trace, span) = trace::of_job(job.origin);
    let runner = Runner::new(shared.clone(), job, late, woken);
    trace.scope(span, runner.run()).await
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
    /// Pronto said that it has finished, but did not show everything.
    finished: bool,
    /// It was asked early because all results seem to be there.
    hurried: bool,
    /// The erasures that `job` knows of.
    erasures: Option<u64>,
}

impl Runner {
    fn new(
        shared: Arc<Shared>,
        job: StoredJob,
        late: &'static Late,
        woken: watch::Receiver<()>,
    ) -> Self {
        let pace = pace(&shared, &job, late);
        Self {
            shared,
            job,
            late,
            woken,
            pace,
            question: None,
            finished: false,
            hurried: false,
            erasures: None,
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
            if self.has_total() && !self.hurried {
                self.hurried = true;
                self.pace.hurry();
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
        let job = self.shared.store.change(&self.job.id, change).await?;
        let before = std::mem::replace(&mut self.job, job);
        self.measure(&before);
        if self.job.upstream_id.is_some() && before.upstream_id.is_none() {
            // From searching to asking.
            self.question = None;
            self.pace = pace(&self.shared, &self.job, self.late);
        }
        self.shared.wakes.wake(&self.job.id);
        self.woken.mark_unchanged();
        Ok(())
    }

    fn measure(&self, before: &StoredJob) {
        let since = |count: fn(&StoredJob) -> i64| {
            count(&self.job)
                .saturating_sub(count(before))
                .try_into()
                .unwrap_or_default()
        };
        let recovered: u64 = since(|job| job.recovered);
        metrics::results_recorded("poll", recovered);
        metrics::results_recorded("callback", since(|job| job.delivered - job.recovered));
        metrics::results_suppressed(since(|job| job.duplicates));
        metrics::results_late(since(|job| job.late));
        metrics::streams::recorded(&self.job.id, self.job.last_sequence);
        if let Some(endpoint) = Endpoint::of_rpc(&self.job.operation) {
            metrics::credits_charged(endpoint.rpc, self.job.credits - before.credits);
        }
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
        if let Some(endpoint) = Endpoint::of_rpc(&job.operation) {
            metrics::job_ended(endpoint.rpc, job.state);
        }
        tracing::info!(
            job_id = job.id,
            operation = job.operation,
            state = state_name(job.state),
            delivered = job.delivered,
            recovered = job.recovered,
            duplicates = job.duplicates,
            missing = job.missing,
            "A job ended."
        );
        Ok(())
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
            let ask = async move {
                match job.upstream_id {
                    Some(_) => reconcile::ask(&shared, &job, completion).await,
                    None => locate::ask(&shared, &job).await,
                }
            };
            self.question = Some(AbortOnDropHandle::new(tokio::spawn(trace::carry(ask))));
        }
    }

    async fn hear(&mut self, progress: Progress) -> Result<(), StoreError> {
        self.question = None;
        match progress {
            Progress::Running | Progress::Unknown { retry_after: None } => self.pace.asked(),
            Progress::Unknown {
                retry_after: Some(pause),
            } => self.pace.asked_to_wait(pause),
            Progress::Gone => self.pace.asked_in_vain(),
            Progress::Located(id) => {
                tracing::info!(job_id = self.job.id, "The search of a job was found.");
                let upstream_id = Some(id);
                self.change(Change {
                    upstream_id,
                    ..Default::default()
                })
                .await?;
            }
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

/// When to ask Pronto about a job: at once where something calls for it, never where
/// there is nothing to ask.
fn pace(shared: &Shared, job: &StoredJob, late: &Late) -> Pace {
    let options = &shared.options;
    let mut pace = Pace::new(options.poll_interval, options.max_poll_interval);
    let by_status = [Completion::SearchStatus, Completion::ContactStatus];
    let can_ask = match job.upstream_id {
        Some(_) => by_status.contains(&late.completion),
        None => Endpoint::of_rpc(&job.operation).is_some_and(locate::can_be_located),
    };
    match can_ask {
        false => pace.stop(),
        true if job.upstream_id.is_none() || job.final_seen => pace.hurry(),
        true => {}
    }
    pace
}

/// The answer to a question; never, while none is asked.
async fn answer(question: &mut Option<Question>) -> Progress {
    match question {
        Some(question) => question.await.unwrap_or(Progress::UNKNOWN),
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
