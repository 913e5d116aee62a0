//! What gRPC's own retries are told to wait: never more than a call has time.

use std::time::Duration;

use pronto_grpc::proto::v1::account_service_client::AccountServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{GetCompanyStackRequest, GetCreditsRequest};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::harness::callbacks::Open;
use crate::harness::clockless::{clockless, with_timeout};
use crate::harness::fake::{Fake, json};
use crate::harness::{Setup, TestServer, error_info};

const HOUR: Duration = Duration::from_secs(3600);

async fn credits(server: &TestServer, request: Request<GetCreditsRequest>) -> Status {
    let (client, origin) = clockless(server.grpc);
    let mut workspace = WorkspaceServiceClient::with_origin(client, origin);
    workspace.get_credits(request).await.unwrap_err()
}

fn pushback(status: &Status) -> &str {
    let pushback = status.metadata().get("grpc-retry-pushback-ms");
    pushback.unwrap().to_str().unwrap()
}

fn retry_delay(status: &Status) -> Duration {
    let info = status.get_details_retry_info().unwrap();
    info.retry_delay.unwrap()
}

#[tokio::test]
async fn a_pause_beyond_the_time_of_a_call_is_for_people_only() {
    let fake = Fake::start(|_, _| async {
        let mut answer = json(503, "maintenance");
        let headers = answer.headers_mut();
        headers.insert("retry-after", "3600".parse().unwrap());
        answer
    })
    .await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = GetCreditsRequest::default();
    for request in [with_timeout(request.clone(), "30M"), Request::new(request)] {
        let status = credits(&server, request).await;
        assert_eq!(error_info(&status).reason, "UPSTREAM_UNAVAILABLE");
        assert_eq!(pushback(&status), "-1");
        assert_eq!(retry_delay(&status), HOUR);
    }
}

#[tokio::test]
async fn a_call_with_enough_time_waits_for_the_next_day() {
    let open = Open::with(|setup| setup.jobs.budgets.common = Some(2)).await;
    let request = GetCompanyStackRequest {
        company_name: Some("Acme".to_owned()),
        ..Default::default()
    };
    let (client, origin) = clockless(open.server.grpc);
    let mut accounts = AccountServiceClient::with_origin(client, origin);
    let answer = accounts.get_company_stack(with_timeout(request, "25H"));
    let status = answer.await.unwrap_err();
    assert_eq!(error_info(&status).reason, "BUDGET_EXCEEDED");
    let expected = retry_delay(&status).as_millis().to_string();
    assert_eq!(pushback(&status), expected);
}

#[tokio::test]
async fn a_call_without_a_deadline_waits_for_a_server_that_starts() {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup::new(fake.address, data.path());
    let server = setup.start_opening(std::future::pending()).await;
    let status = credits(&server, Request::new(GetCreditsRequest::default())).await;
    assert_eq!(error_info(&status).reason, "STARTING");
    assert_eq!(pushback(&status), "1000");
}
