//! The standard services: health and reflection.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::harness::fake::Fake;
use crate::harness::faulty::{FaultyStore, Operation};
use crate::harness::{Setup, TestServer};

async fn server() -> (TestServer, tempfile::TempDir) {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    (Setup::new(fake.address, data.path()).start().await, data)
}

const OURS: [&str; 11] = [
    "pronto.v1.AccountService",
    "pronto.v1.ContactService",
    "pronto.v1.JobService",
    "pronto.v1.LeadService",
    "pronto.v1.ListService",
    "pronto.v1.LocationService",
    "pronto.v1.PersonaService",
    "pronto.v1.SearchService",
    "pronto.v1.SignalService",
    "pronto.v1.UsageService",
    "pronto.v1.WorkspaceService",
];

#[tokio::test]
async fn health_is_serving_for_the_server_and_each_service() {
    let (server, _data) = server().await;
    let mut health = HealthClient::new(server.channel.clone());
    for service in OURS.into_iter().chain([""]) {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
}

#[tokio::test]
async fn health_tells_watchers_that_the_server_ends() {
    let (server, _data) = server().await;
    let mut health = HealthClient::new(server.channel.clone());
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut statuses = watch.into_inner();
    let first = statuses.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let stopped = tokio::spawn(server.stop());
    let second = statuses.message().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    drop(statuses);
    stopped.await.unwrap();
}

#[tokio::test]
async fn health_is_not_serving_until_the_store_can_be_written_again() {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let store = FaultyStore::open(data.path());
    let server = Setup::new(fake.address, data.path())
        .start_with(store.clone())
        .await;
    let mut health = HealthClient::new(server.channel.clone());
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut statuses = watch.into_inner();
    let mut seen = Vec::new();
    // The keeper tries by itself: nobody writes here.
    store.fail(Operation::Probe, 1);
    store.break_down();
    while seen.last() != Some(&ServingStatus::NotServing) {
        seen.push(statuses.message().await.unwrap().unwrap().status());
    }
    store.failed(Operation::Probe, 1).await;
    let last = statuses.message().await.unwrap().unwrap().status();
    assert_eq!(last, ServingStatus::Serving);
}

#[tokio::test]
async fn reflection_lists_the_public_services_in_both_versions() {
    let (server, _data) = server().await;
    let expected: Vec<&str> = ["grpc.health.v1.Health"].into_iter().chain(OURS).collect();

    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
        ..Default::default()
    };
    let answer = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answer.message_response
    else {
        panic!("no list of services")
    };
    assert_eq!(
        listed(list.service.into_iter().map(|service| service.name)),
        expected
    );

    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
    let request = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
        ..Default::default()
    };
    let answer = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap();
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answer.message_response
    else {
        panic!("no list of services")
    };
    assert_eq!(
        listed(list.service.into_iter().map(|service| service.name)),
        expected
    );
}

/// Reflection also lists itself; not every version does.
fn listed(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names
        .filter(|name| !name.starts_with("grpc.reflection"))
        .collect();
    names.sort();
    names
}
