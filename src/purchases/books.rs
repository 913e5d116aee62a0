//! What was spent, what may be spent, and what something would cost.

use super::{PurchaseError, Purchases};
use crate::jobs::reuse::Reuse;
use crate::jobs::store::StoreError;
use crate::ledger::model::{LedgerPage, UsagePage};
use crate::ledger::{Day, Refusal};
use crate::proto::endpoint::SpendingRequest;
use crate::proto::v1::{Budget, EstimateCostResponse, LedgerEntry, Usage};

impl Purchases {
    /// What happened on some days, for each operation.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn usage(&self, page: UsagePage) -> Result<Vec<Usage>, StoreError> {
        self.shared.store.daily_usage(page).await
    }

    /// Entries of the ledger, oldest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn entries(&self, page: LedgerPage) -> Result<Vec<LedgerEntry>, StoreError> {
        self.shared.store.ledger(page).await
    }

    /// What a credential may spend today, where it has a budget.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn budget(&self, credential: &str) -> Result<Option<Budget>, StoreError> {
        let Some(limit) = self.shared.budgets.of(credential) else {
            return Ok(None);
        };
        let spending = self.shared.store.spending(credential, Day::today()).await?;
        Ok(Some(Budget {
            limit,
            spent: spending.spent,
            reserved: spending.reserved,
        }))
    }

    /// What a request would cost now. Nothing is sent.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn estimate<R: SpendingRequest>(
        &self,
        credential: &str,
        request: &R,
    ) -> Result<EstimateCostResponse, PurchaseError> {
        let reuse = Reuse::of(self.shared.store.as_ref(), credential, request).await?;
        let estimate = reuse.estimate(&self.shared.prices, request);
        let is_allowed = Refusal::check_max_credits(request, estimate.maximum).is_ok();
        let is_left = self.budget(credential).await?.is_none_or(|budget| {
            let total = budget.spent.saturating_add(budget.reserved);
            estimate.maximum == 0 || total.saturating_add(estimate.maximum) <= budget.limit
        });
        Ok(EstimateCostResponse {
            estimate: Some(estimate),
            affordable: is_allowed && is_left,
            reused: reuse.contacts().len().try_into().unwrap_or(i64::MAX),
        })
    }
}
