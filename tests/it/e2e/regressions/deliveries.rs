//! What becomes of what Pronto delivers.

use pronto_grpc::proto::json::structs;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, ContactToEnrich, EnrichmentType, JobEvent, SearchAccountsRequest,
};
use serde_json::{Value, json as object};

use super::{Endless, ID, lead, ongoing, post, post_json, pronto, webhook_url};
use crate::harness::{Setup, assert_contiguous, next, read};

fn first_name(event: &JobEvent) -> Option<&str> {
    match event.event.as_ref()? {
        Event::Lead(result) => result.lead.as_ref()?.first_name.as_deref(),
        _ => None,
    }
}

/// Posts people one by one and expects each to become an event.
async fn each_is_delivered(people: &[(&str, Value)]) {
    let s = Endless::start().await;
    for (_, body) in people {
        post_json(&s.url, body).await;
    }
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let events = read(&mut stream, people.len()).await;
    assert_contiguous(&events, 2);
    let names: Vec<_> = events.iter().map(first_name).collect();
    let expected: Vec<_> = people.iter().map(|(name, _)| Some(*name)).collect();
    assert_eq!(names, expected);
    let counts = s.server.job(&s.job_id).await.counts.unwrap();
    assert_eq!(
        (counts.delivered, counts.duplicates),
        (people.len() as i64, 0)
    );
}

#[tokio::test]
async fn streamed_people_that_name_their_search_are_delivered() {
    let nested = object!({"lead": lead("ada"), "company": {"name": "Acme"}, "search": {"id": ID}});
    let bare = object!({"lead": lead("bob"), "search": {"id": ID, "name": "CFO"}});
    let mut flat = lead("eve");
    flat["search"] = object!({"id": ID});
    each_is_delivered(&[("ada", nested), ("bob", bare), ("eve", flat)]).await;
}

#[tokio::test]
async fn what_stands_behind_a_name_in_a_url_does_not_join_people() {
    let person = |name, tail: &str| {
        let url = format!("https://www.linkedin.com/in/{tail}");
        (name, object!({"first_name": name, "linkedin_url": url}))
    };
    each_is_delivered(&[
        person("ada", "ada/en"),
        person("bob", "bob/en"),
        person("cat", ""),
        person("dan", ""),
        person("eve", "eve/fr"),
        person("fay", "fay/fr"),
    ])
    .await;
}

#[tokio::test]
async fn a_number_that_people_share_does_not_join_them() {
    let person = |name| {
        let mut person = lead(name);
        person["linkedin_id"] = object!("104885158");
        person["company_name"] = object!("Acme");
        (name, person)
    };
    each_is_delivered(&["ada", "bob", "eve"].map(person)).await;
}

#[tokio::test]
async fn companies_on_common_platforms_and_tabs_are_not_joined() {
    let mut fake = pronto(object!({"id": ID, "total": 4}), ongoing()).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let request = SearchAccountsRequest::default();
    let stream = server.accounts().search_accounts(request).await;
    let mut stream = stream.unwrap().into_inner();
    let accounts = object!({"accounts": [
        {"name": "A", "linkedin_url": "https://www.linkedin.com/company/a/about/"},
        {"name": "B", "linkedin_url": "https://www.linkedin.com/company/b/about/"},
        {"name": "C", "website": "https://www.facebook.com/c"},
        {"name": "D", "website": "https://www.facebook.com/d"},
    ]});
    post_json(&webhook_url(&mut fake).await, &accounts).await;
    let events = read(&mut stream, 5).await;
    let names = events[1..].iter().map(|event| match &event.event {
        Some(Event::Account(result)) => result.company.as_ref()?.name.as_deref(),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    assert_eq!(names, [Some("A"), Some("B"), Some("C"), Some("D")]);
}

#[tokio::test]
async fn a_custom_nested_as_deeply_as_accepted_can_be_watched() {
    const DEPTHS: [usize; 8] = [20, 26, 28, 29, 30, 31, 33, 90];
    let s = Endless::start().await;
    for depth in DEPTHS {
        let custom = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let person = lead(&format!("d{depth}")).to_string();
        let body = format!("{},\"custom\":{custom}}}", person.trim_end_matches('}'));
        post(&s.url, body).await;
    }
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let events = read(&mut stream, DEPTHS.len()).await;
    assert_contiguous(&events, 2);
    let has_custom = |event: &JobEvent| match &event.event {
        Some(Event::Lead(result)) => result.custom.is_some(),
        Some(Event::Unrecognized(_)) => false,
        _ => panic!("{event:?}"),
    };
    let accepted: Vec<_> = events.iter().map(has_custom).collect();
    assert!(accepted[0], "a custom of 20 levels arrives");
    assert!(!accepted[DEPTHS.len() - 1], "one of 90 levels does not");
    assert!(accepted.is_sorted_by(|before, after| before >= after));
}

#[tokio::test]
async fn a_large_body_that_cannot_be_decoded_fits_a_default_client() {
    let s = Endless::start().await;
    let body = format!("{{\"leads\":[{}", "x".repeat(5 << 20));
    let size = body.len() as i64;
    post(&s.url, body).await;
    post_json(&s.url, &lead("ada")).await;
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let event = next(&mut stream).await.unwrap().unwrap();
    let Some(Event::Unrecognized(unrecognized)) = event.event else {
        panic!("sequence {} is recognized", event.sequence)
    };
    assert_eq!(
        (unrecognized.body.len(), unrecognized.size),
        (1 << 20, size)
    );
    let event = next(&mut stream).await.unwrap().unwrap();
    assert_eq!((event.sequence, first_name(&event)), (3, Some("ada")));
}

#[tokio::test]
async fn a_list_that_is_too_long_is_one_unrecognized_event() {
    let s = Endless::start().await;
    let body = format!("[{}{{}}]", "{},".repeat(349_521));
    let size = body.len() as i64;
    post(&s.url, body).await;
    post_json(&s.url, &lead("ada")).await;
    let mut stream = s.server.watch(&s.job_id, 1).await;
    let event = next(&mut stream).await.unwrap().unwrap();
    let Some(Event::Unrecognized(unrecognized)) = event.event else {
        panic!("sequence {} is recognized", event.sequence)
    };
    assert_eq!(unrecognized.size, size);
    let event = next(&mut stream).await.unwrap().unwrap();
    assert_eq!((event.sequence, first_name(&event)), (3, Some("ada")));
}

#[tokio::test]
async fn a_position_that_comes_back_as_a_text_is_taken_off_the_custom() {
    let mut fake = pronto(object!({"enrichment_id": ID}), object!({})).await;
    let data = tempfile::tempdir().unwrap();
    let server = Setup::new(fake.address, data.path()).start().await;
    let custom = object!({"crm": "1"});
    let contact = ContactToEnrich {
        first_name: "Ada".to_owned(),
        last_name: "L".to_owned(),
        domain: Some("x.test".to_owned()),
        custom: custom.as_object().map(structs::from_map),
        ..Default::default()
    };
    let request = BulkEnrichContactsRequest {
        contacts: vec![contact; 2],
        enrichment_type: vec![EnrichmentType::Email.into()],
        ..Default::default()
    };
    let stream = server.contacts().bulk_enrich_contacts(request).await;
    let mut stream = stream.unwrap().into_inner();
    let asked = fake.asked.recv().await.unwrap().body;
    for index in [1, 0] {
        let mut echo = asked["contacts"][index]["custom"].clone();
        assert_eq!(echo["pronto_grpc_item"]["index"], index);
        echo["pronto_grpc_item"]["index"] = object!(index.to_string());
        let result = object!({"status": "finished", "email": "a@x.test", "custom": echo});
        post_json(asked["webhook_url"].as_str().unwrap(), &result).await;
    }
    let events = read(&mut stream, 4).await;
    for (event, index) in events[1..].iter().zip([1, 0]) {
        let Some(Event::Contact(contact)) = &event.event else {
            panic!("{event:?}")
        };
        assert_eq!(contact.index, Some(index));
        let echoed = contact.custom.as_ref().map(structs::to_map);
        assert_eq!(echoed.map(Value::Object), Some(custom.clone()));
    }
    assert!(matches!(events[3].event, Some(Event::Completed(_))));
}
