//! From a request to a job.

use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;
use uuid::Uuid;

use super::model::{Change, NewJob, StoredJob};
use super::outcome::{can_arrive, completion, is_refusal, outcome, unknown_outcome};
use super::record::{Recorded, record, try_record};
use super::reuse::{Rest, Reuse};
use super::service::{Jobs, Shared};
use super::store::StoreError;
use super::{CallbackSecret, correlation, keeper, locate, repeat, runner};
use crate::ledger::Refusal;
use crate::ledger::model::{Admission, Earlier, NewCall, RequestKey};
use crate::metrics;
use crate::pronto::client::read_answer;
use crate::pronto::{Caller, Failure};
use crate::proto::endpoint::{Endpoint, JobRequest};
use crate::proto::reason::name;
use crate::proto::v1::{Acceptance, Completion, JobState};
use crate::trace;

/// A job that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The job.
    pub job: Box<StoredJob>,
    /// What Pronto answered, or why that is not known. In that case the job waits
    /// for what Pronto may deliver.
    pub acceptance: Result<Acceptance, Failure>,
}

/// Why nothing was started.
#[derive(Clone, Debug, thiserror::Error)]
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
    /// The server ends, and what became of an equal request is not recorded yet.
    #[error("the start of job {job_id} is still under way")]
    UnderWay {
        /// The job.
        job_id: String,
        /// What is called.
        endpoint: &'static Endpoint,
    },
    /// An earlier request with this id started a job that is no longer kept.
    #[error(
        "job {job_id}, which request_id {request_id:?} started, is no longer kept; a new request_id \
         starts another"
    )]
    Purged {
        /// The id.
        request_id: String,
        /// The job.
        job_id: String,
    },
    /// It must not be sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    /// Starts a job, or attaches to the one that an equal request with the same id
    /// started. Once sent it is carried to its end even when the caller goes away or
    /// the server shuts down, so that no answer of Pronto's is lost.
    ///
    /// # Errors
    ///
    /// When nothing was started.
    pub async fn start<R: JobRequest>(
        &self,
        caller: Caller,
        request: R,
    ) -> Result<Started, StartError> {
        let key = RequestKey::of(&request);
        let place = key.clone().map(|key| (caller.credential.name.clone(), key));
        let (shared, deadline) = (self.shared.clone(), caller.deadline);
        let started =
            self.shared
                .flights
                .join(place, deadline, &self.shared.starts, |landing, audience| {
                    let caller = Caller {
                        audience: Some(audience),
                        ..caller
                    };
                    let starting = async move { start(&shared, &caller, request, key).await };
                    trace::carry(async move { landing.tell(starting.await) })
                });
        let given_up = || Err(StartError::Internal("a start was given up".to_owned()));
        started.await.unwrap_or_else(given_up)
    }
}

async fn start<R: JobRequest>(
    shared: &Arc<Shared>,
    caller: &Caller,
    request: R,
    key: Option<RequestKey>,
) -> Result<Started, StartError> {
    let credential = &caller.credential;
    let Some(key) = key else {
        return match begin(shared, caller, request, None).await? {
            Begun::Started(started) => Ok(*started),
            Begun::Earlier(_) => Err(unexpected()),
        };
    };
    loop {
        let earlier = match shared.store.earlier(&credential.name, &key).await? {
            Some(earlier) => earlier,
            None => match begin(shared, caller, request.clone(), Some(key.clone())).await? {
                Begun::Started(started) => return Ok(*started),
                Begun::Earlier(earlier) => earlier,
            },
        };
        let job_id = match earlier {
            Admission::Repeated(Earlier::Job(job_id)) => job_id,
            Admission::Reused { job_id } => {
                let request_id = key.id;
                return Err(Refusal::RequestIdReused { request_id, job_id }.into());
            }
            _ => return Err(unexpected()),
        };
        let attached = repeat::attach(shared, R::ENDPOINT, credential, &key, job_id).await?;
        if let Some(started) = attached {
            return Ok(started);
        }
    }
}

/// A request that starts jobs has the id of something that is no job. Its fingerprint
/// would have to be another one.
fn unexpected() -> StartError {
    StartError::Internal("the request_id belongs to a call that started no job".to_owned())
}

/// What beginning a job led to.
enum Begun {
    /// It was started.
    Started(Box<Started>),
    /// Its id was taken in the same moment.
    Earlier(Admission),
}

async fn begin<R: JobRequest>(
    shared: &Arc<Shared>,
    caller: &Caller,
    mut request: R,
    key: Option<RequestKey>,
) -> Result<Begun, StartError> {
    let credential = &caller.credential;
    let reuse = Reuse::of(shared.store.as_ref(), &credential.name, &request).await?;
    let estimate = reuse.estimate(&shared.options.prices, &request);
    Refusal::check_max_credits(&request, estimate.maximum)?;
    keeper::admit(shared).await?;
    let call = NewCall {
        request: key,
        estimate,
        daily_budget: shared.options.budgets.of(&credential.name),
        people: reuse.wanted(&request),
        reused: reuse.contacts(),
        is_reused: reuse.is_everything(),
        origin: trace::current().map(|here| here.origin()),
        ..NewCall::new(&credential.name, R::ENDPOINT.rpc, SystemTime::now())
    };
    let job = new_job(shared, &mut request, call.clone(), reuse.results())?;
    let job_id = job.id.clone();
    let woken = shared.wakes.subscribe(&job_id);
    match shared.store.create_job(job).await? {
        Admission::Admitted(_) => {}
        Admission::OverBudget(spending) => {
            metrics::budget_refused(R::ENDPOINT.rpc);
            return Err(Refusal::over_budget(&call, spending).into());
        }
        earlier => return Ok(Begun::Earlier(earlier)),
    }
    shared.keyring.remember(credential);
    let has_reused = !call.reused.is_empty();
    let (answer, change) = match reuse.rest(request) {
        Rest::Nothing => return ended(shared, job_id).await,
        Rest::Request(rest) => {
            let cancelled = cancelled(shared, &job_id, woken);
            let answer = send(shared, caller, &rest, cancelled).await;
            let change = outcome(shared, R::ENDPOINT, &answer, has_reused);
            (answer, change)
        }
        Rest::Single(rest) => {
            let cancelled = cancelled(shared, &job_id, woken);
            let answer = send(shared, caller, rest.as_ref(), cancelled).await;
            let change = outcome(shared, R::ENDPOINT, &answer, has_reused);
            (answer, change)
        }
    };
    let started = conclude(shared, R::ENDPOINT, job_id, answer, change).await?;
    Ok(Begun::Started(Box::new(started)))
}

/// The job that ended when it was created, because nothing is left to send.
async fn ended(shared: &Shared, job_id: String) -> Result<Begun, StartError> {
    let job = shared.store.job(&job_id).await?;
    let job = Box::new(job.ok_or(StoreError::NoSuchJob(job_id))?);
    tracing::info!(
        job_id = job.id,
        operation = job.operation,
        "A job is answered from earlier purchases."
    );
    let acceptance = Ok(Acceptance::default());
    Ok(Begun::Started(Box::new(Started { job, acceptance })))
}

/// Sends what starts a job, unless it is cancelled before.
async fn send<R: JobRequest>(
    shared: &Shared,
    caller: &Caller,
    request: &R,
    cancelled: impl Future<Output = ()>,
) -> Result<Acceptance, Failure> {
    let mut sending = pin!(shared.client.send(caller, request));
    let body = tokio::select! {
        body = &mut sending => body,
        () = cancelled => {
            if let Some(audience) = &caller.audience {
                audience.dismiss();
            }
            sending.await
        }
    };
    read_answer(R::ENDPOINT, &body?)
}

/// Waits until a job is cancelled.
async fn cancelled(shared: &Shared, job_id: &str, mut woken: watch::Receiver<()>) {
    while woken.changed().await.is_ok() {
        match shared.store.job(job_id).await {
            Ok(Some(job)) if !job.has_ended() => {}
            Ok(_) => return,
            Err(error) => tracing::error!(job_id, %error, "A job cannot be read."),
        }
    }
    std::future::pending().await
}

/// Records what became of the start of a job.
async fn conclude(
    shared: &Arc<Shared>,
    endpoint: &'static Endpoint,
    job_id: String,
    answer: Result<Acceptance, Failure>,
    change: Change,
) -> Result<Started, StartError> {
    let operation = endpoint.rpc;
    let recorded = record(shared, &job_id, change).await;
    shared.wakes.wake(&job_id);
    match (answer, recorded) {
        (Err(failure), _) if is_refusal(&failure) => {
            let reason = name(failure.reason);
            tracing::info!(job_id, operation, reason, "A job was refused.");
            Err(StartError::Failed(failure))
        }
        (acceptance, Recorded::InJob(job)) => {
            let is_known = acceptance.is_ok();
            tracing::info!(job_id, operation, is_known, "A job started.");
            metrics::job_started(operation);
            metrics::credits_charged(operation, job.credits);
            runner::ensure(shared, &job_id);
            Ok(Started { job, acceptance })
        }
        (_, Recorded::Purged) => Err(StoreError::NoSuchJob(job_id).into()),
        (_, Recorded::Later) => Err(StartError::Unrecorded { job_id, endpoint }),
    }
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

/// A job to store before anything is sent, so that a callback that overtakes the
/// answer finds it. Tells the request where results go.
fn new_job<R: JobRequest>(
    shared: &Shared,
    request: &mut R,
    call: NewCall,
    results: usize,
) -> Result<NewJob, StartError> {
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
        None if call.is_reused || can_be_polled(R::ENDPOINT) => {}
        None => return Err(StartError::NoCallbackUrl),
    }
    let created = call.time;
    let items = match completion {
        Completion::ContactStatus => Some(results),
        _ => request.item_count(),
    };
    correlation::mark(request.items_custom());
    // By this name it is found again when Pronto's answer is lost.
    request.name_search(locate::own_name(&id));
    let search_name = request.search_name().filter(|name| !name.trim().is_empty());
    Ok(NewJob {
        id,
        credential: call.credential.clone(),
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
        call,
    })
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
