//! The bodies of callbacks and polls. The first byte says what is expected, the
//! rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pronto_grpc::jobs::decode::{Content, decode};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{CallbackSource, EnrichmentStatus, JobEvent, ResultKind};
use pronto_grpc::proto::wire::WireEnum;
use prost::Message;
use serde_json::Value;
use serde_json::value::RawValue;

const KINDS: [ResultKind; 6] = [
    ResultKind::Lead,
    ResultKind::Account,
    ResultKind::Contact,
    ResultKind::LeadSignal,
    ResultKind::AccountSignal,
    ResultKind::Unspecified,
];

fuzz_target!(|input: &[u8]| {
    let Some((how, body)) = input.split_first() else {
        return;
    };
    let kind = KINDS[usize::from(how & 7) % KINDS.len()];
    let is_batch = how & 8 != 0;
    let source = match how & 16 {
        0 => CallbackSource::Callback,
        _ => CallbackSource::Poll,
    };
    let content = decode(kind, is_batch, source, body);
    let again = decode(kind, is_batch, source, body);
    assert_eq!(content.results, again.results, "a crash repeats a body");
    content
        .results
        .iter()
        .for_each(|(event, _)| can_be_sent(event.clone()));
    nothing_is_lost(kind, body, &content);
});

/// Clients decode with the common limit of depth.
fn can_be_sent(event: Event) {
    let event = JobEvent {
        event: Some(event),
        ..Default::default()
    };
    let sent = JobEvent::decode(event.encode_to_vec().as_slice());
    assert_eq!(sent.as_ref(), Ok(&event));
}

fn nothing_is_lost(kind: ResultKind, body: &[u8], content: &Content) {
    if is_whole(content, body) {
        return;
    }
    assert!(
        serde_json::from_slice::<&RawValue>(body).is_ok(),
        "a body that is no JSON is passed on"
    );
    // JSON all the same, but with a number or a text that `Value` cannot hold, such as
    // 1e999: there is nothing to compare with.
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    match json {
        Value::Array(items) => {
            let results = items.iter().filter(|item| is_result(kind, item));
            let least = results.count() + usize::from(items.iter().any(|item| !item.is_object()));
            assert!(content.results.len() >= least, "{least} stand in the list");
        }
        Value::Object(_) => assert!(
            !content.results.is_empty()
                || content.is_list
                || content.is_final
                || matches!(
                    kind,
                    ResultKind::Account | ResultKind::AccountSignal | ResultKind::Contact
                ),
            "a body that is neither a list nor about a search is a result"
        ),
        _ => panic!("a body that is neither an object nor a list is passed on"),
    }
}

/// A contact that is still at work comes again.
fn is_result(kind: ResultKind, item: &Value) -> bool {
    let text = item.to_string();
    let pending = EnrichmentStatus::Pending.wire();
    item.is_object() && !(kind == ResultKind::Contact && text.contains(pending))
}

/// Whether a body is passed on as it came.
fn is_whole(content: &Content, body: &[u8]) -> bool {
    match &content.results[..] {
        [(Event::Unrecognized(unrecognized), _)] => {
            unrecognized.size == body.len() as i64 && body.starts_with(&unrecognized.body)
        }
        _ => false,
    }
}
