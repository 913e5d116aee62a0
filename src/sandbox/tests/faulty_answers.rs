//! Faults of answers, as a client meets them.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use super::faults::{fault, faulty, lasting};
use super::fixture::is_reset;
use crate::proto::endpoint::endpoints;
use crate::sandbox::{FaultKind, SandboxFault};

#[tokio::test]
async fn answers_that_refuse_are_not_carried_out_unless_told() {
    let search = json!({"search_url": "https://www.linkedin.com/sales/search/people?query=x", "name": "n", "limit": 1});
    for (kind, status) in [
        (FaultKind::AnswerRateLimited, 429),
        (FaultKind::AnswerRateLimitedDate, 429),
        (FaultKind::AnswerInternalError, 500),
        (FaultKind::AnswerBadGateway, 502),
        (FaultKind::AnswerUnavailable, 503),
        (FaultKind::AnswerGatewayTimeout, 504),
    ] {
        for carried_out in [None, Some(true)] {
            let once = SandboxFault {
                count: Some(1),
                carried_out,
                ..fault(kind)
            };
            let fixture = faulty(vec![once]).await;
            let answer = fixture
                .post(endpoints::START_LEAD_EXTRACTION, search.clone())
                .await;
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(
                answer.retry_after.is_some(),
                kind == FaultKind::AnswerRateLimited
            );
            fixture.sandbox.idle().await;
            let started = fixture.sandbox.findings("", "").len();
            assert_eq!(started, usize::from(carried_out == Some(true)), "{kind:?}");
            let again = fixture
                .post(endpoints::START_LEAD_EXTRACTION, search.clone())
                .await;
            assert_eq!(again.status, StatusCode::ACCEPTED);
        }
    }
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let fixture = faulty(vec![fault(FaultKind::AnswerRateLimitedDate)]).await;
    let answer = fixture.call(endpoints::GET_CREDITS, "", None).await;
    let date = httpdate::parse_http_date(&answer.retry_after_text.expect("a header"));
    assert!(date.expect("a date") > std::time::SystemTime::now());
}

#[tokio::test]
async fn answers_that_are_damaged_are_carried_out() {
    let search = json!({"search_url": "https://www.linkedin.com/sales/search/people?query=x", "name": "n", "limit": 1});
    for kind in [
        FaultKind::AnswerHtml,
        FaultKind::AnswerEmpty,
        FaultKind::AnswerTruncated,
        FaultKind::AnswerWrongContentType,
        FaultKind::AnswerSlow,
    ] {
        let fixture = faulty(vec![fault(kind)]).await;
        let answer = fixture
            .post(endpoints::START_LEAD_EXTRACTION, search.clone())
            .await;
        assert!(answer.status.is_success());
        let is_json = serde_json::from_str::<Value>(&answer.text).is_ok();
        let stays = [FaultKind::AnswerWrongContentType, FaultKind::AnswerSlow].contains(&kind);
        assert_eq!(is_json, stays, "{kind:?}: {}", answer.text);
        let claims_json = answer.content_type.starts_with("application/json");
        let lies = [FaultKind::AnswerHtml, FaultKind::AnswerWrongContentType].contains(&kind);
        assert_eq!(claims_json, !lies, "{kind:?}");
        assert_eq!(answer.text.is_empty(), kind == FaultKind::AnswerEmpty);
        assert_eq!(fixture.sandbox.findings("", "").len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn resets_come_before_or_after_the_request_took_effect() {
    let search = json!({"search_url": "https://www.linkedin.com/sales/search/people?query=x", "name": "n", "limit": 1});
    for (kind, started) in [(FaultKind::AnswerReset, 0), (FaultKind::AnswerLost, 1)] {
        let fixture = faulty(vec![SandboxFault {
            count: Some(1),
            ..fault(kind)
        }])
        .await;
        let error = fixture
            .try_post(endpoints::START_LEAD_EXTRACTION, search.clone())
            .await;
        assert!(is_reset(&error.expect_err("a reset")), "{kind:?}");
        fixture.sandbox.idle().await;
        assert_eq!(fixture.sandbox.findings("", "").len(), started, "{kind:?}");
        assert_eq!(
            fixture
                .sandbox
                .counters()
                .requests(endpoints::START_LEAD_EXTRACTION),
            1
        );
    }
}

#[tokio::test]
async fn stalls_only_take_time() {
    let stall = lasting(FaultKind::AnswerStall, Duration::from_millis(100));
    let slow = lasting(FaultKind::EnrichmentSlow, Duration::from_millis(100));
    let fixture = faulty(vec![stall, slow]).await;
    let begin = Instant::now();
    let contact = json!({
        "firstname": "A", "lastname": "B", "domain": "b.example", "enrichment_type": ["email"]
    });
    let answer = fixture.post(endpoints::ENRICH_CONTACT, contact).await;
    assert!(answer.status.is_success());
    // A lower bound: a slow machine cannot miss it.
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert_eq!(
        fixture.sandbox.counters().faults(FaultKind::EnrichmentSlow),
        1
    );
}

#[tokio::test]
async fn a_fault_strikes_only_at_its_endpoint() {
    let unavailable = SandboxFault {
        endpoint: "GET /credits".to_owned(),
        ..fault(FaultKind::AnswerUnavailable)
    };
    let fixture = faulty(vec![unavailable]).await;
    let credits = fixture.call(endpoints::GET_CREDITS, "", None).await;
    assert_eq!(credits.status, StatusCode::SERVICE_UNAVAILABLE);
    let account = fixture.call(endpoints::GET_ACCOUNT, "", None).await;
    assert_eq!(account.status, StatusCode::OK);
}
