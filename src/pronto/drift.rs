//! Where Pronto's API differs from what is known, since the process started.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use parking_lot::Mutex;

use crate::metrics;
use crate::proto::json::Drift;
use crate::proto::json::drift::ELSEWHERE;
use crate::proto::v1::VendorDriftKind;

/// So many places are told apart.
const MAX_PLACES: usize = 1_000;

/// What was seen so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct DriftLog(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Place, usize>,
    entries: Vec<Entry>,
}

/// Where something is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The RPC of the answer, or of the callback's job.
    pub operation: &'static str,
    /// What is not known.
    pub kind: VendorDriftKind,
    /// The message and the keys on the way.
    pub path: String,
}

/// What was seen at a place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place.
    pub place: Place,
    /// How often.
    pub count: u64,
    /// First.
    pub first: SystemTime,
    /// Last.
    pub last: SystemTime,
    /// What it looked like last.
    pub sample: String,
}

impl DriftLog {
    /// Notes the drift of a body. A place is logged when it is first seen.
    pub fn note(&self, operation: &'static str, drifts: Vec<Drift>) {
        if drifts.is_empty() {
            return;
        }
        let now = SystemTime::now();
        let mut table = self.0.lock();
        for drift in drifts {
            metrics::vendor_drifted(operation, name(drift.kind), drift.count);
            table.note(operation, drift, now);
        }
    }

    /// So many entries from a number on, in the order in which they were first seen.
    #[must_use]
    pub fn list(&self, from: usize, limit: usize) -> Vec<Entry> {
        let table = self.0.lock();
        table
            .entries
            .iter()
            .skip(from)
            .take(limit)
            .cloned()
            .collect()
    }
}

/// One line for each place.
impl fmt::Display for DriftLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "count\tfirst\tlast\toperation\tkind\tplace\tsample")?;
        self.list(0, usize::MAX).iter().try_for_each(|entry| {
            let Place {
                operation,
                kind,
                path,
            } = &entry.place;
            let [first, last] = [entry.first, entry.last].map(format_rfc3339_seconds);
            let (count, kind, sample) = (entry.count, name(*kind), &entry.sample);
            writeln!(
                f,
                "{count}\t{first}\t{last}\t{operation}\t{kind}\t{path}\t{sample}"
            )
        })
    }
}

impl Table {
    fn note(&mut self, operation: &'static str, drift: Drift, now: SystemTime) {
        let mut place = Place {
            operation,
            kind: drift.kind,
            path: drift.place,
        };
        if self.entries.len() >= MAX_PLACES && !self.numbers.contains_key(&place) {
            ELSEWHERE.clone_into(&mut place.path);
        }
        let known = self.numbers.get(&place).copied();
        if let Some(entry) = known.and_then(|number| self.entries.get_mut(number)) {
            entry.count += drift.count;
            entry.last = now;
            entry.sample = drift.sample;
            return;
        }
        tracing::warn!(
            operation,
            kind = name(place.kind),
            place = place.path,
            sample = drift.sample,
            "Pronto sent what this version does not know."
        );
        self.numbers.insert(place.clone(), self.entries.len());
        self.entries.push(Entry {
            place,
            count: drift.count,
            first: now,
            last: now,
            sample: drift.sample,
        });
    }
}

/// How a kind is called in logs and metrics.
#[must_use]
pub fn name(kind: VendorDriftKind) -> &'static str {
    match kind {
        VendorDriftKind::Unspecified => "unspecified",
        VendorDriftKind::UnknownField => "unknown_field",
        VendorDriftKind::UnknownText => "unknown_text",
        VendorDriftKind::ChangedType => "changed_type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(place: &str, sample: &str) -> Vec<Drift> {
        vec![Drift {
            kind: VendorDriftKind::UnknownField,
            place: place.to_owned(),
            sample: sample.to_owned(),
            count: 2,
        }]
    }

    #[test]
    fn a_place_is_counted_and_shows_what_came_last() {
        let log = DriftLog::default();
        log.note("a", drift("Lead.x", "number"));
        log.note("b", drift("Lead.x", "number"));
        log.note("a", drift("Lead.x", "null"));
        log.note("a", Vec::new());
        let seen = |entry: Entry| (entry.place.operation, entry.count, entry.sample);
        let seen: Vec<_> = log.list(0, 9).into_iter().map(seen).collect();
        let expected = [("a", 4, "null".to_owned()), ("b", 2, "number".to_owned())];
        assert_eq!(seen, expected);
        assert_eq!(log.list(1, 9).len(), 1);
        assert_eq!(log.list(0, 1).len(), 1);
    }

    #[test]
    fn few_places_are_told_apart_and_everything_is_counted() {
        let log = DriftLog::default();
        for number in 0..2 * MAX_PLACES {
            log.note("a", drift(&format!("Lead.x{number}"), "null"));
        }
        log.note("a", drift("Lead.x0", "null"));
        let entries = log.list(0, usize::MAX);
        assert_eq!(entries.len(), MAX_PLACES + 1);
        assert_eq!(entries[0].count, 4);
        assert_eq!(entries[MAX_PLACES].place.path, ELSEWHERE);
        assert_eq!(entries[MAX_PLACES].count, 2 * MAX_PLACES as u64);
    }
}
