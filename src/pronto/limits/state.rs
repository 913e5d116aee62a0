//! Who may send next, for one credential.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pass::Pass;
use super::queue::{Party, Queue};
use super::window::Window;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::Host;

/// So many polls of a credential are under way at once.
const POLLS: usize = 2;

/// Everything that decides who may send. It knows no time but what it is told.
#[derive(Debug)]
pub struct State {
    /// Requests to the main host that may be under way at once.
    places: Option<usize>,
    /// The endpoints that were called.
    tracks: Vec<Track>,
    /// The track whose turn it is, when several are ready.
    turn: usize,
    /// Polls that give way, oldest first.
    polls: VecDeque<Poll>,
    /// Polls that wait for their rate limit or are under way.
    polls_begun: usize,
    /// Requests to the main host that are under way.
    in_flight: usize,
    /// Of these, requests of callers.
    callers_in_flight: usize,
    last_id: u64,
    /// A task watches the time for those who wait.
    pub is_watched: bool,
    /// Nobody waits any more.
    pub is_closed: bool,
}

/// One endpoint.
#[derive(Debug)]
pub struct Track {
    /// The endpoint.
    pub endpoint: &'static Endpoint,
    /// What was sent to it.
    pub window: Window,
    /// Who waits for it.
    pub queue: Queue<Waiter>,
    /// Who came last.
    last_party: Option<Party>,
    /// Until then several parties count as present, although one of them may just have
    /// been served.
    contended_until: Option<Instant>,
    /// Somebody has waited for the rate since nobody did.
    has_backlog: bool,
}

impl Track {
    fn new(endpoint: &'static Endpoint, window: Window) -> Self {
        Self {
            endpoint,
            window,
            queue: Queue::default(),
            last_party: None,
            contended_until: None,
            has_backlog: false,
        }
    }

    /// When the next request may be sent. While several parties want more than the
    /// rate allows, requests are spread: else one party would take all that becomes
    /// free at once, just before another asks again.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let is_contended = self.contended_until.is_some_and(|until| now < until);
        self.window.next(now, is_contended && self.has_backlog)
    }

    fn push(&mut self, party: Party, id: u64, waiter: Waiter, now: Instant) {
        let last = self.last_party.replace(party.clone());
        if last.is_some_and(|last| last != party) {
            self.contended_until = Some(now + self.window.allowance().per * 2);
        }
        self.queue.push(party, id, waiter);
    }

    /// Notes whether somebody waits for the rate.
    fn look(&mut self, now: Instant) {
        self.has_backlog = match self.queue.is_empty() {
            true => false,
            false => self.has_backlog || self.window.next(now, false).is_none_or(|next| next > now),
        };
    }
}

/// Someone who waits.
#[derive(Debug)]
pub struct Waiter {
    sender: oneshot::Sender<Pass>,
    is_poll: bool,
}

/// A poll that gives way to callers.
#[derive(Debug)]
struct Poll {
    id: u64,
    track: usize,
    /// From then on it waits as callers do.
    ripe: Instant,
    sender: oneshot::Sender<Pass>,
}

/// Someone who may send.
#[derive(Debug)]
pub struct Grant {
    /// Where to tell it.
    pub sender: oneshot::Sender<Pass>,
    /// What may be sent.
    pub leave: Leave,
}

/// What may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Leave {
    /// To which endpoint.
    pub endpoint: &'static Endpoint,
    /// Its track.
    pub track: usize,
    /// Whether it is a poll.
    pub is_poll: bool,
}

impl State {
    /// Nobody waits.
    pub fn new(places: Option<usize>) -> Self {
        Self {
            places,
            tracks: Vec::new(),
            turn: 0,
            polls: VecDeque::new(),
            polls_begun: 0,
            in_flight: 0,
            callers_in_flight: 0,
            last_id: 0,
            is_watched: false,
            is_closed: false,
        }
    }

    /// The endpoints that were called.
    pub fn tracks(&mut self) -> &mut [Track] {
        &mut self.tracks
    }

    /// The track of an endpoint.
    pub fn track(&mut self, endpoint: &'static Endpoint, window: impl FnOnce() -> Window) -> usize {
        let known = self.tracks.iter().position(|t| t.endpoint == endpoint);
        known.unwrap_or_else(|| {
            self.tracks.push(Track::new(endpoint, window()));
            self.tracks.len() - 1
        })
    }

    /// A window, while its track is known.
    pub fn window(&mut self, track: usize) -> Option<&mut Window> {
        Some(&mut self.tracks.get_mut(track)?.window)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.callers_waiting() + self.polls.len()
    }

    /// How many wait as callers do: polls that give way are in nobody's way.
    pub fn callers_waiting(&self) -> usize {
        self.tracks.iter().map(|t| t.queue.len()).sum()
    }

    /// Requests to the main host that are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The tracks of the polls that give way.
    pub fn polls_by_track(&self) -> Vec<usize> {
        self.polls.iter().map(|poll| poll.track).collect()
    }

    /// When one more of this party could send, as far as rates tell.
    pub fn turn_of(&mut self, track: usize, party: &Party, now: Instant) -> Instant {
        self.tracks.get_mut(track).map_or(now, |track| {
            let ahead = track.queue.ahead_of(party);
            track.window.turn(ahead, now)
        })
    }

    /// Waits for a turn.
    pub fn push(
        &mut self,
        track: usize,
        party: Party,
        sender: oneshot::Sender<Pass>,
        now: Instant,
    ) -> u64 {
        self.last_id += 1;
        let waiter = Waiter {
            sender,
            is_poll: party == Party::Polls,
        };
        if let Some(track) = self.tracks.get_mut(track) {
            track.push(party, self.last_id, waiter, now);
        }
        self.last_id
    }

    /// Waits until no caller's request is under way, or until it is ripe.
    pub fn push_poll(&mut self, track: usize, ripe: Instant, sender: oneshot::Sender<Pass>) -> u64 {
        self.last_id += 1;
        self.polls.push_back(Poll {
            id: self.last_id,
            track,
            ripe,
            sender,
        });
        self.last_id
    }

    /// Waits no longer, if it still waits.
    pub fn remove(&mut self, track: usize, party: &Party, id: u64) {
        let track = self.tracks.get_mut(track);
        let waiter = track.and_then(|track| track.queue.remove(party, id));
        match waiter {
            Some(Waiter { is_poll: true, .. }) => self.polls_begun -= 1,
            Some(_) => {}
            None => self.polls.retain(|poll| poll.id != id),
        }
    }

    /// Lets nobody wait any more.
    pub fn close(&mut self) {
        self.is_closed = true;
        for track in &mut self.tracks {
            track.queue.clear();
        }
        self.polls.clear();
    }

    /// A request has ended.
    pub fn release(&mut self, leave: Leave) {
        if is_main(leave.endpoint) {
            self.in_flight -= 1;
            self.callers_in_flight -= usize::from(!leave.is_poll);
        }
        self.polls_begun -= usize::from(leave.is_poll);
    }

    /// Everybody who may send now.
    pub fn dispatch(&mut self, now: Instant) -> Vec<Grant> {
        self.ripen(now);
        let mut grants = Vec::new();
        while let Some(next) = self.next_in_queue(now).or_else(|| self.next_poll(now)) {
            let (track, waiter) = next;
            grants.extend(self.grant(track, waiter, now));
        }
        for track in &mut self.tracks {
            track.look(now);
        }
        grants
    }

    /// When someone may send next, unless something else happens before.
    pub fn wake(&mut self, now: Instant) -> Option<Instant> {
        let mut wakes: Vec<Instant> = Vec::new();
        for index in 0..self.tracks.len() {
            let has_place = self.has_place(index);
            let polls = self.polls.iter();
            let is_polled = self.may_poll() && polls.clone().any(|poll| poll.track == index);
            let Some(track) = self.tracks.get_mut(index).filter(|_| has_place) else {
                continue;
            };
            if is_polled || !track.queue.is_empty() {
                wakes.extend(track.next(now));
            }
        }
        if self.polls_begun < POLLS {
            wakes.extend(self.polls.iter().map(|poll| poll.ripe));
        }
        wakes.into_iter().min()
    }

    /// Polls that waited long enough wait as callers do.
    fn ripen(&mut self, now: Instant) {
        while self.polls_begun < POLLS {
            let ripe = self.polls.iter().position(|poll| poll.ripe <= now);
            let Some(poll) = ripe.and_then(|index| self.polls.remove(index)) else {
                return;
            };
            let waiter = Waiter {
                sender: poll.sender,
                is_poll: true,
            };
            if let Some(track) = self.tracks.get_mut(poll.track) {
                track.push(Party::Polls, poll.id, waiter, now);
                self.polls_begun += 1;
            }
        }
    }

    fn next_in_queue(&mut self, now: Instant) -> Option<(usize, Waiter)> {
        let count = self.tracks.len();
        let mut turns = (self.turn..count).chain(0..self.turn.min(count));
        let index = turns.find(|index| {
            let waits = self.tracks.get(*index).is_some_and(|t| !t.queue.is_empty());
            waits && self.is_ready(*index, now)
        })?;
        self.turn = index + 1;
        Some((index, self.tracks.get_mut(index)?.queue.pop()?))
    }

    fn next_poll(&mut self, now: Instant) -> Option<(usize, Waiter)> {
        if !self.may_poll() {
            return None;
        }
        let tracks = self.polls_by_track();
        let index = tracks.iter().position(|track| self.is_ready(*track, now))?;
        let poll = self.polls.remove(index)?;
        self.polls_begun += 1;
        let waiter = Waiter {
            sender: poll.sender,
            is_poll: true,
        };
        Some((poll.track, waiter))
    }

    /// Whether polls may begin: no caller's request is under way. One that waits for
    /// the rate limit of its endpoint does not count.
    fn may_poll(&self) -> bool {
        self.callers_in_flight == 0 && self.polls_begun < POLLS
    }

    fn grant(&mut self, index: usize, waiter: Waiter, now: Instant) -> Option<Grant> {
        let track = self.tracks.get_mut(index)?;
        track.window.hold(now);
        let leave = Leave {
            endpoint: track.endpoint,
            track: index,
            is_poll: waiter.is_poll,
        };
        if is_main(leave.endpoint) {
            self.in_flight += 1;
            self.callers_in_flight += usize::from(!leave.is_poll);
        }
        Some(Grant {
            sender: waiter.sender,
            leave,
        })
    }

    /// Whether a request may be sent: its rate and the places allow it, together.
    fn is_ready(&mut self, track: usize, now: Instant) -> bool {
        let has_place = self.has_place(track);
        let next = self.tracks.get_mut(track).and_then(|track| track.next(now));
        has_place && next.is_some_and(|next| next <= now)
    }

    fn has_place(&self, track: usize) -> bool {
        let is_free = self.places.is_none_or(|places| self.in_flight < places);
        is_free || !self.is_main(track)
    }

    fn is_main(&self, track: usize) -> bool {
        let track = self.tracks.get(track);
        track.is_some_and(|track| is_main(track.endpoint))
    }
}

/// The synchronous host keeps a request for long, and has room for many.
pub fn is_main(endpoint: &Endpoint) -> bool {
    endpoint.host != Host::Synchronous
}
