//! The ledger of a store as it can be read, against the model.

use std::time::SystemTime;

use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{
    Admission, Asked, Bought, HeldIn, KeptAnswer, LedgerPage, UsagePage,
};
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::{Found, LedgerCall, LedgerEntry, LedgerResult, Usage};

use super::compare::{Mismatch, same};
use super::content::{credential, request};
use super::ledger::{Entry, What};
use super::model::Model;
use super::people::{PEOPLE, person};
use super::script::IDS;

/// Everything that a credential sees of the ledger.
pub struct LedgerSnapshot {
    credential: String,
    entries: Vec<LedgerEntry>,
    usage: Vec<Usage>,
    answers: Vec<KeptAnswer>,
    bought: Vec<Option<Bought>>,
    asked: Vec<Asked>,
    /// What became of requests: of each id that scripts use, and of another.
    earlier: Vec<Option<Admission>>,
}

/// So many rows a page has.
const PAGE: usize = 3;

/// Each person alone, and two together.
fn people() -> Vec<Vec<[u8; 16]>> {
    let mut people: Vec<_> = (0..PEOPLE).map(|number| vec![person(number)]).collect();
    people.push(vec![person(0), person(1)]);
    people
}

/// All profiles.
fn profiles() -> Vec<[u8; 16]> {
    (0..PEOPLE).map(person).collect()
}

impl LedgerSnapshot {
    /// Reads everything.
    pub async fn read(store: &dyn Store, place: usize) -> Result<Self, StoreError> {
        let credential = credential(place);
        let all = UsagePage {
            credential: credential.clone(),
            first: Day::from_number(0),
            last: Day::from_number(1 << 30),
        };
        let bought = store
            .bought(&credential, people(), SystemTime::UNIX_EPOCH)
            .await?;
        Ok(Self {
            entries: entries(store, &credential, None).await?,
            usage: store.daily_usage(all).await?,
            answers: answers(store, &credential).await?,
            bought,
            earlier: earlier(store, &credential, 0).await?,
            asked: store.asked_about(&credential, profiles()).await?,
            credential,
        })
    }

    /// Compares it with a model, which learns the numbers of entries.
    pub fn matches(&self, model: &mut Model) -> Result<(), Mismatch> {
        let is_ours = |entry: &&mut Entry| entry.credential == self.credential && !entry.is_gone;
        let ours: Vec<&mut Entry> = model.ledger.entries.iter_mut().filter(is_ours).collect();
        same("entries of the ledger", self.entries.len(), ours.len())?;
        let mut last = 0;
        for (actual, expected) in self.entries.iter().zip(ours) {
            same("whether entries rise", actual.id > last, true)?;
            last = actual.id;
            let id = *expected.id.get_or_insert(actual.id);
            same("an entry of the ledger", actual, &entry(expected, id))?;
        }
        same("sums", &self.usage, &model.ledger.usage(&self.credential))?;
        let is_negative =
            |usage: &Usage| usage.reserved < 0 || usage.credits < 0 || usage.calls < 0;
        same(
            "whether a sum is negative",
            self.usage.iter().any(is_negative),
            false,
        )?;
        self.has_answers_of(model)?;
        has_asked(&self.asked, model, &self.credential, &profiles())?;
        has_earlier(&self.earlier, model, &self.credential, 0)?;
        has_bought(
            &self.bought,
            model,
            &self.credential,
            SystemTime::UNIX_EPOCH,
        )
    }

    fn has_answers_of(&self, model: &Model) -> Result<(), Mismatch> {
        let ours = model.ledger.entries.iter();
        let ours = ours.filter(|entry| entry.credential == self.credential);
        let expected: Vec<_> = ours
            .filter_map(|entry| Some((entry.id?, &entry.operation, entry.answer.as_ref()?)))
            .collect();
        let actual: Vec<_> = self
            .answers
            .iter()
            .map(|answer| (answer.call, &answer.operation, &answer.body))
            .collect();
        same("answers that are kept", actual, expected)
    }
}

/// An entry as it is read.
fn entry(entry: &Entry, id: i64) -> LedgerEntry {
    let found = Some(entry.found);
    let subject = match &entry.what {
        What::Call {
            estimate,
            outcome,
            reserved,
        } => Subject::Call(LedgerCall {
            estimate: Some(*estimate),
            outcome: (*outcome).into(),
            reserved: *reserved,
            found: found.filter(|found| *found != Found::default()),
        }),
        What::Result { sequence } => Subject::Result(LedgerResult {
            sequence: *sequence,
            found,
        }),
    };
    LedgerEntry {
        id,
        time: Some(entry.time.into()),
        credential: entry.credential.clone(),
        operation: entry.operation.clone(),
        job_id: entry.job.clone(),
        request_id: entry.request.clone(),
        credits: entry.credits,
        subject: Some(subject),
    }
}

/// Reads a part, and compares it: purchases since a time, entries of a job, and what
/// was spent on a day.
pub async fn read_part(
    store: &dyn Store,
    model: &Model,
    job: &str,
    since: SystemTime,
) -> Result<(), Mismatch> {
    let failed = |error: StoreError| error.to_string();
    for place in 0..2 {
        let credential = credential(place);
        let bought = store.bought(&credential, people(), since).await;
        has_bought(&bought.map_err(failed)?, model, &credential, since)?;
        let others = earlier(store, &credential, 1).await.map_err(failed)?;
        has_earlier(&others, model, &credential, 1)?;
        for number in 0..PEOPLE {
            let profiles = vec![person(number)];
            let asked = store.asked_about(&credential, profiles.clone()).await;
            has_asked(&asked.map_err(failed)?, model, &credential, &profiles)?;
        }
        let of_job = entries(store, &credential, Some(job))
            .await
            .map_err(failed)?;
        let expected = model.ledger.entries.iter().filter(|entry| {
            let is_of_job = entry.job.as_deref() == Some(job) && !entry.is_gone;
            is_of_job && entry.credential == credential
        });
        let expected: Vec<i64> = expected.filter_map(|entry| entry.id).collect();
        let actual: Vec<i64> = of_job.iter().map(|entry| entry.id).collect();
        same("the entries of a job", actual, expected)?;
        for day in [Day::of(since), Day::of(model.days_ago(1))] {
            let spending = store.spending(&credential, day).await.map_err(failed)?;
            let expected = model.ledger.spending(&credential, day);
            same("what was spent on a day", spending, expected)?;
        }
    }
    Ok(())
}

/// What became of requests that ask for this.
async fn earlier(
    store: &dyn Store,
    credential: &str,
    what: u8,
) -> Result<Vec<Option<Admission>>, StoreError> {
    let mut all = Vec::new();
    for id in 0..=IDS {
        all.push(store.earlier(credential, &request(id, what)).await?);
    }
    Ok(all)
}

fn has_earlier(
    earlier: &[Option<Admission>],
    model: &Model,
    credential: &str,
    what: u8,
) -> Result<(), Mismatch> {
    let known = |id| model.ledger.known(credential, &request(id, what));
    let expected: Vec<_> = (0..=IDS).map(known).collect();
    same("earlier requests", earlier, &expected)
}

/// These are the calls that asked about any of these profiles.
fn has_asked(
    asked: &[Asked],
    model: &Model,
    credential: &str,
    profiles: &[[u8; 16]],
) -> Result<(), Mismatch> {
    let sorted = |mut asked: Vec<Asked>| {
        asked.sort_by_key(|one| (one.call, one.item, one.sequence));
        asked.dedup();
        asked
    };
    let expected = model.ledger.asked_about(credential, profiles);
    let what = "calls that asked about somebody";
    same(what, sorted(asked.to_vec()), sorted(expected))
}

/// For each of the people, these are the latest purchases that are held.
fn has_bought(
    bought: &[Option<Bought>],
    model: &Model,
    credential: &str,
    since: SystemTime,
) -> Result<(), Mismatch> {
    for (keys, bought) in people().iter().zip(bought) {
        let held = model.held(credential, keys, since);
        let Some(bought) = bought else {
            same("purchases that are held", held.len(), 0)?;
            continue;
        };
        let is_it = |(window, held_in): &(super::clock::Window, HeldIn)| {
            *held_in == bought.held_in && window.holds("", bought.time).is_ok()
        };
        let is_held = held.iter().any(is_it);
        let is_latest = !held.iter().any(|(window, _)| window.begin > bought.time);
        let what = format!("whether {bought:?} is held and the latest of {held:?}");
        same(&what, (is_held, is_latest), (true, true))?;
    }
    Ok(())
}

async fn entries(
    store: &dyn Store,
    credential: &str,
    job: Option<&str>,
) -> Result<Vec<LedgerEntry>, StoreError> {
    let mut all: Vec<LedgerEntry> = Vec::new();
    loop {
        let page = LedgerPage {
            credential: credential.to_owned(),
            after: all.last().map_or(0, |entry| entry.id),
            job_id: job.map(str::to_owned),
            start: None,
            end: None,
            limit: PAGE,
        };
        let page = store.ledger(page).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn answers(store: &dyn Store, credential: &str) -> Result<Vec<KeptAnswer>, StoreError> {
    let mut all: Vec<KeptAnswer> = Vec::new();
    loop {
        let after = all.last().map_or(0, |answer| answer.call);
        let page = store.kept_answers(credential, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
