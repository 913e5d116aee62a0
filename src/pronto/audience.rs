//! Those who wait for one call.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Those who wait for one call, which may be several. While nothing of the call was
/// sent, it is given up when the last one leaves.
#[derive(Clone, Debug)]
pub struct Audience(Arc<watch::Sender<Seats>>);

/// One of those who wait. Leaves when it is dropped.
#[derive(Debug)]
pub struct Listener(Audience);

#[derive(Clone, Copy, Debug)]
struct Seats {
    taken: usize,
    /// The latest deadline; none when somebody has all the time.
    deadline: Option<Instant>,
    /// The call was given up: nobody can join any more.
    is_over: bool,
}

impl Audience {
    /// One who waits until a deadline.
    #[must_use]
    pub fn of(deadline: Option<Instant>) -> (Self, Listener) {
        let seats = Seats {
            taken: 1,
            deadline,
            is_over: false,
        };
        let audience = Self(Arc::new(watch::Sender::new(seats)));
        (audience.clone(), Listener(audience))
    }

    /// Waits, too, unless the call was given up.
    #[must_use]
    pub fn join(&self, deadline: Option<Instant>) -> Option<Listener> {
        let joins = self.0.send_if_modified(|seats| {
            if !seats.is_over {
                seats.taken += 1;
                seats.deadline = seats.deadline.zip(deadline).map(|(a, b)| a.max(b));
            }
            !seats.is_over
        });
        joins.then(|| Listener(self.clone()))
    }

    /// Gives the call up, unless it was sent.
    pub fn dismiss(&self) {
        self.0.send_modify(|seats| seats.is_over = true);
    }

    /// When the last one gives up.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.borrow().deadline
    }

    /// Waits until the deadline of the last one has passed.
    pub async fn late(&self) {
        while let Some(deadline) = self.deadline() {
            sleep_until(deadline).await;
            if self.deadline() == Some(deadline) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Waits until nobody waits. From then on nobody can join: the call is given up.
    pub async fn left(&self) {
        let mut seats = self.0.subscribe();
        while !self.is_left() {
            // The sender is kept by this audience.
            if seats.changed().await.is_err() {
                return;
            }
        }
    }

    fn is_left(&self) -> bool {
        let mut is_left = false;
        self.0.send_if_modified(|seats| {
            seats.is_over |= seats.taken == 0;
            is_left = seats.is_over;
            false
        });
        is_left
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.0.send_modify(|seats| seats.taken -= 1);
    }
}
