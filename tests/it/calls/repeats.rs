//! What is sent again after an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pronto_grpc::pronto::Failure;
use pronto_grpc::proto::v1::{DeleteSearchRequest, ErrorReason};

use super::{caller, client, purchase, read};
use crate::harness::fake::{Fake, json};

/// A Pronto that answers these statuses one after the other, and then 200. Counts
/// requests.
async fn pronto(statuses: &'static [u16]) -> (Fake, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let fake = Fake::start(move |_, _| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let status = statuses.get(number).copied().unwrap_or(200);
        async move {
            let mut answer = json(status, "{}");
            if status == 429 {
                let headers = answer.headers_mut();
                headers.insert("retry-after", "0".parse().unwrap());
            }
            answer
        }
    })
    .await;
    (fake, count)
}

async fn read_from(statuses: &'static [u16]) -> (Result<(), Failure>, usize) {
    let (fake, count) = pronto(statuses).await;
    let answer = client(fake.address, &[]).call(&caller("a"), &read(1)).await;
    (answer.map(drop), count.load(Ordering::Relaxed))
}

async fn buy_from(statuses: &'static [u16]) -> (Result<(), Failure>, usize) {
    let (fake, count) = pronto(statuses).await;
    let client = client(fake.address, &[]);
    let answer = client.call(&caller("a"), &purchase()).await;
    (answer.map(drop), count.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_read_is_repeated_until_pronto_is_back_but_not_more_than_three_times() {
    let (answer, count) = read_from(&[502, 503, 504]).await;
    assert!(answer.is_ok() && count == 4, "{answer:?} {count}");
    let (answer, count) = read_from(&[503; 9]).await;
    assert_eq!(answer.unwrap_err().reason, ErrorReason::UpstreamUnavailable);
    assert_eq!(count, 4);
    for status in [&[500][..], &[404], &[401], &[408]] {
        let (answer, count) = read_from(status).await;
        assert!(
            answer.is_err() && count == 1,
            "{status:?} {answer:?} {count}"
        );
    }
}

#[tokio::test]
async fn a_purchase_is_repeated_only_after_a_429() {
    let (answer, count) = buy_from(&[429, 429]).await;
    assert!(answer.is_ok() && count == 3, "{answer:?} {count}");
    for status in [&[500][..], &[502], &[503], &[504]] {
        let (answer, count) = buy_from(status).await;
        assert_eq!(answer.unwrap_err().reason, ErrorReason::OutcomeUnknown);
        assert_eq!(count, 1, "{status:?}");
    }
}

#[tokio::test]
async fn a_storm_costs_pronto_a_fifth_more() {
    let fake = Fake::always(503, "{}").await;
    let client = client(fake.address, &[]);
    for id in 0..100 {
        client.call(&caller("a"), &read(id)).await.unwrap_err();
    }
    let mut asked = fake.asked;
    let count = std::iter::from_fn(|| asked.try_recv().ok()).count();
    assert!((120..=123).contains(&count), "{count}");
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_deleted_is_deleted() {
    let outcomes: [(&'static [u16], bool); 3] =
        [(&[502, 404], true), (&[404], false), (&[429, 404], false)];
    for (statuses, is_deleted) in outcomes {
        let (fake, count) = pronto(statuses).await;
        let request = DeleteSearchRequest {
            id: "1".to_owned(),
            ..Default::default()
        };
        let client = client(fake.address, &[]);
        let answer = client.call(&caller("a"), &request).await;
        assert_eq!(answer.is_ok(), is_deleted, "{statuses:?} {answer:?}");
        assert_eq!(count.load(Ordering::Relaxed), statuses.len());
    }
}
