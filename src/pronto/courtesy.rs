//! Callers come first: polling gives way to their requests.
//!
//! Each credential has a lane. A poll waits while requests of callers are under way
//! in it, and few polls share a lane. Limits of rate and of requests under way belong
//! here, too.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// So many polls of a credential are under way at once.
const POLLS: usize = 2;

/// Who is under way, for each credential.
#[derive(Debug, Default)]
pub struct Courtesy {
    lanes: Arc<Mutex<HashMap<String, Arc<Lane>>>>,
}

#[derive(Debug)]
struct Lane {
    callers: Mutex<usize>,
    /// The last caller has left.
    quiet: Notify,
    polls: Arc<Semaphore>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            callers: Mutex::new(0),
            quiet: Notify::new(),
            polls: Arc::new(Semaphore::new(POLLS)),
        }
    }
}

/// A request of a caller, under way until this is dropped.
#[derive(Debug)]
pub struct Caller {
    place: Place,
}

/// A poll, under way until this is dropped.
#[derive(Debug)]
pub struct Poll {
    _turn: Option<OwnedSemaphorePermit>,
    _place: Place,
}

impl Courtesy {
    /// A caller's request begins.
    #[must_use]
    pub fn caller(&self, credential: &str) -> Caller {
        let place = self.place(credential);
        *place.lane.callers.lock() += 1;
        Caller { place }
    }

    /// Waits until no caller's request is under way and a poll may begin. When callers
    /// never pause it begins after `patience`, so that no job starves.
    pub async fn poll(&self, credential: &str, patience: Duration) -> Poll {
        let place = self.place(credential);
        let end = Instant::now() + patience;
        loop {
            place.lane.silence(end).await;
            let turn = place.lane.polls.clone().acquire_owned().await.ok();
            // Callers may have come while it waited for its turn.
            if place.lane.is_quiet() || end <= Instant::now() {
                return Poll {
                    _turn: turn,
                    _place: place,
                };
            }
        }
    }

    fn place(&self, credential: &str) -> Place {
        let mut lanes = self.lanes.lock();
        Place {
            lane: lanes.entry(credential.to_owned()).or_default().clone(),
            lanes: self.lanes.clone(),
            credential: credential.to_owned(),
        }
    }
}

impl Lane {
    fn is_quiet(&self) -> bool {
        *self.callers.lock() == 0
    }

    async fn silence(&self, end: Instant) {
        loop {
            let quiet = self.quiet.notified();
            // Only what is said from here on is heard, so look once more.
            tokio::pin!(quiet);
            quiet.as_mut().enable();
            if self.is_quiet() || timeout_at(end, quiet).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut callers = self.place.lane.callers.lock();
        *callers -= 1;
        if *callers == 0 {
            self.place.lane.quiet.notify_waiters();
        }
    }
}

/// A place in a lane. Lanes without any are forgotten: callers bring keys.
#[derive(Debug)]
struct Place {
    lane: Arc<Lane>,
    lanes: Arc<Mutex<HashMap<String, Arc<Lane>>>>,
    credential: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock();
        // The table and this place hold it, and nobody else.
        if Arc::strong_count(&self.lane) == 2 {
            lanes.remove(&self.credential);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Whether a poll begins without time passing.
    async fn begins(courtesy: &Courtesy) -> Option<Poll> {
        timeout(Duration::ZERO, courtesy.poll("a", PATIENCE))
            .await
            .ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_waits_for_the_last_caller_of_its_credential() {
        let courtesy = Courtesy::default();
        let (one, other) = (courtesy.caller("a"), courtesy.caller("a"));
        let _stranger = courtesy.caller("b");
        let poll = courtesy.poll("a", PATIENCE);
        tokio::pin!(poll);
        assert!(timeout(Duration::from_secs(1), &mut poll).await.is_err());
        drop(one);
        assert!(timeout(Duration::from_secs(1), &mut poll).await.is_err());
        drop(other);
        let before = Instant::now();
        poll.await;
        assert_eq!(Instant::now(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_does_not_wait_for_ever() {
        let courtesy = Courtesy::default();
        let _caller = courtesy.caller("a");
        let before = Instant::now();
        courtesy.poll("a", PATIENCE).await;
        assert!(before.elapsed() >= PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn few_polls_share_a_lane_and_look_again_when_it_is_their_turn() {
        let courtesy = Courtesy::default();
        let (one, other) = (begins(&courtesy).await, begins(&courtesy).await);
        assert!(one.is_some() && other.is_some());
        assert!(begins(&courtesy).await.is_none());
        let third = courtesy.poll("a", PATIENCE);
        tokio::pin!(third);
        assert!(timeout(Duration::from_secs(1), &mut third).await.is_err());
        let caller = courtesy.caller("a");
        drop(one);
        assert!(timeout(Duration::from_secs(1), &mut third).await.is_err());
        drop(caller);
        third.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_nobody_uses_is_forgotten() {
        let courtesy = Courtesy::default();
        let caller = courtesy.caller("a");
        assert!(begins(&courtesy).await.is_none());
        advance(PATIENCE).await;
        drop(caller);
        drop(begins(&courtesy).await);
        assert!(courtesy.lanes.lock().is_empty());
    }
}
