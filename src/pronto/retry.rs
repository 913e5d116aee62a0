//! Which requests are sent again, and when.
//!
//! Only those that cannot have been carried out, and those that may be carried out
//! twice. What a failure means for the ledger is another matter: see
//! `Failure::may_have_been_carried_out`.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Failure;
use crate::proto::endpoint::Endpoint;

/// A request is sent again at most so often.
const MAX_RETRIES: u32 = 3;

/// The first pause is at most so long; each further one at most twice as long.
const BASE_PAUSE: Duration = Duration::from_millis(100);

/// No pause is longer, unless Pronto wishes so.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A longer wish of Pronto's is not waited for on behalf of a caller without deadline.
const PATIENCE: Duration = Duration::from_secs(60);

/// How an attempt failed, as far as repeating it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Not a byte of it was sent.
    Unsent,
    /// The connection broke after some of it was sent.
    Broken,
    /// No answer came in time.
    TimedOut,
    /// Pronto answered with this HTTP status.
    Answered(u16),
}

/// An attempt that failed.
#[derive(Debug)]
pub struct Attempt {
    /// How.
    pub cause: Cause,
    /// What the caller is told when it is the last.
    pub failure: Failure,
}

/// Whether a request may be sent again after such a failure.
#[must_use]
pub fn may_repeat(endpoint: &Endpoint, cause: Cause) -> bool {
    match cause {
        Cause::Unsent | Cause::Answered(429) => true,
        Cause::Broken | Cause::Answered(502..=504) => endpoint.repeatable,
        Cause::TimedOut | Cause::Answered(_) => false,
    }
}

/// The attempts of one call.
#[derive(Debug, Default)]
pub struct Attempts {
    made: u32,
    /// One of them may have been carried out.
    is_unsure: bool,
}

impl Attempts {
    /// How long to pause before the next attempt; none when this failure is final.
    /// `period` is how long a 429 lasts that does not tell.
    pub fn next(
        &mut self,
        failed: &Attempt,
        period: Duration,
        deadline: Option<Instant>,
        budget: &Budget,
    ) -> Option<Duration> {
        if self.made >= MAX_RETRIES || !may_repeat(failed.failure.endpoint, failed.cause) {
            return None;
        }
        let wish = match failed.cause {
            Cause::Answered(429) => failed.failure.retry_after.or(Some(period)),
            _ => failed.failure.retry_after,
        };
        let pause = backoff(self.made).max(wish.unwrap_or_default());
        let is_in_time = match deadline {
            Some(deadline) => Instant::now() + pause < deadline,
            None => pause <= PATIENCE,
        };
        if !is_in_time || !budget.withdraw() {
            return None;
        }
        self.made += 1;
        self.is_unsure |= !matches!(failed.cause, Cause::Unsent | Cause::Answered(429));
        Some(pause)
    }

    /// Whether an earlier attempt deleted what Pronto does not know any more.
    #[must_use]
    pub fn has_deleted(&self, failed: &Attempt) -> bool {
        let is_gone = failed.cause == Cause::Answered(404);
        is_gone && self.is_unsure && failed.failure.endpoint.method == "DELETE"
    }

    /// Whether this is the first attempt.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.made == 0
    }
}

/// Anything up to twice the pause before: those who failed together do not come back
/// together.
fn backoff(made: u32) -> Duration {
    let longest = BASE_PAUSE.saturating_mul(1 << made.min(16)).min(MAX_PAUSE);
    longest.mul_f64(fastrand::f64())
}

/// How many requests may be sent again: at most a fifth of all, so that a Pronto in
/// trouble is not troubled more.
#[derive(Debug)]
pub struct Budget(Mutex<f64>);

impl Budget {
    const DEPOSIT: f64 = 0.2;
    /// Even the first calls may be repeated.
    const INITIAL: f64 = 3.0;
    const MAX: f64 = 10.0;

    /// A request is sent for the first time.
    pub fn deposit(&self) {
        let mut tokens = self.0.lock();
        *tokens = (*tokens + Self::DEPOSIT).min(Self::MAX);
    }

    /// A request is sent again, if that is within the budget.
    fn withdraw(&self) -> bool {
        let mut tokens = self.0.lock();
        // Fifths do not add up exactly.
        let is_enough = *tokens > 1.0 - 1e-9;
        if is_enough {
            *tokens -= 1.0;
        }
        is_enough
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(Self::INITIAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::ENDPOINTS;
    use crate::proto::endpoint::endpoints::{GET_SEARCH, START_LEAD_SEARCH};
    use crate::proto::v1::ErrorReason;

    const PERIOD: Duration = Duration::from_secs(1);

    fn failed(endpoint: &'static Endpoint, cause: Cause, wish: Option<u64>) -> Attempt {
        Attempt {
            cause,
            failure: Failure {
                retry_after: wish.map(Duration::from_secs),
                ..Failure::new(ErrorReason::UpstreamUnavailable, endpoint, "")
            },
        }
    }

    fn next(failed: &Attempt, deadline: Option<Instant>) -> Option<Duration> {
        Attempts::default().next(failed, PERIOD, deadline, &Budget::default())
    }

    /// Everything that can happen to a request.
    fn causes() -> impl Iterator<Item = Cause> {
        let others = [Cause::Unsent, Cause::Broken, Cause::TimedOut];
        others.into_iter().chain((100..600).map(Cause::Answered))
    }

    #[test]
    fn nothing_that_may_have_been_carried_out_is_repeated_unless_that_is_harmless() {
        for endpoint in ENDPOINTS {
            for cause in causes() {
                let is_harmless = endpoint.repeatable
                    && matches!(cause, Cause::Broken | Cause::Answered(502..=504));
                let is_void = matches!(cause, Cause::Unsent | Cause::Answered(429));
                let may = may_repeat(endpoint, cause);
                assert_eq!(may, is_void || is_harmless, "{} {cause:?}", endpoint.rpc);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_three_times_with_growing_pauses() {
        for _ in 0..100 {
            let budget = Budget::default();
            let mut attempts = Attempts::default();
            let failed = failed(GET_SEARCH, Cause::Broken, None);
            for longest in [100, 200, 400].map(Duration::from_millis) {
                let pause = attempts.next(&failed, PERIOD, None, &budget).unwrap();
                assert!(pause <= longest, "{pause:?}");
            }
            budget.deposit();
            assert_eq!(
                attempts.next(&failed, PERIOD, None, &Budget::default()),
                None
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_pronto_wishes_is_obeyed_or_not_waited_for() {
        let wish = |seconds| failed(START_LEAD_SEARCH, Cause::Answered(429), seconds);
        assert_eq!(next(&wish(Some(7)), None), Some(Duration::from_secs(7)));
        assert_eq!(next(&wish(None), None), Some(PERIOD));
        assert_eq!(next(&wish(Some(61)), None), None);
        let deadline = |seconds| Some(Instant::now() + Duration::from_secs(seconds));
        assert_eq!(next(&wish(Some(7)), deadline(6)), None);
        assert!(next(&wish(Some(61)), deadline(62)).is_some());
    }

    #[test]
    fn a_fifth_of_the_requests_may_be_repeated() {
        let budget = Budget::default();
        let mut repeated = 0;
        for _ in 0..1000 {
            budget.deposit();
            repeated += u32::from(budget.withdraw());
        }
        assert_eq!(repeated, 203);
    }
}
