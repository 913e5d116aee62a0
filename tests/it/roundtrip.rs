//! Properties of the JSON reader and writer, over generated bodies.

mod bodies;
mod json;

use std::collections::BTreeMap;

use pronto_grpc::proto::json::{JsonMessage, Spelling, read, write};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountDelivery, Contact, ContactDelivery, JobEvent, Lead, LeadDelivery, LeadResult,
    SearchGrowingAccountsRequest, SearchLeadsRequest,
};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};

use crate::harness::random;
use bodies::{Body, answers, requests};
use json::{Change, any_object, change, leaves, numbers_exactly};

/// What is left of `custom` and of unknown keys when they have gone through a message.
fn carried(custom: &Map<String, Value>, extra: &Map<String, Value>) -> (Value, Value) {
    let mut body = extra.clone();
    body.insert("custom".to_owned(), custom.clone().into());
    let text = Value::Object(body).to_string();
    let contact: Contact = read(text.as_bytes()).expect("a contact");
    let mut written = write(&contact, Spelling::Observed);
    (
        written.remove("custom").unwrap_or_default(),
        Value::Object(written),
    )
}

proptest! {
    #![proptest_config(random::cases(1_000))]

    #[test]
    fn free_objects_are_carried_exactly(custom in any_object(), extra in any_object()) {
        // Keys that no field has.
        let extra = extra.into_iter().map(|(key, value)| (format!("x_{key}"), value)).collect();
        let (got_custom, got_extra) = carried(&custom, &extra);
        prop_assert_eq!(numbers_exactly(&got_custom), numbers_exactly(&custom.into()));
        prop_assert_eq!(numbers_exactly(&got_extra), numbers_exactly(&extra.into()));
    }

    #[test]
    fn integers_are_carried_as_numbers_or_as_texts_of_their_digits(number: i128) {
        let text = format!(r#"{{"custom":{{"n":{number}}},"unknown":[{number}],"first_name":"Ada"}}"#);
        let lead: Contact = read(text.as_bytes()).expect("a contact");
        prop_assert_eq!(lead.first_name.as_deref(), Some("Ada"));
        let written = write(&lead, Spelling::Observed);
        let expected = match i64::try_from(number) {
            Ok(exact) if exact.unsigned_abs() <= 1 << 53 => json!(exact),
            _ => json!(number.to_string()),
        };
        prop_assert_eq!(&written["custom"]["n"], &expected);
        prop_assert_eq!(&written["unknown"][0], &expected);
    }

    #[test]
    fn integers_around_the_limit_of_a_double(offset in -3_i64..=3, negative: bool) {
        let magnitude = (1_i64 << 53) + offset;
        let number = if negative { -magnitude } else { magnitude };
        let contact: Contact = read(format!(r#"{{"custom":{{"n":{number}}}}}"#).as_bytes()).expect("a contact");
        let written = write(&contact, Spelling::Observed);
        let expected = if offset <= 0 { json!(number) } else { json!(number.to_string()) };
        prop_assert_eq!(&written["custom"]["n"], &expected);
    }

    #[test]
    fn no_part_of_an_answer_is_lost(
        index: prop::sample::Index,
        changes in prop::collection::vec(any::<Change>(), 1..6),
    ) {
        let Body { name, value, back } = index.get(answers());
        let changed = change(value, &changes);
        let text = changed.body.to_string();
        let back = back(text.as_bytes()).map_err(|error| {
            TestCaseError::fail(format!("{name}: {error}: {text}"))
        })?;
        for marker in &changed.markers {
            prop_assert!(back.debug.contains(marker), "{name}: {marker} of {text} in {}", back.debug);
        }
        let mut written = leaves(&back.written);
        for leaf in changed.untouched {
            let found = written.iter().position(|other| *other == leaf);
            prop_assert!(found.is_some(), "{name}: {leaf} of {text} in {}", back.written);
            written.swap_remove(found.unwrap_or_default());
        }
    }

    #[test]
    fn requests_reach_the_wire_with_exactly_their_keys(
        index: prop::sample::Index,
        chosen in prop::collection::vec(any::<bool>(), 48),
    ) {
        let Body { name, value, back } = index.get(requests());
        let entries = value.as_object().expect("an object").iter();
        let part: Map<String, Value> = entries
            .zip(chosen)
            .filter(|(_, chosen)| *chosen)
            .map(|((key, value), _)| (key.clone(), value.clone()))
            .collect();
        let part = Value::Object(part);
        let back = back(part.to_string().as_bytes()).expect("a request");
        prop_assert_eq!(back.written, part, "{}", name);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..96)) {
        let valid = serde_json::from_slice::<Value>(&bytes).is_ok();
        for body in answers().iter().chain(requests()) {
            let read = (body.back)(&bytes);
            prop_assert!(valid || read.is_err(), "{} reads {bytes:?}", body.name);
        }
    }

    #[test]
    fn damaged_bodies_are_read_or_refused(
        index: prop::sample::Index,
        at: prop::sample::Index,
        byte: u8,
    ) {
        let body = index.get(answers());
        let mut text = body.value.to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = (body.back)(&text);
    }
}

/// Every fixture comes back with all its values, before anything is changed.
#[test]
fn documented_answers_come_back_whole() {
    for Body { name, value, back } in answers() {
        let back = back(value.to_string().as_bytes()).expect("an answer");
        let mut written = leaves(&back.written);
        let mut expected = leaves(value);
        written.sort();
        expected.sort();
        assert_eq!(written, expected, "{name}");
    }
}

#[test]
fn truncated_bodies_are_refused() {
    for Body { name, value, back } in answers() {
        let text = value.to_string();
        for end in 0..text.len() {
            assert!(
                back(&text.as_bytes()[..end]).is_err(),
                "{name}: {end} bytes of {text}"
            );
        }
    }
}

#[test]
fn malformed_bodies_are_refused() {
    let bodies: [&[u8]; 14] = [
        b"",
        b"  \n",
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b"{\"first_name\":\"Ada\",}",
        b"{\"first_name\":}",
        b"{\"unknown\":01}",
        b"{\"unknown\":\"\xff\"}",
        b"{\"\xff\":1}",
        b"<!DOCTYPE html><html></html>",
        b"Unauthorized",
        b"nul",
    ];
    for body in bodies {
        for known in answers().iter().chain(requests()) {
            let text = String::from_utf8_lossy(body);
            assert!((known.back)(body).is_err(), "{} reads {text}", known.name);
        }
    }
}

#[test]
fn bodies_that_are_no_object_are_refused() {
    for body in ["1", "true", "null", "\"text\""] {
        assert!(read::<Lead>(body.as_bytes()).is_err(), "{body}");
        assert!(read::<Contact>(body.as_bytes()).is_err(), "{body}");
    }
    assert!(read::<Lead>(b"[]").is_err(), "a lead is no list");
}

fn refuses<M: JsonMessage>(body: &str) {
    assert!(
        read::<M>(body.as_bytes()).is_err(),
        "{} was read",
        &body[..40]
    );
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    const DEPTH: usize = 100_000;
    let nested = |open: &str, close: &str| open.repeat(DEPTH) + "1" + &close.repeat(DEPTH);
    let lists = nested("[", "]");
    let objects = nested("{\"lead\":", "}");
    for body in [&lists, &"[".repeat(DEPTH), &"{\"a\":".repeat(DEPTH)] {
        refuses::<LeadDelivery>(body);
        refuses::<Contact>(body);
    }
    refuses::<LeadDelivery>(&objects);
    refuses::<AccountDelivery>(&nested("{\"account\":", "}"));
    refuses::<SearchGrowingAccountsRequest>(&nested("{\"account\":", "}"));
    refuses::<ContactDelivery>(&nested("{\"contact\":", "}"));
    refuses::<Lead>(&format!(r#"{{"unknown":{lists}}}"#));
    refuses::<Lead>(&format!(r#"{{"years_in_position":{lists}}}"#));
    refuses::<Lead>(&format!(r#"{{"phones":{lists}}}"#));
    refuses::<Lead>(&format!(r#"{{"rejection_reasons":{lists}}}"#));
    refuses::<Contact>(&format!(r#"{{"custom":{objects}}}"#));
    refuses::<LeadResult>(&format!(r#"{{"company":{{"headquarters":{lists}}}}}"#));
}

/// As deep as anybody would nest data of their own.
#[test]
fn reasonable_nesting_is_carried() {
    let mut custom = json!({"leaf": true});
    for _ in 0..12 {
        custom = json!({"inner": [custom]});
    }
    let body = json!({"custom": custom}).to_string();
    let request: SearchLeadsRequest = read(body.as_bytes()).expect("a request");
    assert_eq!(write(&request, Spelling::Observed)["custom"], custom);
}

/// What the reader accepts, protobuf decoders with the common limit of 100 levels
/// accept, too: an event that cannot be decoded would block its stream.
#[test]
fn the_deepest_value_that_is_read_fits_an_event() {
    let deepest = (1..200)
        .map(|depth| {
            format!(
                r#"{{"x":{}1{}}}"#,
                "{\"a\":".repeat(depth),
                "}".repeat(depth)
            )
        })
        .map_while(|body| read::<LeadResult>(body.as_bytes()).ok())
        .last()
        .expect("some depth is accepted");
    let event = JobEvent {
        event: Some(Event::Lead(deepest)),
        ..Default::default()
    };
    assert_eq!(
        JobEvent::decode(event.encode_to_vec().as_slice()).expect("an event"),
        event
    );
}

/// The properties stand on the fixtures: none may drop out unnoticed.
#[test]
fn every_fixture_takes_part() {
    let count = |bodies: &[Body]| {
        let mut files = BTreeMap::<String, usize>::new();
        for body in bodies {
            let file = body.name.split(' ').next().unwrap_or_default();
            *files.entry(file.to_owned()).or_default() += 1;
        }
        files.len()
    };
    assert_eq!(count(requests()), 31);
    assert_eq!(count(answers()), 41 + 3);
}
