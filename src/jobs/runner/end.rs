//! When a job ends, and how.

use std::collections::BTreeSet;
use std::time::SystemTime;

use tokio::time::Instant;

use super::Runner;
use crate::jobs::identity;
use crate::jobs::model::{End, since};
use crate::jobs::store::StoreError;
use crate::proto::v1::{Completion, ResultKind};

impl Runner {
    /// Whether a finished search has brought all that it found.
    pub(super) fn is_everything(&self, shows_all: bool) -> bool {
        let shows_all = shows_all || self.job.final_seen;
        match self.job.expected {
            Some(expected) if !self.late.total_is_estimate => self.job.delivered >= expected,
            _ => shows_all || self.late.completion == Completion::ContactStatus,
        }
    }

    /// Whether as many results are there as Pronto said exactly that it has.
    pub(super) fn has_total(&self) -> bool {
        let total = self.job.expected.filter(|_| {
            self.late.completion == Completion::SearchStatus && !self.late.total_is_estimate
        });
        total.is_some_and(|total| self.job.delivered >= total)
    }

    /// Whether Pronto cannot be asked how far it is, now or later.
    fn cannot_ask(&self) -> bool {
        let is_known = self.job.upstream_id.is_some() && self.pace.next().is_some();
        !self.finished && !is_known
    }

    /// How the job ends now, if it does.
    pub(super) async fn end(&mut self) -> Result<Option<End>, StoreError> {
        if self.has_all_items().await? {
            return Ok(Some(End::Complete));
        }
        if self.cannot_ask() && (self.job.final_seen || self.has_total()) {
            return Ok(Some(End::Complete));
        }
        if self.finished
            && self
                .job
                .expected
                .is_some_and(|total| self.job.delivered >= total)
        {
            return Ok(Some(End::Complete));
        }
        let is_settled = self.finished && self.settled_at() <= Instant::now();
        let is_late = self
            .job
            .deadline
            .is_some_and(|deadline| deadline <= SystemTime::now());
        if is_settled || is_late {
            let missing_indexes = self.missing_items().await?;
            return Ok(Some(End::Incomplete { missing_indexes }));
        }
        Ok(None)
    }

    async fn has_all_items(&self) -> Result<bool, StoreError> {
        let Some(items) = self.job.items.filter(|items| self.job.delivered >= *items) else {
            return Ok(false);
        };
        let missing = self.missing_items().await?.len() as i64;
        if missing == 0 {
            return Ok(true);
        }
        // Without any echoed position the number of results has to do: of what is bought,
        // because what is reused has its position from us.
        let reused = self.known_items(identity::of_reused_item).await?.len() as i64;
        let bought = self.job.delivered - self.job.reused.max(reused);
        Ok(missing + reused == items && bought >= missing)
    }

    /// The positions of the items for which nothing arrived. Companies have no
    /// `custom` in which a position could travel.
    async fn missing_items(&self) -> Result<Vec<i32>, StoreError> {
        let known = self.known_items(identity::of_item).await?;
        let items = 0..self.positions();
        Ok(items.filter(|index| !known.contains(index)).collect())
    }

    /// The positions of the items that the job knows by such keys.
    async fn known_items(&self, key: fn(i32) -> String) -> Result<BTreeSet<i32>, StoreError> {
        let all = (0..self.positions()).map(key).collect();
        let known = self
            .shared
            .store
            .known_identities(&self.job.id, all)
            .await?;
        let is_known = |index: &i32| known.contains(&key(*index));
        Ok((0..self.positions()).filter(is_known).collect())
    }

    /// How many positions there are.
    fn positions(&self) -> i32 {
        let is_batch = self.late.completion == Completion::ItemCount;
        let has_positions = is_batch && self.late.result != ResultKind::Account;
        let items = self.job.items.filter(|_| has_positions);
        let items = items.and_then(|items| i32::try_from(items).ok());
        items.unwrap_or_default()
    }

    /// When no more callbacks are awaited after Pronto has finished.
    pub(super) fn settled_at(&self) -> Instant {
        let quiet = since(self.job.updated);
        Instant::now() + self.shared.options.settle_time.saturating_sub(quiet)
    }
}
