//! Several clients at one job.

use pronto_grpc::proto::v1::{JobEvent, JobState};
use tokio::task::JoinSet;
use tonic::Streaming;

use super::assert_complete;
use crate::harness::stage::{FAST, SLOW, Stage};
use crate::harness::{read, read_all};

/// The events up to this one are there before anybody else watches.
const BEFORE: usize = 12;

/// Lets so many clients watch a job from as many places while it runs.
async fn watch(watchers: usize) {
    let stage = Stage::start().await;
    let mut first = stage.search(48).await;
    let mut log = read(&mut first, BEFORE).await;
    let job_id = log[0].job_id.clone();

    stage.set_pace(SLOW);
    let mut others: Vec<(usize, Streaming<JobEvent>)> = Vec::new();
    for after in 0..watchers {
        let stream = stage.server.watch_apart(&job_id, after as i64).await;
        others.push((after, stream));
    }
    let job = stage.server.job(&job_id).await;
    assert_eq!(job.state(), JobState::Running);
    stage.set_pace(FAST);

    let mut reading = JoinSet::new();
    for (after, mut stream) in others {
        reading.spawn(async move { (after, read_all(&mut stream).await) });
    }
    log.extend(read_all(&mut first).await);
    assert_complete(&log, "lead", 48);
    while let Some(read) = reading.join_next().await {
        let (after, events) = read.unwrap();
        assert_eq!(events, log[after..], "after {after}");
    }
}

#[tokio::test]
async fn two_watchers_see_the_same() {
    watch(2).await;
}

#[tokio::test]
async fn ten_watchers_see_the_same() {
    watch(10).await;
}

#[tokio::test]
async fn a_watcher_that_does_not_read_holds_nobody_up() {
    let stage = Stage::start().await;
    let mut first = stage.search(48).await;
    let started = read(&mut first, 1).await;
    let mut idle = stage.server.watch_apart(&started[0].job_id, 0).await;
    let rest = read_all(&mut first).await;
    let events: Vec<_> = started.into_iter().chain(rest).collect();
    assert_complete(&events, "lead", 48);
    assert_eq!(read_all(&mut idle).await, events);
}
