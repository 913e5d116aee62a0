//! When to ask Pronto.

use std::time::Duration;

use tokio::time::Instant;

/// After so many answers that Pronto does not know a job, it is not asked again.
const ENOUGH: u32 = 5;

/// Pronto is asked again after this time even when it wished for a longer pause: a
/// wrong wish must not end polling.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// When to ask next: soon at first, then ever more patiently.
#[derive(Debug)]
pub struct Pace {
    next: Option<Instant>,
    interval: Duration,
    max: Duration,
    /// Pronto wishes not to be asked before.
    not_before: Option<Instant>,
    in_vain: u32,
}

impl Pace {
    /// A pace that begins now.
    #[must_use]
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            next: Some(Instant::now() + first),
            interval: first,
            max,
            not_before: None,
            in_vain: 0,
        }
    }

    /// When to ask; never when there is no use.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// It was asked.
    pub fn asked(&mut self) {
        self.interval = (self.interval + self.interval / 2).min(self.max);
        self.at(Instant::now() + self.interval);
    }

    /// It was asked, and Pronto wishes for a pause.
    pub fn asked_to_wait(&mut self, pause: Duration) {
        self.not_before = Some(Instant::now() + pause.min(LONGEST_PAUSE));
        self.asked();
    }

    /// Pronto did not know it. That may pass: what it has just created it may not
    /// find yet.
    pub fn asked_in_vain(&mut self) {
        self.in_vain += 1;
        match self.in_vain < ENOUGH {
            true => self.asked(),
            false => self.stop(),
        }
    }

    /// Something calls for asking as soon as Pronto allows it.
    pub fn hurry(&mut self) {
        if self.next.is_some() {
            self.at(Instant::now());
        }
    }

    /// Asking is no use.
    pub fn stop(&mut self) {
        self.next = None;
    }

    fn at(&mut self, when: Instant) {
        let allowed = self.not_before.map_or(when, |allowed| allowed.max(when));
        self.next = Some(allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pace: &Pace) -> Duration {
        pace.next().unwrap() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_slows_down_to_its_maximum() {
        let mut pace = Pace::new(Duration::from_secs(2), Duration::from_secs(5));
        assert_eq!(wait(&pace), Duration::from_secs(2));
        pace.asked();
        assert_eq!(wait(&pace), Duration::from_secs(3));
        pace.asked();
        pace.asked();
        assert_eq!(wait(&pace), Duration::from_secs(5));
        pace.hurry();
        assert_eq!(wait(&pace), Duration::ZERO);
        pace.stop();
        pace.hurry();
        assert_eq!(pace.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_pronto_wishes_for_is_kept() {
        let mut pace = Pace::new(Duration::from_secs(2), Duration::from_secs(5));
        pace.asked_to_wait(Duration::from_secs(30));
        assert_eq!(wait(&pace), Duration::from_secs(30));
        pace.hurry();
        assert_eq!(wait(&pace), Duration::from_secs(30));
        tokio::time::advance(Duration::from_secs(30)).await;
        pace.asked();
        assert!(wait(&pace) <= Duration::from_secs(5));
        pace.asked_to_wait(Duration::MAX);
        assert_eq!(wait(&pace), LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_pronto_does_not_know_is_asked_for_a_few_times() {
        let mut pace = Pace::new(Duration::from_secs(2), Duration::from_secs(5));
        for _ in 1..ENOUGH {
            pace.asked_in_vain();
            assert!(pace.next().is_some());
        }
        pace.asked_in_vain();
        assert_eq!(pace.next(), None);
    }
}
