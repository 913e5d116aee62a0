//! Work that goes on, and what was kept of it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{NEVER, Site, contacts, credits, people, profiles, search, start};
use crate::proto::endpoint::{Endpoint, endpoints};
use crate::sandbox::SandboxConfig;
use crate::sandbox::tests::fixture::{Fixture, Receiver, quick};

/// What a receiver gets from work whose process crashes while the delivery behind so many is
/// under way, and the fixture that ended it.
async fn interrupted(
    endpoint: &Endpoint,
    body: Value,
    answered: usize,
) -> (Fixture, String, Vec<Value>) {
    let site = Site::new();
    let fixture = site.open().await;
    let mut receiver = Receiver::answering_first(answered).await;
    let id = start(&fixture, endpoint, &receiver, body).await;
    let mut arrived = Vec::new();
    for _ in 0..=answered {
        arrived.push(receiver.next().await);
    }
    receiver.answer_all();
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    arrived.extend(receiver.arrived());
    (fixture, id, arrived)
}

/// The same without a crash.
async fn undisturbed(endpoint: &Endpoint, body: Value) -> (Fixture, Vec<Value>) {
    let fixture = Fixture::start(quick()).await;
    let mut receiver = Receiver::start().await;
    start(&fixture, endpoint, &receiver, body).await;
    fixture.sandbox.idle().await;
    (fixture, receiver.arrived())
}

/// Without what differs between two runs.
fn comparable(bodies: &[Value]) -> Vec<Value> {
    let plain = |body: &Value| {
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("search");
            fields.remove("enrichment_id");
        }
        body
    };
    bodies.iter().map(plain).collect()
}

#[tokio::test]
async fn work_goes_on_and_repeats_only_the_delivery_that_was_not_noted() {
    let starts = [
        (endpoints::START_LEAD_SEARCH, people(5)),
        (
            endpoints::START_ACCOUNT_SEARCH,
            json!({"streaming": true, "limit": 35}),
        ),
        (endpoints::START_BULK_CONTACT_ENRICHMENT, contacts(5)),
        (endpoints::START_BULK_LEAD_ENRICHMENT, profiles(5)),
    ];
    for (endpoint, body) in starts {
        let (whole, expected) = undisturbed(endpoint, body.clone()).await;
        for answered in [0, 2, expected.len() - 1] {
            let rpc = endpoint.rpc;
            let (fixture, id, arrived) = interrupted(endpoint, body.clone(), answered).await;
            let mut repeated = comparable(&expected);
            let twice = repeated[answered].clone();
            repeated.insert(answered, twice);
            for (at, body) in comparable(&arrived).into_iter().enumerate() {
                let mut expected = repeated[at].clone();
                // Companies come with the id of their search.
                if expected.get("accounts").is_some() {
                    expected["id"] = json!(id);
                }
                assert_eq!(body, expected, "{rpc} after {answered}: {at}");
            }
            assert_eq!(arrived.len(), repeated.len(), "{rpc} after {answered}");

            assert_eq!(credits(&fixture), credits(&whole), "{rpc} after {answered}");
            let [found] = fixture.sandbox.findings("", "").try_into().expect("one");
            let [whole] = whole.sandbox.findings("", "").try_into().expect("one");
            assert_eq!((&found.keys, found.credits), (&whole.keys, whole.credits));
            assert_eq!((found.upstream_id, found.finished), (id, true));
        }
    }
}

#[tokio::test]
async fn what_was_only_accepted_is_carried_out() {
    let site = Site::with(SandboxConfig {
        pace: NEVER,
        ..quick()
    });
    let fixture = site.open().await;
    let mut receiver = Receiver::start().await;
    let body = json!({"limit": 3, "job_titles": ["*"], "name": "mine", "custom": {"crm": 7}});
    let id = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, body).await;
    let before = search(&fixture, &id).await;
    fixture.sandbox.halt().await;
    let site = Site {
        config: quick(),
        ..site
    };
    let fixture = site.open().await;
    fixture.sandbox.idle().await;
    let after = search(&fixture, &id).await;
    for same in ["id", "name", "created_at"] {
        assert_eq!(after["search"][same], before["search"][same]);
    }
    assert_eq!(after["search"]["status"], "FINISHED");
    let [body] = receiver.arrived().try_into().expect("one delivery");
    assert_eq!(body["custom"], json!({"crm": 7}));
}

#[tokio::test]
async fn what_has_ended_stays_as_it_is() {
    let site = Site::new();
    let fixture = site.open().await;
    let mut receiver = Receiver::start().await;
    let id = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(3)).await;
    let contact = json!({"firstname": "A", "lastname": "B", "domain": "b.example", "enrichment_type": ["email"]});
    let enriched = start(
        &fixture,
        endpoints::START_CONTACT_ENRICHMENT,
        &receiver,
        contact,
    )
    .await;
    let stack = json!({"company_domain": "b.example"});
    fixture.post(endpoints::GET_COMPANY_STACK, stack).await;
    fixture.sandbox.idle().await;
    let before = search(&fixture, &id).await;
    let contact = fixture.call(endpoints::GET_CONTACT_ENRICHMENT, &enriched, None);
    let contact = contact.await.json();
    let findings = fixture.sandbox.findings("", "");
    assert_eq!((receiver.arrived().len(), findings.len()), (5, 3));
    let left = credits(&fixture);

    // Twice: what the first start writes anew, the second one reads.
    let fixture = site.crash(fixture).await;
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(search(&fixture, &id).await, before);
    let again = fixture.call(endpoints::GET_CONTACT_ENRICHMENT, &enriched, None);
    assert_eq!(again.await.json(), contact);
    assert_eq!(fixture.sandbox.findings("", ""), findings);
    assert_eq!(credits(&fixture), left);
    assert_eq!(receiver.arrived(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_was_deleted_stays_away() {
    let site = Site::with(SandboxConfig {
        pace: NEVER,
        ..quick()
    });
    let fixture = site.open().await;
    let receiver = Receiver::start().await;
    let id = start(&fixture, endpoints::START_LEAD_SEARCH, &receiver, people(3)).await;
    fixture.call(endpoints::DELETE_SEARCH, &id, None).await;
    let findings = fixture.sandbox.findings("", "");
    let fixture = site.crash(fixture).await;
    assert_eq!(fixture.sandbox.describe_counters().under_way, 0);
    let gone = fixture.call(endpoints::GET_SEARCH, &id, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(fixture.sandbox.findings("", ""), findings);
}

#[tokio::test]
async fn a_search_without_end_is_not_delivered_again() {
    let site = Site::new();
    let fixture = site.open().await;
    let mut receiver = Receiver::start().await;
    let lists = fixture.call(endpoints::LIST_LISTS, "", None).await.json();
    let track = json!({"lead_list_id": lists[0]["id"]});
    let id = start(
        &fixture,
        endpoints::START_JOB_CHANGE_TRACKING,
        &receiver,
        track,
    )
    .await;
    fixture.sandbox.idle().await;
    assert!(!receiver.arrived().is_empty());
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived(), [] as [Value; 0]);
    assert_eq!(search(&fixture, &id).await["search"]["status"], "ONGOING");
    assert!(!fixture.sandbox.findings("", "")[0].finished);
}

#[tokio::test]
async fn lists_and_their_imports_are_kept() {
    let site = Site::with(SandboxConfig {
        pace: NEVER,
        ..quick()
    });
    let fixture = site.open().await;
    let mut receiver = Receiver::start().await;
    let preview = fixture.post(endpoints::PREVIEW_ACCOUNT_SEARCH, json!({}));
    let companies = preview.await.json()["preview"].clone();
    let named = |at: usize| json!([{"name": companies[at]["company_name"]}]);
    let list = json!({"name": "mine", "companies": named(0)});
    let id = start(&fixture, endpoints::CREATE_LIST, &receiver, list).await;
    let change = json!({"name": "ours", "companies": named(1)});
    fixture
        .call(endpoints::UPDATE_LIST, &id, Some(change))
        .await;
    fixture.sandbox.halt().await;
    let site = Site {
        config: quick(),
        ..site
    };
    let fixture = site.open().await;
    fixture.sandbox.idle().await;
    let [imported] = receiver.arrived().try_into().expect("one delivery");
    let list = fixture.call(endpoints::GET_LIST, &id, None).await.json();
    assert_eq!(imported, list);
    assert_eq!(
        (&list["name"], &list["status"]),
        (&json!("ours"), &json!("completed"))
    );
    let fixture = site.crash(fixture).await;
    fixture.sandbox.idle().await;
    assert_eq!(receiver.arrived(), [] as [Value; 0]);
    assert_eq!(
        fixture.call(endpoints::GET_LIST, &id, None).await.json(),
        list
    );
}

#[tokio::test]
async fn to_halt_does_not_wait_for_requests() {
    let config = SandboxConfig {
        sync_latency: NEVER,
        ..quick()
    };
    let fixture = Site::with(config).open().await;
    let contact = contacts(1)["contacts"][0].clone();
    let mut body = json!({"enrichment_type": ["email"]});
    body.as_object_mut()
        .expect("an object")
        .extend(contact.as_object().expect("an object").clone());
    let call = fixture.post(endpoints::ENRICH_CONTACT, body);
    let halted = async {
        while fixture.sandbox.describe_counters().under_way == 0 {
            tokio::task::yield_now().await;
        }
        fixture.sandbox.halt().await;
    };
    tokio::select! {
        answer = call => panic!("{}", answer.text),
        () = halted => {}
    }
    assert_eq!(fixture.sandbox.describe_counters().under_way, 1);
}
