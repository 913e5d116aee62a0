//! How many connections are open, and which one goes when another needs its place.
//!
//! A connection whose request is being handled never goes: only those that wait for
//! their peer stand in the queue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The places of a receiver.
pub struct Places {
    shared: Arc<Shared>,
}

struct Shared {
    max: usize,
    state: Mutex<State>,
    /// A place may have become free, or be taken from a connection that waits.
    changed: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Connections that wait for their peer; the first is the first to go.
    waiting: BTreeMap<Rank, Waker>,
    /// Connections that were asked to go and have not gone yet.
    asked: usize,
    next: u64,
    ending: bool,
}

/// Who goes first: a connection that never brought a callback, then that which has
/// waited longest. So a flood of strangers does not cost a proxy its connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    proven: bool,
    since: u64,
}

/// What a connection that waits is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait on.
    Stay,
    /// Go, because another connection needs the place.
    MakeRoom,
    /// Go, because the receiver ends.
    End,
}

impl Places {
    /// So many places, at least one.
    pub fn new(max: usize) -> Self {
        let shared = Shared {
            max: max.max(1),
            state: Mutex::default(),
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A place, where all are taken that of a connection which waits for its peer.
    /// Without any such, it comes when one is free. For one caller at a time.
    pub async fn take(&self) -> Place {
        loop {
            let taken = self.shared.state.lock().take(self.shared.max);
            if let Some(since) = taken {
                return Place {
                    shared: self.shared.clone(),
                    rank: None,
                    arrived: Some(since),
                    proven: false,
                };
            }
            self.shared.changed.notified().await;
        }
    }

    /// From now on connections go instead of waiting for another request.
    pub fn end(&self) {
        let mut state = self.shared.state.lock();
        state.ending = true;
        state.waiting.values().for_each(Waker::wake_by_ref);
    }

    /// Whether connections are to go after the request they are at.
    pub fn is_ending(&self) -> bool {
        self.shared.state.lock().ending
    }
}

impl State {
    /// Takes a place and gives the moment, or asks a connection for its own, one at
    /// a time.
    fn take(&mut self, max: usize) -> Option<u64> {
        if self.open < max {
            self.open += 1;
            return Some(self.now());
        }
        if self.asked == 0
            && let Some((_, waker)) = self.waiting.pop_first()
        {
            self.asked = 1;
            waker.wake();
        }
        None
    }

    /// A moment later than all before it.
    fn now(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// The place of a connection, given back when it is dropped.
pub struct Place {
    shared: Arc<Shared>,
    /// Where it stands in the queue, while it waits.
    rank: Option<Rank>,
    /// When it came, until it has waited.
    arrived: Option<u64>,
    proven: bool,
}

impl Place {
    /// Waits for the peer, and is woken when the verdict changes.
    pub fn wait(&mut self, waker: &Waker) -> Verdict {
        let mut state = self.shared.state.lock();
        match self.rank {
            None => {
                let rank = Rank {
                    proven: self.proven,
                    since: self.arrived.take().unwrap_or_else(|| state.now()),
                };
                self.rank = Some(rank);
                self.enqueue(&mut state, rank, waker);
            }
            Some(rank) => match state.waiting.get_mut(&rank) {
                Some(known) if known.will_wake(waker) => {}
                Some(known) => *known = waker.clone(),
                None => return Verdict::MakeRoom,
            },
        }
        match state.ending {
            true => Verdict::End,
            false => Verdict::Stay,
        }
    }

    /// Does not go although it was asked to; another one may.
    pub fn refuse(&mut self, waker: &Waker) {
        let mut state = self.shared.state.lock();
        if let Some(rank) = self.rank
            && !state.waiting.contains_key(&rank)
        {
            state.asked -= 1;
            // Behind the others, so that they are asked before it is asked again.
            let since = state.now();
            let rank = Rank { since, ..rank };
            self.rank = Some(rank);
            state.waiting.insert(rank, waker.clone());
            self.shared.changed.notify_one();
        }
    }

    /// Does not wait any more: a request is there.
    pub fn work(&mut self) {
        if let Some(rank) = self.rank.take() {
            self.leave_queue(&mut self.shared.state.lock(), rank);
        }
    }

    /// It has brought a callback.
    pub fn prove(&mut self) {
        self.proven = true;
    }

    fn enqueue(&self, state: &mut State, rank: Rank, waker: &Waker) {
        state.waiting.insert(rank, waker.clone());
        if state.open >= self.shared.max {
            self.shared.changed.notify_one();
        }
    }

    fn leave_queue(&self, state: &mut State, rank: Rank) {
        if state.waiting.remove(&rank).is_none() {
            state.asked -= 1;
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(rank) = self.rank.take() {
            self.leave_queue(&mut state, rank);
        }
        state.open -= 1;
        self.shared.changed.notify_one();
    }
}
