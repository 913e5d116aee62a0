//! Those who call with one credential.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Allowance;
use super::pass::Pass;
use super::queue::Party;
use super::state::State;
use super::window::Window;
use crate::metrics;
use crate::proto::endpoint::Endpoint;

/// At most so many callers wait at once. One more would wait for minutes or hours.
const MAX_WAITING: usize = 10_000;

/// What a task that watches the time waits for when no time is known.
const LONG: Duration = Duration::from_secs(3600);

/// The limits of one credential, and who waits for them.
#[derive(Debug)]
pub struct Lane {
    state: Mutex<State>,
    /// Something changed that those who wait do not know.
    changed: Notify,
}

/// Why someone must not wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many wait already; the turn would come after so long.
    Full(Duration),
    /// The turn would come after the deadline, in so long.
    TooLate(Duration),
    /// Nobody waits for it any more.
    Left,
    /// The server shuts down.
    Closed,
}

/// A place among those who wait. Given up when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    lane: Arc<Lane>,
    endpoint: &'static Endpoint,
    track: usize,
    party: Party,
    id: u64,
    turn: oneshot::Receiver<Pass>,
}

/// The state of a rate limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSnapshot {
    /// Whose limit it is.
    pub endpoint: &'static Endpoint,
    /// What is allowed.
    pub allowance: Allowance,
    /// Requests that could be sent at once now.
    pub available: usize,
    /// Calls that wait.
    pub waiting: usize,
    /// Nothing is sent before, because Pronto answered 429.
    pub blocked_until: Option<SystemTime>,
}

impl Lane {
    /// A lane in which so many requests to the main host may be under way at once.
    pub fn new(places: Option<usize>) -> Self {
        Self {
            state: Mutex::new(State::new(places)),
            changed: Notify::new(),
        }
    }

    /// A caller's request waits for its turn.
    ///
    /// # Errors
    ///
    /// When there is no use in waiting.
    pub fn wait(
        self: &Arc<Self>,
        endpoint: &'static Endpoint,
        allowance: Allowance,
        party: Party,
        deadline: Option<Instant>,
    ) -> Result<Ticket, Refusal> {
        let (sender, turn) = oneshot::channel();
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Refusal::Closed);
        }
        let track = state.track(endpoint, || Window::new(allowance));
        let is_full = state.callers_waiting() >= MAX_WAITING;
        if is_full || deadline.is_some() {
            let at = state.turn_of(track, &party, now);
            if is_full {
                return Err(Refusal::Full(at - now));
            }
            if at > now && deadline.is_some_and(|deadline| deadline < at) {
                return Err(Refusal::TooLate(at - now));
            }
        }
        let id = state.push(track, party.clone(), sender, now);
        drop(state);
        Ok(self.ticket(endpoint, track, party, id, turn))
    }

    /// A poll waits until it is in nobody's way, or for `patience`.
    pub fn wait_to_poll(
        self: &Arc<Self>,
        endpoint: &'static Endpoint,
        allowance: Allowance,
        patience: Duration,
    ) -> Ticket {
        let (sender, turn) = oneshot::channel();
        let ripe = Instant::now() + patience;
        let mut state = self.state.lock();
        let track = state.track(endpoint, || Window::new(allowance));
        let id = state.push_poll(track, ripe, sender);
        drop(state);
        self.ticket(endpoint, track, Party::Polls, id, turn)
    }

    fn ticket(
        self: &Arc<Self>,
        endpoint: &'static Endpoint,
        track: usize,
        party: Party,
        id: u64,
        turn: oneshot::Receiver<Pass>,
    ) -> Ticket {
        metrics::upstream_waiting(endpoint, 1.0);
        self.dispatch(false);
        self.watch();
        Ticket {
            lane: self.clone(),
            endpoint,
            track,
            party,
            id,
            turn,
        }
    }

    /// Lets everybody send who may. Tells when someone may send next; nothing when
    /// nobody waits, and then who watches must end.
    fn dispatch(self: &Arc<Self>, is_watching: bool) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let grants = state.dispatch(now);
        let next = (state.waiting() > 0).then(|| state.wake(now).unwrap_or(now + LONG));
        state.is_watched &= !is_watching || next.is_some();
        drop(state);
        for grant in grants {
            let pass = Pass::new(self.clone(), &grant);
            // One that nobody takes is given back, for which the lock is needed.
            drop(grant.sender.send(pass));
        }
        next
    }

    /// Watches the time as long as somebody waits.
    fn watch(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if state.waiting() == 0 || state.is_watched {
            // Who watches may have to wake earlier than it thought.
            self.changed.notify_one();
            return;
        }
        state.is_watched = true;
        drop(state);
        let lane = self.clone();
        tokio::spawn(async move {
            while let Some(next) = lane.dispatch(true) {
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = lane.changed.notified() => {}
                }
            }
        });
    }

    /// Lets nobody wait any more.
    pub fn close(&self) {
        self.change(State::close);
    }

    /// Changes something that others may wait for.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_one();
    }

    /// How long one more of this party would wait, as far as rates tell.
    pub fn turn_in(
        &self,
        endpoint: &'static Endpoint,
        allowance: Allowance,
        party: &Party,
    ) -> Duration {
        let now = Instant::now();
        let mut state = self.state.lock();
        let track = state.track(endpoint, || Window::new(allowance));
        state.turn_of(track, party, now) - now
    }

    fn turn_of(&self, track: usize, party: &Party) -> Duration {
        let now = Instant::now();
        self.state.lock().turn_of(track, party, now) - now
    }

    /// Whether it can be forgotten.
    pub fn is_idle(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        let mut tracks = state.tracks().iter_mut();
        tracks.all(|track| track.window.is_idle(now))
    }

    /// The state of each limit, and how many requests to the main host are under way.
    pub fn snapshot(&self) -> (Vec<LimitSnapshot>, usize) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let in_flight = state.in_flight();
        let polls = state.polls_by_track();
        let tracks = state.tracks().iter_mut().enumerate();
        let limits = tracks.map(|(index, track)| LimitSnapshot {
            endpoint: track.endpoint,
            allowance: track.window.allowance(),
            available: track.window.available(now),
            waiting: track.queue.len() + polls.iter().filter(|track| **track == index).count(),
            blocked_until: track
                .window
                .blocked_until(now)
                .map(|until| SystemTime::now() + (until - now)),
        });
        (limits.collect(), in_flight)
    }
}

impl Ticket {
    /// The turn.
    ///
    /// # Errors
    ///
    /// When it is `late` before, or the server shuts down.
    pub async fn turn(mut self, late: impl Future<Output = ()>) -> Result<Pass, Refusal> {
        tokio::select! {
            biased;
            // Besides this ticket only closing drops the sender.
            pass = &mut self.turn => pass.map_err(|_| Refusal::Closed),
            () = late => Err(Refusal::TooLate(self.lane.turn_of(self.track, &self.party))),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        metrics::upstream_waiting(self.endpoint, -1.0);
        let (track, id) = (self.track, self.id);
        self.lane
            .change(|state| state.remove(track, &self.party, id));
    }
}
