//! Clients that say too much.

use std::time::Duration;

use tokio::time::timeout;

use super::{CREDITS, WATCH, assert_serves};
use crate::harness::callbacks::Open;
use crate::harness::frames::{
    ACK, CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame, Frames, GOAWAY, HEADERS,
    PING, REFUSED_STREAM, RST_STREAM, SETTINGS, block, call, frame,
};
use crate::harness::stage::{Stage, quick};

/// HTTP/2's number of the setting.
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// The numbers of streams that a client opens.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

#[tokio::test]
async fn t6_a_client_that_breaks_the_protocol_again_and_again_is_cut() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    // No method: each is reset by us.
    let malformed = block(&[(":scheme", "http"), (":path", CREDITS)]);
    for stream in streams(1_100) {
        let flags = END_HEADERS | END_STREAM;
        if !client.send(HEADERS, flags, stream, &malformed).await {
            break;
        }
    }
    assert_eq!(client.closed().await, Some(ENHANCE_YOUR_CALM));
    assert_serves(&stage.server).await;
}

#[tokio::test]
async fn t7_the_streams_of_a_connection_are_limited_and_the_limit_is_told() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    let settings = client.next_of(|frame| frame.kind == SETTINGS).await;
    let mut settings = settings.payload.chunks(6);
    let told = settings.find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes());
    assert_eq!(told.unwrap()[2..], 256_u32.to_be_bytes());
}

#[tokio::test]
async fn t7_one_stream_too_many_is_refused_and_the_others_go_on() {
    let open = Open::with(|setup| setup.args.serving.max_streams = 8).await;
    let mut client = Frames::connect(open.server.grpc, &[]).await;
    // No message comes, so none of them ends.
    for stream in streams(9) {
        client.headers(stream, WATCH).await;
    }
    let reset = client.next_of(|frame| frame.kind == RST_STREAM).await;
    assert_eq!((reset.stream, reset.code()), (17, REFUSED_STREAM));
    client.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]).await;
    client.call(19, CREDITS, &[]).await;
    client
        .next_of(|frame| frame.stream == 19 && frame.is_last())
        .await;
}

#[tokio::test]
async fn t8_a_rapid_reset_is_cut() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    let headers = call(CREDITS);
    for stream in streams(10_000) {
        let begun = client.send(HEADERS, END_HEADERS, stream, &headers).await;
        if !begun || !client.send(RST_STREAM, 0, stream, &[0, 0, 0, 8]).await {
            break;
        }
    }
    assert_eq!(client.closed().await, Some(ENHANCE_YOUR_CALM));
    assert_serves(&stage.server).await;
}

#[tokio::test]
async fn t8_a_header_without_end_is_cut() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    client.send(HEADERS, 0, 1, &call(CREDITS)).await;
    let more = block(&[("x", &"y".repeat(8_000))]);
    for _ in 0..1_000 {
        if !client.send(CONTINUATION, 0, 1, &more).await {
            break;
        }
    }
    client.closed().await;
    assert_serves(&stage.server).await;
}

#[tokio::test]
async fn t8_a_header_that_is_too_large_is_refused() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    client.send(HEADERS, 0, 1, &call(CREDITS)).await;
    let more = block(&[("x-more", &"y".repeat(12_000))]);
    client.send(CONTINUATION, 0, 1, &more).await;
    client
        .send(CONTINUATION, END_HEADERS, 1, &more[..12_000])
        .await;
    client
        .next_of(|frame| frame.stream == 1 || frame.kind == GOAWAY)
        .await;
    assert_serves(&stage.server).await;
}

#[tokio::test]
async fn t8_pings_and_settings_are_answered_one_by_one() {
    let stage = Stage::start().await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    for number in 0..1_000_u64 {
        client.send(PING, 0, 0, &number.to_be_bytes()).await;
        client.send(SETTINGS, 0, 0, &[]).await;
        let is_pong = |frame: &Frame| frame.kind == PING && frame.flags == ACK;
        let pong = client.next_of(is_pong).await;
        assert_eq!(pong.payload, number.to_be_bytes());
    }
    assert_serves(&stage.server).await;
}

/// Who reads no answers to that is not answered without end either.
#[tokio::test]
async fn t8_a_flood_of_pings_that_are_not_read_holds_nobody_up() {
    let stage = Stage::with(quick()).await;
    let mut client = Frames::connect(stage.server.grpc, &[]).await;
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(1_000);
    for _ in 0..100 {
        // It stops being read when its answers are not.
        let sent = client.write(&pings);
        if timeout(Duration::from_millis(200), sent).await.is_err() {
            break;
        }
    }
    assert_serves(&stage.server).await;
}
