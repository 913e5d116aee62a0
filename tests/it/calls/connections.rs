//! Connections that Pronto closes: nothing is sent twice that may have been carried
//! out, and nobody notices where repeating is harmless.

use pronto_grpc::proto::v1::ErrorReason;

use super::wire::{Act, Wire};
use super::{caller, client, purchase, read};

#[tokio::test]
async fn a_read_survives_whatever_happens_to_connections() {
    for fault in [Act::AnswerAndClose, Act::Close, Act::Reset, Act::BreakOff] {
        // One of six, which is within the budget.
        let wire = Wire::start(move |number| match number % 6 {
            0 => fault,
            _ => Act::Answer,
        })
        .await;
        let client = client(wire.address, &[]);
        for id in 0..40 {
            let answer = client.call(&caller("a"), &read(id)).await;
            answer.unwrap_or_else(|failure| panic!("{fault:?} {id}: {failure:?}"));
        }
    }
}

/// Whether a closed connection is noticed before or after the next request is written
/// is a matter of chance; what was written is never written again.
#[tokio::test]
async fn a_purchase_on_a_connection_that_was_closed_is_sent_at_most_once() {
    let wire = Wire::start(|_| Act::AnswerAndClose).await;
    let client = client(wire.address, &[]);
    let mut carried_out = 0;
    for _ in 0..200 {
        let before = wire.requests().len();
        let answer = client.call(&caller("a"), &purchase()).await;
        let received = wire.requests().len() - before;
        match answer {
            Ok(_) => assert_eq!(received, 1),
            Err(failure) => {
                assert_eq!(failure.reason, ErrorReason::OutcomeUnknown, "{failure:?}");
                assert!(received <= 1, "{received}");
            }
        }
        carried_out += received;
    }
    assert!(carried_out > 0);
}

#[tokio::test]
async fn a_purchase_that_was_written_is_not_sent_again() {
    for fault in [Act::Close, Act::Reset, Act::BreakOff] {
        let wire = Wire::start(move |_| fault).await;
        let client = client(wire.address, &[]);
        let failure = client.call(&caller("a"), &purchase()).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::OutcomeUnknown, "{fault:?}");
        assert_eq!(wire.requests().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn requests_have_the_form_of_their_method() {
    let wire = Wire::start(|_| Act::Answer).await;
    let client = client(wire.address, &[]);
    client.call(&caller("a"), &read("x")).await.unwrap();
    client.call(&caller("a"), &purchase()).await.unwrap();
    let [get, post] = wire.requests().try_into().unwrap();
    assert!(
        get.starts_with("get ") && get.ends_with("\r\n\r\n"),
        "{get}"
    );
    assert!(
        !get.contains("content-") && !get.contains("transfer-"),
        "{get}"
    );
    let (head, body) = post.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("post ") && !head.contains("transfer-"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
}

#[tokio::test]
async fn what_was_not_sent_uses_nothing_of_the_limit() {
    let (listener, address) = crate::harness::listener().await;
    drop(listener);
    let client = client(address, &[]);
    let failure = client.call(&caller("a"), &purchase()).await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::UpstreamUnavailable);
    let snapshot = client.limits(&caller("a").credential);
    let limit = &snapshot.limits[0];
    assert_eq!(limit.available, limit.allowance.requests as usize);
    assert_eq!(snapshot.in_flight, 0);
}

#[tokio::test]
async fn what_was_sent_counts_with_a_body_and_without() {
    let wire = Wire::start(|_| Act::Answer).await;
    let client = client(wire.address, &[]);
    client.call(&caller("a"), &read("x")).await.unwrap();
    client.call(&caller("a"), &purchase()).await.unwrap();
    let snapshot = client.limits(&caller("a").credential);
    assert_eq!(snapshot.limits.len(), 2);
    for limit in snapshot.limits {
        let requests = limit.allowance.requests as usize;
        assert_eq!(limit.available, requests - 1, "{}", limit.endpoint.rpc);
    }
}
