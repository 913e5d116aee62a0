//! Calls that may be charged and are answered at once: each is recorded before it is
//! sent, carried to its end whoever goes away, and settled with what it cost.
//!
//! * [`settle`]: what an answer means for the ledger, and how it gets there.
//! * [`books`]: what was spent, what may be spent, and what something would cost.

mod books;
mod settle;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::jobs::reuse::{Rest, Reuse};
use crate::jobs::store::{Store, StoreError};
use crate::ledger::flights::Landing;
use crate::ledger::model::{Admission, Earlier, NewCall, RequestKey};
use crate::ledger::{Budgets, Flights, Prices, Refusal};
use crate::metrics;
use crate::pronto::client::read_answer;
use crate::pronto::{Caller, Client, Failure};
use crate::proto::endpoint::SpendingRequest;
use crate::proto::json::JsonMessage;
use crate::trace;
use settle::Conclusion;

/// Why a call brought no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PurchaseError {
    /// Pronto refused, or did not answer.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// It must not be sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An earlier call with this id was sent, and may have been carried out.
    #[error("whether an earlier call with this request_id was carried out is not known")]
    Unknown,
    /// An earlier call with this id was answered, and the answer is no longer kept.
    #[error("the answer to request_id {0:?} is no longer kept")]
    Erased(String),
    /// The store failed before anything was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in this process failed.
    #[error("internal failure: {0}")]
    Internal(String),
}

/// Makes calls that may be charged.
#[derive(Clone)]
pub struct Purchases {
    shared: Arc<Shared>,
}

/// The body of an answer, or why there is none.
type Outcome = Result<Bytes, PurchaseError>;

struct Shared {
    store: Arc<dyn Store>,
    client: Client,
    prices: Prices,
    budgets: Budgets,
    flights: Flights<Outcome>,
    /// Calls under way, and what is left to record.
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Purchases {
    /// Calls that are recorded in a store.
    pub fn new(
        store: Arc<dyn Store>,
        client: Client,
        prices: Prices,
        budgets: Budgets,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = Shared {
            store,
            client,
            prices,
            budgets,
            flights: Flights::default(),
            tasks: TaskTracker::new(),
            shutdown,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Waits until the calls under way have their outcomes recorded.
    pub async fn settle(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// Makes a call, or gives the answer of an equal one with the same id.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn make<R, A>(&self, caller: Caller, request: R) -> Result<A, PurchaseError>
    where
        R: SpendingRequest,
        A: JsonMessage + 'static,
    {
        let key = RequestKey::of(&request);
        let place = key.clone().map(|key| (caller.credential.name.clone(), key));
        let (shared, deadline) = (self.shared.clone(), caller.deadline);
        let outcome = self
            .shared
            .flights
            .join(place, deadline, &self.shared.tasks, |landing, audience| {
                let caller = Caller {
                    audience: Some(audience),
                    ..caller
                };
                trace::carry(async move {
                    shared
                        .carry_out::<R, A>(&caller, request, key, &landing)
                        .await;
                })
            })
            .await;
        let given_up = || Err(PurchaseError::Internal("a call was given up".to_owned()));
        let body = outcome.unwrap_or_else(given_up)?;
        read_answer(R::ENDPOINT, &body).map_err(PurchaseError::Failed)
    }
}

impl Shared {
    async fn carry_out<R: SpendingRequest, A: JsonMessage>(
        &self,
        caller: &Caller,
        request: R,
        key: Option<RequestKey>,
        landing: &Landing<Outcome>,
    ) {
        match self.begin(&caller.credential.name, &request, key).await {
            Ok(Begun::Admitted(call, reuse)) => match reuse.rest(request.clone()) {
                // One contact of a batch is a matter of jobs.
                Rest::Nothing | Rest::Single(_) => {
                    self.answer_again(call, &request, &reuse, landing).await;
                }
                Rest::Request(rest) => {
                    let answer = self.client.send(caller, &rest).await;
                    let conclusion = Conclusion::of::<R, A>(&self.prices, &rest, &reuse, answer);
                    metrics::credits_charged(R::ENDPOINT.rpc, conclusion.credits());
                    self.conclude(call, conclusion, landing).await;
                }
            },
            Ok(Begun::Answered(body)) => landing.tell(Ok(body)),
            Err(error) => landing.tell(Err(error)),
        }
    }

    /// Everything is answered from earlier purchases.
    async fn answer_again<R: SpendingRequest>(
        &self,
        call: i64,
        request: &R,
        reuse: &Reuse,
        landing: &Landing<Outcome>,
    ) {
        let conclusion = Conclusion::reused(request, reuse);
        self.conclude(call, conclusion, landing).await;
    }

    /// Records a call before it is sent, unless it was sent before or must not be.
    async fn begin<R: SpendingRequest>(
        &self,
        credential: &str,
        request: &R,
        key: Option<RequestKey>,
    ) -> Result<Begun, PurchaseError> {
        if let Some(key) = &key
            && let Some(earlier) = self.store.earlier(credential, key).await?
        {
            return begun(earlier, request.request_id(), Reuse::default());
        }
        let reuse = Reuse::of(self.store.as_ref(), credential, request).await?;
        let estimate = reuse.estimate(&self.prices, request);
        Refusal::check_max_credits(request, estimate.maximum)?;
        let call = NewCall {
            request: key,
            estimate,
            daily_budget: self.budgets.of(credential),
            people: reuse.wanted(request),
            ..NewCall::new(credential, R::ENDPOINT.rpc, SystemTime::now())
        };
        match self.store.begin_call(call.clone()).await? {
            Admission::OverBudget(spending) => {
                metrics::budget_refused(R::ENDPOINT.rpc);
                Err(Refusal::over_budget(&call, spending).into())
            }
            admission => begun(admission, request.request_id(), reuse),
        }
    }
}

/// What beginning a call led to.
enum Begun {
    /// It is recorded as this entry of the ledger, and so much of it is reused.
    Admitted(i64, Reuse),
    /// It was answered before.
    Answered(Bytes),
}

fn begun(admission: Admission, request_id: &str, reuse: Reuse) -> Result<Begun, PurchaseError> {
    let request_id = request_id.to_owned();
    match admission {
        Admission::Admitted(call) => Ok(Begun::Admitted(call, reuse)),
        Admission::Repeated(Earlier::Answer(body)) => Ok(Begun::Answered(body)),
        Admission::Repeated(Earlier::Unknown) => Err(PurchaseError::Unknown),
        Admission::Repeated(Earlier::Erased) => Err(PurchaseError::Erased(request_id)),
        Admission::Reused { job_id } => Err(Refusal::RequestIdReused { request_id, job_id }.into()),
        // Fingerprint and budget were looked at by whoever asked.
        Admission::Repeated(Earlier::Job(_)) | Admission::OverBudget(_) => {
            let message = "the store answered a call as if it started a job";
            Err(PurchaseError::Internal(message.to_owned()))
        }
    }
}
