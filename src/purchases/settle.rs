//! What an answer means for the ledger, and how it gets there.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::{Outcome, PurchaseError, Shared};
use crate::jobs::reuse::{self, Reuse};
use crate::ledger::Prices;
use crate::ledger::flights::Landing;
use crate::ledger::model::{Charge, Settlement};
use crate::pronto::Failure;
use crate::pronto::client::read_answer;
use crate::proto::endpoint::SpendingRequest;
use crate::proto::json::{self, JsonMessage};
use crate::proto::v1::{CallOutcome, Contact};

/// Pauses before the store is tried again; the last one again and again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// So often at least it is tried, also when the server shuts down.
const TRIES: u32 = 8;

/// How a call ends: what is told to who waits, and what is recorded.
pub(super) struct Conclusion {
    told: Outcome,
    settlement: Settlement,
}

impl Conclusion {
    /// The end of a call that was sent.
    pub fn of<R: SpendingRequest, A: JsonMessage>(
        prices: &Prices,
        request: &R,
        reuse: &Reuse,
        answer: Result<Bytes, Failure>,
    ) -> Self {
        match answer {
            Ok(body) if read_answer::<A>(R::ENDPOINT, &body).is_ok() => {
                answered(prices, request, reuse, body)
            }
            Ok(body) => {
                let operation = R::ENDPOINT.rpc;
                tracing::error!(operation, "An answer cannot be read; the ledger keeps it.");
                unreadable(body)
            }
            Err(failure) => unanswered(failure),
        }
    }

    /// What the call cost.
    pub fn credits(&self) -> i64 {
        let charge = self.settlement.charge.as_ref();
        charge.map_or(0, |charge| charge.credits)
    }

    /// The end of a call of which nothing was sent.
    pub fn reused<R: SpendingRequest>(request: &R, reuse: &Reuse) -> Self {
        let contact = reuse.contacts().into_iter().next().unwrap_or_default();
        let body = Bytes::from(reuse::body(&contact));
        Self {
            settlement: Settlement {
                outcome: CallOutcome::Reused,
                charge: Some(Charge::default()),
                results: 1,
                reused: 1,
                answer: (!request.request_id().is_empty()).then(|| body.clone()),
            },
            told: Ok(body),
        }
    }
}

impl Shared {
    /// Records what became of a call, then tells it. Where the store fails now, it is
    /// told first, and the store is tried again and again.
    pub(super) async fn conclude(
        &self,
        call: i64,
        conclusion: Conclusion,
        landing: &Landing<Outcome>,
    ) {
        let Conclusion { told, settlement } = conclusion;
        let settled = self.store.settle_call(call, settlement.clone()).await;
        landing.tell(told);
        if let Err(error) = settled {
            tracing::error!(call, %error, "The outcome of a call waits for the store.");
            self.settle_later(call, settlement).await;
        }
    }

    /// Goes on until it is recorded. What a shutdown interrupts is an unknown outcome
    /// after the restart.
    async fn settle_later(&self, call: i64, settlement: Settlement) {
        let mut pause = FIRST_PAUSE;
        for tries in 1_u32.. {
            tokio::select! {
                () = self.shutdown.cancelled(), if tries > TRIES => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LAST_PAUSE);
            match self.store.settle_call(call, settlement.clone()).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(call, %error, "The outcome of a call waits for the store.");
                }
            }
        }
    }
}

/// Pronto carried it out, and its answer can be read.
fn answered<R: SpendingRequest>(
    prices: &Prices,
    request: &R,
    reuse: &Reuse,
    bought: Bytes,
) -> Conclusion {
    let charge = charge(prices, request, &bought);
    // Wanted again by who repeats the request, or asks for the same person.
    let is_wanted = !request.request_id().is_empty()
        || charge.is_some_and(|charge| charge.found != Default::default());
    let reused = reuse.contacts().into_iter().next();
    let body = match &reused {
        Some(reused) => {
            let bought: Contact = json::read(&bought).unwrap_or_default();
            Bytes::from(reuse::body(&reuse::merged(bought, reused)))
        }
        None => bought,
    };
    Conclusion {
        settlement: Settlement {
            outcome: CallOutcome::CarriedOut,
            charge,
            results: 1,
            reused: i64::from(reused.is_some()),
            answer: is_wanted.then(|| body.clone()),
        },
        told: Ok(body),
    }
}

/// What a call cost; none where its results go elsewhere and decide that.
fn charge<R: SpendingRequest>(prices: &Prices, request: &R, body: &[u8]) -> Option<Charge> {
    let endpoint = R::ENDPOINT;
    let estimate = prices.estimate(request);
    if endpoint.late.is_some() && estimate.minimum != estimate.maximum {
        return None;
    }
    let contact: Contact = match request.enrichment_types() {
        [] => Contact::default(),
        _ => json::read(body).unwrap_or_default(),
    };
    let charge = prices.charge(endpoint, &contact);
    Some(Charge {
        credits: charge.credits + estimate.minimum,
        ..charge
    })
}

/// Pronto answered success, with something that cannot be read. It is kept, because
/// it was paid; who repeats the request gets it, once it can be read.
fn unreadable(body: Bytes) -> Conclusion {
    Conclusion {
        settlement: Settlement {
            outcome: CallOutcome::CarriedOut,
            charge: None,
            results: 0,
            reused: 0,
            answer: Some(body.clone()),
        },
        told: Ok(body),
    }
}

fn unanswered(failure: Failure) -> Conclusion {
    let settlement = Settlement {
        outcome: match failure.may_have_been_carried_out() {
            true => CallOutcome::Unknown,
            false => CallOutcome::Refused,
        },
        charge: None,
        results: 0,
        reused: 0,
        answer: None,
    };
    Conclusion {
        settlement,
        told: Err(PurchaseError::Failed(failure)),
    }
}
