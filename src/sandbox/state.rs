//! What a running sandbox knows and shares between requests.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use prost_types::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::config::SandboxConfig;
use super::contacts::ContactRecord;
use super::counters::Counters;
use super::limits::Limits;
use super::lists::{self, ListRecord};
use super::reply::Fault;
use super::searches::SearchRecord;
use super::switches::{SwitchHandle, Switches};
use super::world::World;

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
    /// Sends webhooks; set when the sandbox serves.
    pub client: OnceLock<reqwest::Client>,
    /// Ends the work in the background.
    pub stop: CancellationToken,
    working: watch::Sender<usize>,
}

impl State {
    /// The state at the start.
    #[must_use]
    pub fn new(config: &SandboxConfig) -> Self {
        let world = World::generate(config.seed, config.companies, config.people);
        let lists = lists::initial(&world);
        Self {
            api_keys: config.api_keys.clone(),
            world,
            switches: Arc::new(RwLock::new(Switches::from(config))),
            counters: Counters::default(),
            limits: Limits::default(),
            searches: Mutex::default(),
            contacts: Mutex::default(),
            lists: Mutex::new(lists),
            client: OnceLock::new(),
            stop: CancellationToken::new(),
            working: watch::Sender::new(0),
        }
    }

    /// Works in the background until done, or until the sandbox stops.
    pub fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.working.send_modify(|count| *count += 1);
        let state = Arc::clone(self);
        tokio::spawn(async move {
            let stop = state.stop.clone();
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
            state.working.send_modify(|count| *count -= 1);
        });
    }

    /// Waits until nothing works in the background.
    pub async fn idle(&self) {
        // The sender lives as long as this borrow: the wait cannot fail.
        let _ = self.working.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits for one unit of progress.
    pub async fn pace(&self) {
        let pace = self.switches.read().pace;
        tokio::time::sleep(pace).await;
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
