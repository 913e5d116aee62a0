//! The right to send one request.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::lane::Lane;
use super::state::{Grant, Leave, is_main};
use crate::metrics;

/// Pronto is asked again after this time even when it wished for a longer pause: a
/// wrong wish must not stop everything.
const LONGEST_BLOCK: Duration = Duration::from_secs(3600);

/// The right to send one request. Its place is free again when it is dropped.
#[derive(Debug)]
pub struct Pass {
    departure: Departure,
}

/// Notes when the request of a pass is sent: rates count from about then, not from when
/// it was let through, because a connection may have to be opened first.
#[derive(Clone, Debug)]
pub struct Departure {
    lane: Arc<Lane>,
    leave: Leave,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Held,
    Sent(Instant),
    GivenBack,
    /// It must not be sent any more.
    Void,
}

impl Pass {
    pub(super) fn new(lane: Arc<Lane>, grant: &Grant) -> Self {
        metrics::upstream_in_flight(is_main(grant.leave.endpoint), 1.0);
        Self {
            departure: Departure {
                lane,
                leave: grant.leave,
                progress: Arc::new(Mutex::new(Progress::Held)),
            },
        }
    }

    /// Notes when the request is sent.
    #[must_use]
    pub fn departure(&self) -> Departure {
        self.departure.clone()
    }

    /// Whether any of the request was sent.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        matches!(*self.departure.progress.lock(), Progress::Sent(_))
    }

    /// Makes sure that nothing of the request will be sent. False when some of it was.
    #[must_use]
    pub fn is_void(&self) -> bool {
        let mut progress = self.departure.progress.lock();
        if *progress == Progress::Held {
            *progress = Progress::Void;
        }
        *progress == Progress::Void
    }

    /// The request is answered, so it has arrived.
    pub fn answered(&self) {
        let Departure {
            lane,
            leave,
            progress,
        } = &self.departure;
        let Progress::Sent(sent) = *progress.lock() else {
            return;
        };
        lane.change(|state| {
            if let Some(window) = state.window(leave.track) {
                window.answer(sent, Instant::now());
            }
        });
    }

    /// Pronto answered 429: nobody sends to this endpoint before the time it told, or
    /// for one period.
    pub fn refused(&self, retry_after: Option<Duration>) {
        let Departure { lane, leave, .. } = &self.departure;
        metrics::upstream_rate_limited(leave.endpoint);
        lane.change(|state| {
            if let Some(window) = state.window(leave.track) {
                let pause = retry_after.unwrap_or(window.allowance().per);
                window.block(Instant::now() + pause.min(LONGEST_BLOCK));
            }
        });
    }
}

impl Departure {
    /// The request is sent now. False when it must not be sent any more.
    pub fn now(&self) -> bool {
        let mut progress = self.progress.lock();
        match *progress {
            Progress::Sent(_) => return true,
            Progress::Void => return false,
            Progress::Held | Progress::GivenBack => {}
        }
        let now = Instant::now();
        let before = std::mem::replace(&mut *progress, Progress::Sent(now));
        self.lane.change(|state| {
            if let Some(window) = state.window(self.leave.track) {
                match before {
                    Progress::GivenBack => window.send_late(now),
                    _ => window.send(now),
                }
            }
        });
        true
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Departure {
            lane,
            leave,
            progress,
        } = &self.departure;
        metrics::upstream_in_flight(is_main(leave.endpoint), -1.0);
        let mut progress = progress.lock();
        let was_held = matches!(*progress, Progress::Held | Progress::Void);
        if *progress == Progress::Held {
            *progress = Progress::GivenBack;
        }
        lane.change(|state| {
            state.release(*leave);
            if let Some(window) = state.window(leave.track).filter(|_| was_held) {
                window.give_back();
            }
        });
    }
}
