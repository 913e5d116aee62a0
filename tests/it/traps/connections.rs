//! Connections that say nothing, too little or nothing more, and too many of them.

use std::time::Duration;

use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::assert_serves;
use crate::harness::callbacks::Open;
use crate::harness::frames::{Frames, PREFACE};
use crate::harness::stage::{Stage, quick};
use crate::harness::{PATIENCE, connect};

#[tokio::test]
async fn t5_peers_that_do_not_greet_are_closed_and_hold_nothing_up() {
    let stage = Stage::start().await;
    let mut peers = Vec::new();
    for number in 0..200 {
        let mut peer = Frames::silent(stage.server.grpc).await;
        let sent = [0, 1, PREFACE.len() - 1][number % 3];
        peer.write(&PREFACE[..sent]).await;
        peers.push(peer);
    }
    assert_serves(&stage.server).await;
    for mut peer in peers {
        peer.closed().await;
    }
}

#[tokio::test]
async fn t5_peers_that_do_not_greet_do_not_delay_the_end() {
    let stage = Stage::start().await;
    let silent = Frames::silent(stage.server.grpc).await;
    let mut short = Frames::silent(stage.server.grpc).await;
    short.write(&PREFACE[..PREFACE.len() - 1]).await;
    assert_serves(&stage.server).await;
    stage.server.stop().await;
    drop((silent, short));
}

/// After the greeting, HTTP/2's keepalive does its work.
#[tokio::test]
async fn t5_peers_that_fall_silent_are_closed() {
    let stage = Stage::set_up(quick(), |setup| {
        setup.args.serving.keepalive_interval = Duration::from_millis(100);
        setup.args.serving.keepalive_timeout = Duration::from_millis(100);
    })
    .await;
    // It answers no PING.
    let mut mute = Frames::connect(stage.server.grpc, &[]).await;
    mute.closed().await;
    // One that does is there for much longer.
    let mut workspace = WorkspaceServiceClient::new(stage.server.channel.clone());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let request = GetCreditsRequest::default();
    workspace.get_credits(request).await.unwrap();
}

async fn is_served(channel: &Channel) -> bool {
    let mut workspace = WorkspaceServiceClient::new(channel.clone());
    let answer = workspace.get_credits(GetCreditsRequest::default()).await;
    answer.is_ok()
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_a_new_one() {
    let stage = Stage::set_up(quick(), |setup| setup.args.serving.max_connections = 2).await;
    assert!(is_served(&stage.server.channel).await);
    let mut idle = Frames::connect(stage.server.grpc, &[]).await;
    idle.next().await.unwrap();
    let newer = connect(stage.server.grpc).await;
    // It makes room, and not the harness's connection, which has made a call.
    idle.closed().await;
    assert!(is_served(&newer).await);
    assert!(is_served(&stage.server.channel).await);
}

#[tokio::test]
async fn strangers_who_watch_the_health_make_room_for_a_client() {
    const MOST: usize = 5;
    let stage = Stage::set_up(quick(), |setup| setup.args.serving.max_connections = MOST).await;
    let mut watches = Vec::new();
    for _ in 0..MOST {
        let mut stranger = HealthClient::new(connect(stage.server.grpc).await);
        let request = HealthCheckRequest::default();
        let mut watch = stranger.watch(request).await.unwrap().into_inner();
        assert!(watch.message().await.unwrap().is_some());
        watches.push((stranger, watch));
    }
    assert!(is_served(&connect(stage.server.grpc).await).await);
}

#[tokio::test]
async fn a_connection_with_a_stream_does_not_make_room() {
    let mut open = Open::with(|setup| setup.args.serving.max_connections = 1).await;
    let job = open.job().await;
    let mut stream = open.server.watch(&job.id, 0).await;
    assert!(stream.message().await.unwrap().is_some());
    let mut refused = Frames::connect(open.server.grpc, &[]).await;
    refused.closed().await;
    drop(stream);
    // As soon as the server knows that nobody watches any more.
    let served = async {
        loop {
            let mut next = Frames::connect(open.server.grpc, &[]).await;
            if next.next().await.is_some() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
}
