//! What a running sandbox knows and shares between requests.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use prost_types::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::config::SandboxConfig;
use super::contacts::ContactRecord;
use super::counters::Counters;
use super::faults::{Group, Strike};
use super::findings::Ledger;
use super::journal::{Entry, Journal, Kept};
use super::limits::Limits;
use super::lists::{self, ListRecord};
use super::outbox::FirstDelivery;
use super::reply::Fault;
use super::searches::SearchRecord;
use super::switches::{SwitchHandle, Switches};
use super::webhook::Clients;
use super::world::World;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::FaultKind;

/// A sandbox's world, records and switches.
pub struct State {
    /// The keys that are accepted.
    pub api_keys: Vec<String>,
    /// Companies and people.
    pub world: World,
    /// How to behave.
    pub switches: SwitchHandle,
    /// What was done.
    pub counters: Counters,
    /// Requests in the current windows.
    pub limits: Limits,
    /// Searches by id. Ids sort by time of creation.
    pub searches: Mutex<BTreeMap<String, SearchRecord>>,
    /// Contact enrichments by id.
    pub contacts: Mutex<BTreeMap<String, ContactRecord>>,
    /// Lists by id.
    pub lists: Mutex<BTreeMap<String, ListRecord>>,
    /// What was truly found.
    pub ledger: Ledger,
    /// What of it outlives the process.
    pub journal: Journal,
    /// Send webhooks; set when the sandbox serves.
    pub clients: OnceLock<Clients>,
    /// Ends the sandbox's work in the background for good.
    pub stop: CancellationToken,
    /// How the switches were at the start.
    initial: Switches,
    /// Ends the work in the background that was started since the last reset.
    round: Mutex<CancellationToken>,
    /// Counts what forms alternate over.
    turn: AtomicU64,
    /// Work of another process that has not gone on yet.
    resting: Mutex<Vec<Kept>>,
    working: watch::Sender<Load>,
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Requests, which are carried out to their end.
    requests: usize,
    /// Work in the background, which may end before.
    background: usize,
}

impl Load {
    fn sum(self) -> usize {
        self.requests + self.background
    }
}

impl State {
    /// The state at the start.
    #[must_use]
    pub fn new(config: &SandboxConfig) -> Self {
        let world = World::generate(config.seed, config.companies, config.people);
        let lists = lists::initial(&world);
        let initial = Switches::from(config);
        let stop = CancellationToken::new();
        Self {
            api_keys: config.api_keys.clone(),
            world,
            switches: Arc::new(RwLock::new(initial.clone())),
            counters: Counters::default(),
            limits: Limits::default(),
            searches: Mutex::default(),
            contacts: Mutex::default(),
            lists: Mutex::new(lists),
            ledger: Ledger::default(),
            journal: Journal::none(),
            clients: OnceLock::new(),
            initial,
            round: Mutex::new(stop.child_token()),
            stop,
            turn: AtomicU64::new(0),
            resting: Mutex::default(),
            working: watch::Sender::default(),
        }
    }

    /// Works in the background until done, or until the sandbox stops or is
    /// reset.
    pub fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.working.send_modify(|load| load.background += 1);
        let state = Arc::clone(self);
        let round = self.round.lock().clone();
        tokio::spawn(async move {
            tokio::select! {
                // The end first: work that goes on meanwhile would lose a delivery.
                biased;
                () = round.cancelled() => {}
                () = work => {}
            }
            state.working.send_modify(|load| load.background -= 1);
        });
    }

    /// Keeps work of another process until it goes on; meanwhile it is under way.
    pub fn rest(&self, work: Kept) {
        self.working.send_modify(|load| load.background += 1);
        self.resting.lock().push(work);
    }

    /// Hands on the work that rests.
    pub fn wake(&self, to: impl FnOnce(Vec<Kept>)) {
        let woken = std::mem::take(&mut *self.resting.lock());
        let many = woken.len();
        to(woken);
        self.working.send_modify(|load| load.background -= many);
    }

    /// Carries out a request, also when nobody waits for it any more. None when the
    /// sandbox is reset meanwhile.
    pub async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.working.send_modify(|load| load.requests += 1);
        let state = Arc::clone(self);
        let round = self.round.lock().clone();
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = work => Some(outcome),
                () = state.is_reset(&round) => None,
            };
            // Before it is answered: whoever has the answer knows that it is over.
            state.working.send_modify(|load| load.requests -= 1);
            // The caller may be gone.
            let _ = answer.send(outcome);
        });
        answered.await.ok().flatten()
    }

    /// Waits for the end of a round by a reset; requests outlast that of the sandbox.
    async fn is_reset(&self, round: &CancellationToken) {
        round.cancelled().await;
        if self.stop.is_cancelled() {
            std::future::pending().await
        }
    }

    /// How much is under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.working.borrow().sum()
    }

    /// Waits until nothing is under way.
    pub async fn idle(&self) {
        self.wait_for(|load| load.sum() == 0).await;
    }

    /// Waits until nothing works in the background; requests may go on.
    pub async fn rested(&self) {
        self.wait_for(|load| load.background == 0).await;
    }

    async fn wait_for(&self, is_so: impl Fn(&Load) -> bool) {
        // The sender lives as long as this borrow: the wait cannot fail.
        let _ = self.working.subscribe().wait_for(is_so).await;
    }

    /// Ends the work in the background, and makes everything as it was at the
    /// start.
    pub async fn reset(&self) {
        let ended = std::mem::replace(&mut *self.round.lock(), self.stop.child_token());
        ended.cancel();
        self.wake(drop);
        self.idle().await;
        self.searches.lock().clear();
        self.contacts.lock().clear();
        *self.lists.lock() = lists::initial(&self.world);
        self.ledger.reset();
        self.limits.reset();
        self.counters.reset();
        self.turn.store(0, Ordering::Relaxed);
        let mut switches = self.switches.write();
        *switches = self.initial.clone();
        self.journal.reset();
    }

    /// Brings back how many turns forms have had.
    pub fn bring_back_turn(&self, turn: u64) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// The switches for one delivery or answer: forms that alternate are decided.
    #[must_use]
    pub fn form(&self) -> Switches {
        let switches = self.switches.read().clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if switches.alternates() {
            self.journal.note(|| Entry::Turn(turn.wrapping_add(1)));
        }
        switches.at_turn(turn)
    }

    /// The faults that strike on this occasion.
    pub fn strike(&self, group: Group, endpoint: &Endpoint) -> Vec<Strike> {
        let seed = self.world.seed();
        let mut switches = self.switches.write();
        let faults = &mut switches.faults;
        let strikes = faults.strike(seed, group, endpoint);
        if faults.concern(group, endpoint) {
            self.journal.note(|| Entry::Faults(faults.counts()));
        }
        drop(switches);
        for strike in &strikes {
            self.counters.count_fault(strike.kind);
        }
        strikes
    }

    /// Lets work begin. A fault may let this return only after its first delivery was
    /// answered, which so overtakes the answer that starts the work.
    pub async fn begin(&self, endpoint: &Endpoint, work: impl FnOnce() -> FirstDelivery) {
        let strikes = self.strike(Group::Start, endpoint);
        let delivered = work();
        if strikes.iter().any(|strike| strike.kind == FaultKind::Early) {
            // An error means that the first delivery is over.
            let _ = delivered.await;
        }
    }

    /// Waits for one unit of progress.
    pub async fn pace(&self) {
        let pace = self.switches.read().pace;
        tokio::time::sleep(pace).await;
    }

    /// Waits as long as faults make the enrichment of one item last.
    pub async fn linger(&self, endpoint: &Endpoint) {
        for strike in self.strike(Group::Enrichment, endpoint) {
            tokio::time::sleep(strike.duration).await;
        }
    }

    /// Refuses work that the credits left do not pay for.
    ///
    /// # Errors
    ///
    /// 422 with the text that clients recognize.
    pub fn check_credits(&self, price: u64) -> Result<(), Fault> {
        let left = self.switches.read().credits;
        if i64::try_from(price).is_ok_and(|price| price <= left) {
            return Ok(());
        }
        Err(Fault::Unprocessable(
            "Insufficient enrichment credits".to_owned(),
        ))
    }

    /// Charges credits, and notes for what.
    pub fn charge(&self, credits: u64, entry: impl FnOnce() -> Entry) {
        let mut switches = self.switches.write();
        switches.credits -= i64::try_from(credits).unwrap_or(i64::MAX);
        // Under the lock: what is left depends on the order of charges and settings.
        self.journal.note(entry);
        drop(switches);
        self.counters.count_credits(credits);
    }
}

/// A new id. Ids are not part of the seeded world: one that came back after a
/// restart would be taken for the old one.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The time.
#[must_use]
pub fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// The day so many days ago, as `YYYY-MM-DD`.
#[must_use]
pub fn day(days_ago: u32) -> String {
    let mut time = now();
    time.seconds -= i64::from(days_ago) * 24 * 60 * 60;
    time.to_string().chars().take(10).collect()
}
