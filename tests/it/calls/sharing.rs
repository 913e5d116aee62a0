//! Identical calls share an answer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pronto_grpc::pronto::{Client, Failure};
use pronto_grpc::proto::v1::{ErrorReason, GetCreditsRequest};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::wire::{Act, Wire};
use super::{caller, caller_for, client, preview, purchase, read};
use crate::harness::PATIENCE;
use crate::harness::fake::{Fake, json};

/// A Pronto that answers once it is told to, with the number of the request.
struct Held {
    fake: Fake,
    release: watch::Sender<bool>,
}

impl Held {
    async fn start(status: u16) -> Self {
        let (release, released) = watch::channel(false);
        let count = AtomicUsize::new(0);
        let fake = Fake::start(move |_, _| {
            let mut released = released.clone();
            let number = 1 + count.fetch_add(1, Ordering::Relaxed);
            async move {
                released.wait_for(|released| *released).await.unwrap();
                json(status, number.to_string())
            }
        })
        .await;
        Self { fake, release }
    }

    /// Answers from now on.
    fn release(&self) {
        self.release.send(true).unwrap();
    }

    /// Waits for one more request.
    async fn asked(&mut self) {
        timeout(PATIENCE, self.fake.asked.recv())
            .await
            .unwrap()
            .unwrap();
    }

    /// Whether one more request came.
    fn was_asked_again(&mut self) -> bool {
        self.fake.asked.try_recv().is_ok()
    }
}

type Answers = JoinSet<Result<Bytes, Failure>>;

/// Asks the same so often, at once.
fn ask(client: &Client, credential: &str, count: usize) -> Answers {
    let mut answers = Answers::new();
    for _ in 0..count {
        let (client, caller) = (client.clone(), caller(credential));
        answers.spawn(async move { client.send(&caller, &preview()).await });
    }
    answers
}

async fn distinct(answers: Answers) -> HashSet<Bytes> {
    let answers = answers.join_all().await.into_iter();
    answers.map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_hundred_previews_are_one_request() {
    let mut held = Held::start(200).await;
    let client = client(held.fake.address, &[]);
    let answers = ask(&client, "a", 100);
    held.asked().await;
    held.release();
    assert_eq!(distinct(answers).await.len(), 1);
    assert!(!held.was_asked_again());
}

#[tokio::test]
async fn credentials_never_share() {
    let mut held = Held::start(200).await;
    let client = client(held.fake.address, &[]);
    let (mine, theirs) = (ask(&client, "a", 5), ask(&client, "b", 5));
    held.asked().await;
    held.asked().await;
    held.release();
    assert!(distinct(mine).await.is_disjoint(&distinct(theirs).await));
    assert!(!held.was_asked_again());
}

#[tokio::test]
async fn a_failure_is_shared_and_not_kept() {
    let mut held = Held::start(403).await;
    let client = client(held.fake.address, &[]);
    let answers = ask(&client, "a", 10);
    held.asked().await;
    held.release();
    for answer in answers.join_all().await {
        assert_eq!(answer.unwrap_err().reason, ErrorReason::KeyNotAllowed);
    }
    assert!(!held.was_asked_again());
    client.send(&caller("a"), &preview()).await.unwrap_err();
    assert!(held.was_asked_again());
}

#[tokio::test]
async fn who_leaves_takes_nothing_from_others() {
    let mut held = Held::start(200).await;
    let client = client(held.fake.address, &[]);
    // The first one is the one that began the request.
    let mut first = ask(&client, "a", 1);
    held.asked().await;
    let others = ask(&client, "a", 2);
    let (hasty, preview) = (caller_for(Duration::from_millis(50)), preview());
    let failure = client.send(&hasty, &preview).await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::DeadlineExceeded);
    first.abort_all();
    assert!(first.join_next().await.unwrap().unwrap_err().is_cancelled());
    held.release();
    assert_eq!(distinct(others).await.len(), 1);
    assert!(!held.was_asked_again());
}

#[tokio::test]
async fn the_request_ends_with_the_last_who_waits_for_it() {
    let wire = Wire::start(|number| match number {
        0 => Act::Ignore,
        _ => Act::Answer,
    })
    .await;
    let client = client(wire.address, &[]);
    let (hasty, preview) = (caller_for(Duration::from_millis(50)), preview());
    let ask = || client.send(&hasty, &preview);
    let answers = tokio::join!(ask(), ask());
    assert!(answers.0.is_err() && answers.1.is_err());
    timeout(PATIENCE, wire.gone.notified()).await.unwrap();
    assert_eq!(wire.requests().len(), 1);
    client.send(&caller("a"), &preview).await.unwrap();
}

#[tokio::test]
async fn an_answer_is_kept_where_data_changes_seldom_unless_that_is_off() {
    for (flags, requests) in [(&[][..], 1), (&["--answer-cache=false"], 3)] {
        let wire = Wire::start(|_| Act::Answer).await;
        let client = client(wire.address, flags);
        for _ in 0..3 {
            client.send(&caller("a"), &preview()).await.unwrap();
        }
        assert_eq!(wire.requests().len(), requests);
        // What changes with every call is never kept.
        for _ in 0..3 {
            let credits = GetCreditsRequest::default();
            client.send(&caller("a"), &credits).await.unwrap();
        }
        assert_eq!(wire.requests().len(), requests + 3);
    }
}

#[tokio::test]
async fn who_changes_something_sees_the_change() {
    let mut held = Held::start(200).await;
    let client = client(held.fake.address, &[]);
    let before = ask(&client, "a", 1);
    held.asked().await;
    // A read that began before the change is not joined after it began...
    let change = {
        let client = client.clone();
        tokio::spawn(async move { client.send(&caller("a"), &purchase()).await })
    };
    held.asked().await;
    let during = ask(&client, "a", 1);
    held.asked().await;
    held.release();
    change.await.unwrap().unwrap();
    // ... and one that began while it went on is not given to calls after it.
    let (before, during) = (distinct(before).await, distinct(during).await);
    let after = distinct(ask(&client, "a", 1)).await;
    assert!(before.is_disjoint(&during) && during.is_disjoint(&after));
    assert!(held.was_asked_again());
    // Another credential's change is not ours.
    client.send(&caller("b"), &purchase()).await.unwrap();
    assert!(held.was_asked_again());
    assert_eq!(distinct(ask(&client, "a", 1)).await, after);
}

#[tokio::test]
async fn polls_ask_for_themselves() {
    let mut held = Held::start(200).await;
    let client = client(held.fake.address, &[]);
    let credential = caller("a").credential;
    let answers = {
        let client = client.clone();
        tokio::spawn(async move { client.send(&caller("a"), &read(1)).await })
    };
    held.asked().await;
    let poll =
        tokio::spawn(async move { client.poll(&credential, &read(1), Duration::ZERO).await });
    held.asked().await;
    held.release();
    assert_ne!(
        answers.await.unwrap().unwrap(),
        poll.await.unwrap().unwrap()
    );
}
