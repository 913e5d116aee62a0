//! How many connections of clients or operators are open, and which one goes when another
//! comes.
//!
//! When all places are taken, the new connection gets the place of one without a call
//! under way: of one that never made a call, else of the one that made none for the longest
//! time. Where each has a call under way, the new one is refused: it can go elsewhere,
//! and waiting would look to it like a server that hangs. Questions about health and
//! reflection are no calls here.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The places of all connections.
#[derive(Clone)]
pub struct Places {
    max: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Connections without a call; the first is the first to go.
    idle: BTreeMap<Rank, CancellationToken>,
    next: u64,
}

/// Who goes first. So a flood of strangers does not cost a client its connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_called: bool,
    since: u64,
}

impl Places {
    /// So many places.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            state: Arc::default(),
        }
    }

    /// A place, or none when each connection has calls under way.
    pub fn take(&self) -> Option<Place> {
        let mut state = self.state.lock();
        if state.open >= self.max {
            let (_, leave) = state.idle.pop_first()?;
            leave.cancel();
        }
        state.open += 1;
        let mut place = Place {
            state: self.state.clone(),
            leave: CancellationToken::new(),
            has_called: false,
            rank: None,
        };
        place.enqueue(&mut state);
        drop(state);
        Some(place)
    }
}

/// The place of a connection, given back when it is dropped.
pub struct Place {
    state: Arc<Mutex<State>>,
    leave: CancellationToken,
    has_called: bool,
    /// Where it stands in the queue, while it has no call.
    rank: Option<Rank>,
}

impl Place {
    /// Cancelled when another connection needs the place.
    pub fn leave(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// A first call is under way.
    pub fn work(&mut self) {
        self.has_called = true;
        if let Some(rank) = self.rank.take() {
            self.state.lock().idle.remove(&rank);
        }
    }

    /// No call is under way any more.
    pub fn rest(&mut self) {
        let state = self.state.clone();
        self.enqueue(&mut state.lock());
    }

    fn enqueue(&mut self, state: &mut State) {
        state.next += 1;
        let rank = Rank {
            has_called: self.has_called,
            since: state.next,
        };
        self.rank = Some(rank);
        state.idle.insert(rank, self.leave.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        state.open -= 1;
        if let Some(rank) = self.rank {
            state.idle.remove(&rank);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn goes(place: &Place) -> bool {
        place.leave().is_cancelled()
    }

    #[test]
    fn a_place_that_is_given_back_is_free() {
        let places = Places::new(1);
        let first = places.take().unwrap();
        drop(first);
        let second = places.take().unwrap();
        assert!(!goes(&second));
    }

    #[test]
    fn who_never_called_goes_before_who_called_and_the_oldest_first() {
        let places = Places::new(3);
        let mut client = places.take().unwrap();
        client.work();
        client.rest();
        let (older, newer) = (places.take().unwrap(), places.take().unwrap());
        let mut flood = vec![places.take().unwrap()];
        assert!(goes(&older) && !goes(&newer) && !goes(&client));
        drop(older);
        flood.push(places.take().unwrap());
        assert!(goes(&newer) && !goes(&client));
        drop(newer);
        flood.push(places.take().unwrap());
        assert!(!goes(&client), "the flood pushes itself out");
    }

    #[test]
    fn a_connection_with_a_call_stays_and_the_new_one_is_refused() {
        let places = Places::new(2);
        let (mut one, mut two) = (places.take().unwrap(), places.take().unwrap());
        one.work();
        two.work();
        assert!(places.take().is_none());
        two.rest();
        assert!(places.take().is_some());
        assert!(goes(&two) && !goes(&one));
    }
}
