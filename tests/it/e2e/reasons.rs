//! Every reason of the catalogue, provoked and seen by a client.

use std::time::{Duration, SystemTime};

use pronto_grpc::jobs::store::Store;
use pronto_grpc::jobs::store::sqlite::SqliteStore;
use pronto_grpc::proto::reason::{REASONS, name};
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, CancelJobRequest, ContactToEnrich, EnrichContactRequest,
    EnrichmentType, ErrorReason, FaultKind, GetCompanyStackRequest, GetCreditsRequest,
    GetSearchRequest, ListListsRequest, PurgeJobRequest, SandboxFault, SearchLeadsRequest,
    WatchJobRequest,
};
use pronto_grpc::sandbox::SandboxConfig;
use tonic::{Code, Status};

use super::unread;
use crate::harness::access::{AccessFolder, with_token};
use crate::harness::callbacks::{Open, lead, with_key};
use crate::harness::clockless::{clockless, with_timeout};
use crate::harness::fake::{Fake, json};
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::stage::{Stage, people_search, quick};
use crate::harness::{KEY, PATIENCE, Setup, TestServer, details, error_info, next, read, search};

const CALL: &[&str] = &["endpoint", "http_status", "upstream_message"];
const BROKEN_CALL: &[&str] = &["endpoint"];
const PLACE: &[&str] = &["job_id", "last_sequence"];
const RETRY: &[&str] = &["google.rpc.RetryInfo"];
const QUOTA: &[&str] = &["google.rpc.RetryInfo", "google.rpc.QuotaFailure"];

/// Code, metadata and details with which a client sees a reason.
fn expected(reason: ErrorReason) -> (Code, &'static [&'static str], &'static [&'static str]) {
    use ErrorReason as Reason;
    match reason {
        Reason::Unspecified => (Code::Unknown, &[], &[]),
        Reason::InvalidRequest => (Code::InvalidArgument, &[], &["google.rpc.BadRequest"]),
        Reason::UpstreamRejected => (Code::InvalidArgument, CALL, &[]),
        Reason::UnauthenticatedKey => (Code::Unauthenticated, CALL, &[]),
        Reason::KeyNotAllowed => (Code::PermissionDenied, CALL, &[]),
        Reason::NotFound => (Code::NotFound, CALL, &[]),
        Reason::RateLimited => (Code::ResourceExhausted, CALL, RETRY),
        Reason::InsufficientCredits | Reason::PlanLimit => (Code::ResourceExhausted, CALL, &[]),
        Reason::ConsentRequired | Reason::SalesNavigatorRequired => {
            (Code::FailedPrecondition, CALL, &[])
        }
        Reason::UpstreamUnavailable => (Code::Unavailable, CALL, RETRY),
        Reason::UpstreamTimeout => (Code::DeadlineExceeded, BROKEN_CALL, &[]),
        Reason::UpstreamMalformed => (Code::Internal, &["endpoint", "http_status"], &[]),
        Reason::OutcomeUnknown => {
            let keys = &["endpoint", "http_status", "job_id", "upstream_message"];
            (Code::Unknown, keys, &[])
        }
        Reason::CallbackUrlNotConfigured => (Code::FailedPrecondition, &[], &[]),
        Reason::JobFailed => {
            let keys = &["cause", "job_id", "last_sequence"];
            (Code::FailedPrecondition, keys, &[])
        }
        Reason::JobCancelled => (Code::Aborted, PLACE, &[]),
        Reason::JobFinished | Reason::JobNotFinished => {
            (Code::FailedPrecondition, &["job_id", "state"], &[])
        }
        Reason::SequenceOutOfRange => (Code::OutOfRange, PLACE, &[]),
        Reason::SequenceExpired => (Code::OutOfRange, &["job_id", "oldest_sequence"], &[]),
        Reason::Draining | Reason::StreamTooOld => (Code::Unavailable, PLACE, RETRY),
        Reason::Starting => (Code::Unavailable, &[], RETRY),
        Reason::StoreUnavailable => (Code::Unavailable, &[], &[]),
        Reason::Internal | Reason::MalformedMessage => (Code::Internal, &[], &[]),
        Reason::StoreFull => (Code::ResourceExhausted, &["limit", "size"], &[]),
        Reason::RequestIdReused => (Code::AlreadyExists, &["job_id", "request_id"], &[]),
        Reason::BudgetExceeded => {
            let keys = &["limit", "maximum", "reserved", "spent"];
            (Code::ResourceExhausted, keys, QUOTA)
        }
        Reason::DeadlineExceeded => (Code::DeadlineExceeded, PLACE, &[]),
        Reason::Unimplemented => (Code::Unimplemented, &[], &[]),
        Reason::MessageTooLarge => (Code::ResourceExhausted, &[], &[]),
        Reason::UnauthenticatedClient => (Code::Unauthenticated, &[], &[]),
        Reason::KeyRefused => (Code::PermissionDenied, &[], &[]),
    }
}

/// Lets a client run into it.
async fn provoked(reason: ErrorReason) -> Status {
    use ErrorReason as Reason;
    match reason {
        Reason::Unspecified => Status::unknown("no error has it"),
        Reason::InvalidRequest => invalid_request().await,
        Reason::UpstreamRejected => answered(422, r#"{"message":"functions: 99 is odd"}"#).await,
        Reason::UnauthenticatedKey => unauthenticated_key().await,
        Reason::KeyNotAllowed => key_not_allowed().await,
        Reason::NotFound => not_found().await,
        Reason::RateLimited => answered(429, r#"{"error":"slow down"}"#).await,
        Reason::InsufficientCredits => insufficient_credits().await,
        Reason::PlanLimit => {
            answered(
                422,
                r#"{"error":"Search exceeds your monthly import limits"}"#,
            )
            .await
        }
        Reason::ConsentRequired => consent_required().await,
        Reason::UpstreamUnavailable => answered(503, "maintenance").await,
        Reason::UpstreamTimeout => upstream_timeout().await,
        Reason::UpstreamMalformed => answered(200, "<!DOCTYPE html>").await,
        Reason::OutcomeUnknown => outcome_unknown().await,
        Reason::CallbackUrlNotConfigured => callback_url_not_configured().await,
        Reason::JobFailed => job_failed().await,
        Reason::JobCancelled => job_cancelled().await,
        Reason::JobFinished => job_finished().await,
        Reason::SequenceOutOfRange => sequence_out_of_range().await,
        Reason::Draining => draining().await,
        Reason::StoreUnavailable => faulty_start(|store| store.fail(Operation::CreateJob, 1)).await,
        Reason::Internal => faulty_start(|store| store.panic(Operation::CreateJob)).await,
        Reason::SequenceExpired => sequence_expired().await,
        Reason::JobNotFinished => job_not_finished().await,
        Reason::StoreFull => store_full().await,
        Reason::RequestIdReused => request_id_reused().await,
        Reason::BudgetExceeded => budget_exceeded().await,
        Reason::SalesNavigatorRequired => {
            answered(422, r#"{"message":"Connect Sales Navigator first"}"#).await
        }
        Reason::DeadlineExceeded => deadline_exceeded().await,
        Reason::Unimplemented => unread(unread::no_such_method).await,
        Reason::MessageTooLarge => unread(unread::large_message).await,
        Reason::MalformedMessage => unread(unread::no_message).await,
        Reason::UnauthenticatedClient => client_call(None).await,
        Reason::KeyRefused => client_call(Some("a-token-of-the-crm")).await,
        Reason::StreamTooOld => stream_too_old().await,
        Reason::Starting => starting().await,
    }
}

#[tokio::test]
async fn every_reason_reaches_a_client_as_it_is_documented() {
    for &reason in REASONS {
        let status = tokio::time::timeout(PATIENCE, provoked(reason)).await;
        let status = status.unwrap_or_else(|_| panic!("{reason:?} does not come"));
        let (code, keys, expected_details) = expected(reason);
        let info = error_info(&status);
        assert_eq!(info.reason, name(reason), "{status:?}");
        assert_eq!(status.code(), code, "{status:?}");
        let mut found: Vec<_> = info.metadata.keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys, "{status:?}");
        assert_eq!(details(&status), expected_details, "{status:?}");
        assert!(!status.message().is_empty(), "{reason:?}");
        assert!(info.metadata.values().all(|value| !value.is_empty()));
        assert!(!format!("{status:?}").contains(KEY));
    }
}

// === what Pronto says ===

/// What becomes of an answer to a free read.
async fn answered(status: u16, body: &'static str) -> Status {
    let fake = Fake::start(move |_, _| async move {
        let mut answer = json(status, body);
        // Too long for any caller to wait.
        let headers = answer.headers_mut();
        headers.insert("retry-after", "7200".parse().unwrap());
        answer
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    credits(&server, &format!("{}S", PATIENCE.as_secs())).await
}

async fn credits(server: &TestServer, time: &str) -> Status {
    let (client, origin) = clockless(server.grpc);
    let mut workspace = WorkspaceServiceClient::with_origin(client, origin);
    let request = with_timeout(GetCreditsRequest::default(), time);
    workspace.get_credits(request).await.unwrap_err()
}

async fn unauthenticated_key() -> Status {
    let stage = Stage::start().await;
    let request = with_key(GetCreditsRequest::default(), Some("wrong-key"));
    let answer = stage.server.workspace().get_credits(request).await;
    answer.unwrap_err()
}

async fn key_not_allowed() -> Status {
    let stage = Stage::start().await;
    let restrict = |key| stage.sandbox.switches().write().restricted_keys.insert(key);
    restrict(KEY.to_owned());
    let request = ListListsRequest::default();
    stage.server.lists().list_lists(request).await.unwrap_err()
}

async fn not_found() -> Status {
    let stage = Stage::start().await;
    let request = GetSearchRequest {
        id: "3c90c3cc-0d44-4b50-8888-8dd25736052a".to_owned(),
        ..Default::default()
    };
    let answer = stage.server.searches().get_search(request).await;
    answer.unwrap_err()
}

async fn insufficient_credits() -> Status {
    let stage = Stage::with(SandboxConfig {
        credits: 0,
        ..quick()
    })
    .await;
    let request = GetCompanyStackRequest {
        company_linkedin_url: Some(stage.company().await),
        ..Default::default()
    };
    let answer = stage.server.accounts().get_company_stack(request).await;
    answer.unwrap_err()
}

async fn consent_required() -> Status {
    let stage = Stage::with(SandboxConfig {
        personal_email_consent: false,
        ..quick()
    })
    .await;
    let request = EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        linkedin_url: Some("https://www.linkedin.com/in/ada".to_owned()),
        enrichment_type: vec![EnrichmentType::PersonalEmail.into()],
        ..Default::default()
    };
    let answer = stage.server.contacts().enrich_contact(request).await;
    answer.unwrap_err()
}

async fn upstream_timeout() -> Status {
    let fake = Fake::start(|_, _| std::future::pending()).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.args.upstream.request_timeout = Duration::from_millis(100);
    let server = setup.start().await;
    let request = GetCreditsRequest::default();
    server.workspace().get_credits(request).await.unwrap_err()
}

async fn outcome_unknown() -> Status {
    let fake = Fake::always(503, "maintenance").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    server
        .leads()
        .start_lead_search(search())
        .await
        .unwrap_err()
}

// === what the server says ===

async fn unread(refused: impl AsyncFnOnce(&TestServer) -> Status) -> Status {
    let stage = Stage::start().await;
    refused(&stage.server).await
}

async fn invalid_request() -> Status {
    let stage = Stage::start().await;
    let request = SearchLeadsRequest::default();
    stage
        .server
        .leads()
        .search_leads(request)
        .await
        .unwrap_err()
}

/// What becomes of a call with a key of its own, where only a client may call.
async fn client_call(token: Option<&str>) -> Status {
    let folder = AccessFolder::new("[clients.crm]\ntoken-files = [\"token\"]\n");
    folder.write("token", "a-token-of-the-crm");
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.access = Some(folder.load().0);
    let server = setup.start().await;
    let mut request = with_token(
        GetCreditsRequest::default(),
        token.unwrap_or("a-wrong-token"),
    );
    let key = "another-key".parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    server.workspace().get_credits(request).await.unwrap_err()
}

async fn callback_url_not_configured() -> Status {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.has_callback_url = false;
    let server = setup.start().await;
    let contact = ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        domain: Some("acme.example".to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: vec![contact; 2],
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let answer = server.contacts().bulk_enrich_contacts(request).await;
    answer.unwrap_err()
}

async fn draining() -> Status {
    let mut open = Open::start().await;
    let job = open.job().await;
    let mut stream = open.server.watch(&job.id, 0).await;
    read(&mut stream, 1).await;
    let stopped = tokio::spawn(open.server.stop());
    let end = next(&mut stream).await.unwrap().unwrap_err();
    drop(stream);
    stopped.await.unwrap();
    end
}

async fn stream_too_old() -> Status {
    let mut open = Open::with(|setup| {
        setup.jobs.max_stream_age = Some(Duration::from_millis(100));
    })
    .await;
    let job = open.job().await;
    let mut stream = open.server.watch(&job.id, 1).await;
    next(&mut stream).await.unwrap().unwrap_err()
}

async fn starting() -> Status {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup::new(fake.address, data.path());
    let server = setup.start_opening(std::future::pending()).await;
    let request = GetCreditsRequest::default();
    server.workspace().get_credits(request).await.unwrap_err()
}

/// What a start ends with when the store does this.
async fn faulty_start(fault: impl FnOnce(&FaultyStore)) -> Status {
    let fake = Fake::always(201, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let store = FaultyStore::open(data.path());
    let setup = Setup::new(fake.address, data.path());
    let server = setup.start_with(store.clone()).await;
    fault(&store);
    server
        .leads()
        .start_lead_search(search())
        .await
        .unwrap_err()
}

async fn store_full() -> Status {
    let open = Open::with(|setup| setup.jobs.max_store_size = 1).await;
    let mut leads = open.server.leads();
    leads.start_lead_search(search()).await.unwrap_err()
}

async fn request_id_reused() -> Status {
    let open = Open::start().await;
    let mut leads = open.server.leads();
    let first = SearchLeadsRequest {
        request_id: "an-id".to_owned(),
        ..search()
    };
    leads.start_lead_search(first.clone()).await.unwrap();
    let other = SearchLeadsRequest {
        name: Some("another".to_owned()),
        ..first
    };
    leads.start_lead_search(other).await.unwrap_err()
}

async fn budget_exceeded() -> Status {
    let open = Open::with(|setup| setup.jobs.budgets.common = Some(2)).await;
    let request = GetCompanyStackRequest {
        company_name: Some("Acme".to_owned()),
        ..Default::default()
    };
    let mut accounts = open.server.accounts();
    accounts.get_company_stack(request).await.unwrap_err()
}

async fn deadline_exceeded() -> Status {
    let mut open = Open::start().await;
    let request = WatchJobRequest {
        job_id: open.job().await.id,
        after_sequence: 1,
    };
    let (client, origin) = clockless(open.server.grpc);
    let mut jobs = JobServiceClient::with_origin(client, origin);
    let stream = jobs.watch_job(with_timeout(request, "300m")).await;
    next(&mut stream.unwrap().into_inner())
        .await
        .unwrap()
        .unwrap_err()
}

// === what becomes of jobs ===

async fn job_failed() -> Status {
    let stage = Stage::start().await;
    let fault = SandboxFault {
        kind: FaultKind::SearchError.into(),
        ..Default::default()
    };
    stage.sandbox.switches().write().faults = vec![fault].into();
    let answer = stage.server.leads().search_leads(people_search(4)).await;
    let mut stream = answer.unwrap().into_inner();
    loop {
        if let Err(status) = next(&mut stream).await.unwrap() {
            return status;
        }
    }
}

async fn job_cancelled() -> Status {
    let mut open = Open::start().await;
    let job = open.job().await;
    let mut stream = open.server.watch(&job.id, 1).await;
    open.cancel(&job).await;
    next(&mut stream).await.unwrap().unwrap_err()
}

async fn job_finished() -> Status {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.cancel(&job).await;
    let request = CancelJobRequest { job_id: job.id };
    open.server.jobs().cancel_job(request).await.unwrap_err()
}

async fn job_not_finished() -> Status {
    let mut open = Open::start().await;
    let job_id = open.job().await.id;
    let request = PurgeJobRequest { job_id };
    open.server.jobs().purge_job(request).await.unwrap_err()
}

async fn watch_error(open: &Open, job_id: String, after_sequence: i64) -> Status {
    let request = WatchJobRequest {
        job_id,
        after_sequence,
    };
    open.server.jobs().watch_job(request).await.unwrap_err()
}

async fn sequence_out_of_range() -> Status {
    let mut open = Open::start().await;
    let job = open.job().await;
    watch_error(&open, job.id, 99).await
}

async fn sequence_expired() -> Status {
    let mut open = Open::start().await;
    let job = open.job().await;
    open.post(&job, &lead("ada"), 2).await;
    let store = SqliteStore::open(&open.data.path().join("jobs.sqlite3")).unwrap();
    let later = SystemTime::now() + Duration::from_secs(3600);
    store.trim(later).await.unwrap();
    watch_error(&open, job.id, 0).await
}
