//! How long a connection may keep the receiver waiting.

use super::{Raw, Receiver, SHORT};

#[tokio::test]
async fn a_connection_without_a_complete_header_is_cut() {
    let receiver = Receiver::with(|limits| limits.header_timeout = SHORT).await;
    let mut silent = receiver.connect().await;
    let mut partial = receiver.connect().await;
    partial.send("POST /callbacks/").await;
    silent.closed().await;
    partial.closed().await;
}

#[tokio::test]
async fn a_partial_header_of_a_later_request_is_cut_too() {
    let receiver = Receiver::with(|limits| limits.header_timeout = SHORT).await;
    let mut connection = receiver.connect().await;
    connection.send(receiver.post("{}")).await;
    assert_eq!(connection.answer().await.status, 204);
    connection.send("POST /callbacks/").await;
    connection.closed().await;
}

#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_a_header_may_take() {
    let receiver = Receiver::with(|limits| limits.header_timeout = SHORT).await;
    let mut idle = receiver.connect().await;
    idle.send(receiver.post("{}")).await;
    assert_eq!(idle.answer().await.status, 204);
    // One that came later is cut: so much time has passed.
    let mut silent: Raw = receiver.connect().await;
    silent.closed().await;
    idle.send(receiver.post("{}")).await;
    assert_eq!(idle.answer().await.status, 204);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let receiver = Receiver::with(|limits| limits.idle_timeout = SHORT).await;
    let mut connection = receiver.connect().await;
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
        receiver.path
    );
    for request in [receiver.post("{}"), chunked] {
        connection.send(request).await;
        assert_eq!(connection.answer().await.status, 204);
    }
    connection.closed().await;
}

#[tokio::test]
async fn a_stalled_body_is_408_and_nothing_is_stored() {
    let receiver = Receiver::with(|limits| limits.body_timeout = SHORT).await;
    let mut connection = receiver.connect().await;
    connection.send(receiver.header(2) + "{").await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 408);
    assert!(answer.has("connection: close"), "{answer:?}");
    connection.closed().await;
    assert!(receiver.stored().await.is_empty());
}

#[tokio::test]
async fn one_that_takes_no_answers_is_cut() {
    let receiver = Receiver::with(|limits| limits.idle_timeout = SHORT).await;
    let mut connection = receiver.connect().await;
    let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(10_000);
    // Until the buffers between us are full, and then until it gives up.
    while connection.try_send(&requests).await {}
}
