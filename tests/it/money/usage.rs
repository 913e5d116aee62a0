//! What UsageService tells.

use pronto_grpc::config::MoneyOptions;
use pronto_grpc::ledger::{Budgets, Day};
use pronto_grpc::proto::v1::estimate_cost_request::Request;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::ledger_entry::Subject;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, CallOutcome, ContactToEnrich, EnrichmentType, EstimateCostRequest,
    EstimateCostResponse, GetCompanyStackRequest, GetUsageRequest, LedgerEntry,
    ListLedgerEntriesRequest, Usage,
};
use tonic::Status;
use tonic_types::StatusExt;

use super::{email_of, found, later, reason};
use crate::harness::read_all;
use crate::harness::stage::{Stage, quick};

async fn usage(stage: &Stage) -> Vec<Usage> {
    let answer = stage
        .server
        .usage()
        .get_usage(GetUsageRequest::default())
        .await;
    answer.unwrap().into_inner().usage
}

async fn entries(stage: &Stage, request: ListLedgerEntriesRequest) -> (Vec<LedgerEntry>, String) {
    let answer = stage.server.usage().list_ledger_entries(request).await;
    let answer = answer.unwrap().into_inner();
    (answer.entries, answer.next_page_token)
}

async fn estimate(stage: &Stage, request: Request) -> Result<EstimateCostResponse, Status> {
    let request = EstimateCostRequest {
        request: Some(request),
    };
    let answer = stage.server.usage().estimate_cost(request).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn the_ledger_equals_what_pronto_billed() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let contacts = || stage.server.contacts();
    let job = contacts()
        .enrich_contact_async(later(email_of(&name, "a")))
        .await;
    let events = read_all(&mut job.unwrap().into_inner()).await;
    let Some(Event::Completed(completed)) = &events.last().unwrap().event else {
        panic!("{events:?}")
    };
    assert_eq!(completed.counts.unwrap().credits, 3);
    assert_eq!(
        stage
            .server
            .job(&events[0].job_id)
            .await
            .counts
            .unwrap()
            .credits,
        3
    );
    let request = GetCompanyStackRequest {
        company_linkedin_url: Some(stage.company().await),
        ..Default::default()
    };
    stage
        .server
        .accounts()
        .get_company_stack(request)
        .await
        .unwrap();

    let usage = usage(&stage).await;
    let billed = stage.sandbox.counters().credits_spent() as i64;
    assert_eq!(usage.iter().map(|usage| usage.credits).sum::<i64>(), billed);
    assert!(usage.iter().all(|usage| usage.reserved == 0));
    assert!(
        usage
            .iter()
            .all(|usage| usage.day == Day::today().to_string())
    );
    let of = |rpc: &str| usage.iter().find(|u| u.operation.ends_with(rpc)).unwrap();
    assert_eq!(of("/StartContactEnrichment").emails, 1);
    assert_eq!(of("/EnrichContact").emails, 1);
    assert_eq!(of("/GetCompanyStack").calls, 1);
    let (entries, _) = entries(&stage, ListLedgerEntriesRequest::default()).await;
    let total = entries
        .iter()
        .filter_map(|entry| entry.credits)
        .sum::<i64>();
    assert_eq!(total, billed);
}

#[tokio::test]
async fn entries_come_in_pages_and_by_job() {
    let stage = Stage::start().await;
    let name = found(&stage, 1).await.remove(0);
    let job = stage
        .server
        .contacts()
        .enrich_contact_async(later(email_of(&name, "a")))
        .await;
    let events = read_all(&mut job.unwrap().into_inner()).await;
    let of_job = ListLedgerEntriesRequest {
        job_id: Some(events[0].job_id.clone()),
        ..Default::default()
    };
    let (about, token) = entries(&stage, of_job).await;
    assert_eq!((about.len(), token.as_str()), (2, ""));
    assert!(about.iter().all(|entry| entry.request_id() == "a"));
    let Some(Subject::Call(call)) = &about[0].subject else {
        panic!("{about:?}")
    };
    assert_eq!(call.outcome(), CallOutcome::CarriedOut);
    assert_eq!(call.estimate.unwrap().maximum, 3);
    let Some(Subject::Result(result)) = &about[1].subject else {
        panic!("{about:?}")
    };
    assert_eq!((result.sequence, result.found.unwrap().emails), (2, 1));

    let (all, _) = entries(&stage, ListLedgerEntriesRequest::default()).await;
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = ListLedgerEntriesRequest {
            page_size: 1,
            page_token,
            ..Default::default()
        };
        let (page, next) = entries(&stage, page).await;
        assert_eq!(page.len(), 1);
        paged.extend(page);
        page_token = next;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn an_estimate_sends_nothing() {
    let stage = Stage::start().await;
    let mut request = email_of("A", "a");
    request.enrichment_type.push(EnrichmentType::Phone.into());
    request.linkedin_url = Some("https://www.linkedin.com/in/ada".to_owned());
    request.max_credits = Some(152);
    let answer = estimate(&stage, Request::EnrichContact(request.clone()))
        .await
        .unwrap();
    let estimated = answer.estimate.unwrap();
    let amounts = (estimated.minimum, estimated.expected, estimated.maximum);
    assert_eq!((amounts, estimated.unpriced), ((0, 63, 153), false));
    assert!(!answer.affordable);
    request.max_credits = None;
    let answer = estimate(&stage, Request::EnrichContact(request))
        .await
        .unwrap();
    assert!(answer.affordable);
    assert!(usage(&stage).await.is_empty());
    assert_eq!(stage.sandbox.counters().describe(0).requests.len(), 0);
}

#[tokio::test]
async fn an_estimate_counts_items_and_the_budget() {
    let stage = Stage::set_up(quick(), |setup| {
        setup.jobs.budgets = Budgets {
            common: Some(5),
            ..Default::default()
        };
    })
    .await;
    let contact = ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "A".to_owned(),
        domain: Some("acme.test".to_owned()),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: vec![contact; 2],
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let answer = estimate(&stage, Request::BulkEnrichContacts(request))
        .await
        .unwrap();
    assert_eq!(answer.estimate.unwrap().maximum, 6);
    assert!(!answer.affordable);
    let budget = stage
        .server
        .usage()
        .get_usage(GetUsageRequest::default())
        .await;
    assert_eq!(budget.unwrap().into_inner().budget.unwrap().limit, 5);
}

#[tokio::test]
async fn an_invalid_request_has_no_estimate() {
    let stage = Stage::start().await;
    let mut request = email_of("", "");
    request.enrichment_type.clear();
    let invalid = estimate(&stage, Request::EnrichContact(request))
        .await
        .unwrap_err();
    assert_eq!(reason(&invalid), "INVALID_REQUEST");
    let violations = invalid.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.into_iter().map(|v| v.field).collect();
    assert_eq!(
        fields,
        ["enrich_contact.last_name", "enrich_contact.enrichment_type"]
    );
    let nothing = EstimateCostRequest { request: None };
    let nothing = stage
        .server
        .usage()
        .estimate_cost(nothing)
        .await
        .unwrap_err();
    assert_eq!(reason(&nothing), "INVALID_REQUEST");
}

#[tokio::test]
async fn days_are_checked() {
    let stage = Stage::start().await;
    for (first, last, field) in [
        (Some("21.11.2026"), None, "first_day"),
        (None, Some("yesterday"), "last_day"),
        (Some("2026-11-21"), Some("2026-11-20"), "last_day"),
        (Some("2020-01-01"), Some("2026-01-01"), "last_day"),
    ] {
        let request = GetUsageRequest {
            first_day: first.map(str::to_owned),
            last_day: last.map(str::to_owned),
        };
        let invalid = stage.server.usage().get_usage(request).await.unwrap_err();
        let violations = invalid.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
}

#[tokio::test]
async fn other_prices_change_estimates_and_charges() {
    let price = ["pronto-grpc", "serve", "--price", "email=7"].map(Into::into);
    let pronto_grpc::config::Command::Serve(args) = pronto_grpc::config::parse(price.to_vec(), &[])
        .unwrap()
        .command
    else {
        panic!("serve is a command")
    };
    let money: MoneyOptions = args.money;
    let stage = Stage::set_up(quick(), |setup| setup.jobs.prices = money.prices()).await;
    found(&stage, 1).await;
    assert_eq!(usage(&stage).await[0].credits, 7);
}
