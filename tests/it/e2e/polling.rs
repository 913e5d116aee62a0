//! A server without a callback URL, and polling that gives way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pronto_grpc::proto::endpoint::{ENDPOINTS, Endpoint, JobRequest};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountToEnrich, BulkEnrichAccountsRequest, BulkEnrichContactsRequest, BulkEnrichLeadsRequest,
    Completion, ContactToEnrich, EnrichContactAsyncRequest, EnrichmentType, ExtractAccountsRequest,
    ExtractLeadsRequest, FindCompanyLeadsRequest, FindNewHiresRequest, GetCreditsRequest,
    JobOutcome, LeadToEnrich, PublishedDate, SearchAccountsRequest, SearchCommentsRequest,
    SearchGrowingAccountsRequest, SearchHiringAccountsRequest, SearchLookalikeAccountsRequest,
    SearchPostEngagersRequest, SearchPostsRequest, SearchReactionsRequest, StartResponse,
    TrackJobChangesRequest,
};
use serde_json::json as object;
use tokio::sync::Semaphore;
use tonic::{Code, Request, Status};

use crate::harness::fake::{Fake, json};
use crate::harness::{PATIENCE, Setup, TestServer, error_info, read_all, search};

const ID: &str = "8e1dcba0-f0bb-4071-99fc-f18ba6559ccc";

/// Calls the Start RPC of a request.
async fn start<R>(server: &TestServer, request: R) -> (&'static Endpoint, Result<String, Status>)
where
    R: JobRequest + prost::Message + 'static,
{
    let mut grpc = tonic::client::Grpc::new(server.channel.clone());
    grpc.ready().await.unwrap();
    let path = format!("/{}", R::ENDPOINT.rpc).parse().unwrap();
    let codec = tonic_prost::ProstCodec::<R, StartResponse>::default();
    let answer = grpc.unary(Request::new(request), path, codec).await;
    let job_id = answer.map(|answer| answer.into_inner().job.unwrap().id);
    (R::ENDPOINT, job_id)
}

/// Calls the Start RPC of every job.
async fn start_each(server: &TestServer) -> Vec<(&'static Endpoint, Result<String, Status>)> {
    let text = |text: &str| Some(text.to_owned());
    let page = text("https://www.linkedin.com/company/acme");
    let profile = "https://www.linkedin.com/in/ada".to_owned();
    let sales = "https://www.linkedin.com/sales/search/people?x=1".to_owned();
    macro_rules! start_each {
        ($($request:ident { $($field:ident: $value:expr),* }),* $(,)?) => {
            vec![$(start(server, $request { $($field: $value,)* ..Default::default() }).await),*]
        };
    }
    let mut started = start_each![
        SearchAccountsRequest {},
        ExtractAccountsRequest {
            search_url: sales.clone()
        },
        BulkEnrichAccountsRequest {
            accounts: vec![AccountToEnrich {
                name: text("Acme"),
                ..Default::default()
            }]
        },
        FindCompanyLeadsRequest {
            company_linkedin_id: text("1"),
            job_titles: vec!["*".to_owned()]
        },
        ExtractLeadsRequest {
            search_url: sales,
            name: "x".to_owned()
        },
        BulkEnrichLeadsRequest {
            leads: vec![LeadToEnrich {
                linkedin_url: profile,
                ..Default::default()
            }]
        },
        EnrichContactAsyncRequest {
            first_name: "Ada".to_owned(),
            last_name: "L".to_owned(),
            domain: text("x.test"),
            enrichment_type: vec![EnrichmentType::Email.into()]
        },
        BulkEnrichContactsRequest {
            contacts: vec![
                ContactToEnrich {
                    first_name: "Ada".to_owned(),
                    last_name: "L".to_owned(),
                    domain: text("x.test"),
                    ..Default::default()
                };
                2
            ],
            enrichment_type: vec![EnrichmentType::Email.into()]
        },
        SearchHiringAccountsRequest {
            published_date: Some(PublishedDate::Last7Days.into())
        },
        SearchGrowingAccountsRequest {
            min_headcount_growth_percentage: Some(5.0)
        },
        SearchLookalikeAccountsRequest {
            company_linkedin_url: page
        },
        SearchPostEngagersRequest {},
        SearchPostsRequest {},
        SearchReactionsRequest {},
        SearchCommentsRequest {},
        FindNewHiresRequest {},
        TrackJobChangesRequest {
            lead_list_id: "1".to_owned()
        },
    ];
    started.push(start(server, search()).await);
    started
}

/// A Pronto whose jobs have found nothing.
async fn pronto() -> Fake {
    Fake::start(|path, _| {
        std::future::ready(match path.strip_prefix("/api/v2/") {
            Some(path) if path.starts_with("searches/") => json(
                200,
                object!({"search": {"status": "FINISHED"}, "leads": [], "results": []}).to_string(),
            ),
            Some(path) if path == format!("contacts/{ID}") => json(
                200,
                object!({"enrichment_id": ID, "status": "finished"}).to_string(),
            ),
            _ => json(201, object!({"id": ID}).to_string()),
        })
    })
    .await
}

fn can_be_polled(endpoint: &Endpoint) -> bool {
    let late = endpoint.late.as_ref().unwrap();
    let by_status = [Completion::SearchStatus, Completion::ContactStatus];
    late.webhook_optional && by_status.contains(&late.completion)
}

#[tokio::test]
async fn every_job_is_polled_to_its_end_or_refused_with_the_option_to_set() {
    let mut fake = pronto().await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup {
        has_callback_url: false,
        ..Setup::new(fake.address, data.path())
    };
    let server = setup.start().await;
    let started = start_each(&server).await;
    let mut rpcs: Vec<_> = started.iter().map(|(endpoint, _)| endpoint.rpc).collect();
    let jobs = ENDPOINTS.iter().filter(|endpoint| endpoint.late.is_some());
    let mut expected: Vec<_> = jobs.map(|endpoint| endpoint.rpc).collect();
    rpcs.sort_unstable();
    expected.sort_unstable();
    assert_eq!(rpcs, expected);

    let polled = started
        .iter()
        .filter(|(endpoint, _)| can_be_polled(endpoint));
    assert_eq!(polled.count(), 4);
    for (endpoint, started) in started {
        let rpc = endpoint.rpc;
        match started {
            Ok(job_id) => {
                assert!(can_be_polled(endpoint), "{rpc}");
                let events = read_all(&mut server.watch(&job_id, 0).await).await;
                let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
                    panic!("{rpc}: {events:#?}")
                };
                assert_eq!(completed.outcome(), JobOutcome::Complete, "{rpc}");
            }
            Err(status) => {
                assert!(!can_be_polled(endpoint), "{rpc}: {status:?}");
                assert_eq!(status.code(), Code::FailedPrecondition, "{rpc}");
                let reason = error_info(&status).reason;
                assert_eq!(reason, "CALLBACK_URL_NOT_CONFIGURED", "{rpc}");
                for word in ["`callback-url`", "PRONTO_GRPC_CALLBACK_URL", "webhook_url"] {
                    assert!(status.message().contains(word), "{}", status.message());
                }
            }
        }
    }
    while let Ok(asked) = fake.asked.try_recv() {
        assert_eq!(asked.body.get("webhook_url"), None, "{asked:?}");
    }
}

#[tokio::test]
async fn polling_gives_way_to_a_caller_and_does_not_starve() {
    for starves in [false, true] {
        let gate = Arc::new(Semaphore::new(0));
        let is_open = Arc::new(AtomicBool::new(false));
        let (inside, open) = (gate.clone(), is_open.clone());
        let (sender, mut polls) = tokio::sync::mpsc::unbounded_channel();
        let mut fake = Fake::start(move |path, _| {
            let (gate, open, sender) = (inside.clone(), open.clone(), sender.clone());
            async move {
                if path.starts_with("/api/v2/searches/") {
                    sender.send(open.load(Ordering::SeqCst)).unwrap();
                }
                if path == "/api/v2/credits" {
                    let _ = gate.acquire().await.unwrap();
                }
                json(200, object!({"id": ID, "credits": 1}).to_string())
            }
        })
        .await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(fake.address, data.path());
        setup.jobs.progress_interval = std::time::Duration::from_millis(20);
        if !starves {
            setup.jobs.max_poll_interval = PATIENCE * 10;
        }
        let server = setup.start().await;
        let mut workspace = server.workspace();
        let call = async move { workspace.get_credits(GetCreditsRequest::default()).await };
        let call = tokio::spawn(call);
        while fake.asked.recv().await.unwrap().path != "/api/v2/credits" {}
        let stream = server.leads().search_leads(search()).await.unwrap();
        let mut stream = stream.into_inner();
        if !starves {
            // So much progress takes longer than the poll would have waited.
            for _ in 0..10 {
                stream.message().await.unwrap().unwrap();
            }
            is_open.store(true, Ordering::SeqCst);
            gate.add_permits(1);
            call.await.unwrap().unwrap();
        }
        let poll = tokio::time::timeout(PATIENCE, polls.recv()).await;
        assert_eq!(poll.unwrap(), Some(!starves));
        gate.add_permits(1);
    }
}
