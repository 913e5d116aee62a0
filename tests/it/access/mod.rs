//! Who may call, and with whose key.

mod reload;
mod tls;

use pronto_grpc::proto::reason::name;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    ErrorReason, GetCreditsRequest, GetJobRequest, GetSettingsRequest, GetUsageRequest,
    ListJobsRequest, ListLimitsRequest,
};
use tempfile::TempDir;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::access::{AccessFolder, with_token};
use crate::harness::callbacks::Open;
use crate::harness::fake::Fake;
use crate::harness::stage::{Stage, quick};
use crate::harness::{KEY, Setup, TestServer, error_info, search};

/// Three clients, of whom two share a credential.
const ACCESS: &str = r#"
    [credentials.sales]
    api-key-file = "sales-key"
    [clients.crm]
    credential = "sales"
    token-files = ["crm-token", "crm-token.next"]
    [clients.reports]
    credential = "sales"
    token-files = ["reports-token"]
    [clients.billing]
    token-files = ["billing-token"]
    pass-through = true
"#;

const CRM: &str = "token-of-the-crm-1";
const NEXT_CRM: &str = "token-of-the-crm-2";
const REPORTS: &str = "token-of-reports-1";
const BILLING: &str = "token-of-billing-1";
const SALES_KEY: &str = "a-key-of-sales";

fn folder() -> AccessFolder {
    let folder = AccessFolder::new(ACCESS);
    for (name, text) in [
        ("sales-key", SALES_KEY),
        ("crm-token", CRM),
        ("crm-token.next", NEXT_CRM),
        ("reports-token", REPORTS),
        ("billing-token", BILLING),
    ] {
        folder.write(name, text);
    }
    folder
}

/// A server for these clients, and what it asks of Pronto.
struct Guarded {
    fake: Fake,
    server: TestServer,
    _data: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let fake = Fake::always(200, r#"{"credits":1}"#).await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(fake.address, data.path());
        setup.access = Some(folder().load().0);
        let server = setup.start().await;
        Self {
            fake,
            server,
            _data: data,
        }
    }

    async fn call(&self, request: Request<GetCreditsRequest>) -> Result<(), Status> {
        let answer = self.server.workspace().get_credits(request).await;
        answer.map(drop)
    }

    /// The key with which Pronto was asked last.
    async fn key(&mut self) -> String {
        self.fake.asked.recv().await.unwrap().key.unwrap()
    }
}

fn with_both(token: &str, key: &str) -> Request<GetCreditsRequest> {
    let mut request = with_token(GetCreditsRequest::default(), token);
    let key = key.parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    request
}

#[track_caller]
fn assert_unknown(answer: Result<(), Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    let reason = error_info(&status).reason;
    assert_eq!(reason, name(ErrorReason::UnauthenticatedClient));
}

#[tokio::test]
async fn each_client_uses_the_key_of_its_credential() {
    let mut guarded = Guarded::start().await;
    for (token, key) in [
        (CRM, SALES_KEY),
        (NEXT_CRM, SALES_KEY),
        (REPORTS, SALES_KEY),
        (BILLING, KEY),
    ] {
        let request = with_token(GetCreditsRequest::default(), token);
        guarded.call(request).await.unwrap();
        assert_eq!(guarded.key().await, key, "{token}");
    }
}

#[tokio::test]
async fn nobody_else_is_served() {
    let stage = {
        let (access, _) = folder().load();
        Stage::set_up(quick(), move |setup| setup.access = Some(access)).await
    };
    let server = &stage.server;
    assert_unknown(
        server
            .workspace()
            .get_credits(GetCreditsRequest::default())
            .await
            .map(drop),
    );
    assert_unknown(
        server
            .jobs()
            .list_jobs(ListJobsRequest::default())
            .await
            .map(drop),
    );
    assert_unknown(
        server
            .usage()
            .list_limits(ListLimitsRequest::default())
            .await
            .map(drop),
    );
    assert_unknown(server.leads().search_leads(search()).await.map(drop));
    let mut sandbox = SandboxServiceClient::new(server.channel.clone());
    assert_unknown(
        sandbox
            .get_settings(GetSettingsRequest::default())
            .await
            .map(drop),
    );
    let mut health = HealthClient::new(server.channel.clone());
    health.check(HealthCheckRequest::default()).await.unwrap();
    // Neither a key of Pronto's, nor another scheme, nor a wrong token helps.
    let mut with_key = Request::new(GetCreditsRequest::default());
    with_key
        .metadata_mut()
        .insert("x-api-key", KEY.parse().unwrap());
    assert_unknown(server.workspace().get_credits(with_key).await.map(drop));
    for token in ["token-of-the-crm-3", "token-of-the-crm", ""] {
        let request = with_token(GetCreditsRequest::default(), token);
        assert_unknown(server.workspace().get_credits(request).await.map(drop));
    }
    let mut basic = with_token(GetCreditsRequest::default(), CRM);
    let value = format!("Basic {CRM}").parse().unwrap();
    basic.metadata_mut().insert("authorization", value);
    assert_unknown(server.workspace().get_credits(basic).await.map(drop));
}

#[tokio::test]
async fn only_whom_the_file_allows_brings_a_key() {
    let mut guarded = Guarded::start().await;
    guarded
        .call(with_both(BILLING, "another-key"))
        .await
        .unwrap();
    assert_eq!(guarded.key().await, "another-key");
    let refused = guarded
        .call(with_both(CRM, "another-key"))
        .await
        .unwrap_err();
    assert_eq!(error_info(&refused).reason, name(ErrorReason::KeyRefused));
    assert!(refused.message().contains("crm"), "{refused:?}");
    // Not even its own.
    let refused = guarded.call(with_both(CRM, SALES_KEY)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(guarded.fake.asked.try_recv().is_err(), "nothing was sent");
}

#[tokio::test]
async fn without_clients_pass_through_is_an_option() {
    let mut open = Open::with(|setup| {
        let mut sources = setup.args.access.sources();
        sources.api_key = Some(KEY.into());
        sources.pass_through = false;
        setup.access = Some(pronto_grpc::access::Access::load(&sources).unwrap().0);
    })
    .await;
    let mut request = Request::new(GetUsageRequest::default());
    request
        .metadata_mut()
        .insert("x-api-key", "another-key".parse().unwrap());
    let refused = open.server.usage().get_usage(request).await.unwrap_err();
    assert_eq!(error_info(&refused).reason, name(ErrorReason::KeyRefused));
    open.job().await;
}

#[tokio::test]
async fn jobs_belong_to_the_credential_of_the_client() {
    let open = Open::with(|setup| setup.access = Some(folder().load().0)).await;
    let server = &open.server;
    let started = server
        .leads()
        .start_lead_search(with_token(search(), CRM))
        .await;
    let job_id = started.unwrap().into_inner().job.unwrap().id;
    let get = |token: &str| {
        let job_id = job_id.clone();
        let request = with_token(GetJobRequest { job_id }, token);
        let mut jobs = server.jobs();
        async move { jobs.get_job(request).await }
    };
    let listed = |token: &str| {
        let request = with_token(ListJobsRequest::default(), token);
        let mut jobs = server.jobs();
        async move {
            jobs.list_jobs(request)
                .await
                .unwrap()
                .into_inner()
                .jobs
                .len()
        }
    };
    for token in [CRM, NEXT_CRM, REPORTS] {
        assert!(get(token).await.is_ok(), "{token}");
        assert_eq!(listed(token).await, 1, "{token}");
    }
    assert_eq!(get(BILLING).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(listed(BILLING).await, 0);
}
