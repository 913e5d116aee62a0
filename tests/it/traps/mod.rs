//! The traps of gRPC servers that were measured, by their numbers: each test fails where
//! the server falls into one. T1 and T2 are in `e2e::deadlines`, T12 is also in
//! `e2e::receiver`.

mod browsers;
mod compression;
mod connections;
mod ends;
mod floods;
mod messages;
mod starts;
mod streams;

use pronto_grpc::proto::v1::GetCreditsRequest;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;

use crate::harness::{TestServer, connect};

const CREDITS: &str = "/pronto.v1.WorkspaceService/GetCredits";
const WATCH: &str = "/pronto.v1.JobService/WatchJob";

/// A good caller, over a connection of its own, is served.
async fn assert_serves(server: &TestServer) {
    let mut workspace = WorkspaceServiceClient::new(connect(server.grpc).await);
    let answer = workspace.get_credits(GetCreditsRequest::default()).await;
    answer.unwrap();
}
