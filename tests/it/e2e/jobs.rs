//! JobService.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    CancelJobRequest, GetJobRequest, JobState, ListCallbacksRequest, ListJobsRequest,
    SearchLeadsRequest, WatchJobRequest,
};
use tempfile::TempDir;
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::harness::fake::{Fake, json};
use crate::harness::{Setup, TestServer, error_info, http, next, search};

/// A Pronto whose searches never end, each with an id of its own.
async fn endless() -> Fake {
    Fake::start(|path, _| async move {
        match path.starts_with("/api/v2/searches/") {
            true => json(200, r#"{"search":{"status":"ONGOING"},"leads":[]}"#),
            false => json(201, r#"{"id":"8e1dcba0-f0bb-4071-99fc-f18ba6559ccc"}"#),
        }
    })
    .await
}

async fn server() -> (TestServer, Fake, TempDir) {
    let fake = endless().await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    (server, fake, data)
}

async fn start(server: &TestServer) -> String {
    server
        .leads()
        .start_lead_search(search())
        .await
        .unwrap()
        .into_inner()
        .job
        .unwrap()
        .id
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let (server, _fake, _data) = server().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, start(&server).await);
    }
    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListJobsRequest {
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = server.jobs().list_jobs(request).await.unwrap().into_inner();
        assert!(page.jobs.len() <= 2);
        listed.extend(page.jobs.into_iter().map(|job| job.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn jobs_are_listed_by_state() {
    let (server, _fake, _data) = server().await;
    let (cancelled, running) = (start(&server).await, start(&server).await);
    server
        .jobs()
        .cancel_job(CancelJobRequest {
            job_id: cancelled.clone(),
        })
        .await
        .unwrap();
    for (state, id) in [
        (JobState::Cancelled, cancelled),
        (JobState::Running, running),
    ] {
        let request = ListJobsRequest {
            states: vec![state.into()],
            ..Default::default()
        };
        let jobs = server
            .jobs()
            .list_jobs(request)
            .await
            .unwrap()
            .into_inner()
            .jobs;
        assert_eq!(jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [&id]);
    }
}

#[tokio::test]
async fn bad_pages_are_refused_by_field() {
    let (server, _fake, _data) = server().await;
    for (request, field) in [
        (
            ListJobsRequest {
                page_size: -1,
                ..Default::default()
            },
            "page_size",
        ),
        (
            ListJobsRequest {
                page_token: "?".to_owned(),
                ..Default::default()
            },
            "page_token",
        ),
    ] {
        let status = server.jobs().list_jobs(request).await.unwrap_err();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
}

#[tokio::test]
async fn a_job_of_another_key_is_not_found() {
    let (server, _fake, _data) = server().await;
    let job_id = start(&server).await;
    let mut jobs = server.jobs();
    fn as_another<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("x-api-key", "another".parse().unwrap());
        request
    }
    let get = GetJobRequest {
        job_id: job_id.clone(),
    };
    let watch = WatchJobRequest {
        job_id: job_id.clone(),
        after_sequence: 0,
    };
    let cancel = CancelJobRequest {
        job_id: job_id.clone(),
    };
    let callbacks = ListCallbacksRequest {
        job_id: job_id.clone(),
        ..Default::default()
    };
    for status in [
        jobs.get_job(as_another(get.clone())).await.unwrap_err(),
        jobs.watch_job(as_another(watch)).await.unwrap_err(),
        jobs.cancel_job(as_another(cancel)).await.unwrap_err(),
        jobs.list_callbacks(as_another(callbacks))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(error_info(&status).reason, "NOT_FOUND");
    }
    let listed = jobs
        .list_jobs(as_another(ListJobsRequest::default()))
        .await
        .unwrap();
    assert!(listed.into_inner().jobs.is_empty());
    let job = jobs.get_job(get).await.unwrap().into_inner().job.unwrap();
    assert_eq!(job.operation, "pronto.v1.LeadService/StartLeadSearch");
}

#[tokio::test]
async fn cancelling_ends_streams_with_a_reason_and_happens_once() {
    let (server, _fake, _data) = server().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let job_id = next(&mut stream).await.unwrap().unwrap().job_id;
    let request = CancelJobRequest {
        job_id: job_id.clone(),
    };
    let job = server
        .jobs()
        .cancel_job(request.clone())
        .await
        .unwrap()
        .into_inner()
        .job
        .unwrap();
    assert_eq!(job.state(), JobState::Cancelled);
    let status = next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let info = error_info(&status);
    assert_eq!(
        (info.reason.as_str(), info.metadata["job_id"].as_str()),
        ("JOB_CANCELLED", job_id.as_str())
    );
    let status = server.jobs().cancel_job(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let info = error_info(&status);
    assert_eq!(info.reason, "JOB_FINISHED");
    assert_eq!(info.metadata["state"], "JOB_STATE_CANCELLED");
}

#[tokio::test]
async fn a_cursor_beyond_the_log_is_out_of_range() {
    let (server, _fake, _data) = server().await;
    let job_id = start(&server).await;
    let request = WatchJobRequest {
        job_id,
        after_sequence: 2,
    };
    let status = server.jobs().watch_job(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    let info = error_info(&status);
    assert_eq!(info.reason, "SEQUENCE_OUT_OF_RANGE");
    assert_eq!(info.metadata["last_sequence"], "1");
}

#[tokio::test]
async fn a_stream_shows_progress_while_nothing_happens() {
    let fake = endless().await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.jobs.progress_interval = std::time::Duration::from_millis(20);
    let server = setup.start().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let started = stream.message().await.unwrap().unwrap();
    assert!(matches!(started.event, Some(Event::Started(_))));
    for _ in 0..2 {
        let event = stream.message().await.unwrap().unwrap();
        let Some(Event::Progress(progress)) = event.event else {
            panic!("{event:?}")
        };
        assert_eq!((event.sequence, progress.last_sequence), (0, 1));
    }
}

#[tokio::test]
async fn the_callers_own_webhook_is_passed_through_and_no_job_kept() {
    let (server, mut fake, _data) = server().await;
    let url = "https://hooks.example.com/mine";
    let request = SearchLeadsRequest {
        webhook_url: Some(url.to_owned()),
        ..search()
    };
    let answer = server
        .leads()
        .start_lead_search(request)
        .await
        .unwrap()
        .into_inner();
    assert!(answer.job.is_none() && answer.acceptance.unwrap().id.is_some());
    let asked = fake.asked.recv().await.unwrap().body;
    assert_eq!(
        asked,
        serde_json::json!({"keyword": "x", "webhook_url": url})
    );
    let listed = server
        .jobs()
        .list_jobs(ListJobsRequest::default())
        .await
        .unwrap();
    assert!(listed.into_inner().jobs.is_empty());
}

#[tokio::test]
async fn raw_bodies_are_listed_in_pages() {
    let (server, mut fake, _data) = server().await;
    let job_id = start(&server).await;
    let url = fake.asked.recv().await.unwrap().body["webhook_url"]
        .as_str()
        .unwrap()
        .to_owned();
    for number in 0..5 {
        let answer = http()
            .post(&url)
            .body(format!("{{\"n\":{number}}}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 204);
    }
    let mut bodies = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListCallbacksRequest {
            job_id: job_id.clone(),
            page_size: 2,
            page_token,
        };
        let page = server
            .jobs()
            .list_callbacks(request)
            .await
            .unwrap()
            .into_inner();
        bodies.extend(
            page.callbacks
                .into_iter()
                .map(|c| String::from_utf8(c.body).unwrap()),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = (0..5).map(|number| format!("{{\"n\":{number}}}")).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn shutting_down_ends_streams_with_the_place_to_continue() {
    let (server, _fake, _data) = server().await;
    let mut stream = server
        .leads()
        .search_leads(search())
        .await
        .unwrap()
        .into_inner();
    let job_id = next(&mut stream).await.unwrap().unwrap().job_id;
    let stopped = tokio::spawn(server.stop());
    let status = next(&mut stream).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let info = error_info(&status);
    assert_eq!(info.reason, "DRAINING");
    assert_eq!(
        (
            &info.metadata["job_id"],
            info.metadata["last_sequence"].as_str()
        ),
        (&job_id, "1")
    );
    assert!(status.get_details_retry_info().is_some());
    drop(stream);
    stopped.await.unwrap();
}
