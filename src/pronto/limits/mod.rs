//! How many requests are sent to Pronto, and whose turn it is.
//!
//! Each credential has a lane. A request needs the rate limit of its endpoint and,
//! on the main host, one of few places for requests under way. It gets both at the
//! same moment: while it waits it takes neither from others.
//!
//! * [`allowance`]: how many requests an endpoint may get.
//! * [`window`]: how many it got in the last period.
//! * [`queue`]: callers take turns.
//! * [`state`]: who may send next. Polling gives way to callers.
//! * [`lane`]: wakes those who may send.
//! * [`pass`]: the right to send one request.

mod allowance;
mod lane;
mod pass;
mod queue;
mod state;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Caller, Credential, Failure};
use crate::metrics;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ErrorReason;
use allowance::Allowances;
use lane::{Lane, Refusal};
use queue::Party;

pub use allowance::{Allowance, Override, parse_override};
pub use lane::LimitSnapshot;
pub use pass::{Departure, Pass};

/// Lanes are looked through for unused ones when there are so many, and again when
/// they have doubled.
const MANY_LANES: usize = 64;

/// How soon another server may be there when this one shuts down.
const RESTART: Duration = Duration::from_secs(1);

/// Who is refused is not asked to come back sooner.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Who has no deadline waits no longer for its turns.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What may be sent.
#[derive(Clone, Debug, Default)]
pub struct LimitOptions {
    /// Rates that differ from what Pronto documents.
    pub overrides: Vec<Override>,
    /// Requests of a credential that may be under way on the main host; 0: any number.
    pub max_in_flight: usize,
}

/// The limits of a credential.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitsSnapshot {
    /// One for each endpoint that was called, by name.
    pub limits: Vec<LimitSnapshot>,
    /// Requests to the main host that are under way.
    pub in_flight: usize,
    /// At most so many are under way at once; 0: any number.
    pub max_in_flight: usize,
}

/// The limits of all credentials.
#[derive(Debug)]
pub struct Limits {
    allowances: Allowances,
    max_in_flight: usize,
    lanes: Mutex<Lanes>,
    /// Nobody waits any more.
    closing: CancellationToken,
}

#[derive(Debug)]
struct Lanes {
    by_credential: HashMap<String, Arc<Lane>>,
    /// When there are so many, unused ones are forgotten.
    many: usize,
}

impl Limits {
    /// Limits under which nothing was sent yet.
    #[must_use]
    pub fn new(options: &LimitOptions) -> Self {
        Self {
            allowances: Allowances::new(&options.overrides),
            max_in_flight: options.max_in_flight,
            lanes: Mutex::new(Lanes {
                by_credential: HashMap::new(),
                many: MANY_LANES,
            }),
            closing: CancellationToken::new(),
        }
    }

    /// What an endpoint may get.
    #[must_use]
    pub fn allowance(&self, endpoint: &Endpoint) -> Allowance {
        self.allowances.of(endpoint)
    }

    /// Waits until a caller's request may be sent; one without deadline until `end`.
    ///
    /// # Errors
    ///
    /// When its turn would come later, too many wait, or nobody waits for it any more.
    /// Nothing was sent then.
    pub async fn enter(
        &self,
        caller: &Caller,
        endpoint: &'static Endpoint,
        end: Instant,
    ) -> Result<Pass, Failure> {
        let begin = Instant::now();
        let deadline = caller.deadline().unwrap_or(end);
        let party = Party::Caller(caller.party.clone());
        let lane = self.lane(&caller.credential);
        let ticket = lane.wait(endpoint, self.allowance(endpoint), party, Some(deadline));
        let pass = match ticket {
            Ok(ticket) => tokio::select! {
                biased;
                pass = ticket.turn(late(caller, end)) => pass,
                // What is not sent yet is sent for nobody.
                () = caller.left() => Err(Refusal::Left),
            },
            Err(refusal) => Err(refusal),
        };
        let pass = pass.map_err(|refusal| refused(endpoint, &refusal))?;
        metrics::upstream_waited(endpoint, begin.elapsed());
        Ok(pass)
    }

    /// Waits until a request may be sent for which no caller waits: it gives way to
    /// theirs, but not for longer than `patience`.
    ///
    /// # Errors
    ///
    /// When the server shuts down.
    pub async fn enter_to_poll(
        &self,
        credential: &Credential,
        endpoint: &'static Endpoint,
        patience: Duration,
    ) -> Result<Pass, Failure> {
        let lane = self.lane(credential);
        let ticket = lane.wait_to_poll(endpoint, self.allowance(endpoint), patience);
        let pass = ticket.turn(std::future::pending()).await;
        pass.map_err(|refusal| refused(endpoint, &refusal))
    }

    /// Refuses a call whose turn would come after its deadline.
    ///
    /// # Errors
    ///
    /// Then.
    pub fn check(&self, caller: &Caller, endpoint: &'static Endpoint) -> Result<(), Failure> {
        let Some(deadline) = caller.deadline() else {
            return Ok(());
        };
        let party = Party::Caller(caller.party.clone());
        let lane = self.lane(&caller.credential);
        let wait = lane.turn_in(endpoint, self.allowance(endpoint), &party);
        match !wait.is_zero() && Instant::now() + wait > deadline {
            true => Err(refused(endpoint, &Refusal::TooLate(wait))),
            false => Ok(()),
        }
    }

    /// Refuses everybody who waits: the server shuts down.
    pub fn close(&self) {
        let lanes = self.lanes.lock();
        self.closing.cancel();
        for lane in lanes.by_credential.values() {
            lane.close();
        }
    }

    /// Waits until nobody may wait any more.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// The limits of a credential.
    #[must_use]
    pub fn snapshot(&self, credential: &Credential) -> LimitsSnapshot {
        let lane = self
            .lanes
            .lock()
            .by_credential
            .get(&credential.name)
            .cloned();
        let (mut limits, in_flight) = lane.map(|lane| lane.snapshot()).unwrap_or_default();
        limits.sort_by_key(|limit| limit.endpoint.rpc);
        LimitsSnapshot {
            limits,
            in_flight,
            max_in_flight: self.max_in_flight,
        }
    }

    /// The lane of a credential. Callers bring keys, so unused lanes are forgotten,
    /// once what they sent no longer counts.
    fn lane(&self, credential: &Credential) -> Arc<Lane> {
        let mut lanes = self.lanes.lock();
        if let Some(lane) = lanes.by_credential.get(&credential.name) {
            return lane.clone();
        }
        if lanes.by_credential.len() >= lanes.many {
            let is_used = |lane: &Arc<Lane>| Arc::strong_count(lane) > 1 || !lane.is_idle();
            lanes.by_credential.retain(|_, lane| is_used(lane));
            lanes.many = MANY_LANES.max(lanes.by_credential.len() * 2);
        }
        let places = (self.max_in_flight > 0).then_some(self.max_in_flight);
        let lane = Arc::new(Lane::new(places));
        if self.closing.is_cancelled() {
            lane.close();
        }
        let name = credential.name.clone();
        lanes.by_credential.insert(name, lane.clone());
        lane
    }
}

/// Waits until somebody waits no longer: at a deadline, or else at this end.
async fn late(caller: &Caller, end: Instant) {
    tokio::select! {
        () = caller.late() => {}
        () = sleep_until(end), if caller.deadline().is_none() => {}
    }
}

/// A call that is refused here.
fn refused(endpoint: &'static Endpoint, refusal: &Refusal) -> Failure {
    metrics::upstream_refused(endpoint);
    let (why, wait) = match refusal {
        Refusal::Full(wait) => ("too many calls wait already", *wait),
        Refusal::TooLate(wait) => (
            "the call's turn would come after its deadline, or is too far away",
            *wait,
        ),
        Refusal::Left => {
            let message =
                "nobody waits for the call any more, or its job was cancelled; nothing was sent";
            return Failure::new(ErrorReason::DeadlineExceeded, endpoint, message);
        }
        Refusal::Closed => {
            let message = "the server shuts down; nothing was sent";
            return Failure {
                retry_after: Some(RESTART),
                ..Failure::new(ErrorReason::Draining, endpoint, message)
            };
        }
    };
    let message = format!(
        "{why}: calls wait in this server so that Pronto's rate limit is kept; nothing was sent"
    );
    Failure {
        retry_after: Some(wait.max(SHORTEST_WAIT)),
        ..Failure::new(ErrorReason::RateLimited, endpoint, message)
    }
}
