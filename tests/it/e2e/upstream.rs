//! What Pronto's answers become.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{
    EnrichContactRequest, EnrichmentType, GetCompanyStackRequest, GetCreditsRequest,
    GetSearchRequest, JobState, LeadFilters, ListJobsRequest, SearchLeadsRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::fake::{Fake, json};
use crate::harness::{KEY, Setup, TestServer, error_info};

async fn credits(server: &TestServer) -> Result<f64, Status> {
    let mut workspace = WorkspaceServiceClient::new(server.channel.clone());
    let credits = workspace
        .get_credits(GetCreditsRequest::default())
        .await?
        .into_inner();
    Ok(credits.credits.unwrap_or_default())
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_upstream_malformed() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_inside = format!("{{\"unknown\":{deep}}}");
    let huge = format!("{{\"credits\":1,\"padding\":\"{}\"}}", "x".repeat(33 << 20));
    for (what, body) in [
        ("malformed", "{\"credits\":".to_owned()),
        (
            "html",
            "<!DOCTYPE html><html><body>Sign in</body></html>".to_owned(),
        ),
        ("empty", String::new()),
        ("truncated", "{\"credits\": 12".to_owned()),
        ("trailing", "{\"credits\": 12} x".to_owned()),
        ("a text", "\"credits\"".to_owned()),
        ("deep", deep),
        ("deep inside", deep_inside),
        ("huge", huge),
    ] {
        let fake = Fake::always(200, body).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let status = credits(&server).await.expect_err(what);
        assert_eq!(status.code(), Code::Internal, "{what}");
        let info = error_info(&status);
        assert_eq!(info.reason, "UPSTREAM_MALFORMED", "{what}");
        assert_eq!(info.domain, "pronto.v1");
        assert_eq!(info.metadata["endpoint"], "GET /credits");
    }
}

#[tokio::test]
async fn an_html_page_is_malformed_even_where_it_looks_like_nothing() {
    let fake = Fake::start(|_, _| async {
        let page = Response::builder().header("content-type", "text/html; charset=utf-8");
        page.body(Full::new(Bytes::from_static(b"{}"))).unwrap()
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let status = credits(&server).await.unwrap_err();
    assert_eq!(error_info(&status).reason, "UPSTREAM_MALFORMED");
}

#[tokio::test]
async fn a_key_that_pronto_repeats_stays_secret() {
    for status in [400, 401, 403, 500] {
        let body = format!("{{\"error\":\"Invalid API key: {KEY}\"}}");
        let fake = Fake::always(status, body).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let refused = credits(&server).await.unwrap_err();
        let words = &error_info(&refused).metadata["upstream_message"];
        assert_eq!(words, "Invalid API key: <key>");
        let everything = format!("{refused:?} {}", refused.message());
        assert!(!everything.contains(KEY), "{everything}");
        assert!(!String::from_utf8_lossy(refused.details()).contains(KEY));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let mut elsewhere = Fake::always(200, "{\"credits\":1}").await;
        let location = format!("http://{}/credits", elsewhere.address);
        let fake = Fake::start(move |_, _| {
            let answer = Response::builder().status(status);
            let answer = answer.header("location", location.as_str());
            async move { answer.body(Full::new(Bytes::new())).unwrap() }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let refused = credits(&server).await.unwrap_err();
        assert_eq!(
            error_info(&refused).reason,
            "UPSTREAM_MALFORMED",
            "{status}"
        );
        assert!(elsewhere.asked.try_recv().is_err(), "{status}");
    }
}

#[tokio::test]
async fn every_documented_error_has_a_code_and_a_reason() {
    let consent = r#"{"message":"You can't use the personal email enrichment feature without consenting with our terms of use"}"#;
    for (http, body, code, reason) in [
        (
            400,
            r#"{"error":400,"message":"Provide at least one of: company_domain"}"#,
            Code::InvalidArgument,
            "UPSTREAM_REJECTED",
        ),
        (
            401,
            r#"{"error":"Unauthorized"}"#,
            Code::Unauthenticated,
            "UNAUTHENTICATED_KEY",
        ),
        (
            403,
            r#"{"errors":["not allowed"]}"#,
            Code::PermissionDenied,
            "KEY_NOT_ALLOWED",
        ),
        (404, "<html>not here</html>", Code::NotFound, "NOT_FOUND"),
        (422, consent, Code::FailedPrecondition, "CONSENT_REQUIRED"),
        (
            422,
            r#"{"message":"Insufficient enrichment credits"}"#,
            Code::ResourceExhausted,
            "INSUFFICIENT_CREDITS",
        ),
        (
            422,
            r#"{"error":"Search exceeds your monthly import limits"}"#,
            Code::ResourceExhausted,
            "PLAN_LIMIT",
        ),
        (
            429,
            r#"{"error":"slow down"}"#,
            Code::ResourceExhausted,
            "RATE_LIMITED",
        ),
        (503, "", Code::Unknown, "OUTCOME_UNKNOWN"),
    ] {
        let fake = Fake::always(http, body).await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let request = GetCompanyStackRequest {
            company_name: Some("Acme".to_owned()),
            ..Default::default()
        };
        let status = server
            .accounts()
            .get_company_stack(request)
            .await
            .unwrap_err();
        assert_eq!(status.code(), code, "{http} {body}");
        let info = error_info(&status);
        assert_eq!(info.reason, reason, "{http} {body}");
        assert_eq!(info.metadata["http_status"], http.to_string());
        assert_eq!(info.metadata["endpoint"], "POST /accounts/company_stack");
    }
}

#[tokio::test]
async fn a_free_read_that_fails_may_be_repeated() {
    let fake = Fake::always(503, "").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let status = credits(&server).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(error_info(&status).reason, "UPSTREAM_UNAVAILABLE");
}

#[tokio::test]
async fn retry_after_reaches_the_client() {
    // So long a pause is not waited for on behalf of the caller.
    let fake = Fake::start(|_, _| async {
        let mut answer = json(429, r#"{"error":"slow down"}"#);
        answer
            .headers_mut()
            .insert("retry-after", "70".parse().unwrap());
        answer
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let status = credits(&server).await.unwrap_err();
    let retry = status
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert_eq!(retry.as_secs(), 70);
}

#[tokio::test]
async fn a_large_error_body_arrives_as_a_normal_status() {
    let body = format!("{{\"message\":\"\\u0000{}\"}}", "é\\n%".repeat(50_000));
    let fake = Fake::always(422, body).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let status = credits(&server).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(error_info(&status).metadata["upstream_message"].len(), 1024);
}

#[tokio::test]
async fn missing_credits_are_an_error_even_where_pronto_says_success() {
    let fake = Fake::always(200, r#"{"error":"insufficient_credits"}"#).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let answer = server.contacts().enrich_contact(request).await;
    let info = error_info(&answer.unwrap_err());
    assert_eq!(info.reason, "INSUFFICIENT_CREDITS");
    assert_eq!(info.metadata["http_status"], "200");
    assert_eq!(info.metadata["upstream_message"], "insufficient_credits");
}

#[tokio::test]
async fn a_pronto_that_is_not_there_is_unavailable_and_nothing_was_sent() {
    let (listener, address) = crate::harness::listener().await;
    drop(listener);
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(address, data.path()).start().await;
    let request = SearchLeadsRequest {
        filters: Some(keyword("x")),
        ..Default::default()
    };
    let status = server.leads().start_lead_search(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(error_info(&status).reason, "UPSTREAM_UNAVAILABLE");
    let jobs = server
        .jobs()
        .list_jobs(ListJobsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .jobs;
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].state(), JobState::Failed);
}

fn keyword(text: &str) -> LeadFilters {
    LeadFilters {
        keyword: Some(text.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_leaves_a_job_that_collects() {
    let fake = Fake::always(200, "<html>").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = SearchLeadsRequest {
        filters: Some(keyword("x")),
        ..Default::default()
    };
    let status = server.leads().start_lead_search(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let info = error_info(&status);
    assert_eq!(info.reason, "OUTCOME_UNKNOWN");
    let mut stream = server.watch(&info.metadata["job_id"], 0).await;
    let started = crate::harness::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(started.sequence, 1);
}

#[tokio::test]
async fn the_two_hosts_differ_by_base_url_only() {
    let mut fake = Fake::always(200, r#"{"status":"success","email":"a@x.test"}"#).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = EnrichContactRequest {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let contact = server
        .contacts()
        .enrich_contact(request)
        .await
        .unwrap()
        .into_inner()
        .contact;
    assert_eq!(contact.unwrap().email.as_deref(), Some("a@x.test"));
    let asked = fake.asked.recv().await.unwrap();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/v2/contacts/single_enrich")
    );
    credits(&server).await.unwrap();
    assert_eq!(fake.asked.recv().await.unwrap().path, "/api/v2/credits");
}

#[tokio::test]
async fn ids_cannot_leave_their_path_segment() {
    let mut fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    for id in ["a/b?c=d#e", "..", "ü %2F"] {
        let mut searches = pronto_grpc::proto::v1::search_service_client::SearchServiceClient::new(
            server.channel.clone(),
        );
        let request = GetSearchRequest {
            id: id.to_owned(),
            ..Default::default()
        };
        searches.get_search(request).await.unwrap();
        let path = fake.asked.recv().await.unwrap().path;
        let segment = path.strip_prefix("/api/v2/searches/").unwrap();
        assert!(
            !segment.contains(['/', '?', '#']) && segment != "..",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_callers_key_replaces_the_configured_one_and_without_any_nothing_is_sent() {
    let mut fake = Fake::always(200, r#"{"credits":1}"#).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let mut workspace = WorkspaceServiceClient::new(server.channel.clone());
    let mut request = tonic::Request::new(GetCreditsRequest::default());
    request
        .metadata_mut()
        .insert("x-api-key", "mine".parse().unwrap());
    workspace.get_credits(request).await.unwrap();
    assert_eq!(
        fake.asked.recv().await.unwrap().key.as_deref(),
        Some("mine")
    );
    server.stop().await;

    let setup = Setup {
        api_key: None,
        ..Setup::new(fake.address, data.path())
    };
    let server = setup.start().await;
    let status = credits(&server).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(error_info(&status).reason, "UNAUTHENTICATED_KEY");
    assert!(fake.asked.try_recv().is_err());
}
