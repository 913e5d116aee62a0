//! Everything that can be read from a store, against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use pronto_grpc::jobs::identity::{of_item, of_reused_item};
use pronto_grpc::jobs::model::{
    Delivery, JobPage, StoredEvent, StoredJob, Unmatched, UnmatchedPage, Usage,
};
use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::Day;
use pronto_grpc::proto::v1::JobState;

use super::accounts::LedgerSnapshot;
use super::clock::Window;
use super::compare::{Mismatch, same};
use super::content::{credential, key, upstream};
use super::job::ModelJob;
use super::model::Model;
use super::people::{PEOPLE, marks};
use super::script::{IDS, ITEMS};

/// Everything that a store shows.
pub struct Snapshot {
    jobs: BTreeMap<String, JobSnapshot>,
    /// The lists of each credential.
    lists: [Vec<StoredJob>; 2],
    unfinished: Vec<String>,
    /// Those that ended before a time.
    finished: (SystemTime, Vec<String>),
    /// Those that the first credential sees with those of unknown jobs, and those of the second.
    unmatched: [Vec<Unmatched>; 2],
    /// Pronto's ids that belong to jobs.
    upstream_ids: Vec<String>,
    /// What is set aside is read between two days, which are one but at midnight.
    days: (Day, Day),
    usage: Usage,
    /// What each credential sees of it.
    ledgers: [LedgerSnapshot; 2],
    is_writable: bool,
}

#[derive(Default)]
struct JobSnapshot {
    job: Option<StoredJob>,
    purged: Option<(String, Vec<u8>)>,
    events: Vec<StoredEvent>,
    deliveries: Vec<Delivery>,
    known: Vec<String>,
    erased: Vec<String>,
}

const ALL: usize = 10_000;

/// Keys that scripts use, and one of each sort that they do not.
fn keys() -> Vec<String> {
    let items = (0..=ITEMS).flat_map(|item| [of_item(item), of_reused_item(item)]);
    (0..10).map(key).chain(items).collect()
}

/// By which anybody may be known who was erased.
fn all_marks() -> Vec<String> {
    (0..PEOPLE).flat_map(marks).collect()
}

/// Ids that Pronto gives in scripts, and one that it does not.
fn upstream_ids() -> Vec<String> {
    (0..=IDS).map(upstream).collect()
}

impl Snapshot {
    /// Reads everything, of all jobs with these ids; what may be left of those that
    /// are gone only when it is thorough. Of finished jobs those that ended before a
    /// time.
    pub async fn read(
        store: &dyn Store,
        names: BTreeSet<String>,
        before: SystemTime,
        is_thorough: bool,
    ) -> Result<Self, StoreError> {
        let mut jobs = BTreeMap::new();
        for name in names {
            let snapshot = JobSnapshot::read(store, &name, is_thorough).await?;
            jobs.insert(name, snapshot);
        }
        let begin = Day::today();
        let usage = store.usage().await?;
        let is_writable = *store.is_writable().borrow();
        Ok(Self {
            jobs,
            lists: [list(store, 0).await?, list(store, 1).await?],
            unfinished: store.unfinished_jobs().await?,
            finished: (before, store.finished_jobs(before, ALL).await?),
            unmatched: [unmatched(store, 0).await?, unmatched(store, 1).await?],
            upstream_ids: store.known_upstream_ids(upstream_ids()).await?,
            days: (begin, Day::today()),
            usage,
            ledgers: [
                LedgerSnapshot::read(store, 0).await?,
                LedgerSnapshot::read(store, 1).await?,
            ],
            is_writable,
        })
    }

    /// Compares it with a model, which learns what only the store can know: the
    /// numbers and times that it gave.
    pub fn matches(&self, model: &mut Model, window: Window) -> Result<(), Mismatch> {
        for (name, snapshot) in &self.jobs {
            snapshot.matches(model, name, window)?;
        }
        self.has_lists_of(model)?;
        self.has_unmatched_of(model, window)?;
        self.ledgers
            .iter()
            .try_for_each(|ledger| ledger.matches(model))?;
        self.has_usage_of(model)?;
        same("whether it is writable", self.is_writable, true)
    }

    fn has_usage_of(&self, model: &Model) -> Result<(), Mismatch> {
        let mut states: BTreeMap<JobState, u64> = BTreeMap::new();
        for job in model.jobs.values() {
            *states.entry(job.stored.state).or_default() += 1;
        }
        let in_use = self.usage.jobs.iter().copied().collect();
        same("jobs in use, by state", in_use, states)?;
        let since = |day| model.ledger.reserved_since(day);
        let (first, last) = (since(self.days.0), since(self.days.1));
        let reserved = self.usage.reserved;
        let is_one = reserved == first || reserved == last;
        let what = format!("whether {reserved} is what is set aside: {first} or {last}");
        same(&what, is_one, true)?;
        let count = model.unmatched.len() as u64;
        same(
            "callbacks without a job in use",
            self.usage.unmatched,
            count,
        )?;
        same("whether it uses bytes", self.usage.bytes > 0, true)
    }

    fn has_lists_of(&self, model: &Model) -> Result<(), Mismatch> {
        for (place, list) in self.lists.iter().enumerate() {
            same("the jobs of a credential", list, &jobs_of(model, place))?;
        }
        let is_unfinished = |job: &&ModelJob| job.is_unfinished();
        let unfinished: BTreeSet<&String> =
            ids(model.jobs.values().filter(is_unfinished)).collect();
        let actual: BTreeSet<&String> = self.unfinished.iter().collect();
        let count = actual.len();
        same("unfinished jobs", actual, unfinished)?;
        same("unfinished jobs, each once", self.unfinished.len(), count)?;
        let known: BTreeSet<_> = self.upstream_ids.iter().collect();
        same(
            "Pronto's ids of jobs",
            known,
            model.upstream_ids().collect(),
        )?;
        let (before, ended) = &self.finished;
        finished(ended, model, *before, ALL)
    }

    fn has_unmatched_of(&self, model: &mut Model, window: Window) -> Result<(), Mismatch> {
        let mut seen: Vec<&Unmatched> = self.unmatched.iter().flatten().collect();
        seen.sort_by_key(|one| one.id);
        same("callbacks without a job", seen.len(), model.unmatched.len())?;
        for (actual, expected) in seen.into_iter().zip(&mut model.unmatched) {
            let what = format!("callback {} without a job", actual.id);
            same(&what, &actual.job_id, &expected.job)?;
            same(&what, &actual.credential, &expected.credential)?;
            same(&what, &actual.body, &expected.body)?;
            match expected.seen {
                Some(seen) => same(&what, (actual.id, actual.received), seen)?,
                None => {
                    window.holds(&what, actual.received)?;
                    let is_later = actual.id > model.last_unmatched;
                    same("whether numbers rise", is_later, true)?;
                    model.last_unmatched = actual.id;
                    expected.seen = Some((actual.id, actual.received));
                }
            }
        }
        Ok(())
    }
}

impl JobSnapshot {
    async fn read(store: &dyn Store, name: &str, is_thorough: bool) -> Result<Self, StoreError> {
        let mut snapshot = Self {
            job: store.job(name).await?,
            purged: store.purged_job(name).await?,
            ..Self::default()
        };
        if snapshot.job.is_some() || is_thorough {
            snapshot.events = events(store, name, ALL).await?;
            snapshot.deliveries = deliveries(store, name, ALL).await?;
            snapshot.known = store.known_identities(name, keys()).await?;
            snapshot.erased = store.erased_marks(name, all_marks()).await?;
        }
        Ok(snapshot)
    }

    fn matches(&self, model: &mut Model, name: &str, window: Window) -> Result<(), Mismatch> {
        let purged = model.purged.get(name);
        let purged = purged.map(|job| (job.credential.clone(), job.secret_hash.clone()));
        same(&format!("purged job {name}"), &self.purged, &purged)?;
        let Some(job) = model.jobs.get_mut(name) else {
            let what = format!("what is left of {name}");
            same(&what, &self.job, &None)?;
            let left = [
                self.events.len(),
                self.deliveries.len(),
                self.known.len(),
                self.erased.len(),
            ];
            return same(&what, left, [0; 4]);
        };
        let finished = self.job.as_ref().and_then(|job| job.finished);
        job.learn_end(finished, window)?;
        same("a job", self.job.as_ref(), Some(&job.stored))?;
        let events = self.events.iter();
        let events: Vec<_> = events
            .map(|event| (event.sequence, event.time, event.payload.clone()))
            .collect();
        same(&format!("the events of {name}"), &events, &job.events)?;
        let last = job.stored.last_sequence;
        let sequences = job.events.iter().map(|(sequence, _, _)| *sequence);
        let all: Vec<i64> = (job.stored.first_sequence..=last).collect();
        same("sequences", sequences.collect::<Vec<_>>(), all)?;
        let known: Vec<_> = keys()
            .into_iter()
            .filter(|key| job.known.knows(key))
            .collect();
        same(&format!("the keys of {name}"), &self.known, &known)?;
        let erased: Vec<_> = all_marks()
            .into_iter()
            .filter(|mark| job.erased.contains(mark))
            .collect();
        same(&format!("whom {name} erased"), &self.erased, &erased)?;
        same("deliveries", self.deliveries.len(), job.deliveries.len())?;
        for (actual, expected) in self.deliveries.iter().zip(&mut job.deliveries) {
            let what = format!("delivery {} of {name}", actual.id);
            same(&what, actual.id, expected.id)?;
            same(&what, actual.source, expected.source)?;
            same(&what, actual.erased, expected.erased)?;
            same(&what, &actual.body, &expected.body)?;
            match expected.received {
                Some(received) => same(&what, actual.received, received)?,
                None => window.holds(&what, actual.received)?,
            }
            expected.received = Some(actual.received);
        }
        Ok(())
    }
}

pub fn jobs_of(model: &Model, place: usize) -> Vec<StoredJob> {
    let jobs = model.jobs.values().map(|job| &job.stored);
    let mut jobs: Vec<StoredJob> = jobs
        .filter(|job| job.credential == credential(place))
        .cloned()
        .collect();
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created, job.id.clone())));
    jobs
}

/// These are the jobs that ended first, of those that ended before a time, were not
/// changed since, and have no start under way.
pub fn finished(
    actual: &[String],
    model: &Model,
    before: SystemTime,
    limit: usize,
) -> Result<(), Mismatch> {
    let end = |job: &ModelJob| job.stored.finished.filter(|_| job.has_ended_before(before));
    let mut expected: Vec<_> = model.jobs.values().map(end).collect();
    expected.retain(Option::is_some);
    expected.sort();
    expected.truncate(limit);
    let jobs = actual.iter().filter_map(|id| model.jobs.get(id));
    let ends: Vec<_> = jobs.map(end).collect();
    same("when finished jobs ended", ends, expected)?;
    let different: BTreeSet<_> = actual.iter().collect();
    same("finished jobs, each once", actual.len(), different.len())?;
    Ok(())
}

fn ids<'j>(jobs: impl Iterator<Item = &'j ModelJob>) -> impl Iterator<Item = &'j String> {
    jobs.map(|job| &job.stored.id)
}

// === all of it, by page ===

async fn list(store: &dyn Store, place: usize) -> Result<Vec<StoredJob>, StoreError> {
    let page = JobPage {
        credential: credential(place),
        states: Vec::new(),
        before: None,
        limit: ALL,
    };
    store.jobs(page).await
}

pub async fn events(
    store: &dyn Store,
    job: &str,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut all: Vec<StoredEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.sequence);
        let page = store.events(job, after, limit).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

pub async fn deliveries(
    store: &dyn Store,
    job: &str,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let mut all: Vec<Delivery> = Vec::new();
    loop {
        let after = all.last().map_or(0, |delivery| delivery.id);
        let page = store.deliveries(job, after, limit).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn unmatched(store: &dyn Store, place: usize) -> Result<Vec<Unmatched>, StoreError> {
    let mut all: Vec<Unmatched> = Vec::new();
    loop {
        let page = UnmatchedPage {
            credential: credential(place),
            with_unknown: place == 0,
            after: all.last().map_or(0, |one| one.id),
            limit: 2,
        };
        let page = store.unmatched(page).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
