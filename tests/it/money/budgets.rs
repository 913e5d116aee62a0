//! What may be spent is not exceeded, however many ask at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pronto_grpc::ledger::{Budgets, Day};
use pronto_grpc::proto::endpoint::endpoints::{GET_COMPANY_STACK, START_CONTACT_ENRICHMENT};
use pronto_grpc::proto::v1::{GetCompanyStackRequest, GetCompanyStackResponse};
use tonic::Code;
use tonic_types::StatusExt;

use super::{at_once, email_of, later, metadata, reason};
use crate::harness::stage::{Stage, quick};

type Answered = Result<tonic::Response<GetCompanyStackResponse>, tonic::Status>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn stage(budget: i64) -> Arc<Stage> {
    let stage = Stage::set_up(quick(), |setup| {
        setup.jobs.budgets = Budgets {
            common: Some(budget),
            ..Default::default()
        };
    });
    Arc::new(stage.await)
}

/// What fifty calls at once are answered on one day, within a budget.
async fn within_a_day(budget: i64) -> (Arc<Stage>, Day, Vec<Answered>) {
    loop {
        let stage = stage(budget).await;
        let company = stage.company().await;
        let day = Day::today();
        let answers = at_once(50, |_| {
            let (stage, company) = (stage.clone(), company.clone());
            async move {
                let request = GetCompanyStackRequest {
                    company_linkedin_url: Some(company),
                    ..Default::default()
                };
                stage.server.accounts().get_company_stack(request).await
            }
        })
        .await;
        // After midnight another budget counts.
        if Day::today() == day {
            return (stage, day, answers);
        }
    }
}

#[tokio::test]
async fn of_fifty_at_once_exactly_those_are_sent_that_the_budget_allows() {
    let price = i64::from(GET_COMPANY_STACK.credits.request);
    let (stage, day, answers) = within_a_day(10 * price + price - 1).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 40);
    let counters = stage.sandbox.counters();
    assert_eq!(counters.requests(GET_COMPANY_STACK), 10);
    assert_eq!(counters.credits_spent() as i64, 10 * price);
    for status in &refused {
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason(status), "BUDGET_EXCEEDED");
        assert_eq!(metadata(status, "maximum"), price.to_string());
        let details = status.get_error_details();
        let quota = details.quota_failure().unwrap();
        let budget = format!("budget:default:{day}");
        assert_eq!(quota.violations[0].subject, budget);
        let wait = details.retry_info().unwrap().retry_delay.unwrap();
        assert!(SystemTime::now() + wait >= day.end(), "{wait:?}");
        assert!(wait <= DAY, "{wait:?}");
    }
}

#[tokio::test]
async fn jobs_and_calls_share_a_budget() {
    // What an email costs at most; nothing is found for Nobody, and so it is free again.
    let stage = stage(3).await;
    let mut contacts = stage.server.contacts();
    let job = contacts
        .enrich_contact_async(later(email_of("Nobody", "")))
        .await;
    let _ = crate::harness::read_all(&mut job.unwrap().into_inner()).await;
    stage.set_pace(Duration::from_secs(30));
    let job = contacts
        .start_contact_enrichment(later(email_of("A", "")))
        .await;
    job.unwrap();
    let refused = contacts
        .enrich_contact(email_of("B", ""))
        .await
        .unwrap_err();
    assert_eq!(metadata(&refused, "reserved"), "3");
    assert_eq!(metadata(&refused, "spent"), "0");
    assert_eq!(metadata(&refused, "limit"), "3");
    assert_eq!(
        stage.sandbox.counters().requests(START_CONTACT_ENRICHMENT),
        2
    );
}

#[tokio::test]
async fn max_credits_refuses_before_anything_is_stored_or_sent() {
    let stage = Stage::start().await;
    let mut contacts = stage.server.contacts();
    let mut request = email_of("A", "a");
    request.max_credits = Some(2);
    let refused = contacts.enrich_contact(request.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "BUDGET_EXCEEDED");
    assert_eq!(metadata(&refused, "maximum"), "3");
    assert_eq!(metadata(&refused, "limit"), "2");
    let quota = refused.get_details_quota_failure().unwrap();
    assert_eq!(quota.violations[0].subject, "max_credits");
    assert!(refused.get_details_retry_info().is_none());
    let started = contacts
        .start_contact_enrichment(later(request.clone()))
        .await;
    assert_eq!(reason(&started.unwrap_err()), "BUDGET_EXCEEDED");
    // Its id is still free.
    request.max_credits = Some(3);
    contacts.enrich_contact(request).await.unwrap();
}
