//! What the sandbox refuses, as clients see it.

use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, ContactToEnrich, EnrichAccountRequest, EnrichContactAsyncRequest,
    EnrichContactRequest, EnrichLeadRequest, EnrichmentType, ErrorReason, FindCompanyLeadsRequest,
    GetAccountRequest, GetCompanyStackRequest, GetContactEnrichmentRequest, GetCreditsRequest,
    GetHeadcountRequest, GetListRequest, GetPersonaRequest, GetSearchRequest, JobState,
    ListJobsRequest, ListListsRequest, TrackJobChangesRequest,
};
use pronto_grpc::sandbox::SandboxConfig;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::harness::stage::{Stage, people_search, quick};
use crate::harness::{KEY, PATIENCE, error_info};

const UNKNOWN: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

#[track_caller]
fn assert_refused(status: &Status, code: Code, reason: &str, http_status: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    let info = error_info(status);
    assert_eq!(
        (info.domain.as_str(), info.reason.as_str()),
        ("pronto.v1", reason)
    );
    assert_eq!(info.metadata["http_status"], http_status);
    assert!(info.metadata.contains_key("endpoint"));
}

fn with_key<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-api-key", key.parse().unwrap());
    request
}

#[tokio::test]
async fn a_bad_key() {
    let stage = Stage::start().await;
    let refused = |status: &Status| {
        assert_refused(status, Code::Unauthenticated, "UNAUTHENTICATED_KEY", "401");
        assert!(!format!("{status:?}").contains("wrong-key"));
    };
    let request = with_key("wrong-key", GetAccountRequest::default());
    refused(
        &stage
            .server
            .workspace()
            .get_account(request)
            .await
            .unwrap_err(),
    );
    let request = with_key("wrong-key", people_search(1));
    refused(
        &stage
            .server
            .leads()
            .search_leads(request)
            .await
            .unwrap_err(),
    );
    let request = with_key("wrong-key", people_search(1));
    refused(
        &stage
            .server
            .leads()
            .start_lead_search(request)
            .await
            .unwrap_err(),
    );
}

#[tokio::test]
async fn a_key_that_may_do_little() {
    let stage = Stage::start().await;
    stage
        .sandbox
        .switches()
        .write()
        .restricted_keys
        .insert(KEY.to_owned());
    let credits = stage
        .server
        .workspace()
        .get_credits(GetCreditsRequest::default())
        .await;
    assert!(credits.is_ok());
    let lists = stage
        .server
        .lists()
        .list_lists(ListListsRequest::default())
        .await;
    assert_refused(
        &lists.unwrap_err(),
        Code::PermissionDenied,
        "KEY_NOT_ALLOWED",
        "403",
    );
}

const ADA: &str = "https://www.linkedin.com/in/ada";

#[tokio::test]
async fn personal_emails_without_consent() {
    let personal_email_consent = false;
    let stage = Stage::with(SandboxConfig {
        personal_email_consent,
        ..quick()
    })
    .await;
    let enrichment_type = vec![EnrichmentType::PersonalEmail.into()];
    let mut contacts = stage.server.contacts();
    let request = EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        linkedin_url: Some(ADA.to_owned()),
        enrichment_type: enrichment_type.clone(),
        ..Default::default()
    };
    let status = contacts.enrich_contact(request).await.unwrap_err();
    assert_refused(&status, Code::FailedPrecondition, "CONSENT_REQUIRED", "422");
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        linkedin_url: Some(ADA.to_owned()),
        enrichment_type: enrichment_type.clone(),
        ..Default::default()
    };
    let status = contacts.enrich_contact_async(request).await.unwrap_err();
    assert_refused(&status, Code::FailedPrecondition, "CONSENT_REQUIRED", "422");

    let contact = ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        linkedin_url: Some(ADA.to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: vec![contact; 2],
        enrichment_type,
        ..Default::default()
    };
    let status = contacts.bulk_enrich_contacts(request).await.unwrap_err();
    assert_refused(&status, Code::FailedPrecondition, "CONSENT_REQUIRED", "422");

    // The jobs that could not start tell why.
    let listed = stage
        .server
        .jobs()
        .list_jobs(ListJobsRequest::default())
        .await;
    let jobs = listed.unwrap().into_inner().jobs;
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        assert_eq!(job.state(), JobState::Failed);
        assert_eq!(job.failure.unwrap().reason(), ErrorReason::ConsentRequired);
    }
}

#[tokio::test]
async fn no_credits_left() {
    let stage = Stage::with(SandboxConfig {
        credits: 0,
        ..quick()
    })
    .await;
    let request = GetCompanyStackRequest {
        company_linkedin_url: Some(stage.company().await),
        ..Default::default()
    };
    let status = stage
        .server
        .accounts()
        .get_company_stack(request)
        .await
        .unwrap_err();
    assert_refused(
        &status,
        Code::ResourceExhausted,
        "INSUFFICIENT_CREDITS",
        "422",
    );
    let request = EnrichContactAsyncRequest {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        domain: Some("acme.example".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let status = stage
        .server
        .contacts()
        .start_contact_enrichment(request)
        .await
        .unwrap_err();
    assert_refused(
        &status,
        Code::ResourceExhausted,
        "INSUFFICIENT_CREDITS",
        "422",
    );
    assert_eq!(stage.sandbox.counters().credits_spent(), 0);
}

#[tokio::test]
async fn a_rate_limit() {
    let stage = Stage::start().await;
    let message = GetHeadcountRequest {
        company_linkedin_url: Some(stage.company().await),
        ..Default::default()
    };
    stage.sandbox.switches().write().rate_limits = true;
    let mut accounts = stage.server.accounts();
    // Whoever waits for the limit ends before the minute is over.
    let mut call = async || {
        let mut request = Request::new(message.clone());
        request.set_timeout(PATIENCE);
        accounts.get_headcount(request).await
    };
    call().await.unwrap();
    call().await.unwrap();
    let status = call().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let info = error_info(&status);
    assert_eq!(info.reason, "RATE_LIMITED");
    assert_eq!(info.metadata["endpoint"], "POST /accounts/headcount");
    let retry = status
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert!((1..=60).contains(&retry.as_secs()), "{retry:?}");
}

#[tokio::test]
async fn what_does_not_exist() {
    let stage = Stage::start().await;
    let id = || UNKNOWN.to_owned();
    let server = &stage.server;
    let search = GetSearchRequest {
        id: id(),
        ..Default::default()
    };
    let enrichment = GetContactEnrichmentRequest {
        id: id(),
        ..Default::default()
    };
    let list = GetListRequest {
        id: id(),
        ..Default::default()
    };
    let persona = GetPersonaRequest {
        id: id(),
        ..Default::default()
    };
    let company = EnrichAccountRequest {
        name: Some("Unheard Of".to_owned()),
        ..Default::default()
    };
    let profile = EnrichLeadRequest {
        linkedin_url: "https://www.linkedin.com/in/unheard-of".to_owned(),
        ..Default::default()
    };
    let colleagues = FindCompanyLeadsRequest {
        company_linkedin_id: Some("1".to_owned()),
        job_titles: vec!["*".to_owned()],
        ..Default::default()
    };
    let job_changes = TrackJobChangesRequest {
        lead_list_id: id(),
        ..Default::default()
    };
    for status in [
        server.searches().get_search(search).await.unwrap_err(),
        server
            .contacts()
            .get_contact_enrichment(enrichment)
            .await
            .unwrap_err(),
        server.lists().get_list(list).await.unwrap_err(),
        server.personas().get_persona(persona).await.unwrap_err(),
        server.accounts().enrich_account(company).await.unwrap_err(),
        server.leads().enrich_lead(profile).await.unwrap_err(),
        server
            .leads()
            .find_company_leads(colleagues)
            .await
            .unwrap_err(),
        server
            .signals()
            .track_job_changes(job_changes)
            .await
            .unwrap_err(),
    ] {
        assert_refused(&status, Code::NotFound, "NOT_FOUND", "404");
        assert!(error_info(&status).metadata["upstream_message"].ends_with("not found"));
    }
}
