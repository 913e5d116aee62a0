//! The signals, as streams and as jobs that are watched.

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::signal::Subject;
use pronto_grpc::proto::v1::{
    CancelJobRequest, FindNewHiresRequest, JobEvent, JobFunction, JobState, ListListsRequest,
    PublishedDate, SearchCommentsRequest, SearchGrowingAccountsRequest,
    SearchHiringAccountsRequest, SearchLookalikeAccountsRequest, SearchPostEngagersRequest,
    SearchPostsRequest, SearchReactionsRequest, TrackJobChangesRequest,
};
use pronto_grpc::sandbox::{SandboxConfig, StreamingShape};
use tonic::Code;

use super::streams::both;
use super::{assert_complete, kind, subject};
use crate::harness::stage::{Stage, quick};
use crate::harness::{assert_contiguous, error_info, next, read, read_all};

/// More than one message of companies holds.
const COUNT: i32 = 12;

/// Signals of people in the one shape that all their messages share.
async fn nested() -> Stage {
    let streaming_shape = StreamingShape::Nested;
    Stage::with(SandboxConfig {
        streaming_shape,
        ..quick()
    })
    .await
}

#[tokio::test]
async fn hiring_accounts() {
    let stage = Stage::start().await;
    let request = SearchHiringAccountsRequest {
        published_date: Some(PublishedDate::Last90Days.into()),
        exclude_internships: Some(true),
        limit: Some(COUNT),
        ..Default::default()
    };
    for events in both!(
        stage,
        signals.search_hiring_accounts,
        start_hiring_account_search,
        "SignalService/StartHiringAccountSearch",
        request
    ) {
        assert_complete(&events, "account signal", 12);
        for event in &events[1..=12] {
            let Some(Event::Signal(signal)) = &event.event else {
                unreachable!("checked above")
            };
            let Some(Subject::Account(account)) = &signal.subject else {
                unreachable!("checked above")
            };
            assert!(!account.job_postings.is_empty());
            assert!(account.job_postings[0].job_title.is_some());
        }
    }
}

#[tokio::test]
async fn a_signal_that_nobody_gives_is_complete_at_once() {
    let stage = Stage::start().await;
    let request = SearchHiringAccountsRequest {
        selected_titles: vec!["Lighthouse Keeper".to_owned()],
        ..Default::default()
    };
    let answer = stage.server.signals().search_hiring_accounts(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_contiguous(&events, 1);
    let kinds: Vec<_> = events.iter().map(kind).collect();
    assert_eq!(kinds, ["started", "completed"]);
    let job = stage.server.job(&events[0].job_id).await;
    assert_eq!((job.state(), job.upstream_id), (JobState::Completed, None));
}

#[tokio::test]
async fn growing_accounts() {
    let stage = Stage::start().await;
    let request = SearchGrowingAccountsRequest {
        department: Some(JobFunction::Engineering.into()),
        min_department_headcount: Some(0),
        limit: Some(COUNT),
        ..Default::default()
    };
    for events in both!(
        stage,
        signals.search_growing_accounts,
        start_growing_account_search,
        "SignalService/StartGrowingAccountSearch",
        request
    ) {
        assert_complete(&events, "account signal", 12);
    }
}

#[tokio::test]
async fn lookalike_accounts() {
    let stage = Stage::start().await;
    let request = SearchLookalikeAccountsRequest {
        company_linkedin_url: Some(stage.company().await),
        limit: Some(3),
        ..Default::default()
    };
    for events in both!(
        stage,
        signals.search_lookalike_accounts,
        start_lookalike_account_search,
        "SignalService/StartLookalikeAccountSearch",
        request
    ) {
        assert_complete(&events, "account signal", 3);
    }
}

/// The signals of people take the same request under different names.
macro_rules! people_signals {
    ($($name:ident: $request:ident, $stream:ident, $start:ident, $rpc:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let stage = nested().await;
            let request = $request {
                limit: Some(COUNT),
                ..Default::default()
            };
            for events in both!(stage, signals.$stream, $start, $rpc, request) {
                assert_complete(&events, "lead signal", 12);
            }
        }
    )*};
}

people_signals! {
    post_engagers: SearchPostEngagersRequest, search_post_engagers, start_post_engager_search,
        "SignalService/StartPostEngagerSearch";
    posts: SearchPostsRequest, search_posts, start_post_search, "SignalService/StartPostSearch";
    reactions: SearchReactionsRequest, search_reactions, start_reaction_search,
        "SignalService/StartReactionSearch";
    comments: SearchCommentsRequest, search_comments, start_comment_search,
        "SignalService/StartCommentSearch";
    new_hires: FindNewHiresRequest, find_new_hires, start_new_hire_search,
        "SignalService/StartNewHireSearch";
}

/// The list of people that every sandbox has.
async fn lead_list(stage: &Stage) -> String {
    let request = ListListsRequest::default();
    let answer = stage.server.lists().list_lists(request).await;
    let lists = answer.unwrap().into_inner().lists;
    let leads = lists
        .into_iter()
        .find(|list| list.kind.as_deref() == Some("lead"));
    leads.unwrap().id.unwrap()
}

#[tokio::test]
async fn job_changes_come_until_the_job_is_cancelled() {
    let stage = Stage::start().await;
    let request = TrackJobChangesRequest {
        lead_list_id: lead_list(&stage).await,
        ..Default::default()
    };
    let mut signals = stage.server.signals();
    let answer = signals.track_job_changes(request.clone()).await.unwrap();
    let mut streamed = answer.into_inner();
    let answer = signals.start_job_change_tracking(request).await.unwrap();
    let job = answer.into_inner().job.unwrap();
    assert_eq!(job.deadline, None);
    let mut watched = stage.server.watch(&job.id, 0).await;
    for stream in [&mut streamed, &mut watched] {
        let events = read(stream, 51).await;
        assert_fifty_signals(&events);
        let job_id = events[0].job_id.clone();
        let job = stage.server.job(&job_id).await;
        assert_eq!(job.state(), JobState::Running);

        let request = CancelJobRequest { job_id };
        let cancelled = stage.server.jobs().cancel_job(request).await;
        let job = cancelled.unwrap().into_inner().job.unwrap();
        assert_eq!((job.state(), job.last_sequence), (JobState::Cancelled, 51));
        let status = next(stream).await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        let info = error_info(&status);
        assert_eq!(info.reason, "JOB_CANCELLED");
        assert_eq!(info.metadata["last_sequence"], "51");
        assert!(next(stream).await.is_none());
    }
}

#[track_caller]
fn assert_fifty_signals(events: &[JobEvent]) {
    assert_contiguous(events, 1);
    assert_eq!(kind(&events[0]), "started");
    let mut people: Vec<_> = events[1..].iter().map(subject).collect();
    assert!(events[1..].iter().all(|event| kind(event) == "lead signal"));
    people.sort();
    people.dedup();
    assert_eq!(people.len(), 50);
}

#[tokio::test]
async fn a_signal_comes_once_although_the_final_message_has_another_shape() {
    let stage = Stage::start().await;
    let request = SearchPostsRequest {
        limit: Some(COUNT),
        ..Default::default()
    };
    let answer = stage.server.signals().search_posts(request).await;
    let events = read_all(&mut answer.unwrap().into_inner()).await;
    assert_complete(&events, "lead signal", 12);
}
