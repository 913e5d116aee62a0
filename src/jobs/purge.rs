//! Erases a person from the jobs of a credential, and purges jobs.

mod find;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::find::{PAGE, STARTED, events, find_bodies, find_events, off_thread};
use super::model::{JobPage, Unmatched, UnmatchedPage};
use super::person::Person;
use super::service::{Jobs, Shared};
use super::store::StoreError;
use super::{keeper, runner};
use crate::ledger::model::{Asked, KeptAnswer};
use crate::ledger::people::profile_key;

/// How long bodies that are not decoded yet are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Results.
    pub results: i64,
    /// Raw bodies.
    pub bodies: i64,
    /// Answers of calls.
    pub answers: i64,
    /// Callbacks without a job.
    pub unmatched: i64,
    /// Jobs from which something was erased.
    pub jobs: i64,
    /// Raw bodies that could not be erased yet.
    pub pending: i64,
}

impl Jobs {
    /// Purges a job that has ended.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn purge(&self, id: &str) -> Result<(), StoreError> {
        let store = &self.shared.store;
        let purged = match store.purge_job(id).await {
            // Somebody else was faster, and may not be done.
            Err(StoreError::NoSuchJob(_)) => store.compact().await,
            purged => purged,
        };
        // It may be gone after an error, too.
        keeper::forget(&self.shared, id);
        purged
    }

    /// Erases a person from the jobs of a credential, from answers that are kept, and
    /// from callbacks without a job: see the RPC `PurgePerson`.
    ///
    /// # Errors
    ///
    /// When the store fails; what is erased by then stays so.
    pub async fn purge_person(
        &self,
        credential: &str,
        with_unknown: bool,
        person: Person,
    ) -> Result<Erased, StoreError> {
        let shared = &self.shared;
        let jobs = all_jobs(shared, credential).await?;
        wait_until_decoded(shared, &jobs).await?;
        let (person, met) = learn(shared, &jobs, person).await?;
        bar(shared, credential, &person, met).await?;
        let profiles: Vec<_> = person.profiles().map(profile_key).collect();
        let asked = shared
            .store
            .asked_about(credential, profiles.clone())
            .await?;
        let person = Arc::new(person);
        let mut erased = Erased::default();
        // Those that were started meanwhile, too: they are barred already.
        for id in all_jobs(shared, credential).await? {
            erase_from(shared, &id, &person, &asked, &mut erased).await?;
        }
        erased.answers = erase_answers(shared, credential, &person, &asked).await?;
        // What was bought about them may not say so.
        shared.store.forget_profiles(credential, profiles).await?;
        erased.unmatched = erase_unmatched(shared, credential, with_unknown, &person).await?;
        // An attempt before this one may have erased all, and failed at what is left here.
        shared.store.compact().await?;
        Ok(erased)
    }
}

/// The ids of all jobs of a credential.
async fn all_jobs(shared: &Shared, credential: &str) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    let mut before = None;
    loop {
        let page = JobPage {
            credential: credential.to_owned(),
            states: Vec::new(),
            before: before.take(),
            limit: PAGE,
        };
        let jobs = shared.store.jobs(page).await?;
        let Some(last) = jobs.last() else {
            return Ok(ids);
        };
        before = Some((last.created, last.id.clone()));
        ids.extend(jobs.into_iter().map(|job| job.id));
    }
}

/// Waits until what has arrived is decoded: an undecoded body cannot be erased
/// without its other results.
async fn wait_until_decoded(shared: &Arc<Shared>, jobs: &[String]) -> Result<(), StoreError> {
    let patience = Instant::now() + PATIENCE;
    let ours: BTreeSet<&String> = jobs.iter().collect();
    for id in shared.store.unfinished_jobs().await? {
        if !ours.contains(&id) {
            continue;
        }
        let mut woken = shared.wakes.subscribe(&id);
        runner::ensure(shared, &id);
        shared.wakes.wake(&id);
        loop {
            woken.mark_unchanged();
            let is_done = !is_undecoded(shared, &id).await?;
            if is_done || timeout_at(patience, woken.changed()).await.is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a job has bodies that will be decoded.
pub(super) async fn is_undecoded(shared: &Shared, id: &str) -> Result<bool, StoreError> {
    let Some(job) = shared.store.job(id).await? else {
        return Ok(false);
    };
    let next = shared.store.deliveries(id, job.decoded.through, 1).await?;
    Ok(job.last_sequence > 0 && !next.is_empty())
}

/// Learns how results spell the person, until nothing more is learnt; and in which
/// jobs there are any.
async fn learn(
    shared: &Shared,
    jobs: &[String],
    mut person: Person,
) -> Result<(Person, BTreeSet<String>), StoreError> {
    let mut met = BTreeSet::new();
    loop {
        let mut learnt = false;
        for id in jobs {
            let mut after = 0;
            while let Some((last, page)) = events(shared, id, after).await? {
                after = last;
                let (taught, is_met, is_new) = off_thread(move || {
                    let mut person = person;
                    let (mut is_met, mut is_new) = (false, false);
                    for (_, event) in &page {
                        let (met, new) = person.learn(event);
                        is_met |= met;
                        is_new |= new;
                    }
                    (person, is_met, is_new)
                })
                .await?;
                person = taught;
                learnt |= is_new;
                if is_met {
                    met.insert(id.clone());
                }
            }
        }
        if !learnt {
            return Ok((person, met));
        }
    }
}

/// Keeps the person out of the jobs that go on, and of those where they were met.
async fn bar(
    shared: &Shared,
    credential: &str,
    person: &Person,
    mut jobs: BTreeSet<String>,
) -> Result<(), StoreError> {
    for id in shared.store.unfinished_jobs().await? {
        let job = shared.store.job(&id).await?;
        if job.is_some_and(|job| job.credential == credential) {
            jobs.insert(id);
        }
    }
    for id in jobs {
        shared.store.mark_erased(&id, person.marks()).await?;
    }
    // Whoever records results now sees the marks.
    *shared.erasures.write().await += 1;
    Ok(())
}

async fn erase_from(
    shared: &Shared,
    id: &str,
    person: &Arc<Person>,
    asked: &[Asked],
    erased: &mut Erased,
) -> Result<(), StoreError> {
    let bought = asked
        .iter()
        .filter(|asked| asked.job_id.as_deref() == Some(id));
    let of_job: Vec<&Asked> = bought.collect();
    let items: BTreeSet<i32> = of_job.iter().map(|asked| asked.item).collect();
    let bought = of_job.iter().filter_map(|asked| asked.sequence).collect();
    let sequences = find_events(shared, id, person, bought, items).await?;
    let Some(job) = shared.store.job(id).await? else {
        return Ok(());
    };
    let (bodies, pending) = find_bodies(shared, &job, person).await?;
    erased.pending += pending;
    if sequences.is_empty() && bodies.is_empty() {
        return Ok(());
    }
    let results = sequences.iter().filter(|sequence| **sequence != STARTED);
    erased.results += results.count() as i64;
    erased.bodies += bodies.len() as i64;
    erased.jobs += 1;
    shared.store.erase(id, sequences, bodies).await
}

async fn erase_answers(
    shared: &Shared,
    credential: &str,
    person: &Arc<Person>,
    asked: &[Asked],
) -> Result<i64, StoreError> {
    let about: Arc<BTreeSet<i64>> = Arc::new(asked.iter().map(|asked| asked.call).collect());
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = shared.store.kept_answers(credential, after, PAGE).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.call;
        let (person, about) = (person.clone(), about.clone());
        let is_named = move |answer: &KeptAnswer| {
            about.contains(&answer.call) || person.is_in_body(&answer.body)
        };
        let named = off_thread(move || {
            let named = page.into_iter().filter(is_named);
            named.map(|answer| answer.call).collect::<Vec<_>>()
        });
        found.extend(named.await?);
    }
    let erased = found.len() as i64;
    if erased > 0 {
        shared.store.erase_answers(found).await?;
    }
    Ok(erased)
}

async fn erase_unmatched(
    shared: &Shared,
    credential: &str,
    with_unknown: bool,
    person: &Arc<Person>,
) -> Result<i64, StoreError> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = UnmatchedPage {
            credential: credential.to_owned(),
            with_unknown,
            after,
            limit: PAGE,
        };
        let page = shared.store.unmatched(page).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = last.id;
        let person = person.clone();
        let is_named = move |unmatched: &Unmatched| person.is_in_body(&unmatched.body);
        let named = off_thread(move || {
            let named = page.into_iter().filter(is_named);
            named.map(|unmatched| unmatched.id).collect::<Vec<_>>()
        });
        found.extend(named.await?);
    }
    let removed = found.len() as i64;
    if removed > 0 {
        shared.store.remove_unmatched(found).await?;
    }
    Ok(removed)
}
