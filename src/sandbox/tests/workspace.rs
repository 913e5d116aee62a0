//! What is answered at once: companies, people, lists, personas, places.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, Receiver, quick};
use crate::proto::endpoint::{Endpoint, endpoints};

#[tokio::test]
async fn a_company_is_found_by_all_its_names() {
    let fixture = Fixture::start(quick()).await;
    let url = json!({"company_linkedin_url": "https://www.linkedin.com/company/10000019"});
    let company = fixture
        .post(endpoints::ENRICH_ACCOUNT, url.clone())
        .await
        .json();
    let by_name = fixture
        .post(endpoints::ENRICH_ACCOUNT, json!({"name": company["name"]}))
        .await;
    assert_eq!(by_name.json(), company);
    let stack = fixture
        .post(endpoints::GET_COMPANY_STACK, url.clone())
        .await
        .json();
    assert!(stack["technologies_with_confidence"][0]["confidence"].is_number());
    let unknown = json!({"company_domain": "unheard.example"});
    let empty = fixture
        .post(endpoints::GET_COMPANY_STACK, unknown.clone())
        .await
        .json();
    assert_eq!(
        empty,
        json!({"technologies": [], "technologies_with_confidence": []})
    );
    let none = fixture
        .post(endpoints::LIST_COMPANY_JOB_POSTINGS, unknown)
        .await
        .json();
    assert_eq!(none, json!({"total_jobs": 0, "jobs": []}));
    // Also requests that find nothing are charged.
    let price = |endpoint: &Endpoint| u64::from(endpoint.credits.request);
    let spent =
        2 * price(endpoints::GET_COMPANY_STACK) + price(endpoints::LIST_COMPANY_JOB_POSTINGS);
    assert_eq!(fixture.sandbox.counters().credits_spent(), spent);
    let departments = json!({"company_linkedin_id": "10000019", "departments": ["Engineering"]});
    let headcount = fixture
        .post(endpoints::GET_HEADCOUNT, departments)
        .await
        .json();
    assert!(headcount["Engineering"]["12_months_evolution"]["headcount_gain"].is_number());
    assert_eq!(headcount.as_object().map(|map| map.len()), Some(1));
}

#[tokio::test]
async fn a_profile_comes_flat_in_documented_keys() {
    let fixture = Fixture::start(quick()).await;
    let any = fixture
        .post(endpoints::PREVIEW_LEAD_SEARCH, json!({"job_titles": ["*"]}))
        .await
        .json();
    let url = any["preview"][0]["profile_url"].as_str().expect("a URL");
    let member = url.split(['(', ',']).nth(1).expect("a member id");
    let body = json!({"linkedin_url": format!("https://www.linkedin.com/in/{member}")});
    let profile = fixture.post(endpoints::ENRICH_LEAD, body).await.json();
    assert_eq!(profile["full_name"], any["preview"][0]["full_name"]);
    assert_eq!(
        profile["current_position"]["companyName"],
        profile["company_name"]
    );
    assert!(profile.get("most_probable_email").is_some() && profile["phones"].is_array());
}

#[tokio::test]
async fn lists_are_imported_and_renamed() {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    let companies =
        json!([{"name": "x", "linkedin_url": "https://www.linkedin.com/company/10000019"}]);
    let body = json!({"name": "Mine", "companies": companies, "webhook_url": receiver.url});
    let created = fixture.post(endpoints::CREATE_LIST, body).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(created.json()["type"], "companies");
    assert_eq!(receiver.next().await["status"], "completed");
    let list = fixture.call(endpoints::GET_LIST, &created.id(), None).await;
    let linkedin_id = list.json()["linkedin_list_id"].as_u64().expect("a number");
    assert_eq!(created.json()["linkedin_id"], linkedin_id.to_string());
    let filter = json!({"included_account_lists": [linkedin_id.to_string()]});
    let people = fixture
        .post(endpoints::PREVIEW_LEAD_SEARCH, filter)
        .await
        .json();
    assert!(
        people["total_count"]
            .as_u64()
            .is_some_and(|total| total > 0)
    );
    let name = Some(json!({"name": "Ours"}));
    let renamed = fixture
        .call(endpoints::UPDATE_LIST, &created.id(), name)
        .await;
    assert_eq!(renamed.json()["name"], "Ours");
}

#[tokio::test]
async fn personas_places_and_the_account() {
    let fixture = Fixture::start(quick()).await;
    let personas = fixture
        .call(endpoints::LIST_PERSONAS, "", None)
        .await
        .json();
    let id = personas[0]["uuid"].as_str().expect("an id");
    let persona = fixture.call(endpoints::GET_PERSONA, id, None).await.json();
    assert_eq!(persona, personas[0]);
    let search = json!({"company_linkedin_id": "10000019", "persona_id": id});
    let started = fixture
        .post(endpoints::START_COMPANY_LEAD_SEARCH, search)
        .await;
    assert_eq!(started.status, StatusCode::OK);
    let searches = fixture
        .call(endpoints::LIST_SEARCHES, "", None)
        .await
        .json();
    assert_eq!(searches["searches"][0]["id"], started.id());
    let places = json!({"name": "United Arab Emirates", "hiring": false});
    let places = fixture
        .post(endpoints::SEARCH_LOCATIONS, places)
        .await
        .json();
    assert_eq!(places[0]["id"], "104305776");
    let account = fixture.call(endpoints::GET_ACCOUNT, "", None).await.json();
    assert!(account["organization"]["id"].is_string());
    let body = json!({"firstname": "Ada", "lastname": "Nobody", "domain": "x.example"});
    let available = fixture
        .post(endpoints::CHECK_DATA_AVAILABILITY, body)
        .await
        .json();
    assert_eq!(available["email"], Value::Bool(false));
}
