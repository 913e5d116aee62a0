//! One search in every form in which Pronto is known to deliver it.

use std::collections::BTreeMap;

use pronto_grpc::proto::v1::LeadResult;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::sandbox::{FinalMessage, Generation, StreamingShape};

use super::{assert_complete, subject};
use crate::harness::read_all;
use crate::harness::stage::Stage;

/// Enough that some have an email, some a phone number, and some neither.
const PEOPLE: usize = 40;

/// The fields that every form has, whatever their keys are.
#[derive(Clone, Debug, PartialEq)]
struct Person {
    names: [Option<String>; 2],
    title: Option<String>,
    headline: Option<String>,
    email: [Option<String>; 2],
    gender: Option<String>,
    phones: Vec<Option<String>>,
    status: Option<String>,
    rejections: Vec<String>,
    connections: Option<i32>,
    tenure: [Option<i32>; 4],
    image: Option<String>,
    company: Option<String>,
}

impl From<LeadResult> for Person {
    fn from(result: LeadResult) -> Self {
        let lead = result.lead.unwrap();
        let numbers = lead.phones.into_iter().map(|phone| phone.number);
        Self {
            names: [lead.first_name, lead.last_name],
            title: lead.title,
            headline: lead.headline,
            email: [lead.email, lead.email_status],
            gender: lead.gender,
            phones: numbers.collect(),
            status: lead.status,
            rejections: lead.rejection_reasons,
            connections: lead.connections_count,
            tenure: [
                lead.years_in_position,
                lead.months_in_position,
                lead.years_in_company,
                lead.months_in_company,
            ],
            image: lead.profile_image_url,
            company: result.company.unwrap().name,
        }
    }
}

/// Runs the search, and gives the people by profile.
async fn people(stage: &Stage) -> BTreeMap<String, Person> {
    let mut stream = stage.search(PEOPLE as i32).await;
    let events = read_all(&mut stream).await;
    let completed = assert_complete(&events, "lead", PEOPLE);
    assert_eq!(completed.counts.unwrap().recovered, 0);
    let results = events.into_iter().filter_map(|event| {
        let profile = matches!(event.event, Some(Event::Lead(_))).then(|| subject(&event))?;
        match event.event {
            Some(Event::Lead(lead)) => Some((profile, Person::from(lead))),
            _ => None,
        }
    });
    results.collect()
}

#[tokio::test]
async fn every_form_gives_the_same_people() {
    let stage = Stage::start().await;
    let mut first = None;
    for generation in [Generation::Observed, Generation::Documented] {
        for shape in [StreamingShape::Flat, StreamingShape::Nested] {
            for final_message in [FinalMessage::Repeating, FinalMessage::Off] {
                {
                    let switches = stage.sandbox.switches();
                    let mut switches = switches.write();
                    switches.generation = generation;
                    switches.streaming_shape = shape;
                    switches.final_message = final_message;
                }
                let people = people(&stage).await;
                assert_varied(&people);
                let form = (generation, shape, final_message);
                assert_eq!(&people, first.get_or_insert(people.clone()), "{form:?}");
            }
        }
    }
}

/// The comparison is worth something only when there is something to compare.
#[track_caller]
fn assert_varied(people: &BTreeMap<String, Person>) {
    let all = |has: fn(&Person) -> bool| people.values().all(has);
    let some = |has: fn(&Person) -> bool| people.values().any(has) && !people.values().all(has);
    assert!(all(|person| person.names.iter().all(Option::is_some)));
    assert!(all(
        |person| person.title.is_some() && person.headline.is_some()
    ));
    assert!(all(|person| person.tenure.iter().all(Option::is_some)));
    assert!(all(
        |person| person.company.is_some() && person.status.is_some()
    ));
    assert!(some(|person| person.email.iter().all(Option::is_some)));
    assert!(some(|person| !person.phones.is_empty()));
    assert!(some(|person| person.gender.is_some()));
    assert!(some(|person| !person.rejections.is_empty()));
}
