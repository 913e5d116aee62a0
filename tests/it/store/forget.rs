//! What the ledger no longer keeps, as the model sees it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::Asked;
use pronto_grpc::proto::v1::{CallOutcome, EnrichmentType};

use super::ledger::{DAY, Entry, Ledger, Purchase, What};

impl Entry {
    /// The items that are about somebody with any of these profiles.
    fn items_about(&self, profiles: &[[u8; 16]]) -> BTreeSet<i32> {
        let is_named = |one: &&Purchase| {
            one.kind == EnrichmentType::Unspecified && profiles.contains(&one.key)
        };
        let named = self.people.iter().filter(is_named);
        named.map(|one| one.item).collect()
    }

    /// For each such item the results that were bought for it, or none.
    fn asked_about(&self, profiles: &[[u8; 16]]) -> Vec<Asked> {
        let mut asked = Vec::new();
        for item in self.items_about(profiles) {
            let of_item = self.people.iter().filter(|one| one.item == item);
            let bought: Vec<_> = of_item.filter_map(|one| one.bought).collect();
            let sequences = match bought.is_empty() {
                true => vec![None],
                false => bought.into_iter().map(|(_, sequence)| sequence).collect(),
            };
            asked.extend(sequences.into_iter().map(|sequence| Asked {
                call: self.id.unwrap_or_default(),
                job_id: self.job.clone(),
                item,
                sequence,
            }));
        }
        asked
    }
}

impl Ledger {
    /// A job is purged.
    pub fn purge(&mut self, job: &str) {
        if let Some(call) = self.call_of(job) {
            call.people.clear();
        }
    }

    /// Results of a job are erased, and with them whom they are about.
    pub fn erase(&mut self, job: &str, sequences: &[i64]) {
        let Some(call) = self.call_of(job) else {
            return;
        };
        let is_erased = |one: &&Purchase| {
            let sequence = one.bought.and_then(|(_, sequence)| sequence);
            sequence.is_some_and(|sequence| sequences.contains(&sequence))
        };
        let items: Vec<i32> = call
            .people
            .iter()
            .filter(is_erased)
            .map(|p| p.item)
            .collect();
        call.people.retain(|one| !items.contains(&one.item));
    }

    /// Whom these profiles name is forgotten in all calls of a credential.
    pub fn forget_profiles(&mut self, credential: &str, profiles: &[[u8; 16]]) {
        for entry in &mut self.entries {
            if entry.credential == credential {
                let items = entry.items_about(profiles);
                entry.people.retain(|one| !items.contains(&one.item));
            }
        }
    }

    /// The calls that asked about any of these profiles.
    pub fn asked_about(&self, credential: &str, profiles: &[[u8; 16]]) -> Vec<Asked> {
        let ours = self.entries.iter();
        let ours = ours.filter(|entry| entry.credential == credential && !entry.is_gone);
        ours.flat_map(|entry| entry.asked_about(profiles)).collect()
    }

    /// Answers are erased, and whom they are about.
    pub fn erase_answers(&mut self, calls: &[i64]) {
        for entry in &mut self.entries {
            if entry.id.is_some_and(|id| calls.contains(&id)) {
                entry.answer = None;
                entry.people.clear();
            }
        }
    }

    /// Old answers give way, but none of the last day; whether there were any.
    pub fn drop_answers(&mut self, now: SystemTime) -> bool {
        let mut were_any = false;
        for entry in &mut self.entries {
            if entry.time < now - DAY {
                were_any |= entry.answer.take().is_some();
            }
        }
        were_any
    }

    /// What is older is no longer repeatable, but not within a day.
    pub fn trim(&mut self, before: SystemTime, now: SystemTime, is_job: impl Fn(&str) -> bool) {
        let before = before.min(now - DAY);
        let is_kept = |job: &Option<String>| job.as_deref().is_some_and(&is_job);
        self.requests
            .retain(|_, request| request.time >= before || is_kept(&request.job));
        for entry in &mut self.entries {
            if entry.time < before {
                entry.answer = None;
                if !is_kept(&entry.job) {
                    entry.people.clear();
                }
            }
        }
    }

    /// Forgets entries before a time, those of refused calls after a day, and sums
    /// before a day.
    pub fn forget_before(&mut self, before: SystemTime, day: Day, now: SystemTime) {
        for entry in &mut self.entries {
            let refused = CallOutcome::Refused;
            let is_refused = matches!(entry.what, What::Call { outcome, .. } if outcome == refused);
            if entry.time < before || (is_refused && entry.time < now - DAY) {
                entry.is_gone = true;
                entry.answer = None;
                entry.people.clear();
            }
        }
        for entry in &mut self.entries {
            entry.day = entry.day.filter(|of| *of >= day);
        }
        let is_left = |entry: &Entry| !entry.is_gone || entry.day.is_some();
        self.entries.retain(is_left);
        self.tallies.retain(|(_, of, _), _| *of >= day);
    }
}
