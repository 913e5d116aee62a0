//! What a file tells, entry by entry: what to go on with.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_types::Timestamp;

use super::entry::{Beginning, Bill, Entry, Found, Mark, Work};
use crate::proto::json::Object;
use crate::proto::v1::SearchStatus;
use crate::sandbox::lists::ListRecord;

/// For so long it is known what has ended: longer than servers keep jobs by default.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The setting that charges change.
const CREDITS: &str = "credits";
/// The setting whose changes count anew.
const FAULTS: &str = "faults";

/// Everything that a sandbox knew.
#[derive(Clone, Debug)]
pub struct Past {
    /// What it belongs to.
    pub beginning: Beginning,
    /// The settings.
    pub settings: Object,
    /// For each fault that is set, its occasions and its strikes; empty before the first.
    pub faults: Vec<(u64, u64)>,
    /// How many turns forms that alternate have had.
    pub turn: u64,
    /// Work, by id.
    pub works: BTreeMap<String, Kept>,
    /// Calls that were charged, by id.
    pub bills: BTreeMap<String, Bill>,
    /// Lists that were made or changed, by id.
    pub lists: BTreeMap<String, ListRecord>,
}

/// Some work, and how far it is.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The work.
    pub work: Work,
    /// How many results it has found.
    pub found: usize,
    /// State of a search.
    pub status: Option<SearchStatus>,
    /// Credits charged.
    pub credits: u64,
    /// How many of its deliveries are over.
    pub delivered: u64,
    /// When it had delivered everything.
    pub done: Option<Timestamp>,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
}

impl Kept {
    fn new(work: Work) -> Self {
        Self {
            work,
            found: 0,
            status: None,
            credits: 0,
            delivered: 0,
            done: None,
            deleted: None,
        }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.done.is_none() && self.deleted.is_none()
    }

    /// When it ended; a search without end does when it is deleted.
    fn ended(&self) -> Option<Timestamp> {
        let done = self.done.filter(|_| !self.work.task.is_endless());
        self.deleted.or(done)
    }

    fn entries(&self) -> Vec<Entry> {
        let work = self.work.id.clone();
        let mark = |at| Mark {
            work: work.clone(),
            at,
        };
        let found = Found {
            work: work.clone(),
            count: self.found,
            status: self.status,
            credits: self.credits,
        };
        let delivered = Entry::Delivered {
            work: work.clone(),
            count: self.delivered,
        };
        let mut entries = vec![Entry::Started(self.work.clone()), Entry::Found(found)];
        entries.push(delivered);
        entries.extend(self.done.map(mark).map(Entry::Done));
        entries.extend(self.deleted.map(mark).map(Entry::Deleted));
        entries
    }
}

impl Past {
    /// The past of a sandbox that has none.
    #[must_use]
    pub fn none(beginning: Beginning) -> Self {
        Self {
            settings: beginning.settings.clone(),
            beginning,
            faults: Vec::new(),
            turn: 0,
            works: BTreeMap::new(),
            bills: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }

    /// Adds what one more entry tells.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            // Only the first line is one, which whoever reads the file sees to.
            Entry::Begun(_) => {}
            Entry::Set(changed) => self.set(changed),
            Entry::Faults(counts) => self.faults = counts,
            // Turns may be noted in another order than they are taken.
            Entry::Turn(turn) => self.turn = self.turn.max(turn),
            Entry::Started(work) => {
                self.works.insert(work.id.clone(), Kept::new(work));
            }
            Entry::Found(found) => self.find(found),
            Entry::Delivered { work, count } => {
                if let Some(kept) = self.works.get_mut(&work) {
                    kept.delivered = kept.delivered.max(count);
                }
            }
            Entry::Done(mark) => {
                if let Some(kept) = self.works.get_mut(&mark.work) {
                    kept.done = Some(mark.at);
                }
            }
            Entry::Deleted(mark) => {
                if let Some(kept) = self.works.get_mut(&mark.work) {
                    kept.deleted = Some(mark.at);
                }
            }
            Entry::Billed(bill) => {
                self.charge(bill.credits);
                self.bills.insert(bill.id.clone(), bill);
            }
            Entry::Listed(list) => {
                self.lists.insert(list.id.clone(), list);
            }
        }
    }

    fn set(&mut self, changed: Object) {
        if changed.contains_key(FAULTS) {
            self.faults.clear();
        }
        self.settings.extend(changed);
    }

    fn find(&mut self, found: Found) {
        let Some(kept) = self.works.get_mut(&found.work) else {
            return;
        };
        kept.found = found.count;
        kept.status = found.status;
        kept.credits += found.credits;
        self.charge(found.credits);
    }

    fn charge(&mut self, credits: u64) {
        let left = self.settings.get(CREDITS).and_then(|left| left.as_i64());
        let credits = i64::try_from(credits).unwrap_or(i64::MAX);
        if let Some(left) = left {
            let left = left.saturating_sub(credits);
            self.settings.insert(CREDITS.to_owned(), left.into());
        }
    }

    /// Goes on with the options of another start. Of each setting the last word counts:
    /// where the option is another one than before, that is the option.
    pub fn begin_again(&mut self, beginning: Beginning) {
        let before = &self.beginning.settings;
        for (name, value) in &beginning.settings {
            if before.get(name) != Some(value) {
                self.settings.insert(name.clone(), value.clone());
                if name == FAULTS {
                    self.faults.clear();
                }
            }
        }
        self.beginning = beginning;
    }

    /// Forgets what ended long before a time.
    pub fn forget(&mut self, now: Timestamp) {
        let limit = KEPT_FOR.as_secs() as i64;
        let is_kept = |ended: Timestamp| now.seconds - ended.seconds <= limit;
        self.works
            .retain(|_, kept| kept.ended().is_none_or(is_kept));
        self.bills.retain(|_, bill| is_kept(bill.at));
    }

    /// The same in as few entries as possible.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![Entry::Begun(self.beginning.clone())];
        entries.extend(self.lists.values().cloned().map(Entry::Listed));
        entries.extend(self.bills.values().cloned().map(Entry::Billed));
        entries.extend(self.works.values().flat_map(Kept::entries));
        // Behind what is charged: it has what is left.
        entries.push(Entry::Set(self.settings.clone()));
        entries.push(Entry::Faults(self.faults.clone()));
        entries.push(Entry::Turn(self.turn));
        entries
    }
}
