//! How many requests were sent in the last period.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Allowance;

/// Pronto counts a request when it arrives. That is after it is sent, but not later
/// than this share of the period, and not later than its answer.
const TRAVEL: f64 = 0.04;

/// Clocks do not run alike: periods are taken for longer by this share.
const DRIFT: f64 = 0.0025;

/// The requests of the last period: a sliding log, so that no period whatever holds
/// more than are allowed.
#[derive(Debug)]
pub struct Window {
    allowance: Allowance,
    /// When each request of the last period has arrived at the latest, oldest first.
    sent: VecDeque<Instant>,
    /// Requests that were let through and are not sent yet.
    held: usize,
    /// Nothing is sent before: Pronto said so.
    blocked_until: Option<Instant>,
    /// When the next request is due, when requests are spread over the period.
    due: Option<Instant>,
}

impl Window {
    /// A window without requests.
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            sent: VecDeque::new(),
            held: 0,
            blocked_until: None,
            due: None,
        }
    }

    /// How many are allowed.
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Lets one request through.
    pub fn hold(&mut self, now: Instant) {
        self.held += 1;
        // Those who wake late are caught up with.
        let late = now.checked_sub(self.step() * 2).unwrap_or(now);
        self.due = Some(self.due.map_or(now, |due| due.max(late)) + self.step());
    }

    /// One that was let through is not sent.
    pub fn give_back(&mut self) {
        self.held -= 1;
    }

    /// One that was let through is sent now.
    pub fn send(&mut self, now: Instant) {
        self.held -= 1;
        self.send_late(now);
    }

    /// One that was given back is sent nevertheless.
    pub fn send_late(&mut self, now: Instant) {
        self.insert(now + self.travel());
    }

    /// One that was sent then is answered now.
    pub fn answer(&mut self, sent: Instant, now: Instant) {
        let arrival = sent + self.travel();
        let index = self.sent.iter().position(|known| *known == arrival);
        if let Some(index) = index.filter(|_| now < arrival) {
            self.sent.remove(index);
            self.insert(now);
        }
    }

    fn insert(&mut self, arrival: Instant) {
        let index = self.sent.partition_point(|known| *known <= arrival);
        self.sent.insert(index, arrival);
    }

    fn travel(&self) -> Duration {
        self.allowance.per.mul_f64(TRAVEL)
    }

    /// Sends nothing before this time.
    pub fn block(&mut self, until: Instant) {
        self.blocked_until = self.blocked_until.max(Some(until));
    }

    /// Until when nothing is sent.
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.blocked_until.filter(|until| *until > now)
    }

    /// How many requests could be sent now.
    pub fn available(&mut self, now: Instant) -> usize {
        self.forget(now);
        match self.blocked_until(now) {
            Some(_) => 0,
            None => self.size().saturating_sub(self.used()),
        }
    }

    /// When the next request may be sent, spread over the period or not. Not known
    /// while requests that are not sent yet hold every place.
    pub fn next(&mut self, now: Instant, is_spread: bool) -> Option<Instant> {
        self.forget(now);
        let free = match self.used().checked_sub(self.size()) {
            None => now,
            Some(index) => *self.sent.get(index)? + self.span(),
        };
        let due = self.due.filter(|_| is_spread).unwrap_or(now);
        Some(free.max(due).max(self.blocked_until.unwrap_or(now)))
    }

    /// When a request may be sent for which so many others come first, as far as can
    /// be told now.
    pub fn turn(&mut self, ahead: usize, now: Instant) -> Instant {
        self.forget(now);
        let (rounds, place) = (ahead / self.size(), ahead % self.size());
        let first = match (self.used() + place).checked_sub(self.size()) {
            None => now,
            Some(index) => self.sent.get(index).copied().unwrap_or(now) + self.span(),
        };
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        first.max(self.blocked_until.unwrap_or(now)) + self.span().saturating_mul(rounds)
    }

    /// Whether it can be forgotten.
    pub fn is_idle(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.used() == 0 && self.blocked_until(now).is_none()
    }

    fn forget(&mut self, now: Instant) {
        let span = self.span();
        while self.sent.front().is_some_and(|sent| *sent + span <= now) {
            self.sent.pop_front();
        }
    }

    fn span(&self) -> Duration {
        self.allowance.per.mul_f64(1.0 + DRIFT)
    }

    /// The time between requests that are spread over the period. Of two requests one
    /// goes to each of two callers anyway, so they need not wait longer than they must.
    fn step(&self) -> Duration {
        match self.allowance.requests {
            0..=2 => Duration::ZERO,
            requests => self.allowance.per / requests,
        }
    }

    fn used(&self) -> usize {
        self.sent.len() + self.held
    }

    fn size(&self) -> usize {
        usize::try_from(self.allowance.requests.max(1)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn window(requests: u32) -> Window {
        Window::new(Allowance {
            requests,
            per: SECOND,
        })
    }

    fn send(window: &mut Window, now: Instant) {
        window.hold(now);
        window.send(now);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_request_waits_for_the_oldest_to_leave() {
        let (mut window, start) = (window(2), Instant::now());
        send(&mut window, start);
        send(&mut window, start + SECOND / 2);
        let next = window.next(start + SECOND / 2, false).unwrap();
        assert!(next > start + SECOND && next < start + SECOND * 106 / 100);
        assert_eq!(window.available(start + SECOND), 0);
        assert_eq!(window.available(next), 1);
        assert!(window.is_idle(start + SECOND * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_has_arrived_when_it_is_answered() {
        let (mut window, start) = (window(2), Instant::now());
        send(&mut window, start);
        send(&mut window, start);
        let unanswered = window.next(start, false).unwrap();
        let answered = start + SECOND / 100;
        window.answer(start, answered);
        assert_eq!(window.next(start, false), Some(answered + window.span()));
        // A late answer tells nothing.
        window.answer(start, start + SECOND / 2);
        assert_eq!(window.available(answered + window.span()), 1);
        assert_eq!(window.available(unanswered), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_sent_yet_holds_its_place_for_as_long_as_it_takes() {
        let (mut window, start) = (window(1), Instant::now());
        window.hold(start);
        let later = start + SECOND * 10;
        assert_eq!(window.next(later, false), None);
        window.send(later);
        assert!(window.next(later, false).unwrap() > later + SECOND);
        window.hold(start);
        window.give_back();
        assert!(!window.is_idle(later));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_where_that_is_wanted() {
        let (mut window, start) = (window(5), Instant::now());
        send(&mut window, start);
        assert_eq!(window.next(start, false), Some(start));
        let due = start + SECOND / 5;
        assert_eq!(window.next(start, true), Some(due));
        // The next one does not come later because this one did.
        send(&mut window, due + SECOND / 20);
        assert_eq!(window.next(due, true), Some(start + SECOND * 2 / 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_foreseen_round_by_round() {
        let (mut window, start) = (window(2), Instant::now());
        send(&mut window, start);
        window.answer(start, start);
        let span = window.span();
        assert_eq!(window.turn(0, start), start);
        assert_eq!(window.turn(1, start), start + span);
        assert_eq!(window.turn(2, start), start + span);
        assert_eq!(window.turn(7, start), start + span * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_moves_everything_and_only_ever_later() {
        let (mut window, start) = (window(5), Instant::now());
        window.block(start + SECOND * 9);
        window.block(start + SECOND * 3);
        assert_eq!(window.available(start), 0);
        assert_eq!(window.next(start, false), Some(start + SECOND * 9));
        assert_eq!(window.turn(0, start), start + SECOND * 9);
        assert_eq!(window.blocked_until(start + SECOND * 9), None);
    }
}
