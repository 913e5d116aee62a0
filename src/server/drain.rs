//! How the server ends: first it says so, then it lets go.
//!
//! 1. Health says NOT_SERVING, and everything is served as before, so that a load balancer
//!    can take the server out first.
//! 2. No stream begins, and those that are open end one by one, so that their clients do
//!    not all come back at once. Unary calls are taken.
//! 3. Connections say goodbye; unary calls under way finish.
//! 4. At the deadline whatever is left is cut.
//!
//! None of it is needed to be correct: a server that is killed has lost nothing either.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

/// How long callbacks under way may take at the end.
const CALLBACKS: Duration = Duration::from_secs(2);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// To end without anybody noticing: others send calls, and must first learn of it.
    Graceful,
    /// To end soon: who asks for it knows, and waits.
    Prompt,
}

/// How long the end takes.
#[derive(Clone, Copy, Debug)]
pub struct DrainOptions {
    /// So long everything is served as before.
    pub grace: Duration,
    /// Streams end within this time after that.
    pub spread: Duration,
    /// After so long in all the server has ended, whatever clients do.
    pub timeout: Duration,
}

/// When each step of an end that has begun is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When streams begin to end.
    pub streams: Instant,
    /// When calls that wait for their turn with Pronto are told that it will not come.
    pub waiting: Instant,
    /// When connections are cut.
    pub cut: Instant,
    /// When callbacks under way are cut.
    pub callbacks: Instant,
}

impl DrainOptions {
    /// The schedule of an end that begins now.
    pub fn schedule(&self, shutdown: Shutdown) -> Schedule {
        let now = Instant::now();
        let grace = match shutdown {
            Shutdown::Graceful => self.grace,
            Shutdown::Prompt => Duration::ZERO,
        };
        // A part of a short time, too.
        let callbacks = CALLBACKS.min(self.timeout / 5);
        let streams = now + grace;
        let cut = (now + self.timeout).checked_sub(callbacks).unwrap_or(now);
        let ended = streams + self.spread;
        Schedule {
            streams,
            waiting: ended + cut.saturating_duration_since(ended) / 2,
            cut,
            callbacks: cut + callbacks,
        }
    }
}

impl Schedule {
    /// Waits for something until connections are cut; whether it came.
    pub async fn before_cut(&self, waited_for: impl Future) -> bool {
        timeout_at(self.cut, waited_for).await.is_ok()
    }

    /// Waits until streams begin to end.
    pub async fn grace(&self) {
        sleep_until(self.streams.min(self.cut)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const OPTIONS: DrainOptions = DrainOptions {
        grace: Duration::from_secs(5),
        spread: Duration::from_secs(10),
        timeout: Duration::from_secs(25),
    };

    #[tokio::test(start_paused = true)]
    async fn the_steps_fit_into_the_time() {
        let now = Instant::now();
        let schedule = OPTIONS.schedule(Shutdown::Graceful);
        let expected = Schedule {
            streams: now + 5 * SECOND,
            waiting: now + 19 * SECOND,
            cut: now + 23 * SECOND,
            callbacks: now + 25 * SECOND,
        };
        assert_eq!(schedule, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_a_prompt_end_gets_no_grace() {
        let schedule = OPTIONS.schedule(Shutdown::Prompt);
        assert_eq!(schedule.streams, Instant::now());
        assert_eq!(schedule.callbacks, Instant::now() + 25 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_time_is_kept() {
        let options = DrainOptions {
            grace: Duration::ZERO,
            spread: Duration::ZERO,
            timeout: SECOND,
        };
        let schedule = options.schedule(Shutdown::Graceful);
        assert_eq!(schedule.callbacks, Instant::now() + SECOND);
        assert!(schedule.cut < schedule.callbacks);
    }
}
