//! From a request to a job.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use uuid::Uuid;

use super::model::{Change, End, NewJob, StoredJob};
use super::service::{Jobs, Shared};
use super::store::StoreError;
use super::{CallbackSecret, correlation, keeper, locate, runner};
use crate::ledger::model::NewCall;
use crate::pronto::client::read_answer;
use crate::pronto::{Caller, Credential, Failure};
use crate::proto::endpoint::{Endpoint, JobRequest};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{Acceptance, CallOutcome, Completion, JobStarted, JobState};

/// How long to wait for the store, again and again.
const RETRIES: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How long to wait for the store when nobody waits for the answer any more.
const LATER: Duration = Duration::from_secs(5);

/// What a start led to.
#[derive(Debug)]
pub enum Started {
    /// A job.
    Job {
        /// The job.
        job: Box<StoredJob>,
        /// What Pronto answered, or why that is not known. In that case the job
        /// waits for what Pronto may deliver.
        acceptance: Result<Acceptance, Failure>,
    },
    /// The results go elsewhere.
    PassedThrough(Acceptance),
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Pronto refused, or could not be reached.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The results come by callback only, and there is no URL for it.
    #[error("no callback URL is configured")]
    NoCallbackUrl,
    /// The store failed after Pronto answered: the job may be running.
    #[error("the start of job {job_id} could not be recorded")]
    Unrecorded {
        /// The job.
        job_id: String,
        /// What was called.
        endpoint: &'static Endpoint,
    },
    /// There is no room for another job.
    #[error("the store is full")]
    StoreFull {
        /// What the store holds, in bytes.
        size: u64,
        /// What it may hold, in bytes.
        limit: u64,
    },
    /// The store failed before anything was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in this process failed.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl Jobs {
    /// Starts a job. Once begun it is carried to its end even when the caller
    /// goes away or the server shuts down, so that no answer of Pronto's is lost.
    ///
    /// # Errors
    ///
    /// When nothing was started.
    pub async fn start<R>(&self, caller: Caller, request: R) -> Result<Started, StartError>
    where
        R: JobRequest + Send + Sync + 'static,
    {
        let shared = self.shared.clone();
        let starts = self.shared.starts.clone();
        starts
            .spawn(async move { start(&shared, &caller, request).await })
            .await
            .map_err(|error| StartError::Internal(error.to_string()))?
    }
}

async fn start<R: JobRequest>(
    shared: &Arc<Shared>,
    caller: &Caller,
    mut request: R,
) -> Result<Started, StartError> {
    if request.webhook_url().is_some() {
        let body = shared
            .client
            .send(caller, &request)
            .await
            .map_err(StartError::Failed)?;
        let acceptance = read_answer(R::ENDPOINT, &body).map_err(StartError::Failed)?;
        return Ok(Started::PassedThrough(acceptance));
    }
    keeper::admit(shared).await?;
    let job_id = create(shared, &caller.credential, &mut request).await?;
    let answer = shared.client.send(caller, &request).await;
    let answer = answer.and_then(|body| read_answer::<Acceptance>(R::ENDPOINT, &body));
    let refused = answer
        .as_ref()
        .err()
        .is_some_and(|failure| !failure.may_have_been_carried_out());
    let change = match &answer {
        Ok(acceptance) => accepted(R::ENDPOINT, acceptance.clone()),
        Err(failure) if refused => failed(failure),
        Err(_) => unknown_outcome(R::ENDPOINT, can_arrive(shared)),
    };
    let recorded = record(shared, &job_id, &change).await;
    shared.wakes.wake(&job_id);
    if recorded.is_none() {
        tokio::spawn(record_later(shared.clone(), job_id.clone(), change));
    }
    match (answer, recorded) {
        (Err(failure), _) if refused => {
            let reason = failure.reason.as_str_name();
            tracing::info!(
                job_id,
                operation = R::ENDPOINT.rpc,
                reason,
                "A job was refused."
            );
            Err(StartError::Failed(failure))
        }
        (acceptance, Some(job)) => {
            let is_known = acceptance.is_ok();
            tracing::info!(
                job_id,
                operation = R::ENDPOINT.rpc,
                is_known,
                "A job started."
            );
            runner::ensure(shared, &job_id);
            Ok(Started::Job {
                job: Box::new(job),
                acceptance,
            })
        }
        (_, None) => Err(StartError::Unrecorded {
            job_id,
            endpoint: R::ENDPOINT,
        }),
    }
}

/// Whether results can come by callback.
fn can_arrive(shared: &Shared) -> bool {
    shared.options.callback_url.is_some()
}

/// Records what Pronto answered. A store that fails now is tried again and again:
/// what was started is paid.
async fn record(shared: &Shared, job_id: &str, change: &Change) -> Option<StoredJob> {
    for pause in RETRIES {
        match try_record(shared, job_id, change).await {
            Ok(job) => return Some(job),
            // It was cancelled and purged meanwhile.
            Err(StoreError::NoSuchJob(_)) => return None,
            Err(error) => {
                tracing::error!(job_id, %error, "The start of a job waits for the store.");
                sleep(pause).await;
            }
        }
    }
    None
}

async fn try_record(
    shared: &Shared,
    job_id: &str,
    change: &Change,
) -> Result<StoredJob, StoreError> {
    match shared.store.change(job_id, change.clone()).await {
        // A client cancelled the job meanwhile; that stands.
        Err(StoreError::AlreadyEnded { .. }) => {
            let change = Change {
                end: None,
                ..change.clone()
            };
            shared.store.change(job_id, change).await
        }
        recorded => recorded,
    }
}

/// Goes on when the caller has been told that the start could not be recorded. What a
/// shutdown interrupts is an unknown outcome after the restart.
async fn record_later(shared: Arc<Shared>, job_id: String, change: Change) {
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = sleep(LATER) => {}
        }
        match try_record(&shared, &job_id, &change).await {
            Ok(_) => break,
            Err(StoreError::NoSuchJob(_)) => return,
            Err(error) => {
                tracing::error!(job_id, %error, "The start of a job waits for the store.");
            }
        }
    }
    shared.wakes.wake(&job_id);
    runner::ensure(&shared, &job_id);
}

/// Continues a job of which the server recorded no answer before it ended. It may have
/// been carried out.
pub(super) async fn resume(shared: &Shared, job: &StoredJob) -> Result<(), StoreError> {
    // What failed without `started` was refused.
    let is_open = job.last_sequence == 0 && job.state != JobState::Failed;
    let Some(endpoint) = Endpoint::of_rpc(&job.operation).filter(|_| is_open) else {
        return Ok(());
    };
    let change = unknown_outcome(endpoint, can_arrive(shared));
    try_record(shared, &job.id, &change).await.map(drop)
}

/// Pronto did not carry it out.
fn failed(failure: &Failure) -> Change {
    let end = End::Failed {
        reason: failure.reason,
        message: failure.message.clone(),
    };
    Change {
        call: Some(CallOutcome::Refused),
        end: Some(end),
        ..Default::default()
    }
}

/// Pronto carries it out.
fn accepted(endpoint: &Endpoint, acceptance: Acceptance) -> Change {
    let expected = acceptance.total.filter(|total| *total >= 0);
    let is_exact = completion(endpoint) == Completion::SearchStatus
        && endpoint
            .late
            .as_ref()
            .is_some_and(|late| !late.total_is_estimate);
    // A signal that matches nothing has no id, and will never call back.
    let is_empty = expected == Some(0) && (acceptance.id.is_none() || is_exact);
    Change {
        call: Some(CallOutcome::CarriedOut),
        upstream_id: acceptance.id.clone(),
        expected,
        end: is_empty.then_some(End::Complete),
        started: Some(Event::Started(JobStarted {
            acceptance: Some(acceptance),
        })),
        ..Default::default()
    }
}

/// Pronto may carry it out: what it delivers is collected, and its search looked for.
fn unknown_outcome(endpoint: &Endpoint, can_arrive: bool) -> Change {
    // Without callbacks and without an id nothing can ever arrive.
    let is_lost = !can_arrive && !locate::can_be_located(endpoint);
    let end = is_lost.then(|| End::Incomplete {
        missing_indexes: Vec::new(),
    });
    Change {
        call: Some(CallOutcome::Unknown),
        end,
        started: Some(Event::Started(JobStarted { acceptance: None })),
        ..Default::default()
    }
}

/// Stores the job, so that a callback that overtakes the answer finds it, and
/// tells the request where results go.
async fn create<R: JobRequest>(
    shared: &Shared,
    credential: &Credential,
    request: &mut R,
) -> Result<String, StartError> {
    let id = Uuid::now_v7().to_string();
    let secret =
        CallbackSecret::generate().map_err(|error| StartError::Internal(error.to_string()))?;
    let completion = completion(R::ENDPOINT);
    match &shared.options.callback_url {
        Some(base) => {
            let base = base.as_str().trim_end_matches('/');
            request.set_webhook_url(format!("{base}/callbacks/{id}/{}", secret.expose()));
            request.prefer_streaming();
        }
        None if can_be_polled(R::ENDPOINT) => {}
        None => return Err(StartError::NoCallbackUrl),
    }
    let created = SystemTime::now();
    let items = match completion {
        Completion::ContactStatus => Some(1),
        _ => request.item_count(),
    };
    correlation::mark(request.items_custom());
    // By this name it is found again when Pronto's answer is lost.
    request.name_search(locate::own_name(&id));
    let search_name = request.search_name().filter(|name| !name.trim().is_empty());
    let job = NewJob {
        id: id.clone(),
        credential: credential.name.clone(),
        operation: R::ENDPOINT.rpc.to_owned(),
        secret_hash: CallbackSecret::hash(secret.expose()),
        items,
        search_name: search_name.map(str::to_owned),
        created,
        deadline: shared
            .options
            .deadlines
            .of(completion)
            .map(|limit| created + limit),
        call: NewCall {
            estimate: shared.prices.estimate(request),
            ..NewCall::new(&credential.name, R::ENDPOINT.rpc, created)
        },
    };
    shared.store.create_job(job).await?;
    shared.keyring.remember(credential);
    Ok(id)
}

fn completion(endpoint: &Endpoint) -> Completion {
    endpoint
        .late
        .as_ref()
        .map_or(Completion::Unspecified, |late| late.completion)
}

/// Whether everything that comes later can be had without callbacks.
fn can_be_polled(endpoint: &Endpoint) -> bool {
    let by_status = [Completion::SearchStatus, Completion::ContactStatus];
    endpoint
        .late
        .as_ref()
        .is_some_and(|late| late.webhook_optional)
        && by_status.contains(&completion(endpoint))
}
