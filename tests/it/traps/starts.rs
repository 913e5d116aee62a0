//! What the server says about itself while it starts.

use std::sync::Arc;

use pronto_grpc::health::{LIVENESS, READINESS};
use pronto_grpc::jobs::store::Store;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::{GetCreditsRequest, GetJobRequest, WatchJobRequest};
use tokio::sync::oneshot;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

use crate::harness::fake::Fake;
use crate::harness::faulty::FaultyStore;
use crate::harness::{PATIENCE, Setup, TestServer, error_info};

async fn health(server: &TestServer, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(server.channel.clone());
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn t11_health_is_not_serving_until_the_store_is_open() {
    let fake = Fake::always(200, r#"{"credits": 7}"#).await;
    let data = tempfile::tempdir().unwrap();
    let (open, opened) = oneshot::channel();
    let opening = async {
        let store: Arc<FaultyStore> = opened.await.unwrap();
        Ok(store as Arc<dyn Store>)
    };
    let setup = Setup::new(fake.address, data.path());
    let server = setup.start_opening(opening).await;
    for service in ["", READINESS, "pronto.v1.JobService"] {
        let status = health(&server, service).await;
        assert_eq!(status, ServingStatus::NotServing, "{service:?}");
    }
    assert_eq!(health(&server, LIVENESS).await, ServingStatus::Serving);
    let mut jobs = JobServiceClient::new(server.channel.clone());
    let unary = jobs.get_job(GetJobRequest::default()).await.unwrap_err();
    let stream = jobs.watch_job(WatchJobRequest::default()).await;
    for refused in [unary, stream.unwrap_err()] {
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(error_info(&refused).reason, "STARTING");
    }

    open.send(FaultyStore::open(data.path())).ok().unwrap();
    server.serving().await;
    for service in ["", READINESS, LIVENESS, "pronto.v1.JobService"] {
        let status = health(&server, service).await;
        assert_eq!(status, ServingStatus::Serving, "{service:?}");
    }
    let request = GetCreditsRequest::default();
    server.workspace().get_credits(request).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_told_to_end_while_it_starts_ends() {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup::new(fake.address, data.path());
    let server = setup.start_opening(std::future::pending()).await;
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let fake = Fake::always(200, r#"{"credits": 7}"#).await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.args.serving.reflection = false;
    let server = setup.start().await;
    let mut client = ServerReflectionClient::new(server.channel.clone());
    let requests = tokio_stream::once(ServerReflectionRequest::default());
    let refused = client.server_reflection_info(requests).await.unwrap_err();
    assert_eq!(error_info(&refused).reason, "UNIMPLEMENTED");
    let request = GetCreditsRequest::default();
    server.workspace().get_credits(request).await.unwrap();
}
