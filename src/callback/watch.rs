//! How long a connection may keep us waiting.
//!
//! hyper's header timeout also counts the time between two requests. With 5 s it
//! would close connections that a proxy is about to use, so the time is kept here:
//! from the connection to its first header, from the first byte of a later header,
//! and, much longer, between requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

use super::CallbackLimits;
use super::places::{Place, Verdict};

/// After our last answer, a peer has so long to close the connection.
const LINGER: Duration = Duration::from_secs(1);

/// The watch of a connection: its task, its socket and its requests share it.
pub type SharedWatch = Arc<Mutex<Watch>>;

/// What a connection is about, and until when.
pub struct Watch {
    place: Place,
    limits: CallbackLimits,
    phase: Phase,
    /// Until when it may wait.
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// What the socket found when it was asked to look.
    look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a first request has come.
    New,
    /// A part of a request's header may have come.
    Header,
    /// A request is being handled.
    Working,
    /// Nothing of a next request has come.
    Idle,
    /// The last answer is given.
    Closing,
}

/// Whether the kernel has bytes that we have not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    NotAsked,
    Asked,
    Found,
}

/// What the task of a connection does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Waits.
    Wait,
    /// Serves again at once.
    ServeAgain,
    /// Closes the connection, for this reason.
    Close(&'static str),
}

impl Watch {
    /// Watches a new connection.
    pub fn new(place: Place, limits: CallbackLimits) -> Self {
        Self {
            place,
            limits,
            phase: Phase::New,
            deadline: Instant::now() + limits.header_timeout,
            timer: None,
            look: Look::NotAsked,
        }
    }

    /// Bytes came.
    pub fn hear(&mut self) {
        self.look = Look::NotAsked;
        match self.phase {
            Phase::New => self.phase = Phase::Header,
            Phase::Idle => self.enter(Phase::Header, self.limits.header_timeout),
            Phase::Header | Phase::Working | Phase::Closing => {}
        }
    }

    /// The header of a request is complete.
    pub fn begin_request(&mut self) {
        self.phase = Phase::Working;
        self.place.work();
    }

    /// A request is answered.
    pub fn end_request(&mut self, is_stored: bool) {
        if is_stored {
            self.place.prove();
        }
        self.enter(Phase::Idle, self.limits.idle_timeout);
    }

    /// Nothing is sent any more; the peer is expected to close.
    pub fn begin_closing(&mut self) {
        self.enter(Phase::Closing, LINGER);
    }

    /// Whether the socket is to tell if there are bytes that we have not read.
    pub fn wants_look(&self) -> bool {
        self.look == Look::Asked
    }

    /// There are bytes that we have not read.
    pub fn found_unread(&mut self) {
        self.look = Look::Found;
    }

    fn enter(&mut self, phase: Phase, timeout: Duration) {
        self.phase = phase;
        self.look = Look::NotAsked;
        self.deadline = Instant::now() + timeout;
    }

    /// What to do with a connection that cannot go on by itself.
    pub fn next(&mut self, context: &mut Context<'_>) -> Next {
        if self.phase == Phase::Working {
            return Next::Wait;
        }
        let why = match self.place.wait(context.waker()) {
            Verdict::MakeRoom => "another connection needs its place",
            Verdict::End if self.is_untouched() => "the receiver ends",
            _ if self.is_late(context) => "it took too long",
            _ => return Next::Wait,
        };
        self.unless_unread(why, context)
    }

    /// Closes, unless a request has come that we only have not read yet: a burst
    /// must not cost those whose turn comes last.
    fn unless_unread(&mut self, why: &'static str, context: &mut Context<'_>) -> Next {
        let is_past_header = self.phase == Phase::Header && Instant::now() >= self.deadline;
        if self.phase == Phase::Closing || is_past_header {
            return Next::Close(why);
        }
        match std::mem::replace(&mut self.look, Look::NotAsked) {
            Look::NotAsked => {
                self.look = Look::Asked;
                Next::ServeAgain
            }
            Look::Asked => Next::Close(why),
            Look::Found => {
                self.place.refuse(context.waker());
                if self.is_untouched() {
                    self.enter(Phase::Header, self.limits.header_timeout);
                }
                let _ = self.is_late(context);
                Next::Wait
            }
        }
    }

    /// Nothing of a request has come.
    fn is_untouched(&self) -> bool {
        matches!(self.phase, Phase::New | Phase::Idle)
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = self.deadline;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        // A peer that keeps us reading must not keep the timer from its turn.
        timer.as_mut().poll(context).is_ready() || Instant::now() >= deadline
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::TEST_LIMITS;
    use super::super::places::Places;
    use super::*;

    fn next(watch: &mut Watch) -> Next {
        watch.next(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_only_not_read_yet_keeps_its_connection() {
        let places = Places::new(1);
        let mut watch = Watch::new(places.take().await, TEST_LIMITS);
        assert_eq!(next(&mut watch), Next::Wait);
        places.end();
        assert_eq!(next(&mut watch), Next::ServeAgain);
        assert!(watch.wants_look());
        watch.found_unread();
        assert_eq!(next(&mut watch), Next::Wait);
        // From now on it counts as a header that has begun.
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(matches!(next(&mut watch), Next::Close(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_found_nothing_goes() {
        let places = Places::new(1);
        let mut watch = Watch::new(places.take().await, TEST_LIMITS);
        watch.hear();
        watch.begin_request();
        watch.end_request(true);
        tokio::time::advance(Duration::from_secs(74)).await;
        assert_eq!(next(&mut watch), Next::Wait);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(next(&mut watch), Next::ServeAgain);
        assert!(matches!(next(&mut watch), Next::Close(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_refuses_to_go_is_asked_again_after_the_others() {
        let places = Places::new(2);
        let mut first = Watch::new(places.take().await, TEST_LIMITS);
        let mut second = Watch::new(places.take().await, TEST_LIMITS);
        assert_eq!(
            (next(&mut first), next(&mut second)),
            (Next::Wait, Next::Wait)
        );
        let mut third = std::pin::pin!(places.take());
        let mut context = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert_eq!(next(&mut first), Next::ServeAgain);
        first.found_unread();
        assert_eq!(
            (next(&mut first), next(&mut second)),
            (Next::Wait, Next::Wait)
        );
        assert!(third.as_mut().poll(&mut context).is_pending());
        assert_eq!(next(&mut first), Next::Wait);
        assert_eq!(next(&mut second), Next::ServeAgain);
        assert!(matches!(next(&mut second), Next::Close(_)));
        drop(second);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
