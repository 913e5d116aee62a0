//! Whose time is up while Pronto works.

use std::sync::Arc;
use std::time::Duration;

use pronto_grpc::proto::v1::ErrorReason;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::wire::{Act, Wire};
use super::{caller, caller_for, client, purchase, read};
use crate::harness::PATIENCE;
use crate::harness::fake::{Fake, json};

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_read_is_aborted_at_the_deadline() {
    let wire = Wire::start(|_| Act::Ignore).await;
    let client = client(wire.address, &[]);
    let failure = client.call(&caller_for(SOON), &read(1)).await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::DeadlineExceeded);
    timeout(PATIENCE, wire.gone.notified()).await.unwrap();
    assert_eq!(client.limits(&caller("a").credential).in_flight, 0);
}

#[tokio::test]
async fn a_purchase_that_was_sent_goes_on_after_the_deadline() {
    let release = Arc::new(Notify::new());
    let released = release.clone();
    let fake = Fake::start(move |_, _| {
        let released = released.clone();
        async move {
            released.notified().await;
            json(200, "{}")
        }
    })
    .await;
    let client = client(fake.address, &[]);
    let buyer = caller_for(SOON);
    let deadline = buyer.deadline.unwrap();
    let bought = tokio::spawn(async move { client.call(&buyer, &purchase()).await });
    sleep_until(deadline + SOON).await;
    release.notify_one();
    timeout(PATIENCE, bought).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_pause_that_would_end_after_the_deadline_is_not_made() {
    let fake = Fake::start(|_, _| async {
        let mut answer = json(429, "{}");
        let headers = answer.headers_mut();
        headers.insert("retry-after", "40".parse().unwrap());
        answer
    })
    .await;
    let client = client(fake.address, &[]);
    let begin = Instant::now();
    let busy = caller_for(PATIENCE);
    let theirs = client.call(&busy, &purchase()).await.unwrap_err();
    assert_eq!(theirs.reason, ErrorReason::RateLimited);
    assert_eq!(theirs.http_status, Some(429));
    assert_eq!(theirs.retry_after, Some(Duration::from_secs(40)));
    // From now on it is known before anything is sent.
    let ours = client.call(&busy, &purchase()).await.unwrap_err();
    assert_eq!(ours.reason, ErrorReason::RateLimited);
    assert_eq!(ours.http_status, None);
    assert!(ours.retry_after.is_some_and(|wait| wait > PATIENCE));
    assert!(begin.elapsed() < PATIENCE);
    let mut asked = fake.asked;
    assert!(asked.try_recv().is_ok() && asked.try_recv().is_err());
}
