//! Pronto's rate limits, counted for each key and endpoint.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::proto::endpoint::Endpoint;

/// When each request of each key to each endpoint was accepted. No period whatever has
/// more than the limit: whoever keeps to this judge keeps to any other.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<(String, &'static str), VecDeque<Instant>>>);

impl Limits {
    /// Forgets all requests.
    pub fn reset(&self) {
        self.0.lock().clear();
    }

    /// Accepts a request at that time, or tells how long to wait.
    ///
    /// # Errors
    ///
    /// The time until one more would be accepted.
    pub fn take(
        &self,
        key: &str,
        endpoint: &'static Endpoint,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut accepted = self.0.lock();
        let accepted = accepted.entry((key.to_owned(), endpoint.rpc)).or_default();
        let age = |then: &Instant| now.saturating_duration_since(*then);
        while accepted
            .front()
            .is_some_and(|then| age(then) >= endpoint.rate.per)
        {
            accepted.pop_front();
        }
        let is_full =
            u32::try_from(accepted.len()).is_ok_and(|count| count >= endpoint.rate.requests);
        if let Some(oldest) = accepted.front().filter(|_| is_full) {
            return Err(endpoint.rate.per.saturating_sub(age(oldest)));
        }
        accepted.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints;

    #[test]
    fn no_period_has_more_than_the_limit() {
        let limits = Limits::default();
        let endpoint = endpoints::ENRICH_LEAD;
        let (count, per) = (endpoint.rate.requests, endpoint.rate.per);
        let start = Instant::now();
        // All but one late in a fixed window, and one at its beginning.
        assert_eq!(limits.take("a", endpoint, start), Ok(()));
        for _ in 1..count {
            assert_eq!(limits.take("a", endpoint, start + per / 2), Ok(()));
        }
        assert_eq!(limits.take("a", endpoint, start + per / 2), Err(per / 2));
        assert_eq!(limits.take("b", endpoint, start + per / 2), Ok(()));
        assert_eq!(limits.take("a", endpoint, start + per), Ok(()));
        assert_eq!(limits.take("a", endpoint, start + per), Err(per / 2));
    }
}
