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
use super::limits::Limits;
use super::lists::{self, ListRecord};
use super::reply::Fault;
use super::searches::SearchRecord;
use super::switches::{SwitchHandle, Switches};
use super::webhook::Clients;
use super::world::World;
use crate::proto::endpoint::Endpoint;

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
    working: watch::Sender<usize>,
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
            clients: OnceLock::new(),
            initial,
            round: Mutex::new(stop.child_token()),
            stop,
            turn: AtomicU64::new(0),
            working: watch::Sender::new(0),
        }
    }

    /// Works in the background until done, or until the sandbox stops or is
    /// reset.
    pub fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.working.send_modify(|count| *count += 1);
        let state = Arc::clone(self);
        let round = self.round.lock().clone();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = round.cancelled() => {}
            }
            state.working.send_modify(|count| *count -= 1);
        });
    }

    /// Carries out a request, also when nobody waits for it any more. None when the
    /// sandbox is reset meanwhile.
    pub async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.working.send_modify(|count| *count += 1);
        let state = Arc::clone(self);
        let round = self.round.lock().clone();
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = work => Some(outcome),
                () = state.is_reset(&round) => None,
            };
            // Before it is answered: whoever has the answer knows that it is over.
            state.working.send_modify(|count| *count -= 1);
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

    /// How much works in the background.
    #[must_use]
    pub fn under_way(&self) -> usize {
        *self.working.borrow()
    }

    /// Waits until nothing works in the background.
    pub async fn idle(&self) {
        // The sender lives as long as this borrow: the wait cannot fail.
        let _ = self.working.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Ends the work in the background, and makes everything as it was at the
    /// start.
    pub async fn reset(&self) {
        let ended = std::mem::replace(&mut *self.round.lock(), self.stop.child_token());
        ended.cancel();
        self.idle().await;
        self.searches.lock().clear();
        self.contacts.lock().clear();
        *self.lists.lock() = lists::initial(&self.world);
        self.ledger.reset();
        self.limits.reset();
        self.counters.reset();
        self.turn.store(0, Ordering::Relaxed);
        *self.switches.write() = self.initial.clone();
    }

    /// The switches for one delivery or answer: forms that alternate are decided.
    #[must_use]
    pub fn form(&self) -> Switches {
        let switches = self.switches.read().clone();
        switches.at_turn(self.turn.fetch_add(1, Ordering::Relaxed))
    }

    /// The faults that strike on this occasion.
    pub fn strike(&self, group: Group, endpoint: &Endpoint) -> Vec<Strike> {
        let seed = self.world.seed();
        let strikes = self.switches.write().faults.strike(seed, group, endpoint);
        for strike in &strikes {
            self.counters.count_fault(strike.kind);
        }
        strikes
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

    /// Charges credits.
    pub fn charge(&self, credits: u64) {
        self.switches.write().credits -= i64::try_from(credits).unwrap_or(i64::MAX);
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
