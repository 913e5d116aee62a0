//! What the ledger no longer keeps, as the model sees it.

use std::time::SystemTime;

use pronto_grpc::ledger::Day;
use pronto_grpc::proto::v1::CallOutcome;

use super::ledger::{DAY, Entry, Ledger, Purchase, What};

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

    /// Answers are erased, and whom they are about.
    pub fn erase_answers(&mut self, calls: &[i64]) {
        for entry in &mut self.entries {
            if entry.id.is_some_and(|id| calls.contains(&id)) {
                entry.answer = None;
                entry.people.clear();
            }
        }
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
