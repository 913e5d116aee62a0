//! Plays a script to a store, and compares it with the model after each step.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::Day;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::Engine;
use super::call::{Call, Outcome};
use super::clock::{Window, tick};
use super::compare::{Mismatch, same};
use super::model::Model;
use super::pages::read_pages;
use super::script::{Step, Write};
use super::snapshot::Snapshot;

/// What a script came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    pub steps: usize,
    pub crashes: usize,
}

/// Plays a script.
pub async fn play(engine: &Engine, script: &[Step]) -> Result<Played, Mismatch> {
    let root = folder().map_err(|error| error.to_string())?;
    let mut player = Player::new(engine, root)?;
    for (number, step) in script.iter().enumerate() {
        player
            .step(step)
            .await
            .map_err(|mismatch| format!("step {number}, {step:?}: {mismatch}"))?;
    }
    Ok(Played {
        steps: script.len(),
        crashes: player.crashes,
    })
}

/// A folder in memory where there is one: what a disk does is not the question.
fn folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
}

struct Player<'e> {
    engine: &'e Engine,
    root: TempDir,
    /// The store is in the folder with this number.
    folder: usize,
    /// None only while it is closed.
    store: Option<Arc<dyn Store>>,
    model: Model,
    /// The model and the length of the log before the last write, where that was
    /// one transaction.
    before: Option<(Model, u64)>,
    /// When each step began.
    times: Vec<SystemTime>,
    crashes: usize,
}

impl<'e> Player<'e> {
    fn new(engine: &'e Engine, root: TempDir) -> Result<Self, Mismatch> {
        let mut player = Self {
            engine,
            root,
            folder: 0,
            store: None,
            model: Model::new(),
            before: None,
            times: Vec::new(),
            crashes: 0,
        };
        fs::create_dir(player.path()).map_err(|error| error.to_string())?;
        player.open()?;
        Ok(player)
    }

    fn path(&self) -> PathBuf {
        self.root.path().join(self.folder.to_string())
    }

    fn open(&mut self) -> Result<(), Mismatch> {
        let store = (self.engine.open)(&self.path()).map_err(|error| error.to_string())?;
        self.store = Some(store);
        Ok(())
    }

    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("it is open between steps")
    }

    async fn step(&mut self, step: &Step) -> Result<(), Mismatch> {
        let begin = tick();
        self.times.push(begin);
        let before = self.before.take();
        let mut candidates = vec![self.model.clone()];
        match step {
            Step::Write(writes) => candidates = self.write(writes, begin).await?,
            Step::Trim { steps_ago } => {
                let before = begin_of(&self.times, *steps_ago);
                self.store().trim(before).await.map_err(as_mismatch)?;
                candidates[0].trim(before);
            }
            Step::TrimLedger { days_ago, earlier } => {
                // A second later, so that it is before none of that day.
                let a_second_later = |time| time + Duration::from_secs(1);
                let before = match days_ago {
                    0 => begin,
                    days => a_second_later(self.model.days_ago(*days)),
                };
                let day = Day::from_number(Day::of(before).number() - earlier);
                let trimmed = self.store().trim_ledger(before, day).await;
                trimmed.map_err(as_mismatch)?;
                let now = SystemTime::now();
                candidates[0].ledger.forget_before(before, day, now);
            }
            Step::DropBodies => {
                let were_any = self.store().drop_bodies().await.map_err(as_mismatch)?;
                let expected = candidates[0].drop_bodies();
                same("whether there were bodies to drop", were_any, expected)?;
            }
            Step::Read(page) => {
                read_pages(&*self.store(), &self.model, *page, &self.times).await?;
            }
            Step::Reopen => {
                self.store = None;
                self.open()?;
            }
            Step::Crash => self.crash(None)?,
            Step::TornCrash { part } => {
                candidates = vec![self.torn_crash(before, *part)?];
            }
        }
        let window = Window { begin, end: tick() };
        let is_thorough = !matches!(step, Step::Write(_) | Step::Read(_));
        self.compare(candidates, window, is_thorough).await
    }

    /// Goes on with the one of several models that the store matches.
    async fn compare(
        &mut self,
        candidates: Vec<Model>,
        window: Window,
        is_thorough: bool,
    ) -> Result<(), Mismatch> {
        let names = candidates.iter().flat_map(Model::names).collect();
        let before = self.times[self.times.len() / 2];
        let snapshot = Snapshot::read(&*self.store(), names, before, is_thorough).await;
        let snapshot = snapshot.map_err(as_mismatch)?;
        let mut mismatch = None;
        for mut model in candidates {
            match snapshot.matches(&mut model, window) {
                Ok(()) => {
                    self.model = model;
                    return Ok(());
                }
                Err(error) => mismatch = mismatch.or(Some(error)),
            }
        }
        Err(mismatch.unwrap_or_default())
    }

    /// Writes at once. Returns what the model may have become: what happened in an
    /// order in which each write would be answered as it was.
    async fn write(&mut self, writes: &[Write], begin: SystemTime) -> Result<Vec<Model>, Mismatch> {
        let calls: Vec<Call> = calls(writes, &self.model, &self.times);
        if let [call] = &calls[..]
            && call.is_atomic()
        {
            self.before = Some((self.model.clone(), self.log_length()));
        }
        let answered = self.perform(calls).await;
        let window = Window { begin, end: tick() };
        let mut candidates = Vec::new();
        let mut mismatch = None;
        for order in orders(answered.len()) {
            let mut model = self.model.clone();
            let applied = order.iter().try_for_each(|place| {
                let (call, outcome) = &answered[*place];
                model.apply(call, outcome, window)
            });
            match applied {
                Ok(()) => candidates.push(model),
                Err(error) => mismatch = mismatch.or(Some(error)),
            }
        }
        match (candidates.is_empty(), mismatch) {
            (true, Some(mismatch)) => Err(mismatch),
            _ => Ok(candidates),
        }
    }

    async fn perform(&self, calls: Vec<Call>) -> Vec<(Call, Outcome)> {
        let mut tasks = JoinSet::new();
        for call in calls {
            let store = self.store();
            tasks.spawn(async move { (call.clone(), call.perform(&*store).await) });
        }
        tasks.join_all().await
    }

    // === crashes ===

    fn log_length(&self) -> u64 {
        let log = fs::metadata(self.path().join(self.engine.log));
        log.map_or(0, |log| log.len())
    }

    /// Goes on with what the last write left when it got only partly into the log:
    /// nothing of it.
    fn torn_crash(&mut self, before: Option<(Model, u64)>, part: u8) -> Result<Model, Mismatch> {
        let after = self.log_length();
        match before {
            Some((model, length)) if length < after => {
                let kept = length + (after - length) * u64::from(part) / 256;
                self.crash(Some(kept))?;
                Ok(model)
            }
            _ => self.crash(None).map(|()| self.model.clone()),
        }
    }

    /// Copies the files as they are, and opens the copy.
    fn crash(&mut self, log_length: Option<u64>) -> Result<(), Mismatch> {
        self.crashes += 1;
        let old = self.path();
        self.folder += 1;
        copy(&old, &self.path()).map_err(|error| error.to_string())?;
        if let Some(length) = log_length {
            let log = self.path().join(self.engine.log);
            let log = fs::OpenOptions::new().write(true).open(log);
            log.and_then(|log| log.set_len(length))
                .map_err(|error| error.to_string())?;
        }
        self.open()?;
        fs::remove_dir_all(old).map_err(|error| error.to_string())
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// When the step so many steps ago began; the last one is 0 steps ago.
pub fn begin_of(times: &[SystemTime], steps_ago: usize) -> SystemTime {
    times[times.len().saturating_sub(steps_ago + 1)]
}

/// What the writes of a step mean. An id is not used twice, so none is created
/// beside being purged.
fn calls(writes: &[Write], model: &Model, times: &[SystemTime]) -> Vec<Call> {
    let is_purged = |job: &usize| {
        let purges = |write: &Write| match write {
            Write::Purge { job: purged } => purged == job,
            Write::PurgeEnded { jobs, .. } => jobs.contains(job),
            _ => false,
        };
        writes.iter().any(purges)
    };
    let is_possible =
        |write: &&Write| !matches!(write, Write::Create { job, .. } if is_purged(job));
    let possible = writes.iter().filter(is_possible);
    possible
        .map(|write| Call::resolve(write, model, times))
        .collect()
}

/// All orders of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |orders, next| {
        let with_next = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, next);
                longer
            })
        };
        orders.into_iter().flat_map(with_next).collect()
    })
}

fn as_mismatch(error: StoreError) -> Mismatch {
    error.to_string()
}
