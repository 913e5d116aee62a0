//! What errors about money look like to clients.

use tonic::Status;
use tonic_types::{ErrorDetails, QuotaViolation, StatusExt};

use super::status::{self, code, details, metadata};
use crate::ledger::Refusal;
use crate::pronto::Failure;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ErrorReason;
use crate::purchases::PurchaseError;

/// A call must not be sent.
#[must_use]
pub fn refused(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::RequestIdReused { request_id, job_id } => {
            let mut metadata = metadata([("request_id", request_id.clone())]);
            metadata.extend(job_id.clone().map(|id| ("job_id".to_owned(), id)));
            let reason = ErrorReason::RequestIdReused;
            with(reason, refusal, details(reason, metadata))
        }
        Refusal::OverMaxCredits { limit, maximum } => {
            let reason = ErrorReason::BudgetExceeded;
            let mut details = details(
                reason,
                metadata([
                    ("maximum", maximum.to_string()),
                    ("limit", limit.to_string()),
                ]),
            );
            set_quota(&mut details, "max_credits", refusal);
            with(reason, refusal, details)
        }
        Refusal::OverBudget {
            limit,
            spending,
            maximum,
            day,
        } => {
            let reason = ErrorReason::BudgetExceeded;
            let mut details = details(
                reason,
                metadata([
                    ("maximum", maximum.to_string()),
                    ("limit", limit.to_string()),
                    ("spent", spending.spent.to_string()),
                    ("reserved", spending.reserved.to_string()),
                ]),
            );
            set_quota(&mut details, "daily-budget", refusal);
            let now = std::time::SystemTime::now();
            let left = day.end().duration_since(now).unwrap_or_default();
            details.set_retry_info(Some(left));
            with(reason, refusal, details)
        }
    }
}

fn set_quota(details: &mut ErrorDetails, subject: &str, refusal: &Refusal) {
    let violation = QuotaViolation::new(subject, refusal.to_string());
    details.set_quota_failure(vec![violation]);
}

fn with(reason: ErrorReason, refusal: &Refusal, details: ErrorDetails) -> Status {
    Status::with_error_details(code(reason), refusal.to_string(), details)
}

/// A call that may be charged brought no answer.
#[must_use]
pub fn not_made(error: &PurchaseError, endpoint: &'static Endpoint) -> Status {
    match error {
        PurchaseError::Failed(failure) => status::failed(failure),
        PurchaseError::Refused(refusal) => refused(refusal),
        PurchaseError::Store(error) => status::store(error),
        PurchaseError::Internal(message) => status::internal(message),
        PurchaseError::Unknown => status::failed(&Failure::new(
            ErrorReason::OutcomeUnknown,
            endpoint,
            error.to_string(),
        )),
        PurchaseError::Erased(request_id) => {
            let reason = ErrorReason::NotFound;
            let metadata = metadata([("request_id", request_id.clone())]);
            Status::with_error_details(code(reason), error.to_string(), details(reason, metadata))
        }
    }
}
