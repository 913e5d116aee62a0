//! What errors about money look like to clients.

use std::time::SystemTime;

use tonic::Status;

use super::report::Report;
use super::{failed, internal, store};
use crate::ledger::Refusal;
use crate::pronto::Failure;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ErrorReason;
use crate::purchases::PurchaseError;

/// A call of a credential must not be sent.
#[must_use]
pub fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::RequestIdReused { request_id, job_id } => {
            let report = Report::new(ErrorReason::RequestIdReused, message);
            let report = report.with("request_id", request_id);
            match job_id {
                Some(job_id) => report.with("job_id", job_id),
                None => report,
            }
        }
        Refusal::OverMaxCredits { limit, maximum } => {
            Report::new(ErrorReason::BudgetExceeded, message)
                .with("maximum", maximum)
                .with("limit", limit)
                .quota("max_credits")
        }
        Refusal::OverBudget {
            limit,
            spending,
            maximum,
            credential,
            day,
        } => Report::new(ErrorReason::BudgetExceeded, message)
            .with("maximum", maximum)
            .with("limit", limit)
            .with("spent", spending.spent)
            .with("reserved", spending.reserved)
            .quota(&format!("budget:{credential}:{day}"))
            .retry_after(day.end().duration_since(SystemTime::now()).ok()),
    }
    .status()
}

/// A call that may be charged brought no answer.
#[must_use]
pub fn not_made(error: &PurchaseError, endpoint: &'static Endpoint) -> Status {
    match error {
        PurchaseError::Failed(failure) => failed(failure),
        PurchaseError::Refused(refusal) => refused(refusal),
        PurchaseError::Store(error) => store(error),
        PurchaseError::Internal(message) => internal(message),
        PurchaseError::Unknown => failed(&Failure::new(
            ErrorReason::OutcomeUnknown,
            endpoint,
            error.to_string(),
        )),
        PurchaseError::Erased(request_id) => Report::new(ErrorReason::NotFound, error.to_string())
            .with("request_id", request_id)
            .status(),
    }
}
