#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in entries {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn read(parent: &str) -> Option<TraceContext> {
    TraceContext::read(&headers(&[(TRACEPARENT, parent)]))
}

#[test]
fn what_is_read_is_written_again() {
    let context = read(PARENT).unwrap();
    assert_eq!(
        context.trace_id.to_string(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    assert!(context.is_sampled);
    assert_eq!(context.traceparent(), PARENT);
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(read(&unsampled).unwrap().traceparent(), unsampled);
}

#[test]
fn a_child_belongs_to_the_same_trace() {
    let parent = read(PARENT).unwrap();
    let child = parent.child();
    assert_eq!(child.trace_id, parent.trace_id);
    assert_ne!(child.span_id, parent.span_id);
    assert_eq!(child.parent, Some(parent.span_id));
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, PARENT.parse().unwrap());
    assert_eq!(TraceContext::of(&headers).parent, Some(parent.span_id));
    assert_eq!(TraceContext::begin().parent, None);
}

#[test]
fn an_origin_is_stored_and_read_again() {
    for text in [
        "4bf92f3577b34da6a3ce929d0e0e4736-01",
        "4bf92f3577b34da6a3ce929d0e0e4736-00",
    ] {
        let origin = Origin::parse(text).unwrap();
        assert_eq!(origin.to_string(), text);
        assert_eq!(TraceContext::of_origin(origin).child().origin(), origin);
    }
    assert_eq!(Origin::parse("4bf92f3577b34da6a3ce929d0e0e4736"), None);
}

#[test]
fn what_breaks_the_rules_names_no_trace() {
    for broken in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        assert_eq!(read(broken), None, "{broken}");
    }
    let twice = headers(&[(TRACEPARENT, PARENT), (TRACEPARENT, PARENT)]);
    assert_eq!(TraceContext::read(&twice), None);
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    let later = PARENT.replacen("00", "01", 1) + "-more-and-more";
    assert_eq!(read(&later).unwrap().traceparent(), PARENT);
}

#[test]
fn the_state_is_passed_on_as_one_list() {
    let with = |states: &[&str]| {
        let states = states.iter().map(|state| (TRACESTATE, *state));
        let all: Vec<_> = states.chain([(TRACEPARENT, PARENT)]).collect();
        TraceContext::read(&headers(&all)).unwrap().state
    };
    assert_eq!(with(&["a=1", "b=2"]).unwrap(), "a=1,b=2");
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[&"x".repeat(MAX_STATE + 1)]), None);
}

#[tokio::test]
async fn a_trace_goes_along_into_another_task() {
    let context = read(PARENT).unwrap();
    let work = async {
        let carried = carry(async { current() });
        (current(), tokio::spawn(carried).await.unwrap())
    };
    let seen = context.clone().scope(Span::none(), work).await;
    assert_eq!(seen, (Some(context.clone()), Some(context)));
    assert_eq!(
        tokio::spawn(carry(async { current() })).await.unwrap(),
        None
    );
}

proptest! {
    #[test]
    fn no_header_panics(parent in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(value) = HeaderValue::from_bytes(&parent) {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, value);
            let context = TraceContext::of(&headers);
            prop_assert_eq!(read(&context.traceparent()).unwrap().trace_id, context.trace_id);
        }
    }
}
