//! Every engine that stores jobs, against a model: random scripts of writes,
//! reads, crashes and restarts, and after each step everything that can be read
//! is compared.
//!
//! `PROPTEST_CASES` says how many scripts are played, and `PROPTEST_RNG_SEED` which;
//! `scripts/proof model` plays many.

mod accounts;
mod call;
mod charges;
mod clock;
mod compare;
mod content;
mod forget;
mod generate;
mod job;
mod known;
mod ledger;
mod model;
mod pages;
mod people;
mod play;
mod regressions;
mod reused;
mod script;
mod snapshot;
mod sums;
mod together;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::jobs::store::{Store, StoreError};
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::harness::random;
use generate::script;

/// An engine that stores jobs.
pub struct Engine {
    name: &'static str,
    /// Opens the store in a folder, and creates it where there is none.
    open: fn(&Path) -> Result<Arc<dyn Store>, StoreError>,
    /// The file to which each write is appended.
    log: &'static str,
}

const ENGINES: &[Engine] = &[Engine {
    name: "sqlite",
    open: |folder| Ok(Arc::new(SqliteStore::open(&folder.join("jobs.sqlite"))?)),
    log: "jobs.sqlite-wal",
}];

/// So many scripts are played when nobody says how many.
const CASES: u32 = 200;

/// A script has at most so many steps.
const STEPS: usize = 28;

#[derive(Default)]
struct Total {
    steps: AtomicUsize,
    crashes: AtomicUsize,
}

#[test]
fn every_engine_does_what_the_model_does() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let threads = thread::available_parallelism().map_or(1, |count| count.get());
    let total = Total::default();
    for engine in ENGINES {
        thread::scope(|scope| {
            for share in 0..threads {
                let total = &total;
                let numbers = (0..cases).skip(share).step_by(threads);
                scope.spawn(move || play_many(engine, numbers, total));
            }
        });
    }
    println!(
        "model cases={} seed={} steps={} crashes={} engines={}",
        cases as usize * ENGINES.len(),
        random::seed(),
        total.steps.load(Ordering::Relaxed),
        total.crashes.load(Ordering::Relaxed),
        ENGINES.len(),
    );
}

fn play_many(engine: &Engine, numbers: impl Iterator<Item = u32>, total: &Total) {
    let runtime = runtime();
    let scripts = script(STEPS);
    for number in numbers {
        let outcome = TestRunner::new(random::case(number)).run(&scripts, |script| {
            let played = runtime.block_on(play::play(engine, &script));
            let played = played.map_err(TestCaseError::fail)?;
            total.steps.fetch_add(played.steps, Ordering::Relaxed);
            total.crashes.fetch_add(played.crashes, Ordering::Relaxed);
            Ok(())
        });
        if let Err(error) = outcome {
            let seed = random::seed();
            panic!("{}: script {number} of seed {seed}: {error}", engine.name);
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().expect("a runtime")
}
