//! Streams that become old, and clients that do not read theirs.

use std::time::Duration;

use pronto_grpc::proto::v1::{GetJobRequest, WatchJobRequest};
use prost::Message;
use serde_json::json as object;
use tonic::Code;

use super::WATCH;
use crate::harness::callbacks::{Open, lead, post};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::FaultyStore;
use crate::harness::frames::{DATA, Frames, GOAWAY};
use crate::harness::{Setup, assert_contiguous, error_info, next, read, search};

/// HTTP/2's number of the setting.
const INITIAL_WINDOW_SIZE: u16 = 4;

#[tokio::test]
async fn t4_a_stream_that_is_too_old_ends_with_the_place_to_continue() {
    const EVENTS: i64 = 20;
    let mut open = Open::with(|setup| {
        setup.jobs.max_stream_age = Some(Duration::from_millis(50));
    })
    .await;
    let job = open.job().await;
    let url = job.url.clone();
    let mut rotations = 0;
    let mut seen = Vec::new();
    while (seen.len() as i64) < EVENTS || rotations < 3 {
        let after = seen.len() as i64;
        let mut stream = open.server.watch(&job.id, after).await;
        if after < EVENTS {
            let name = format!("person-{after}");
            assert_eq!(post(&url, lead(&name)).await, 204);
        }
        let end = loop {
            match next(&mut stream).await.unwrap() {
                Ok(event) => seen.push(event),
                Err(end) => break end,
            }
        };
        assert_eq!(end.code(), Code::Unavailable, "{end:?}");
        let info = error_info(&end);
        assert_eq!(info.reason, "STREAM_TOO_OLD");
        assert_eq!(info.metadata["last_sequence"], seen.len().to_string());
        rotations += 1;
    }
    assert_contiguous(&seen, 1);
}

/// A connection that says goodbye takes nothing back: its stream goes on, and so does a
/// call that was on its way.
#[tokio::test]
async fn t4_a_connection_that_is_too_old_breaks_no_call() {
    let mut open = Open::with(|setup| {
        setup.args.serving.max_connection_age = Duration::from_millis(300);
    })
    .await;
    let job = open.job().await;
    let request = WatchJobRequest {
        job_id: job.id.clone(),
        after_sequence: 1,
    };
    let mut client = Frames::connect(open.server.grpc, &[]).await;
    client.call(1, WATCH, &request.encode_to_vec()).await;
    let goodbye = client.next_of(|frame| frame.kind == GOAWAY).await;
    assert_eq!(goodbye.code(), 0);
    assert_eq!(post(&job.url, lead("ada")).await, 204);
    client
        .next_of(|frame| frame.stream == 1 && frame.kind == DATA)
        .await;
    // It has not answered the question with which the goodbye ends.
    let unary = "/pronto.v1.JobService/GetJob";
    let request = GetJobRequest { job_id: job.id };
    client.call(3, unary, &request.encode_to_vec()).await;
    client
        .next_of(|frame| frame.stream == 3 && frame.is_last())
        .await;
}

/// How many events are read for a client that does not read depends neither on the length
/// of the log nor on the time.
#[tokio::test]
async fn t14_a_client_that_does_not_read_takes_little_of_a_long_log() {
    const EVENTS: usize = 3_000;
    const STUCK: usize = 20;
    const MOST: usize = 300;
    let mut fake = Fake::start(|path, _| {
        std::future::ready(match path.starts_with("/api/v2/searches/") {
            true => json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#),
            false => json(201, r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc"}"#),
        })
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let store = FaultyStore::open(data.path());
    let server = Setup::new(fake.address, data.path())
        .start_with(store.clone())
        .await;
    let started = server.leads().start_lead_search(search()).await.unwrap();
    let job_id = started.into_inner().job.unwrap().id;
    let asked = fake.asked.recv().await.unwrap();
    let url = asked.body["webhook_url"].as_str().unwrap().to_owned();
    let leads: Vec<_> = (1..EVENTS)
        .map(|number| {
            let page = format!("https://www.linkedin.com/in/person-{number}");
            object!({"lead": {"first_name": "Ada", "linkedin_url": page}})
        })
        .collect();
    let body = object!({"search": {"status": "ONGOING"}, "leads": leads}).to_string();
    assert_eq!(post(&url, body).await, 204);
    read(&mut server.watch(&job_id, 0).await, EVENTS).await;

    let before = store.events_read();
    let request = WatchJobRequest {
        job_id: job_id.clone(),
        after_sequence: 0,
    };
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut client = Frames::connect(server.grpc, &[(INITIAL_WINDOW_SIZE, 0)]).await;
        client.call(1, WATCH, &request.encode_to_vec()).await;
        client.next_of(|frame| frame.stream == 1).await;
        stuck.push(client);
    }
    // Another one reads all of it meanwhile.
    read(&mut server.watch(&job_id, 0).await, EVENTS).await;
    let by_stuck = store.events_read() - before - EVENTS;
    assert!(by_stuck <= STUCK * MOST, "{by_stuck} by {STUCK}");
}
