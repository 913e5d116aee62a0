//! From what arrived to events.

use super::Runner;
use crate::jobs::decode::{Content, decode};
use crate::jobs::model::{Change, Decoded, Delivery, Found};
use crate::jobs::person;
use crate::jobs::store::StoreError;
use crate::ledger::model::Charge;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{CallbackSource, Completion, ErasedResult};

/// So many deliveries are taken together: they share a write.
const BATCH: usize = 256;

/// Results are recorded in portions, so that a large body does not hold up the
/// callbacks of other jobs.
const PORTION: usize = 256;

/// Bodies from this size on are decoded off the async threads.
const LARGE: usize = 64 << 10;

impl Runner {
    /// Decodes what arrived; tells whether any of it was a list of all results.
    pub(super) async fn decode_deliveries(&mut self) -> Result<bool, StoreError> {
        let mut has_list = false;
        loop {
            let through = self.job.decoded.through;
            let store = &self.shared.store;
            let deliveries = store.deliveries(&self.job.id, through, BATCH).await?;
            if deliveries.is_empty() {
                return Ok(has_list);
            }
            has_list |= self.record(deliveries).await?;
        }
    }

    async fn record(&mut self, deliveries: Vec<Delivery>) -> Result<bool, StoreError> {
        let shared = self.shared.clone();
        let erasures = shared.erasures.read().await;
        if self.erasures != Some(*erasures) {
            self.reload().await?;
            self.erasures = Some(*erasures);
        }
        let mut has_list = false;
        let mut portion = Change::default();
        for delivery in deliveries {
            let (id, source) = (delivery.id, delivery.source);
            let mut content = self.decode(delivery).await?;
            self.compare(&mut content, source);
            self.number(&mut content, &mut portion).await?;
            // Also of somebody who was erased: they were paid for.
            let charges: Vec<_> = content
                .results
                .iter()
                .map(|(e, _)| self.charge(e))
                .collect();
            let has_erased = self.job.has_erased && self.take_out_erased(&mut content).await?;
            has_list |= content.is_list;
            self.learn(&content, source, &mut portion);
            let total = content.results.len() as i64;
            let recorded = match portion.decoded {
                // After a crash a part of the next one is recorded already.
                None => self.job.decoded.results,
                Some(_) => 0,
            };
            let results = (1..).zip(content.results.into_iter().zip(charges));
            for (number, ((event, identity), charge)) in results.skip_while(|(n, _)| *n <= recorded)
            {
                portion.found.push(Found {
                    event,
                    identity,
                    source,
                    charge,
                });
                if portion.found.len() == PORTION && number < total {
                    portion.decoded = Some(Decoded {
                        through: id - 1,
                        results: number,
                    });
                    self.change(std::mem::take(&mut portion)).await?;
                }
            }
            portion.decoded = Some(Decoded {
                through: id,
                results: 0,
            });
            portion.erased_bodies.extend(has_erased.then_some(id));
            if portion.found.len() >= PORTION {
                self.change(std::mem::take(&mut portion)).await?;
            }
        }
        if portion.decoded.is_some() {
            self.change(portion).await?;
        }
        Ok(has_list)
    }

    /// Notes what a callback holds that is not known. The bodies of polls are answers,
    /// and were looked at when they came.
    fn compare(&self, content: &mut Content, source: CallbackSource) {
        let drifts = std::mem::take(&mut content.drifts);
        if source == CallbackSource::Callback
            && let Some(endpoint) = Endpoint::of_rpc(&self.job.operation)
        {
            self.shared.client.drift().note(endpoint.rpc, drifts);
        }
    }

    /// What a result costs.
    fn charge(&self, event: &Event) -> Option<Charge> {
        let Event::Contact(contact) = event else {
            return None;
        };
        let endpoint = Endpoint::of_rpc(&self.job.operation)?;
        let charge = self.shared.options.prices.charge(endpoint, contact);
        (charge != Charge::default()).then_some(charge)
    }

    /// Takes from a body what it says about its search.
    fn learn(&mut self, content: &Content, source: CallbackSource, change: &mut Change) {
        let is_search = self.late.completion != Completion::ItemCount;
        if is_search && self.job.upstream_id.is_none() && content.upstream_id.is_some() {
            change.upstream_id.clone_from(&content.upstream_id);
        }
        // A poll looks like that, too, but tells its status. A signal without end may
        // come in lists.
        let is_end = content.is_final && self.late.completion != Completion::Never;
        if is_end && source == CallbackSource::Callback && !self.job.final_seen {
            change.final_seen = true;
            self.pace.hurry();
        }
    }

    /// Gives what a list of all results holds its places in it. A signal without end
    /// has no such list.
    async fn number(
        &mut self,
        content: &mut Content,
        before: &mut Change,
    ) -> Result<(), StoreError> {
        let keys = content.alone_keys();
        let is_endless = self.late.completion == Completion::Never;
        if keys.is_empty() || is_endless || !content.lists_all() {
            return Ok(());
        }
        if before.decoded.is_some() {
            self.change(std::mem::take(before)).await?;
        }
        let store = &self.shared.store;
        let came_alone = store.known_identities(&self.job.id, keys).await?;
        content.number(&came_alone.into_iter().collect());
        Ok(())
    }

    /// Takes out results about people who were erased from the job; whether there
    /// were any. Their places stay, because results are counted by them.
    async fn take_out_erased(&self, content: &mut Content) -> Result<bool, StoreError> {
        let marks = content
            .results
            .iter()
            .flat_map(|(event, _)| person::marks(event));
        let marks = marks.collect();
        let erased = self.shared.store.erased_marks(&self.job.id, marks).await?;
        if erased.is_empty() {
            return Ok(false);
        }
        for (event, _) in &mut content.results {
            if person::marks(event)
                .iter()
                .any(|mark| erased.contains(mark))
            {
                *event = Event::Erased(ErasedResult {});
            }
        }
        Ok(true)
    }

    async fn decode(&self, delivery: Delivery) -> Result<Content, StoreError> {
        if delivery.erased {
            return Ok(Content::default());
        }
        let kind = self.late.result;
        let is_batch = self.late.completion == Completion::ItemCount;
        let is_large = delivery.body.len() >= LARGE;
        let decode = move || decode(kind, is_batch, delivery.source, &delivery.body);
        if !is_large {
            return Ok(decode());
        }
        // One large body at a time in the whole server bounds its memory.
        let turn = self.shared.large_bodies.clone();
        let _turn = turn.acquire_owned().await.ok();
        tokio::task::spawn_blocking(decode)
            .await
            .map_err(|error| StoreError::Engine(format!("decoding failed: {error}")))
    }
}
