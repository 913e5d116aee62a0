//! What may be spent, and what is refused because it could cost more.

use std::collections::HashMap;

use super::Day;
use super::model::{NewCall, Spending};
use crate::proto::endpoint::SpendingRequest;

/// What each credential may spend on a day, in credits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// Of every credential without a budget of its own.
    pub common: Option<i64>,
    /// By the name of the credential.
    pub own: HashMap<String, i64>,
}

impl Budgets {
    /// What a credential may spend on a day.
    #[must_use]
    pub fn of(&self, credential: &str) -> Option<i64> {
        self.own.get(credential).copied().or(self.common)
    }
}

/// Why a call was refused before it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its id was used before for something else.
    #[error("request_id {request_id:?} was used before for another request")]
    RequestIdReused {
        /// The id.
        request_id: String,
        /// The job that the first one started, where it did.
        job_id: Option<String>,
    },
    /// It could cost more than it allows itself.
    #[error("the call could cost {maximum} credits, and max_credits is {limit}")]
    OverMaxCredits {
        /// `max_credits`.
        limit: i64,
        /// What it could cost.
        maximum: i64,
    },
    /// It could cost more than the day's budget leaves.
    #[error(
        "the call could cost {maximum} credits; of the day's budget of {limit}, {} are spent \
         and {} set aside",
        spending.spent,
        spending.reserved
    )]
    OverBudget {
        /// The budget.
        limit: i64,
        /// What is spent of it.
        spending: Spending,
        /// What the call could cost.
        maximum: i64,
        /// Whose budget it is.
        credential: String,
        /// The day.
        day: Day,
    },
}

impl Refusal {
    /// A call could cost more than its day's budget leaves.
    #[must_use]
    pub fn over_budget(call: &NewCall, spending: Spending) -> Self {
        Self::OverBudget {
            limit: call.daily_budget.unwrap_or_default(),
            spending,
            maximum: call.estimate.maximum,
            credential: call.credential.clone(),
            day: Day::of(call.time),
        }
    }

    /// Refuses a request that could cost more than its `max_credits`.
    ///
    /// # Errors
    ///
    /// When it could.
    pub fn check_max_credits<R: SpendingRequest>(request: &R, maximum: i64) -> Result<(), Self> {
        match request.max_credits() {
            Some(limit) if maximum > limit => Err(Self::OverMaxCredits { limit, maximum }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_its_own_comes_before_the_common_one() {
        let budgets = Budgets {
            common: Some(10),
            own: [("default".to_owned(), 3)].into(),
        };
        assert_eq!(budgets.of("default"), Some(3));
        assert_eq!(budgets.of("key-0"), Some(10));
        assert_eq!(Budgets::default().of("default"), None);
    }
}
