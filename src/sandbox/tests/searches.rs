//! Searches for companies and people.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, Receiver, quick};
use crate::proto::endpoint::{Endpoint, endpoints};
use crate::proto::json;
use crate::proto::v1;
use crate::sandbox::{FaultKind, FinalMessage, Generation, StreamingShape};

fn leads(body: &Value) -> v1::LeadDelivery {
    json::read(body.to_string().as_bytes()).expect("a delivery")
}

fn count(value: &Value) -> usize {
    value.as_array().expect("a list").len()
}

#[tokio::test]
async fn a_streamed_lead_search_delivers_each_person_then_all() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let body = json!({
        "webhook_url": receiver.url, "streaming": true, "limit": 5, "functions": ["25", "8"],
        "custom": {"crm": 7}
    });
    let started = fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    assert_eq!(started.status, StatusCode::CREATED);
    assert_eq!(started.json()["custom"], json!({"crm": 7}));
    for _ in 0..5 {
        let body = receiver.next().await;
        assert!(body["company_name"].is_string() && body["full_name"].is_string());
        assert!(body.get("leads").is_none());
        assert_eq!(body["custom"], json!({"crm": 7}));
        assert!(body["phone"].is_array() && body["rejection_reasons"].is_array());
    }
    let last = receiver.next().await;
    assert_eq!(count(&last["leads"]), 5);
    assert_eq!(last["search"]["status"], "FINISHED");
    assert_eq!(last["custom"], json!({"crm": 7}));
    assert_eq!(leads(&last).leads.len(), 5);
    let read = fixture
        .call(endpoints::GET_SEARCH, &started.id(), None)
        .await
        .json();
    assert_eq!(read["search"]["id"], started.json()["id"]);
    assert_eq!(read["leads"], last["leads"]);
    fixture.sandbox.idle().await;
    assert_eq!(fixture.sandbox.counters().webhooks_accepted(), 6);
}

#[tokio::test]
async fn switches_change_generation_shape_and_end() {
    let fixture = Fixture::start(quick()).await;
    {
        let switches = fixture.sandbox.switches();
        let mut switches = switches.write();
        switches.generation = Generation::Documented;
        switches.streaming_shape = StreamingShape::Nested;
        switches.final_message = FinalMessage::Off;
    }
    let mut receiver = Receiver::start().await;
    let body = json!({
        "webhook_url": receiver.url, "streaming": true, "limit": 3, "job_titles": ["*"]
    });
    fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    fixture.sandbox.idle().await;
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 3);
    for body in arrived {
        let lead = &body["lead"];
        assert!(lead.get("most_probable_email").is_some() && lead.get("email").is_none());
        assert!(lead["linkedin_profile_url"].is_string() && lead["phones"].is_array());
        assert!(body["company"]["headquarters"].is_string());
    }
}

#[tokio::test]
async fn the_first_callback_can_overtake_the_answer() {
    let fixture = Fixture::start(quick()).await;
    fixture.sandbox.switches().write().faults = FaultKind::Early.into();
    let starts: &[(&Endpoint, Value)] = &[
        (
            endpoints::START_LEAD_SEARCH,
            json!({"job_titles": ["*"], "streaming": true, "limit": 2}),
        ),
        (endpoints::START_ACCOUNT_SEARCH, json!({"limit": 2})),
        (
            endpoints::START_CONTACT_ENRICHMENT,
            json!({"firstname": "A", "lastname": "B", "domain": "b.example", "enrichment_type": ["email"]}),
        ),
    ];
    for (endpoint, body) in starts {
        let mut receiver = Receiver::start().await;
        let mut body = body.clone();
        body["webhook_url"] = json!(receiver.url);
        let answer = fixture.post(endpoint, body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        assert!(!receiver.arrived().is_empty(), "{}", endpoint.rpc);
    }
}

#[tokio::test]
async fn companies_come_in_batches_or_at_once() {
    let fixture = Fixture::start(quick()).await;
    for (streaming, sizes) in [(true, vec![10, 10, 5]), (false, vec![25])] {
        let mut receiver = Receiver::start().await;
        let body = json!({"webhook_url": receiver.url, "streaming": streaming, "limit": 25});
        let started = fixture
            .post(endpoints::START_ACCOUNT_SEARCH, body)
            .await
            .json();
        assert_eq!(started["total"], 25);
        assert_eq!(count(&started["preview"]), 10);
        fixture.sandbox.idle().await;
        let arrived = receiver.arrived();
        assert_eq!(
            arrived
                .iter()
                .map(|body| count(&body["accounts"]))
                .collect::<Vec<_>>(),
            sizes
        );
        let first = &arrived[0];
        assert_eq!(first["id"], started["id"]);
        assert!(first["accounts"][0]["headquarters"]["postalCode"].is_string());
        let id = started["id"].as_str().expect("an id");
        let read = fixture.call(endpoints::GET_SEARCH, id, None).await.json();
        assert_eq!(count(&read["results"]), 25);
    }
}

#[tokio::test]
async fn a_refused_delivery_is_not_repeated() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::answering(StatusCode::SERVICE_UNAVAILABLE).await;
    let body = json!({"webhook_url": receiver.url, "limit": 1, "job_titles": ["*"]});
    fixture.post(endpoints::START_LEAD_SEARCH, body).await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived().len(), 1);
    let counters = fixture.sandbox.counters();
    assert_eq!(
        (counters.webhooks_attempted(), counters.webhooks_accepted()),
        (1, 0)
    );
}

#[tokio::test]
async fn filters_filter() {
    let fixture = Fixture::start(quick()).await;
    let total = async |filters: Value| {
        let answer = fixture.post(endpoints::PREVIEW_LEAD_SEARCH, filters).await;
        answer.json()["total_count"].as_u64().expect("a count")
    };
    let all = total(json!({"job_titles": ["*"]})).await;
    assert_eq!(all, 2_000);
    let french = total(json!({"included_locations": ["105015875"]})).await;
    let others = total(json!({"excluded_locations": ["105015875"]})).await;
    assert!(french > 0 && others > 0 && french + others == all);
    let chiefs = total(json!({"seniority_levels": ["310"], "functions": ["10"]})).await;
    let titled = total(json!({"job_titles": ["CFO", "chief financial*"]})).await;
    assert_eq!(chiefs, titled);
    let small = total(json!({"company_size": ["1–10", "11-50"]})).await;
    assert_eq!(
        small,
        total(json!({"company_size": ["1-10", "11-50"]})).await
    );
    let ids =
        total(json!({"included_companies": [{"id": "10000019"}, 10000056, "10000093"]})).await;
    let one = total(json!({"included_companies": [{"id": "10000019"}]})).await;
    assert!(one > 0 && ids > one);
    assert_eq!(
        total(json!({"included_lead_lists": ["7358966630862757888"]})).await,
        50
    );
}

#[tokio::test]
async fn people_of_a_company_are_found_and_counted_alike() {
    let fixture = Fixture::start(quick()).await;
    let company = json!({"company_linkedin_id": "10000019", "title_to_include": ["engineer"]});
    let counted = fixture
        .post(endpoints::COUNT_PROFILES, company)
        .await
        .json();
    assert_eq!(counted["title_to_exclude"], json!([]));
    let search = json!({"company_linkedin_id": "10000019", "job_titles": ["engineer"]});
    let started = fixture
        .post(endpoints::START_COMPANY_LEAD_SEARCH, search)
        .await;
    fixture.sandbox.idle().await;
    let read = fixture
        .call(endpoints::GET_SEARCH, &started.id(), None)
        .await
        .json();
    assert_eq!(
        count(&read["leads"]) as u64,
        counted["total"].as_u64().expect("a count")
    );
}

#[tokio::test]
async fn hiring_tells_when_nobody_hires() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let nothing = json!({"webhook_url": receiver.url, "selected_titles": ["Lion Tamer"]});
    let answer = fixture
        .post(endpoints::START_HIRING_ACCOUNT_SEARCH, nothing)
        .await
        .json();
    assert_eq!(
        answer,
        json!({"preview_count": 0, "message": "No results found"})
    );
    let some = json!({"webhook_url": receiver.url, "exclude_internships": true, "limit": 3});
    let answer = fixture
        .post(endpoints::START_HIRING_ACCOUNT_SEARCH, some)
        .await
        .json();
    assert_eq!(
        (&answer["preview_count"], &answer["message"]),
        (&json!(3), &Value::Null)
    );
    fixture.sandbox.idle().await;
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 1);
    for account in arrived[0]["accounts"].as_array().expect("accounts") {
        assert!(count(&account["jobs"]) > 0 && account["name"].is_string());
    }
}

#[tokio::test]
async fn every_other_job_delivers() {
    let fixture = Fixture::start(quick()).await;
    let company = "https://www.linkedin.com/company/10000019";
    let search = "https://www.linkedin.com/sales/search/people?query=x";
    let starts: &[(&Endpoint, Value)] = &[
        (
            endpoints::START_LEAD_EXTRACTION,
            json!({"search_url": search, "name": "n", "limit": 3}),
        ),
        (
            endpoints::START_ACCOUNT_EXTRACTION,
            json!({"search_url": search, "limit": 3}),
        ),
        (
            endpoints::START_BULK_ACCOUNT_ENRICHMENT,
            json!({"accounts": [{"name": "x"}, {"company_linkedin_url": company}]}),
        ),
        (
            endpoints::START_BULK_LEAD_ENRICHMENT,
            json!({"leads": [{"linkedin_url": "https://www.linkedin.com/in/nobody"}]}),
        ),
        (
            endpoints::START_GROWING_ACCOUNT_SEARCH,
            json!({"account": {"min_headcount_growth_percentage": 5}}),
        ),
        (
            endpoints::START_GROWING_ACCOUNT_SEARCH,
            json!({"department": "8", "min_department_headcount": 1}),
        ),
        (
            endpoints::START_LOOKALIKE_ACCOUNT_SEARCH,
            json!({"company_linkedin_url": company}),
        ),
        (endpoints::START_POST_ENGAGER_SEARCH, json!({"limit": 3})),
        (
            endpoints::START_POST_SEARCH,
            json!({"limit": 3, "streaming": true}),
        ),
        (endpoints::START_REACTION_SEARCH, json!({"limit": 3})),
        (endpoints::START_COMMENT_SEARCH, json!({"limit": 3})),
        (endpoints::START_NEW_HIRE_SEARCH, json!({"limit": 3})),
    ];
    for (endpoint, body) in starts {
        let mut receiver = Receiver::start().await;
        let mut body = body.clone();
        match body.get_mut("account") {
            Some(account) => account["webhook_url"] = json!(receiver.url),
            None => body["webhook_url"] = json!(receiver.url),
        }
        let answer = fixture.post(endpoint, body).await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            endpoint.rpc,
            answer.text
        );
        answer.id();
        fixture.sandbox.idle().await;
        assert!(!receiver.arrived().is_empty(), "{}", endpoint.rpc);
    }
}

#[tokio::test]
async fn tracking_never_ends_until_deleted() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let lists = fixture.call(endpoints::LIST_LISTS, "", None).await.json();
    let body = json!({"webhook_url": receiver.url, "lead_list_id": lists[0]["id"]});
    let started = fixture
        .post(endpoints::START_JOB_CHANGE_TRACKING, body)
        .await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived().len(), 50);
    let read = fixture
        .call(endpoints::GET_SEARCH, &started.id(), None)
        .await
        .json();
    assert_eq!(read["search"]["status"], "ONGOING");
    let findings = fixture.sandbox.findings(&started.id(), "").remove(0);
    assert_eq!((findings.keys.len(), findings.finished), (50, false));
    let deleted = fixture
        .call(endpoints::DELETE_SEARCH, &started.id(), None)
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let gone = fixture
        .call(endpoints::GET_SEARCH, &started.id(), None)
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(fixture.sandbox.findings(&started.id(), "")[0].finished);
}
