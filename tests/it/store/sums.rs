//! What the entries of the ledger come to, as the model sees it.

use std::collections::BTreeMap;

use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::Spending;
use pronto_grpc::proto::v1::Usage;

use super::ledger::{Entry, Ledger};

impl Ledger {
    /// What was spent on a day: what its entries cost.
    pub fn spending(&self, credential: &str, day: Day) -> Spending {
        let of_day = |entry: &&Entry| entry.credential == credential && entry.day == Some(day);
        let mut spending = Spending::default();
        for entry in self.entries.iter().filter(of_day) {
            spending.spent += entry.credits.unwrap_or_default();
            spending.reserved += entry.reserved();
        }
        spending
    }

    /// What is set aside on a day and on later ones, by anybody.
    pub fn reserved_since(&self, day: Day) -> i64 {
        let since = self.entries.iter();
        let since = since.filter(|entry| entry.day.is_some_and(|of| of >= day));
        since.map(Entry::reserved).sum()
    }

    /// What entries come to, for each day and operation on which something happened.
    pub fn usage(&self, credential: &str) -> Vec<Usage> {
        let mut sums: BTreeMap<(Day, String), Usage> = BTreeMap::new();
        let mut of = |day: Day, operation: &str, add: &dyn Fn(&mut Usage)| {
            let sum = sums
                .entry((day, operation.to_owned()))
                .or_insert_with(|| Usage {
                    day: day.to_string(),
                    credential: credential.to_owned(),
                    operation: operation.to_owned(),
                    ..Default::default()
                });
            add(sum);
        };
        let is_of = |entry: &&Entry| entry.credential == credential;
        for entry in self.entries.iter().filter(is_of) {
            let Some(day) = entry.day else {
                continue;
            };
            of(day, &entry.operation, &|sum| {
                sum.calls += i64::from(entry.was_sent());
                sum.emails += entry.found.emails;
                sum.phone_numbers += entry.found.phone_numbers;
                sum.personal_emails += entry.found.personal_emails;
                sum.credits += entry.credits.unwrap_or_default();
                sum.reserved += entry.reserved();
            });
        }
        for ((whose, day, operation), (results, reused)) in &self.tallies {
            if whose == credential {
                of(*day, operation, &|sum| {
                    sum.results += results;
                    sum.reused += reused;
                });
            }
        }
        sums.into_values().filter(has_happened).collect()
    }
}

/// Whether anything is left of what happened on a day.
fn has_happened(usage: &Usage) -> bool {
    let nothing = Usage {
        day: usage.day.clone(),
        credential: usage.credential.clone(),
        operation: usage.operation.clone(),
        ..Default::default()
    };
    *usage != nothing
}
