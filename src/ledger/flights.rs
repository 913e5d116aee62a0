//! Equal requests that are under way at once: one is carried out, all get its outcome.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::model::RequestKey;
use crate::pronto::{Audience, Listener};

/// Whose request it is, and which.
pub type Place = (String, RequestKey);

type UnderWay<T> = Arc<Mutex<HashMap<Place, Flight<T>>>>;

/// A request under way.
#[derive(Debug)]
struct Flight<T> {
    outcome: watch::Receiver<Option<T>>,
    audience: Audience,
}

/// Requests under way, with outcomes of one type.
#[derive(Debug)]
pub struct Flights<T> {
    under_way: UnderWay<T>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
        }
    }
}

/// Where work puts its outcome, for all who wait for it.
#[derive(Debug)]
pub struct Landing<T>(watch::Sender<Option<T>>);

impl<T> Landing<T> {
    /// Tells the outcome. Work may go on behind it, and whoever comes meanwhile gets
    /// the outcome, too.
    pub fn tell(&self, outcome: T) {
        self.0.send_replace(Some(outcome));
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Waits for the outcome of a request: of the one under way at the same place, else
    /// of `work`. Work is told who waits, and runs to its end also when nobody does. None
    /// when it ended without outcome.
    pub async fn join<W, F>(
        &self,
        place: Option<Place>,
        deadline: Option<Instant>,
        tasks: &TaskTracker,
        work: W,
    ) -> Option<T>
    where
        W: FnOnce(Landing<T>, Audience) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let (mut outcome, _listener) = match place {
            Some(place) => self.attach(place, deadline, tasks, work),
            None => {
                let (sender, outcome) = watch::channel(None);
                let (audience, listener) = Audience::of(deadline);
                tasks.spawn(work(Landing(sender), audience));
                (outcome, listener)
            }
        };
        let told = outcome.wait_for(Option::is_some).await.ok()?;
        told.clone()
    }

    fn attach<W, F>(
        &self,
        place: Place,
        deadline: Option<Instant>,
        tasks: &TaskTracker,
        work: W,
    ) -> (watch::Receiver<Option<T>>, Listener)
    where
        W: FnOnce(Landing<T>, Audience) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        if let Some(known) = under_way.get(&place)
            && let Some(listener) = known.audience.join(deadline)
        {
            return (known.outcome.clone(), listener);
        }
        let (sender, outcome) = watch::channel(None);
        let (audience, listener) = Audience::of(deadline);
        let flight = Flight {
            outcome: outcome.clone(),
            audience: audience.clone(),
        };
        let given_up = under_way.insert(place.clone(), flight);
        let seat = Seat {
            under_way: self.under_way.clone(),
            place,
            audience: audience.clone(),
        };
        let work = work(Landing(sender), audience);
        tasks.spawn(async move {
            let _seat = seat;
            if let Some(given_up) = given_up {
                ended(given_up).await;
            }
            work.await;
        });
        (outcome, listener)
    }
}

/// Waits until work has ended, with all that it records.
async fn ended<T>(mut flight: Flight<T>) {
    while flight.outcome.changed().await.is_ok() {}
}

/// A place that is taken; given back however the work ends.
struct Seat<T> {
    under_way: UnderWay<T>,
    place: Place,
    audience: Audience,
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        let flight = under_way.get(&self.place);
        if flight.is_some_and(|flight| flight.audience.is(&self.audience)) {
            under_way.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    fn place(id: &str) -> Option<Place> {
        let key = RequestKey {
            id: id.to_owned(),
            fingerprint: [0; 32],
        };
        Some(("default".to_owned(), key))
    }

    /// Joins a hundred times, and tells the outcomes and how often work was done.
    async fn join_often(place: impl Fn() -> Option<Place>) -> (Vec<Option<usize>>, usize) {
        let flights: Arc<Flights<usize>> = Arc::default();
        let (tasks, runs, gate) = (
            TaskTracker::new(),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Semaphore::new(0)),
        );
        let joins: Vec<_> = (0..100)
            .map(|_| {
                let (flights, tasks, runs, gate) =
                    (flights.clone(), tasks.clone(), runs.clone(), gate.clone());
                let place = place();
                tokio::spawn(async move {
                    let work = |landing: Landing<usize>, _| async move {
                        let run = runs.fetch_add(1, Ordering::SeqCst);
                        let _permit = gate.acquire().await;
                        landing.tell(run);
                    };
                    flights.join(place, None, &tasks, work).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        gate.add_permits(1);
        let mut outcomes = Vec::new();
        for join in joins {
            outcomes.push(join.await.unwrap());
        }
        tasks.close();
        tasks.wait().await;
        assert!(flights.under_way.lock().is_empty());
        (outcomes, runs.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn equal_requests_share_one_outcome() {
        let (outcomes, runs) = join_often(|| place("a")).await;
        assert_eq!((outcomes, runs), (vec![Some(0); 100], 1));
    }

    #[tokio::test]
    async fn requests_without_id_share_nothing() {
        assert_eq!(join_often(|| None).await.1, 100);
    }

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_any_more() {
        let (flights, tasks) = (Flights::default(), TaskTracker::new());
        let done = Arc::new(AtomicUsize::new(0));
        let counted = done.clone();
        let work = |landing: Landing<()>, _| async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::SeqCst);
            landing.tell(());
        };
        {
            let join = flights.join(place("a"), None, &tasks, work);
            tokio::select! {
                biased;
                _ = join => panic!("it waits"),
                () = std::future::ready(()) => {}
            }
        }
        tasks.close();
        tasks.wait().await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_that_ends_without_outcome_leaves_nobody_waiting() {
        let (flights, tasks) = (Flights::<()>::default(), TaskTracker::new());
        let outcome = flights
            .join(place("a"), None, &tasks, |landing, _| async move {
                drop(landing);
            })
            .await;
        assert_eq!(outcome, None);
    }

    /// Who comes when a request was given up gets a new one, behind the end of the first.
    #[tokio::test]
    async fn a_request_that_was_given_up_takes_nobody_along() {
        let (flights, tasks) = (Arc::new(Flights::<u32>::default()), TaskTracker::new());
        let (left, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let first = {
            let (left, open) = (left.clone(), open.clone());
            |landing: Landing<u32>, audience: Audience| async move {
                audience.left().await;
                left.add_permits(1);
                let _permit = open.acquire().await;
                landing.tell(1);
            }
        };
        let (landed, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let waits = {
            let (flights, tasks) = (flights.clone(), tasks.clone());
            tokio::spawn(async move { flights.join(place("a"), None, &tasks, first).await })
        };
        tokio::task::yield_now().await;
        waits.abort();
        let _permit = left.acquire().await;
        let counted = landed.clone();
        let second = |landing: Landing<u32>, _| async move {
            counted.fetch_add(1, Ordering::SeqCst);
            landing.tell(2);
        };
        let joins = flights.join(place("a"), None, &tasks, second);
        let opens = async {
            tokio::task::yield_now().await;
            ended.store(landed.load(Ordering::SeqCst), Ordering::SeqCst);
            open.add_permits(1);
        };
        assert_eq!(tokio::join!(joins, opens).0, Some(2));
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        tasks.close();
        tasks.wait().await;
        assert!(flights.under_way.lock().is_empty());
    }
}
