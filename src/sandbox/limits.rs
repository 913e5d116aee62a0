//! Pronto's rate limits, counted for each key and endpoint.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::proto::endpoint::Endpoint;

/// The requests of each key to each endpoint, in windows that start with the
/// first request.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<(String, &'static str), Window>>);

#[derive(Debug)]
struct Window {
    start: Instant,
    requests: u32,
}

impl Limits {
    /// Forgets all requests.
    pub fn reset(&self) {
        self.0.lock().clear();
    }

    /// Takes one request of the window at that time, or tells how long to wait.
    ///
    /// # Errors
    ///
    /// The time to the next window, when this one is used up.
    pub fn take(
        &self,
        key: &str,
        endpoint: &'static Endpoint,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut windows = self.0.lock();
        let window = windows
            .entry((key.to_owned(), endpoint.rpc))
            .or_insert(Window {
                start: now,
                requests: 0,
            });
        let age = now.saturating_duration_since(window.start);
        if age >= endpoint.rate.per {
            *window = Window {
                start: now,
                requests: 0,
            };
        } else if window.requests >= endpoint.rate.requests {
            return Err(endpoint.rate.per.saturating_sub(age));
        }
        window.requests += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints;

    #[test]
    fn a_window_opens_again() {
        let limits = Limits::default();
        let endpoint = endpoints::START_LEAD_SEARCH;
        let start = Instant::now();
        for _ in 0..endpoint.rate.requests {
            assert_eq!(limits.take("a", endpoint, start), Ok(()));
        }
        assert_eq!(limits.take("a", endpoint, start), Err(endpoint.rate.per));
        assert_eq!(limits.take("b", endpoint, start), Ok(()));
        assert_eq!(
            limits.take("a", endpoint, start + endpoint.rate.per),
            Ok(())
        );
    }
}
