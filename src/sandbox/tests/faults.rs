//! Faults of deliveries, as a receiver meets them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fixture::{Fixture, Receiver, quick};
use crate::proto::endpoint::endpoints;
use crate::sandbox::{FaultKind, FinalMessage, Generation, SandboxFault, StreamingShape};

pub fn fault(kind: FaultKind) -> SandboxFault {
    SandboxFault {
        kind: kind.into(),
        ..Default::default()
    }
}

pub fn lasting(kind: FaultKind, duration: Duration) -> SandboxFault {
    SandboxFault {
        duration: duration.try_into().ok(),
        ..fault(kind)
    }
}

/// A sandbox with faults, whose streamed searches end without a final message.
pub async fn faulty(faults: Vec<SandboxFault>) -> Fixture {
    let fixture = Fixture::start(quick()).await;
    {
        let switches = fixture.sandbox.switches();
        let mut switches = switches.write();
        switches.final_message = FinalMessage::Off;
        switches.faults = faults.into();
    }
    fixture
}

/// Streams so many people, and waits for the end.
pub async fn stream(fixture: &Fixture, receiver: &Receiver, people: usize) -> String {
    let body = json!({
        "webhook_url": receiver.url, "streaming": true, "limit": people, "job_titles": ["*"]
    });
    let started = fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    fixture.sandbox.idle().await;
    started.id()
}

/// The people of a streamed search as they arrive under a fault.
async fn arrived(faults: Vec<SandboxFault>, people: usize) -> (Fixture, Receiver, Vec<String>) {
    let fixture = faulty(faults).await;
    let mut receiver = Receiver::start().await;
    stream(&fixture, &receiver, people).await;
    let urls = urls(receiver.arrived());
    (fixture, receiver, urls)
}

fn urls(bodies: Vec<Value>) -> Vec<String> {
    let url = |body: Value| body["linkedin_url"].as_str().map(str::to_owned);
    bodies.into_iter().filter_map(url).collect()
}

/// What a search truly found.
pub fn found(fixture: &Fixture) -> Vec<String> {
    let mut all = fixture.sandbox.findings("", "");
    assert_eq!(all.len(), 1);
    all.remove(0).keys
}

#[tokio::test]
async fn without_faults_the_findings_are_what_arrives() {
    let (fixture, _receiver, urls) = arrived(Vec::new(), 5).await;
    assert_eq!(urls.len(), 5);
    assert_eq!(urls, found(&fixture));
}

#[tokio::test]
async fn what_is_dropped_or_refused_is_found_but_never_arrives() {
    for (kind, attempted) in [(FaultKind::Drop, 4), (FaultKind::Refuse, 6)] {
        let every = Some(3);
        let (fixture, _receiver, urls) = arrived(
            vec![SandboxFault {
                every,
                ..fault(kind)
            }],
            6,
        )
        .await;
        let found = found(&fixture);
        assert_eq!(found.len(), 6);
        assert_eq!(
            urls,
            [&found[0], &found[1], &found[3], &found[4]].map(String::clone)
        );
        let counters = fixture.sandbox.counters();
        assert_eq!(counters.webhooks_attempted(), attempted, "{kind:?}");
        assert_eq!(counters.webhooks_accepted(), 4);
        assert_eq!(counters.faults(kind), 2);
    }
}

#[tokio::test]
async fn duplicates_are_the_same_body_again() {
    let times = Some(3);
    let duplicate = SandboxFault {
        times,
        count: Some(1),
        ..fault(FaultKind::Duplicate)
    };
    let (fixture, _receiver, urls) = arrived(vec![duplicate], 2).await;
    let found = found(&fixture);
    assert_eq!(urls, [0, 0, 0, 1].map(|index: usize| found[index].clone()));
}

#[tokio::test]
async fn reordered_deliveries_come_after_their_next() {
    let (fixture, _receiver, urls) = arrived(vec![fault(FaultKind::Reorder)], 5).await;
    let found = found(&fixture);
    assert_eq!(
        urls,
        [1, 0, 3, 2, 4].map(|index: usize| found[index].clone())
    );
}

#[tokio::test]
async fn delayed_deliveries_hold_up_nobody_and_arrive() {
    let hours = lasting(FaultKind::Delay, Duration::from_secs(600));
    let first = SandboxFault {
        count: Some(1),
        ..hours
    };
    let fixture = faulty(vec![first]).await;
    let mut receiver = Receiver::start().await;
    let body = json!({
        "webhook_url": receiver.url, "streaming": true, "limit": 3, "job_titles": ["*"]
    });
    fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    let others = urls(vec![receiver.next().await, receiver.next().await]);
    assert_eq!(others, found(&fixture)[1..]);
    assert!(fixture.sandbox.describe_counters().under_way >= 1);

    let soon = lasting(FaultKind::Delay, Duration::from_millis(10));
    let (fixture, _receiver, mut urls) = arrived(vec![soon], 3).await;
    let mut found = found(&fixture);
    urls.sort();
    found.sort();
    assert_eq!(urls, found);
}

#[tokio::test]
async fn a_burst_holds_back_to_the_end_and_takes_new_connections() {
    let every = Some(2);
    let half = SandboxFault {
        every,
        ..fault(FaultKind::Burst)
    };
    let (fixture, receiver, urls) = arrived(vec![half], 20).await;
    let found = found(&fixture);
    let usual: Vec<_> = found.iter().step_by(2).cloned().collect();
    let mut held: Vec<_> = found.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(urls[..10], usual);
    let mut burst = urls[10..].to_vec();
    burst.sort();
    held.sort();
    assert_eq!(burst, held);
    // At least one for those that were not held back.
    assert!(receiver.connections() > 10);
}

#[tokio::test]
async fn damaged_bodies_are_no_json() {
    for kind in [FaultKind::Truncate, FaultKind::Html] {
        let fixture = faulty(vec![fault(kind)]).await;
        let mut receiver = Receiver::start().await;
        stream(&fixture, &receiver, 1).await;
        assert!(receiver.arrived().is_empty());
        let raw = receiver.raw();
        assert_eq!(raw.len(), 1, "{kind:?}");
        assert!(!raw[0].is_empty() && serde_json::from_slice::<Value>(&raw[0]).is_err());
        assert_eq!(fixture.sandbox.counters().webhooks_accepted(), 1);
    }
}

#[tokio::test]
async fn broken_bodies_never_end() {
    for broken in [
        fault(FaultKind::Reset),
        lasting(FaultKind::Stall, Duration::from_millis(50)),
    ] {
        let fixture = faulty(vec![broken]).await;
        let mut receiver = Receiver::start().await;
        stream(&fixture, &receiver, 1).await;
        receiver.next_broken().await;
        assert!(receiver.arrived().is_empty());
        let counters = fixture.sandbox.counters();
        assert_eq!(
            (counters.webhooks_attempted(), counters.webhooks_accepted()),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn slow_bodies_arrive_whole() {
    let slow = lasting(FaultKind::Slow, Duration::from_millis(200));
    let begin = Instant::now();
    let (fixture, _receiver, urls) = arrived(vec![slow], 1).await;
    assert_eq!(urls, found(&fixture));
    // A lower bound: a slow machine cannot miss it.
    assert!(begin.elapsed() >= Duration::from_millis(180));
}

#[tokio::test]
async fn drift_brings_the_unknown_and_leaves_custom_alone() {
    let fixture = faulty(vec![fault(FaultKind::Drift)]).await;
    let mut receiver = Receiver::start().await;
    let body = json!({
        "webhook_url": receiver.url, "streaming": true, "limit": 1, "job_titles": ["*"],
        "custom": {"gender": "mine"}
    });
    fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    let body = receiver.next().await;
    assert!(body["sandbox_drift"].is_object());
    assert_eq!(body["custom"], json!({"gender": "mine"}));
    assert_eq!(body["linkedin_url"], found(&fixture)[0].as_str());
}

#[tokio::test]
async fn final_messages_of_every_kind() {
    for (message, sizes) in [
        (FinalMessage::Off, vec![]),
        (FinalMessage::Bare, vec![0]),
        (FinalMessage::Repeating, vec![2]),
        (FinalMessage::Twice, vec![2, 2]),
    ] {
        let fixture = faulty(Vec::new()).await;
        fixture.sandbox.switches().write().final_message = message;
        let mut receiver = Receiver::start().await;
        stream(&fixture, &receiver, 2).await;
        let last: Vec<_> = receiver.arrived().split_off(2);
        let lists = last.iter().filter_map(|body| body["leads"].as_array());
        assert_eq!(
            lists.map(Vec::len).collect::<Vec<_>>(),
            sizes,
            "{message:?}"
        );
        for body in last {
            assert_eq!(body["search"]["status"], "FINISHED");
        }
    }
}

#[tokio::test]
async fn alternating_forms_mix_in_one_search() {
    let fixture = faulty(Vec::new()).await;
    {
        let switches = fixture.sandbox.switches();
        let mut switches = switches.write();
        switches.generation = Generation::Alternating;
        switches.streaming_shape = StreamingShape::Alternating;
    }
    let mut receiver = Receiver::start().await;
    stream(&fixture, &receiver, 4).await;
    let form = |body: &Value| {
        let person = body.get("lead").unwrap_or(body);
        let is_documented = person.get("linkedin_profile_url").is_some();
        (body.get("lead").is_some(), is_documented)
    };
    let forms: Vec<_> = receiver.arrived().iter().map(form).collect();
    assert_eq!(
        forms,
        [(false, false), (false, true), (true, false), (true, true)]
    );
}
