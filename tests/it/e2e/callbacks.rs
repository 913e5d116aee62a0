//! The receiver of callbacks.

use bytes::Bytes;
use http_body_util::Full;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{CallbackSource, JobEvent, JobState, ListCallbacksRequest};
use tempfile::TempDir;

use crate::harness::fake::{Fake, json};
use crate::harness::{Setup, TestServer, assert_contiguous, http, next, search};

const SEARCH_ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

/// A Pronto whose search is running and never ends.
pub(super) async fn endless() -> Fake {
    Fake::start(|path, _| async move {
        match path.starts_with("/api/v2/searches/") {
            true => json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#),
            false => json(201, format!(r#"{{"id":"{SEARCH_ID}","total":3}}"#)),
        }
    })
    .await
}

struct Started {
    server: TestServer,
    job_id: String,
    url: String,
    _data: TempDir,
}

async fn started(mut fake: Fake) -> Started {
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = search();
    let job = server
        .leads()
        .start_lead_search(request)
        .await
        .unwrap()
        .into_inner()
        .job
        .unwrap();
    assert_eq!(job.state(), JobState::Running);
    assert_eq!(job.upstream_id.as_deref(), Some(SEARCH_ID));
    let url = fake.asked.recv().await.unwrap().body["webhook_url"]
        .as_str()
        .unwrap()
        .to_owned();
    Started {
        server,
        job_id: job.id,
        url,
        _data: data,
    }
}

async fn post(url: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let answer = http().post(url).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub(super) fn lead(name: &str) -> String {
    format!(r#"{{"first_name":"{name}","linkedin_url":"https://www.linkedin.com/in/{name}"}}"#)
}

fn full_name(event: &JobEvent) -> Option<&str> {
    match event.event.as_ref()? {
        Event::Lead(result) => result.lead.as_ref()?.first_name.as_deref(),
        _ => None,
    }
}

#[tokio::test]
async fn a_callback_becomes_an_event_and_stays_readable_as_it_came() {
    let s = started(endless().await).await;
    assert_eq!(post(&s.url, lead("ada")).await.0, 204);
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let event = next(&mut stream).await.unwrap().unwrap();
    assert_eq!((event.sequence, full_name(&event)), (2, Some("ada")));
    let request = ListCallbacksRequest {
        job_id: s.job_id.clone(),
        ..Default::default()
    };
    let callbacks = s
        .server
        .jobs()
        .list_callbacks(request)
        .await
        .unwrap()
        .into_inner()
        .callbacks;
    assert_eq!(callbacks.len(), 1);
    assert_eq!(callbacks[0].body, lead("ada").into_bytes());
    assert_eq!(callbacks[0].source(), CallbackSource::Callback);
}

#[tokio::test]
async fn an_unknown_job_and_a_wrong_secret_look_the_same() {
    let s = started(endless().await).await;
    let base = format!("http://{}", s.server.callbacks);
    let wrong_secret = format!("{base}/callbacks/{}/{}", s.job_id, "A".repeat(43));
    let unknown_job = format!("{base}/callbacks/{}/{}", uuid::Uuid::nil(), "A".repeat(43));
    let answer = post(&wrong_secret, lead("eve")).await;
    assert_eq!(answer.0, 404);
    assert_eq!(post(&unknown_job, lead("eve")).await, answer);
    assert_eq!(post(&format!("{base}/anything"), "x").await, answer);
    // Nothing of it was stored.
    let request = ListCallbacksRequest {
        job_id: s.job_id.clone(),
        ..Default::default()
    };
    let callbacks = s
        .server
        .jobs()
        .list_callbacks(request)
        .await
        .unwrap()
        .into_inner()
        .callbacks;
    assert!(callbacks.is_empty());
}

#[tokio::test]
async fn a_body_over_the_cap_is_413_and_one_below_is_stored() {
    let s = started(endless().await).await;
    assert_eq!(post(&s.url, vec![b' '; (8 << 20) + 1]).await.0, 413);
    assert_eq!(post(&s.url, vec![b' '; 8 << 20]).await.0, 204);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let s = started(endless().await).await;
    assert_eq!(
        http().get(&s.url).send().await.unwrap().status().as_u16(),
        405
    );
}

#[tokio::test]
async fn what_is_no_result_arrives_unrecognized_and_as_it_came() {
    let s = started(endless().await).await;
    let bodies: [&[u8]; 4] = [
        b"not json",
        b"{\"foo\":1}",
        b"\xff\xfe",
        b"{\"leads\":[\"odd\"]}",
    ];
    let expected: [&[u8]; 4] = [b"not json", b"{\"foo\":1}", b"\xff\xfe", b"[\"odd\"]"];
    for body in bodies {
        assert_eq!(post(&s.url, body.to_vec()).await.0, 204);
    }
    let mut stream = s.server.watch(&s.job_id, 1).await;
    for body in expected {
        let event = next(&mut stream).await.unwrap().unwrap();
        let Some(Event::Unrecognized(unrecognized)) = event.event else {
            panic!("{event:?} is recognized")
        };
        assert_eq!(unrecognized.body, body);
        assert!(!unrecognized.reason.is_empty());
    }
}

#[tokio::test]
async fn repeats_are_suppressed_in_every_spelling() {
    let s = started(endless().await).await;
    let spellings = [
        lead("jane-doe"),
        r#"{"lead":{"linkedin_profile_url":"http://fr.linkedin.com/in/Jane-Doe/?x=y"},"company":{}}"#.to_owned(),
        format!("[{}]", lead("jane-doe")),
        lead("john"),
    ];
    for body in spellings {
        assert_eq!(post(&s.url, body).await.0, 204);
    }
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let events = [
        next(&mut stream).await.unwrap().unwrap(),
        next(&mut stream).await.unwrap().unwrap(),
    ];
    assert_contiguous(&events, 2);
    assert_eq!(
        events.each_ref().map(full_name),
        [Some("jane-doe"), Some("john")]
    );
}

#[tokio::test]
async fn a_result_that_spells_one_key_twice_is_no_repeat_of_itself() {
    let s = started(endless().await).await;
    let id = "ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-TM";
    let url = format!("https://www.linkedin.com/in/{id}");
    let body = format!(r#"{{"first_name":"ada","linkedin_url":"{url}","linkedin_id":"{id}"}}"#);
    assert_eq!(post(&s.url, body).await.0, 204);
    let mut stream = s.server.watch(&s.job_id, 1).await;
    assert_eq!(
        full_name(&next(&mut stream).await.unwrap().unwrap()),
        Some("ada")
    );
}

#[tokio::test]
async fn a_callback_that_overtakes_the_answer_finds_its_job() {
    let fake = Fake::start(|path, body| async move {
        if path.starts_with("/api/v2/searches/") {
            return json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#);
        }
        let url = body["webhook_url"].as_str().unwrap();
        assert_eq!(post(url, lead("early")).await.0, 204);
        let body: Full<Bytes> = Full::from(format!(r#"{{"id":"{SEARCH_ID}"}}"#));
        http::Response::builder().status(201).body(body).unwrap()
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let first = next(&mut stream).await.unwrap().unwrap();
    let Some(Event::Started(started)) = first.event else {
        panic!("started comes first")
    };
    assert_eq!(started.acceptance.unwrap().id.as_deref(), Some(SEARCH_ID));
    let second = next(&mut stream).await.unwrap().unwrap();
    assert_eq!((second.sequence, full_name(&second)), (2, Some("early")));
}
