//! More connections than the receiver has places for.

use super::{Raw, Receiver};

/// How many connections this process may have, where both of their ends are here.
fn connections(wanted: usize) -> usize {
    let open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    wanted.min(usize::try_from(open_files / 4).unwrap())
}

/// Connections that never come to the end of a header.
async fn slow(receiver: &Receiver, count: usize) -> Vec<Raw> {
    let mut slow = Vec::new();
    for _ in 0..count {
        let mut connection = receiver.connect().await;
        connection.send("GET / HTTP/1.1\r\n").await;
        slow.push(connection);
    }
    slow
}

async fn assert_passes(receiver: &Receiver) {
    let mut good = receiver.connect().await;
    good.send(receiver.post("{}")).await;
    assert_eq!(good.answer().await.status, 204);
}

#[tokio::test]
async fn those_that_wait_longest_make_room() {
    let receiver = Receiver::with(|limits| limits.max_connections = 8).await;
    let mut slow = slow(&receiver, 20).await;
    assert_passes(&receiver).await;
    let (gone, kept) = slow.split_at_mut(13);
    for connection in gone {
        connection.closed().await;
    }
    for connection in kept {
        connection.send("\r\n").await;
        assert_eq!(connection.answer().await.status, 404);
    }
}

#[tokio::test]
async fn one_that_brought_a_callback_outlasts_strangers() {
    let receiver = Receiver::with(|limits| limits.max_connections = 8).await;
    let mut proven = receiver.connect().await;
    proven.send(receiver.post("{}")).await;
    assert_eq!(proven.answer().await.status, 204);
    let mut slow = slow(&receiver, 20).await;
    // All that had to go have gone.
    for connection in &mut slow[..13] {
        connection.closed().await;
    }
    proven.send(receiver.post("{}")).await;
    assert_eq!(proven.answer().await.status, 204);
}

#[tokio::test]
async fn a_request_that_is_handled_keeps_its_place() {
    let receiver = Receiver::with(|limits| limits.max_connections = 8).await;
    let mut working = receiver.connect().await;
    // Now it stands first in the queue of those that wait.
    assert_passes(&receiver).await;
    working.send(receiver.header(2) + "{").await;
    let mut slow = slow(&receiver, 20).await;
    slow[0].closed().await;
    assert_passes(&receiver).await;
    working.send("}").await;
    assert_eq!(working.answer().await.status, 204);
}

#[tokio::test]
async fn where_all_are_at_work_the_next_one_waits() {
    let receiver = Receiver::with(|limits| limits.max_connections = 1).await;
    let mut working = receiver.connect().await;
    let header = receiver.header(2);
    let header = header.replace("Host", "Expect: 100-continue\r\nHost");
    working.send(header).await;
    assert_eq!(working.answer().await.status, 100);
    let mut next = receiver.connect().await;
    next.send(receiver.post("[]")).await;
    working.send("{}").await;
    assert_eq!(working.answer().await.status, 204);
    assert_eq!(next.answer().await.status, 204);
    assert_eq!(receiver.stored().await, ["{}", "[]"]);
    working.closed().await;
}

#[tokio::test]
async fn a_burst_beyond_the_places_loses_nothing() {
    let receiver = Receiver::with(|limits| limits.max_connections = 4).await;
    let bodies: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let mut burst: Vec<_> = bodies
        .iter()
        .map(|body| Raw::send_at_once(receiver.server.callbacks, receiver.post(body)))
        .collect();
    for connection in &mut burst {
        assert_eq!(connection.answer().await.status, 204);
    }
}

#[tokio::test]
async fn a_thousand_slow_connections_do_not_hinder_a_good_one() {
    for places in [10_000, 100] {
        let receiver = Receiver::with(|limits| limits.max_connections = places).await;
        let _slow = slow(&receiver, connections(1_000)).await;
        for _ in 0..50 {
            assert_passes(&receiver).await;
        }
    }
}

#[tokio::test]
async fn strangers_take_no_memory_from_callbacks() {
    let receiver = Receiver::with(|limits| {
        limits.max_body_size = 4096;
        limits.max_buffered = 4096;
    })
    .await;
    let (id, secret) = (uuid::Uuid::now_v7(), "A".repeat(43));
    let header = format!(
        "POST /callbacks/{id}/{secret} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut first = receiver.connect().await;
    first.send(&header).await;
    // It has its share now, and keeps it.
    assert_eq!(first.answer().await.status, 100);
    first.send("1\r\nx\r\n").await;
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut stranger = receiver.connect().await;
        stranger.send(&header).await;
        others.push(stranger);
    }
    assert_passes(&receiver).await;
}
