//! Who sends, and when, in paused time.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};

use super::{Allowance, LONGEST_WAIT, LimitOptions, Limits, MANY_LANES, Override, Pass};
use crate::pronto::{Caller, Credential, Failure};
use crate::proto::endpoint::Endpoint;
use crate::proto::endpoint::endpoints::{
    ENRICH_CONTACT, ENRICH_LEAD, GET_HEADCOUNT, GET_SEARCH, START_LEAD_SEARCH,
};
use crate::proto::v1::ErrorReason;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn limits(max_in_flight: usize) -> Arc<Limits> {
    Arc::new(Limits::new(&LimitOptions {
        overrides: Vec::new(),
        max_in_flight,
    }))
}

/// Limits that only places bound.
fn places(max_in_flight: usize) -> Arc<Limits> {
    let allowance = Allowance {
        requests: 1_000_000,
        per: SECOND,
    };
    let all = Override {
        endpoint: None,
        allowance,
    };
    Arc::new(Limits::new(&LimitOptions {
        overrides: vec![all],
        max_in_flight,
    }))
}

fn credential(name: &str) -> Credential {
    Credential {
        name: name.to_owned(),
        key: "key".into(),
    }
}

fn caller(party: &str) -> Caller {
    Caller {
        credential: credential("a"),
        party: party.into(),
        deadline: None,
        audience: None,
    }
}

/// When callers without deadline wait no longer.
fn end() -> Instant {
    Instant::now() + LONGEST_WAIT
}

fn within(party: &str, time: Duration) -> Caller {
    Caller {
        deadline: Some(Instant::now() + time),
        ..caller(party)
    }
}

/// Sends at once, and is under way as long as the pass is kept.
async fn send(limits: &Limits, caller: &Caller, endpoint: &'static Endpoint) -> Pass {
    let pass = limits.enter(caller, endpoint, end()).await.unwrap();
    pass.departure().now();
    pass
}

/// The pass, if there is one without time passing.
async fn at_once(limits: &Limits, endpoint: &'static Endpoint) -> Option<Pass> {
    let caller = caller("x");
    let sent = send(limits, &caller, endpoint);
    timeout(Duration::ZERO, sent).await.ok()
}

async fn poll_at_once(limits: &Limits) -> Option<Pass> {
    let credential = credential("a");
    let poll = limits.enter_to_poll(&credential, GET_SEARCH, PATIENCE);
    timeout(Duration::ZERO, poll).await.ok().map(Result::unwrap)
}

fn assert_refused(outcome: Result<Pass, Failure>) -> Duration {
    let failure = outcome.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::RateLimited);
    assert_eq!(failure.http_status, None);
    failure.retry_after.unwrap()
}

/// Whenever calls come, however long connections take to open and requests to arrive,
/// no period has more than the limit; and while enough wait, nearly all of it is used.
#[tokio::test(start_paused = true)]
async fn no_period_has_more_than_the_limit_and_nearly_all_is_used() {
    for (seed, endpoint) in [
        ENRICH_LEAD,
        ENRICH_CONTACT,
        START_LEAD_SEARCH,
        GET_HEADCOUNT,
    ]
    .into_iter()
    .cycle()
    .take(24)
    .enumerate()
    {
        let limits = limits(0);
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut random = fastrand::Rng::with_seed(seed as u64);
        let (count, per) = (endpoint.rate.requests as usize, endpoint.rate.per);
        let mut calls = JoinSet::new();
        for _ in 0..count * 10 {
            let (limits, log) = (limits.clone(), log.clone());
            let arrival = per.mul_f64(random.f64());
            let opening = per.mul_f64(random.f64() * 0.01);
            let travel = per.mul_f64(random.f64() * 0.04);
            let work = per.mul_f64(random.f64() * 3.0);
            let caller = caller(&random.u8(0..9).to_string());
            calls.spawn(async move {
                sleep(arrival).await;
                let pass = limits.enter(&caller, endpoint, end()).await.unwrap();
                sleep(opening).await;
                pass.departure().now();
                sleep(travel).await;
                log.lock().push(Instant::now());
                sleep(work).await;
                pass.answered();
            });
        }
        calls.join_all().await;
        let log = Arc::into_inner(log).unwrap().into_inner();
        let mut periods = log.windows(count + 1);
        assert!(
            periods.all(|arrived| arrived[count] - arrived[0] > per),
            "{}",
            endpoint.rpc
        );
        let run = log[log.len() - 1] - log[0];
        let used = (log.len() - 1) as f64 / (run.as_secs_f64() / per.as_secs_f64());
        assert!(used >= 0.95 * count as f64, "{}: {used}", endpoint.rpc);
    }
}

#[tokio::test(start_paused = true)]
async fn a_light_caller_is_served_between_those_of_a_heavy_one() {
    let limits = limits(0);
    let mut heavy = JoinSet::new();
    for _ in 0..1000 {
        let limits = limits.clone();
        heavy.spawn(async move { drop(send(&limits, &caller("heavy"), ENRICH_LEAD).await) });
    }
    sleep(SECOND * 3 / 2).await;
    let begin = Instant::now();
    for _ in 0..20 {
        send(&limits, &caller("light"), ENRICH_LEAD).await;
    }
    // Alone it would take three periods, and half of the limit is its share.
    assert!(begin.elapsed() < SECOND * 9, "{:?}", begin.elapsed());
    assert!(heavy.len() > 900);
}

#[tokio::test(start_paused = true)]
async fn endpoints_take_turns_for_places() {
    let limits = places(1);
    let first = send(&limits, &caller("x"), GET_SEARCH).await;
    let order = Arc::new(Mutex::new(String::new()));
    let mut calls = JoinSet::new();
    for (endpoint, name) in [(GET_SEARCH, 's'), (GET_SEARCH, 's'), (ENRICH_LEAD, 'l')] {
        let (limits, order) = (limits.clone(), order.clone());
        calls.spawn(async move {
            let pass = send(&limits, &caller("x"), endpoint).await;
            order.lock().push(name);
            sleep(SECOND).await;
            drop(pass);
        });
        tokio::task::yield_now().await;
    }
    drop(first);
    calls.join_all().await;
    assert_eq!(*order.lock(), "lss");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_rate_takes_no_place_and_who_waits_for_a_place_takes_no_rate() {
    let limits = limits(2);
    drop(at_once(&limits, START_LEAD_SEARCH).await.unwrap());
    // This one waits for the rate; both places are free meanwhile.
    let slow_caller = caller("y");
    let slow = send(&limits, &slow_caller, START_LEAD_SEARCH);
    tokio::pin!(slow);
    assert!(timeout(Duration::ZERO, &mut slow).await.is_err());
    let one = at_once(&limits, ENRICH_LEAD).await.unwrap();
    let other = at_once(&limits, ENRICH_LEAD).await.unwrap();
    assert!(at_once(&limits, ENRICH_LEAD).await.is_none());
    let headcount = caller("z");
    let placeless = send(&limits, &headcount, GET_HEADCOUNT);
    tokio::pin!(placeless);
    assert!(timeout(SECOND * 5, &mut placeless).await.is_err());
    let available = |endpoint: &Endpoint| {
        let snapshot = limits.snapshot(&credential("a"));
        let limit = snapshot.limits.iter().find(|l| l.endpoint == endpoint);
        limit.unwrap().available
    };
    assert_eq!(available(GET_HEADCOUNT), 2);
    drop(one);
    // Both may go now; there is one place.
    let before = Instant::now();
    let first = tokio::select! { p = &mut slow => p, p = &mut placeless => p };
    assert_eq!(before.elapsed(), Duration::ZERO);
    drop((first, other));
}

#[tokio::test(start_paused = true)]
async fn the_synchronous_host_has_no_places() {
    let limits = limits(1);
    let _main = at_once(&limits, ENRICH_LEAD).await.unwrap();
    let mut under_way = Vec::new();
    for _ in 0..ENRICH_CONTACT.rate.requests {
        under_way.push(at_once(&limits, ENRICH_CONTACT).await.unwrap());
    }
    assert_eq!(limits.snapshot(&credential("a")).in_flight, 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once() {
    let limits = limits(0);
    for _ in 0..2 {
        drop(at_once(&limits, GET_HEADCOUNT).await.unwrap());
    }
    let begin = Instant::now();
    let wait = assert_refused(
        limits
            .enter(&within("x", SECOND * 61), GET_HEADCOUNT, end())
            .await,
    );
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(wait > SECOND * 61 && wait < SECOND * 63, "{wait:?}");
    // The wait that was told is right.
    let patient = within("x", wait + SECOND / 100);
    assert!(limits.enter(&patient, GET_HEADCOUNT, end()).await.is_ok());
    assert!(begin.elapsed() < wait + SECOND / 100);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_waiting_for_a_place_is_a_refusal() {
    let limits = places(1);
    let _under_way = at_once(&limits, GET_SEARCH).await.unwrap();
    let begin = Instant::now();
    assert_refused(limits.enter(&within("x", SECOND), GET_SEARCH, end()).await);
    assert_eq!(begin.elapsed(), SECOND);
    let limit = &limits.snapshot(&credential("a")).limits[0];
    assert_eq!(limit.waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn so_many_may_wait_and_no_more() {
    let limits = limits(0);
    drop(at_once(&limits, START_LEAD_SEARCH).await.unwrap());
    let mut waiting = JoinSet::new();
    for _ in 0..10_000 {
        let limits = limits.clone();
        waiting.spawn(async move {
            drop(
                limits
                    .enter(&within("x", SECOND * 1_000_000), START_LEAD_SEARCH, end())
                    .await,
            )
        });
    }
    sleep(SECOND / 100).await;
    let wait = assert_refused(
        limits
            .enter(&within("x", SECOND * 1_000_000), ENRICH_LEAD, end())
            .await,
    );
    assert!(wait < SECOND);
    let wait = assert_refused(
        limits
            .enter(&within("x", SECOND * 1_000_000), START_LEAD_SEARCH, end())
            .await,
    );
    assert!(wait > SECOND * 10_000);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_takes_nothing_along() {
    let limits = limits(1);
    let under_way = at_once(&limits, GET_HEADCOUNT).await.unwrap();
    assert!(at_once(&limits, GET_HEADCOUNT).await.is_none());
    let limit = limits.snapshot(&credential("a")).limits[0].clone();
    assert_eq!((limit.waiting, limit.available), (0, 1));
    drop(under_way);
    assert!(at_once(&limits, GET_HEADCOUNT).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_let_through_and_not_sent_is_given_back_entirely() {
    let limits = limits(1);
    let waits = caller("x");
    for _ in 0..10 {
        // One is let through and dropped, another is dropped before it notices.
        let pass = limits.enter(&waits, GET_HEADCOUNT, end()).await.unwrap();
        let mut unnoticed = Box::pin(limits.enter(&waits, GET_HEADCOUNT, end()));
        assert!(timeout(Duration::ZERO, &mut unnoticed).await.is_err());
        drop(pass);
        tokio::task::yield_now().await;
        assert_eq!(limits.snapshot(&credential("a")).in_flight, 1);
        drop(unnoticed);
    }
    let snapshot = limits.snapshot(&credential("a"));
    assert_eq!((snapshot.in_flight, snapshot.limits[0].available), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_429_stops_everybody_who_calls_the_endpoint_with_the_credential() {
    let limits = limits(0);
    at_once(&limits, ENRICH_LEAD)
        .await
        .unwrap()
        .refused(Some(SECOND * 7));
    let begin = Instant::now();
    assert!(at_once(&limits, GET_SEARCH).await.is_some());
    let limit = limits.snapshot(&credential("a")).limits[0].clone();
    assert!(limit.blocked_until.is_some() && limit.available == 0);
    let wait = assert_refused(limits.enter(&within("y", SECOND), ENRICH_LEAD, end()).await);
    assert_eq!(wait, SECOND * 7);
    send(&limits, &caller("y"), ENRICH_LEAD).await;
    assert_eq!(begin.elapsed(), SECOND * 7);
    // Without a time it lasts for one period.
    at_once(&limits, GET_HEADCOUNT).await.unwrap().refused(None);
    send(&limits, &caller("y"), GET_HEADCOUNT).await;
    assert_eq!(begin.elapsed(), SECOND * 67);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_the_last_caller_of_its_credential() {
    let limits = places(5);
    let one = at_once(&limits, ENRICH_LEAD).await.unwrap();
    let other = at_once(&limits, GET_SEARCH).await.unwrap();
    let credential = credential("a");
    let poll = limits.enter_to_poll(&credential, GET_SEARCH, PATIENCE);
    tokio::pin!(poll);
    assert!(timeout(SECOND, &mut poll).await.is_err());
    drop(one);
    assert!(timeout(SECOND, &mut poll).await.is_err());
    drop(other);
    let before = Instant::now();
    poll.await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_poll_does_not_give_way_for_ever() {
    let limits = places(5);
    let _caller = at_once(&limits, GET_SEARCH).await.unwrap();
    let credential = credential("a");
    let before = Instant::now();
    let poll = limits.enter_to_poll(&credential, GET_SEARCH, PATIENCE);
    poll.await.unwrap();
    assert_eq!(before.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn polls_that_gave_way_for_long_enough_share_the_rate_with_callers() {
    let limits = limits(0);
    let mut busy = JoinSet::new();
    for _ in 0..1000 {
        let limits = limits.clone();
        busy.spawn(async move {
            let _pass = send(&limits, &caller("x"), GET_SEARCH).await;
            sleep(SECOND * 2).await;
        });
    }
    let mut polls = JoinSet::new();
    for _ in 0..4 {
        let limits = limits.clone();
        polls.spawn(async move {
            let credential = credential("a");
            let pass = limits.enter_to_poll(&credential, GET_SEARCH, SECOND).await;
            pass.unwrap().departure().now();
        });
    }
    let before = Instant::now();
    polls.join_all().await;
    assert!(before.elapsed() < SECOND * 5, "{:?}", before.elapsed());
    assert!(busy.len() > 900);
}

#[tokio::test(start_paused = true)]
async fn few_polls_are_under_way_at_once_and_they_count_as_requests() {
    let limits = limits(2);
    let (one, other) = (poll_at_once(&limits).await, poll_at_once(&limits).await);
    assert!(one.is_some() && other.is_some());
    assert!(poll_at_once(&limits).await.is_none());
    // They take places and the rate as others do.
    assert!(at_once(&limits, ENRICH_LEAD).await.is_none());
    one.as_ref().unwrap().departure().now();
    drop((one, other));
    let snapshot = limits.snapshot(&credential("a"));
    let limit = snapshot.limits.iter().find(|l| l.endpoint == GET_SEARCH);
    let left = GET_SEARCH.rate.requests as usize - 1;
    assert_eq!(limit.unwrap().available, left);
}

#[tokio::test(start_paused = true)]
async fn credentials_do_not_share_limits() {
    let limits = limits(1);
    let _mine = at_once(&limits, START_LEAD_SEARCH).await.unwrap();
    let stranger = Caller {
        credential: credential("b"),
        ..caller("x")
    };
    let theirs = timeout(
        Duration::ZERO,
        limits.enter(&stranger, START_LEAD_SEARCH, end()),
    );
    assert!(theirs.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn at_the_end_nobody_waits_any_more() {
    let limits = limits(0);
    drop(at_once(&limits, START_LEAD_SEARCH).await.unwrap());
    let waits = caller("x");
    let waiting = limits.enter(&waits, START_LEAD_SEARCH, end());
    tokio::pin!(waiting);
    assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
    limits.close();
    let before = Instant::now();
    for refused in [waiting.await, limits.enter(&waits, GET_SEARCH, end()).await] {
        assert_eq!(refused.unwrap_err().reason, ErrorReason::Draining);
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn lanes_that_nobody_uses_are_forgotten_once_their_periods_are_over() {
    let limits = limits(0);
    let visit = async |name: &str| {
        let stranger = Caller {
            credential: credential(name),
            ..caller("x")
        };
        drop(send(&limits, &stranger, START_LEAD_SEARCH).await);
    };
    for stranger in 0..MANY_LANES {
        visit(&stranger.to_string()).await;
    }
    visit("another").await;
    assert_eq!(limits.lanes.lock().by_credential.len(), MANY_LANES + 1);
    advance(SECOND * 2).await;
    for stranger in 0..=MANY_LANES {
        visit(&format!("more-{stranger}")).await;
    }
    assert!(limits.lanes.lock().by_credential.len() < MANY_LANES + 10);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_deadline_is_not_let_wait_for_ever() {
    let limits = limits(0);
    let pass = send(&limits, &caller("x"), START_LEAD_SEARCH).await;
    pass.refused(Some(LONGEST_WAIT + SECOND));
    let begin = Instant::now();
    let wait = assert_refused(limits.enter(&caller("x"), START_LEAD_SEARCH, end()).await);
    assert!(wait > LONGEST_WAIT && begin.elapsed().is_zero());
    // A deadline of its own counts instead.
    let patient = within("x", LONGEST_WAIT * 2);
    assert!(
        limits
            .enter(&patient, START_LEAD_SEARCH, end())
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn polls_that_give_way_lock_no_caller_out() {
    let limits = limits(0);
    let under_way = at_once(&limits, GET_HEADCOUNT).await.unwrap();
    let mut polls = JoinSet::new();
    for _ in 0..10_000 {
        let limits = limits.clone();
        polls.spawn(async move {
            let credential = credential("a");
            drop(
                limits
                    .enter_to_poll(&credential, GET_SEARCH, PATIENCE)
                    .await,
            );
        });
    }
    sleep(SECOND / 100).await;
    assert!(at_once(&limits, START_LEAD_SEARCH).await.is_some());
    drop(under_way);
}
