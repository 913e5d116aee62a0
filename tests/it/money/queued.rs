//! What only waits for its turn is bought for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pronto_grpc::pronto::limits::parse_override;
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::{
    CallOutcome, CancelJobRequest, GetCompanyStackRequest, ListJobsRequest,
    ListLedgerEntriesRequest, ListLimitsRequest,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::Code;

use super::{reason, until};
use crate::harness::fake::{Fake, json};
use crate::harness::{Setup, TestServer, search};

/// As many as are under way at once without flags.
const PLACES: usize = 5;

/// A server whose places are all taken until the gate is opened.
struct Full {
    server: Arc<TestServer>,
    gate: Arc<Semaphore>,
    calls: Arc<AtomicUsize>,
    first: JoinSet<Result<(), tonic::Status>>,
    _data: TempDir,
}

impl Full {
    async fn start() -> Self {
        let (gate, calls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (held, count) = (gate.clone(), calls.clone());
        let fake = Fake::start(move |_, _| {
            let (held, count) = (held.clone(), count.clone());
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                let _permit = held.acquire().await;
                json(200, "{}")
            }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let server = Setup::new(fake.address, data.path()).start().await;
        let mut full = Self {
            server: Arc::new(server),
            gate,
            calls,
            first: JoinSet::new(),
            _data: data,
        };
        for _ in 0..PLACES {
            full.first.spawn(stack(full.server.clone(), String::new()));
        }
        until(async || full.calls() == PLACES).await;
        full
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn waiting(&self) -> i32 {
        let mut usage = self.server.usage();
        let limits = usage.list_limits(ListLimitsRequest::default()).await;
        let limits = limits.unwrap().into_inner().limits;
        limits.iter().map(|limit| limit.waiting).sum()
    }

    async fn outcomes(&self) -> Vec<CallOutcome> {
        let request = ListLedgerEntriesRequest::default();
        let entries = self.server.usage().list_ledger_entries(request).await;
        let entries = entries.unwrap().into_inner().entries;
        let calls = entries.into_iter().filter_map(|entry| match entry.subject {
            Some(Subject::Call(call)) => Some(call.outcome()),
            _ => None,
        });
        calls.collect()
    }

    /// Lets everybody be answered.
    async fn open(&mut self) {
        self.gate.add_permits(1000);
        while let Some(answer) = self.first.join_next().await {
            answer.unwrap().unwrap();
        }
    }
}

async fn stack(server: Arc<TestServer>, request_id: String) -> Result<(), tonic::Status> {
    let request = GetCompanyStackRequest {
        company_linkedin_url: Some("https://www.linkedin.com/company/x".to_owned()),
        request_id,
        ..Default::default()
    };
    server.accounts().get_company_stack(request).await.map(drop)
}

#[tokio::test]
async fn a_queued_call_for_which_nobody_waits_is_not_sent() {
    let mut full = Full::start().await;
    let mut queued = JoinSet::new();
    for id in ["a", "a", "b", ""] {
        queued.spawn(stack(full.server.clone(), id.to_owned()));
    }
    until(async || full.waiting().await == 3).await;
    queued.shutdown().await;
    until(async || full.waiting().await == 0).await;
    let refused = async || {
        let outcomes = full.outcomes().await;
        let refused = outcomes.iter().filter(|o| **o == CallOutcome::Refused);
        refused.count()
    };
    until(async || refused().await == 3).await;
    full.open().await;
    assert_eq!(full.calls(), PLACES);
    // Its id is free.
    stack(full.server.clone(), "a".to_owned()).await.unwrap();
    assert_eq!(full.calls(), PLACES + 1);
}

#[tokio::test]
async fn a_queued_call_goes_on_for_who_still_waits() {
    let mut full = Full::start().await;
    let mut leaves = JoinSet::new();
    leaves.spawn(stack(full.server.clone(), "a".to_owned()));
    until(async || full.waiting().await == 1).await;
    let stays = tokio::spawn(stack(full.server.clone(), "a".to_owned()));
    // It has joined when it was answered later; who joins after that finds the answer.
    tokio::task::yield_now().await;
    leaves.shutdown().await;
    full.open().await;
    stays.await.unwrap().unwrap();
    assert_eq!(full.calls(), PLACES + 1);
}

/// The first one's deadline is its own.
#[tokio::test]
async fn a_deadline_ends_the_wait_of_its_caller_only() {
    let mut full = Full::start().await;
    let short = {
        let server = full.server.clone();
        tokio::spawn(async move {
            let mut request = tonic::Request::new(GetCompanyStackRequest {
                company_linkedin_url: Some("https://www.linkedin.com/company/x".to_owned()),
                request_id: "a".to_owned(),
                ..Default::default()
            });
            request.set_timeout(std::time::Duration::from_secs(1));
            server.accounts().get_company_stack(request).await
        })
    };
    until(async || full.waiting().await == 1).await;
    let stays = tokio::spawn(stack(full.server.clone(), "a".to_owned()));
    let status = short.await.unwrap().unwrap_err();
    // The client's own clock may be the first to ring.
    let is_over = [
        Code::DeadlineExceeded,
        Code::ResourceExhausted,
        Code::Cancelled,
    ];
    assert!(is_over.contains(&status.code()), "{status:?}");
    full.open().await;
    stays.await.unwrap().unwrap();
    assert_eq!(full.calls(), PLACES + 1);
}

#[tokio::test]
async fn a_queued_start_whose_job_is_cancelled_is_not_sent() {
    let mut full = Full::start().await;
    let server = full.server.clone();
    let starts = tokio::spawn(async move { server.leads().start_lead_search(search()).await });
    until(async || full.waiting().await == 1).await;
    let mut jobs = full.server.jobs();
    let listed = jobs.list_jobs(ListJobsRequest::default()).await;
    let job_id = listed.unwrap().into_inner().jobs[0].id.clone();
    let cancel = CancelJobRequest { job_id };
    jobs.cancel_job(cancel).await.unwrap();
    starts.await.unwrap().unwrap_err();
    assert!(full.outcomes().await.contains(&CallOutcome::Refused));
    full.open().await;
    assert_eq!(full.calls(), PLACES);
}

#[tokio::test]
async fn who_waits_when_the_server_ends_is_told_so_and_can_ask_again() {
    let mut full = Full::start().await;
    let waits = tokio::spawn(stack(full.server.clone(), "a".to_owned()));
    until(async || full.waiting().await == 1).await;
    full.server.end();
    let status = waits.await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "DRAINING");
    full.open().await;
    assert_eq!(full.calls(), PLACES);
}

#[tokio::test]
async fn the_rate_that_the_operator_sets_is_kept() {
    let fake = Fake::always(200, "{}").await;
    let data = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(fake.address, data.path());
    setup.is_unlimited = false;
    setup.args.upstream.rate_limit = vec![parse_override("*=7/minute").unwrap()];
    let server = Arc::new(setup.start().await);
    stack(server.clone(), String::new()).await.unwrap();
    let mut usage = server.usage();
    let limits = usage.list_limits(ListLimitsRequest::default()).await;
    let limits = limits.unwrap().into_inner().limits;
    assert_eq!((limits[0].requests, limits[0].available), (7, 6));
}
