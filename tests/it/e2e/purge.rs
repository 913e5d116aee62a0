//! Purging jobs, and erasing people.

use std::sync::Arc;
use std::time::Duration;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    JobEvent, ListJobsRequest, ListUnmatchedCallbacksRequest, PurgeJobRequest, PurgePersonRequest,
    PurgePersonResponse, WatchJobRequest,
};
use tokio::sync::Notify;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::callbacks::{Open, OpenJob, lead, post, with_key};
use crate::harness::{assert_contiguous, error_info, read, search};

const OTHER_KEY: &str = "another-key";
const MEMBER: &str = "ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-TM";
const ADA: &str = "https://www.linkedin.com/in/ada";

async fn purge(open: &Open, job: &OpenJob, key: Option<&str>) -> Result<(), Status> {
    let job_id = job.id.clone();
    let request = with_key(PurgeJobRequest { job_id }, key);
    open.server.jobs().purge_job(request).await.map(drop)
}

async fn try_erase(
    open: &Open,
    linkedin_url: &str,
    email: &str,
) -> Result<PurgePersonResponse, Status> {
    let request = PurgePersonRequest {
        linkedin_url: linkedin_url.to_owned(),
        email: email.to_owned(),
    };
    let answer = open.server.jobs().purge_person(request).await?;
    Ok(answer.into_inner())
}

async fn erase(open: &Open, linkedin_url: &str, email: &str) -> PurgePersonResponse {
    try_erase(open, linkedin_url, email).await.unwrap()
}

/// What the events of a job are, each in a word: a first name, or `erased`.
async fn words(open: &Open, job: &OpenJob) -> Vec<String> {
    let last = open.server.job(&job.id).await.last_sequence;
    let events = read(&mut open.server.watch(&job.id, 0).await, last as usize).await;
    assert_contiguous(&events, 1);
    events.iter().map(word).collect()
}

fn word(event: &JobEvent) -> String {
    match event.event.as_ref().unwrap() {
        Event::Started(_) => "started".to_owned(),
        Event::Erased(_) => "erased".to_owned(),
        Event::Unrecognized(_) => "unrecognized".to_owned(),
        Event::Lead(result) => result.lead.clone().unwrap().first_name.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

// === jobs ===

#[tokio::test]
async fn a_purged_job_is_gone_from_everywhere() {
    let mut open = Open::start().await;
    let (job, other) = (open.job().await, open.job().await);
    open.post(&job, &lead("ada-of-the-first"), 2).await;
    open.post(&other, &lead("bob-of-the-second"), 2).await;
    assert!(open.stores("ada-of-the-first"));
    open.cancel(&job).await;
    purge(&open, &job, None).await.unwrap();
    assert!(!open.stores("ada-of-the-first"));
    assert!(open.stores("bob-of-the-second"));
    let jobs = open
        .server
        .jobs()
        .list_jobs(ListJobsRequest::default())
        .await;
    let ids: Vec<_> = jobs
        .unwrap()
        .into_inner()
        .jobs
        .into_iter()
        .map(|j| j.id)
        .collect();
    assert_eq!(ids, [other.id.as_str()]);
    let request = WatchJobRequest {
        job_id: job.id.clone(),
        after_sequence: 0,
    };
    let watched = open.server.jobs().watch_job(request).await;
    assert_eq!(watched.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        purge(&open, &job, None).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_job_that_runs_or_is_anothers_is_not_purged() {
    let mut open = Open::start().await;
    let job = open.job().await;
    let refused = purge(&open, &job, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = error_info(&refused);
    assert_eq!(info.reason, "JOB_NOT_FINISHED");
    assert_eq!(info.metadata["job_id"], job.id);
    assert_eq!(info.metadata["state"], "JOB_STATE_RUNNING");
    open.cancel(&job).await;
    let refused = purge(&open, &job, Some(OTHER_KEY)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    open.server.job(&job.id).await;
}

// === people ===

#[tokio::test]
async fn a_person_is_erased_from_all_jobs_however_they_are_spelled() {
    let mut open = Open::start().await;
    let (running, ended) = (open.job().await, open.job().await);
    let both = format!(
        r#"{{"first_name":"Ada-both","linkedin_url":"{ADA}?trk=x","linkedin_id":"{MEMBER}","headline":"secret-headline"}}"#
    );
    open.post(&running, &both, 2).await;
    open.post(&running, &lead("adam"), 3).await;
    // The second spelling shares no key with the request, only with the first.
    let id_only = format!(r#"{{"first_name":"Ada-id","linkedin_id":"{MEMBER}"}}"#);
    open.post(&ended, &id_only, 2).await;
    let list = r#"{"leads":[{"first_name":"Bob","linkedin_url":"linkedin.com/in/bob"},
        {"first_name":"Ada-list","linkedin_url":"https:\/\/fr.linkedin.com\/in\/\u0041d%61\/"}]}"#;
    open.post(&ended, list, 4).await;
    open.cancel(&ended).await;

    let erased = erase(&open, ADA, "").await;
    assert_eq!((erased.erased_results, erased.erased_bodies), (3, 3));
    assert_eq!((erased.jobs, erased.pending_bodies), (2, 0));
    assert_eq!(words(&open, &running).await, ["started", "erased", "adam"]);
    let events = read(&mut open.server.watch(&ended.id, 0).await, 4).await;
    let of_ended: Vec<_> = events.iter().map(word).collect();
    assert_eq!(of_ended, ["started", "erased", "Bob", "erased"]);
    assert_eq!(open.bodies(&running).await, [String::new(), lead("adam")]);
    assert_eq!(open.bodies(&ended).await, ["", ""]);
    for secret in ["Ada-", "secret-headline", MEMBER, "in/ada?", "%61"] {
        assert!(!open.stores(secret), "{secret} is still stored");
    }
    assert!(open.stores("/in/adam"));
    let again = erase(&open, ADA, "").await;
    assert_eq!(again, PurgePersonResponse::default(), "nothing is left");
}

#[tokio::test]
async fn spellings_are_followed_from_one_result_to_the_next() {
    let mut open = Open::start().await;
    let (oldest, newer, newest) = (open.job().await, open.job().await, open.job().await);
    // Read from the newest job on, so that each link is learnt after it was passed.
    let first = format!(r#"{{"linkedin_url":"{ADA}","linkedin_id":"{MEMBER}"}}"#);
    let second =
        format!(r#"{{"linkedin_url":"linkedin.com/in/countess","linkedin_id":"{MEMBER}"}}"#);
    open.post(&oldest, &first, 2).await;
    open.post(&newer, &second, 2).await;
    open.post(&newest, &lead("countess"), 2).await;
    let erased = erase(&open, ADA, "").await;
    assert_eq!((erased.erased_results, erased.jobs), (3, 3));
    assert!(!open.stores("countess"));
}

#[tokio::test]
async fn an_erased_person_does_not_come_back_into_the_job() {
    // Whoever polls looks at its job again; nothing but the erasure shall make it.
    let mut open = Open::with(|setup| {
        setup.jobs.poll_interval = Duration::from_secs(3600);
        setup.jobs.max_poll_interval = Duration::from_secs(3600);
    })
    .await;
    let (met, new) = (open.job().await, open.job().await);
    let both = format!(r#"{{"first_name":"A1","linkedin_url":"{ADA}","linkedin_id":"{MEMBER}"}}"#);
    open.post(&met, &both, 2).await;
    open.post(&new, &lead("zoe"), 2).await;
    erase(&open, ADA, "").await;
    // Known to the first job by its key; in the second one a result like any other.
    let again = format!(r#"{{"first_name":"A2","linkedin_id":"{MEMBER}"}}"#);
    assert_eq!(post(&met.url, again.clone()).await, 204);
    open.post(&met, &lead("bob"), 3).await;
    open.post(&new, &again, 3).await;
    open.post(&new, &lead("eve"), 4).await;
    assert_eq!(words(&open, &met).await, ["started", "erased", "bob"]);
    let seen = words(&open, &new).await;
    assert_eq!(seen, ["started", "zoe", "erased", "eve"]);
    assert_eq!(open.bodies(&met).await, ["", "", &lead("bob")]);
    assert_eq!(open.bodies(&new).await, [&lead("zoe"), "", &lead("eve")]);
    let job = open.server.job(&new.id).await;
    assert_eq!(
        job.counts.unwrap().delivered,
        3,
        "it was found and is counted"
    );
}

#[tokio::test]
async fn an_address_is_found_wherever_it_stands_but_not_within_another() {
    let mut open = Open::start().await;
    let job = open.job().await;
    let bodies = [
        r#"{"first_name":"1","linkedin_url":"linkedin.com/in/p1","email":"Ada@Acme.example"}"#,
        r#"{"first_name":"2","linkedin_url":"linkedin.com/in/p2","email":"ada@acme.example.org"}"#,
        r#"{"first_name":"3","linkedin_url":"linkedin.com/in/p3","email":"the-ada@acme.example"}"#,
        r#"{"first_name":"4","linkedin_url":"linkedin.com/in/p4","custom":{"a":["<ada\u0040acme.example>"]}}"#,
        r#"{"first_name":"5","linkedin_url":"linkedin.com/in/p5","new_email":"mailto:ADA%40acme.example"}"#,
        "<p>ada@acme.example.</p>",
    ];
    for (sequence, body) in (2..).zip(bodies) {
        open.post(&job, body, sequence).await;
    }
    let erased = erase(&open, "", " ada@ACME.example ").await;
    let seen = words(&open, &job).await;
    assert_eq!(
        seen,
        ["started", "erased", "2", "3", "erased", "erased", "erased"]
    );
    assert_eq!((erased.erased_results, erased.erased_bodies), (4, 4));
    assert_eq!(
        open.bodies(&job).await,
        ["", bodies[1], bodies[2], "", "", ""]
    );
}

#[tokio::test]
async fn whoever_shares_an_address_stays_unless_nothing_else_tells_them_apart() {
    let mut open = Open::start().await;
    let job = open.job().await;
    let bodies = [
        r#"{"first_name":"Ada","linkedin_url":"linkedin.com/in/ada","email":"us@acme.example"}"#,
        r#"{"first_name":"Bob","linkedin_url":"linkedin.com/in/bob","email":"us@acme.example"}"#,
        r#"{"first_name":"Lone","email":"us@acme.example"}"#,
    ];
    for (sequence, body) in (2..).zip(bodies) {
        open.post(&job, body, sequence).await;
    }
    let erased = erase(&open, ADA, "").await;
    assert_eq!(
        words(&open, &job).await,
        ["started", "erased", "Bob", "erased"]
    );
    assert_eq!((erased.erased_results, erased.erased_bodies), (2, 3));
    open.post(
        &job,
        r#"{"first_name":"Lone","title":"x","email":"US@acme.example"}"#,
        5,
    )
    .await;
    open.post(
        &job,
        r#"{"first_name":"Eve","linkedin_url":"linkedin.com/in/eve","email":"us@acme.example"}"#,
        6,
    )
    .await;
    assert_eq!(words(&open, &job).await[4..], ["erased", "Eve"]);
}

/// A server whose Pronto answers a start when it is told to.
async fn answering_late() -> (Open, Arc<Notify>) {
    let answer = Arc::new(Notify::new());
    let held = answer.clone();
    let open = Open::in_front_of(move |path| {
        let held = held.clone();
        async move {
            if !path.starts_with("/api/v2/searches/") {
                held.notified().await;
            }
        }
    });
    (open.await, answer)
}

#[tokio::test]
async fn a_body_that_is_not_decoded_yet_is_reported_and_erased_once_it_is() {
    let (mut open, answer) = answering_late().await;
    let mut leads = open.server.leads();
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    let url = open.callback_url().await;
    assert_eq!(post(&url, lead("ada")).await, 204);
    let erased = erase(&open, ADA, "").await;
    assert_eq!((erased.pending_bodies, erased.erased_bodies), (1, 0));
    answer.notify_one();
    let started = starting.await.unwrap().unwrap().into_inner();
    let job = OpenJob {
        id: started.job.unwrap().id,
        url,
    };
    open.post(&job, &lead("bob"), 3).await;
    assert_eq!(words(&open, &job).await, ["started", "erased", "bob"]);
    assert_eq!(open.bodies(&job).await, ["", &lead("bob")]);
    let again = erase(&open, ADA, "").await;
    assert_eq!(again, PurgePersonResponse::default());
    assert!(!open.stores("/in/ada"));
}

#[tokio::test]
async fn what_an_attempt_left_readable_goes_with_the_next_one() {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.post(&job, &lead("ada-who-goes"), 2).await;
    let reader = rusqlite::Connection::open(open.data.path().join("jobs.sqlite3")).unwrap();
    let read = "BEGIN; SELECT count(*) FROM events;";
    reader.execute_batch(read).unwrap();
    // The engine waits for whoever reads, and gives up.
    let page = "https://www.linkedin.com/in/ada-who-goes";
    try_erase(&open, page, "").await.unwrap_err();
    assert!(open.stores("ada-who-goes"));
    reader.execute_batch("ROLLBACK").unwrap();
    let erased = erase(&open, page, "").await;
    assert_eq!(
        (erased.erased_results, erased.erased_bodies),
        (0, 0),
        "{erased:?}"
    );
    assert!(!open.stores("ada-who-goes"));
}

#[tokio::test]
async fn what_another_key_has_stays() {
    let mut open = Open::start().await;
    let job = open.job_of(Some(OTHER_KEY)).await;
    assert_eq!(post(&job.url, lead("ada")).await, 204);
    let erased = erase(&open, ADA, "").await;
    assert_eq!(erased, PurgePersonResponse::default());
    assert!(open.stores("/in/ada"));
}

#[tokio::test]
async fn a_preview_of_the_search_goes_with_the_person() {
    let mut open = Open::start().await;
    let job = open.job().await;
    let started = read(&mut open.server.watch(&job.id, 0).await, 1)
        .await
        .remove(0);
    assert!(previewed(&started) && open.stores("Ada of the preview"));
    open.post(&job, &lead("ada"), 2).await;
    erase(&open, ADA, "").await;
    let started = read(&mut open.server.watch(&job.id, 0).await, 1)
        .await
        .remove(0);
    assert!(!previewed(&started) && !open.stores("Ada of the preview"));
    assert!(
        matches!(&started.event, Some(Event::Started(s)) if s.acceptance.as_ref().unwrap().id.is_some())
    );
}

#[tokio::test]
async fn an_answer_after_the_erasure_brings_no_preview_of_the_person() {
    let (mut open, answer) = answering_late().await;
    let mut leads = open.server.leads();
    let starting = tokio::spawn(async move { leads.start_lead_search(search()).await });
    open.callback_url().await;
    erase(&open, ADA, "").await;
    answer.notify_one();
    let job = starting.await.unwrap().unwrap().into_inner().job.unwrap();
    let started = read(&mut open.server.watch(&job.id, 0).await, 1)
        .await
        .remove(0);
    assert!(!previewed(&started) && !open.stores("Ada of the preview"));
    assert!(
        matches!(&started.event, Some(Event::Started(s)) if s.acceptance.as_ref().unwrap().id.is_some())
    );
}

fn previewed(event: &JobEvent) -> bool {
    match &event.event {
        Some(Event::Started(started)) => !started.acceptance.as_ref().unwrap().preview.is_empty(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn callbacks_without_a_job_are_searched_too() {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.cancel(&job).await;
    purge(&open, &job, None).await.unwrap();
    for name in ["ada", "adam"] {
        assert_eq!(post(&job.url, lead(name)).await, 204);
    }
    assert_eq!(erase(&open, ADA, "").await.removed_unmatched_callbacks, 1);
    let request = ListUnmatchedCallbacksRequest::default();
    let listed = open.server.jobs().list_unmatched_callbacks(request).await;
    let callbacks = listed.unwrap().into_inner().callbacks;
    assert_eq!(callbacks.len(), 1);
    assert_eq!(callbacks[0].body, lead("adam").into_bytes());
    assert!(!open.stores("/in/ada\""));
}

#[tokio::test]
async fn who_is_not_told_is_asked_for() {
    let open = Open::start().await;
    for (linkedin_url, email, field) in [
        ("", "", "linkedin_url"),
        ("https://example.com/in/ada", "", "linkedin_url"),
        ("https://www.linkedin.com/company/acme", "", "linkedin_url"),
        ("", "ada", "email"),
        ("", "ada@", "email"),
        (ADA, "a da@acme.example", "email"),
    ] {
        let refused = try_erase(&open, linkedin_url, email).await.unwrap_err();
        assert_eq!(error_info(&refused).reason, "INVALID_REQUEST");
        let violations = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
        assert!(!refused.message().contains("da@"), "it repeats the address");
    }
}
