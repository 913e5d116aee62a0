//! Calls that could cost too much.

use tonic::Status;

use super::report::Report;
use crate::proto::v1::ErrorReason;

/// What a call could cost more credits than.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditLimit {
    /// The request's own `max_credits`.
    Request {
        /// So much it may cost.
        max_credits: i64,
    },
    /// The budget of a credential for a day.
    Budget {
        /// The credential.
        credential: String,
        /// The day (UTC), such as `2026-01-31`.
        day: String,
        /// So much the day may cost.
        limit: i64,
        /// So much was spent.
        spent: i64,
        /// So much calls under way could cost.
        reserved: i64,
    },
}

/// A call could cost `maximum` credits, which is too much; it was not made.
#[must_use]
pub fn over_budget(maximum: i64, limit: &CreditLimit) -> Status {
    let reason = ErrorReason::BudgetExceeded;
    match limit {
        CreditLimit::Request { max_credits } => {
            let message = format!(
                "the call could cost {maximum} credits, and its max_credits is {max_credits}"
            );
            Report::new(reason, message)
                .with("maximum", maximum)
                .with("limit", max_credits)
                .quota("max_credits")
        }
        CreditLimit::Budget {
            credential,
            day,
            limit,
            spent,
            reserved,
        } => {
            let message = format!(
                "the call could cost {maximum} credits, and the budget of {day} is {limit}, of \
                 which {spent} are spent and {reserved} are reserved by calls under way"
            );
            Report::new(reason, message)
                .with("maximum", maximum)
                .with("limit", limit)
                .with("spent", spent)
                .with("reserved", reserved)
                .quota(&format!("budget:{credential}:{day}"))
        }
    }
    .status()
}
