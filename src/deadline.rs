//! When nobody waits for an answer any more: the `grpc-timeout` of a call.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep_until};

/// The header with which a caller limits a call.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";

/// A call ends so long before its time is over, but not more than a tenth of the time:
/// tonic ends it at that moment, and has another code for it. It also lets the status
/// arrive before the caller's own clock runs out.
const LEAD: Duration = Duration::from_millis(5);

/// When the caller of a call gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// A `grpc-timeout` that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 8 digits and one of the units H, M, S, m, u and n")]
pub struct MalformedTimeout;

impl Deadline {
    /// The deadline of a call that begins now; none when it may take for ever.
    ///
    /// # Errors
    ///
    /// When the header is malformed.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, MalformedTimeout> {
        let Some(value) = headers.get(GRPC_TIMEOUT) else {
            return Ok(None);
        };
        let time = parse(value.as_bytes()).ok_or(MalformedTimeout)?;
        let time = time.saturating_sub(LEAD.min(time / 10));
        Ok(Instant::now().checked_add(time).map(Self))
    }
}

/// `TimeoutValue TimeoutUnit` of gRPC over HTTP/2. Clients send 0 when the time was
/// over before the call began.
fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Rings when a deadline passes, and from then on. It goes by the clock, not by its
/// timer: of two alarms for one deadline, the one that is asked later rings, too.
#[derive(Debug)]
pub struct Alarm {
    deadline: Deadline,
    timer: Pin<Box<Sleep>>,
}

impl Alarm {
    /// An alarm for a deadline.
    #[must_use]
    pub fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            timer: Box::pin(sleep_until(deadline.0)),
        }
    }

    /// Whether it rings. If not, the task is woken when it does.
    pub fn rings(&mut self, context: &mut Context<'_>) -> bool {
        self.deadline.0 <= Instant::now() || self.timer.as_mut().poll(context).is_ready()
    }
}

/// Waits for something, but not beyond a deadline. What is ready by then is preferred.
///
/// # Errors
///
/// When the deadline passes before; what was waited for is dropped with the future.
pub async fn within<F: Future>(deadline: Deadline, waited_for: F) -> Result<F::Output, Deadline> {
    let mut alarm = Alarm::new(deadline);
    let mut waited_for = std::pin::pin!(waited_for);
    std::future::poll_fn(|context| match waited_for.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending if alarm.rings(context) => Poll::Ready(Err(deadline)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, time) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("250m", Duration::from_millis(250)),
            ("7u", Duration::from_micros(7)),
            ("99999999n", Duration::from_nanos(99_999_999)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
            ("00000001S", Duration::from_secs(1)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_timeout_is_refused() {
        for text in [
            "",
            "S",
            "1",
            "1s",
            "1 S",
            " 1S",
            "+1S",
            "-1S",
            "1.5S",
            "123456789S",
            "1SS",
            "0x1S",
            "\u{0661}S",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
            let headers = [(GRPC_TIMEOUT, text)];
            let headers = headers.map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()));
            let deadline = Deadline::of(&HeaderMap::from_iter(headers));
            assert_eq!(deadline, Err(MalformedTimeout));
        }
        assert_eq!(Deadline::of(&HeaderMap::new()), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_a_little_before_the_time_is_over() {
        for (text, lead) in [("1S", 5), ("20m", 2), ("0m", 0)] {
            let headers = [(GRPC_TIMEOUT.parse().unwrap(), text.parse().unwrap())];
            let deadline = Deadline::of(&HeaderMap::from_iter(headers)).unwrap();
            let over = Instant::now() + parse(text.as_bytes()).unwrap();
            assert_eq!(over - deadline.unwrap().0, Duration::from_millis(lead));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_is_given_up_at_the_deadline() {
        let start = Instant::now();
        let deadline = Deadline(start + Duration::from_secs(3));
        let second = tokio::time::sleep(Duration::from_secs(1));
        assert_eq!(within(deadline, second).await, Ok(()));
        let for_ever = std::future::pending::<()>();
        assert_eq!(within(deadline, for_ever).await, Err(deadline));
        assert_eq!(Instant::now(), deadline.0);
        // What is ready is an answer even then.
        assert_eq!(within(deadline, std::future::ready(7)).await, Ok(7));
    }
}
