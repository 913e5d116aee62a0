//! Streams leads from several searches at once and says how fast they came.
//!
//! ```text
//! cargo run --release --example throughput -- http://127.0.0.1:50051 10000
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for one measurement"
)]

use std::time::Instant;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{LeadFilters, SearchLeadsRequest};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// The sandbox gives at most so many leads for one search.
const LEADS_OF_A_SEARCH: i32 = 2_500;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().expect("the server's URL");
    let wanted: i32 = arguments
        .next()
        .expect("the number of leads")
        .parse()
        .expect("a number");

    let channel = Channel::from_shared(server)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let begin = Instant::now();
    let mut searches = JoinSet::new();
    for first in (0..wanted).step_by(LEADS_OF_A_SEARCH as usize) {
        let limit = LEADS_OF_A_SEARCH.min(wanted - first);
        searches.spawn(search(LeadServiceClient::new(channel.clone()), limit));
    }
    let leads: usize = searches.join_all().await.into_iter().sum();
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "leads={leads} seconds={seconds:.2} leads_per_second={:.0}",
        leads as f64 / seconds
    );
}

async fn search(mut client: LeadServiceClient<Channel>, limit: i32) -> usize {
    let filters = LeadFilters {
        excluded_job_titles: vec!["nobody".to_owned()],
        ..Default::default()
    };
    let request = SearchLeadsRequest {
        filters: Some(filters),
        limit: Some(limit),
        ..Default::default()
    };
    let mut stream = client.search_leads(request).await.unwrap().into_inner();
    let mut leads = 0;
    let mut is_complete = false;
    while let Some(event) = stream.message().await.unwrap() {
        match event.event {
            Some(Event::Lead(_)) => leads += 1,
            Some(Event::Completed(_)) => is_complete = true,
            _ => {}
        }
    }
    assert!(is_complete, "the stream ends with `completed`");
    leads
}
