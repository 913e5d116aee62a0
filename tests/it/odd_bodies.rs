//! Bodies that are JSON, but hold what common readers refuse: numbers that no double
//! holds, and texts that were cut within a character. It costs nothing but its place.

use pronto_grpc::jobs::decode::{Content, decode};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{CallbackSource, ResultKind};

const KINDS: [ResultKind; 5] = [
    ResultKind::Lead,
    ResultKind::Account,
    ResultKind::Contact,
    ResultKind::LeadSignal,
    ResultKind::AccountSignal,
];

fn read(kind: ResultKind, body: &str) -> Content {
    decode(kind, false, CallbackSource::Callback, body.as_bytes())
}

/// The results, as a reader of the stream sees them.
fn results(content: &Content) -> Vec<String> {
    let results = content.results.iter();
    results.map(|(event, _)| format!("{event:?}")).collect()
}

/// One result of any kind, with odd fields or without.
fn result(odd: &str) -> String {
    format!(
        r#"{{"name":"Acme","first_name":"Ada"{odd},"linkedin_url":"https://www.linkedin.com/in/ada"}}"#
    )
}

#[test]
fn odd_values_of_unknown_fields_cost_nothing_and_are_kept() {
    for (value, shown) in [("1e999", "1e999"), (r#""cut \ud800""#, r"cut \\ud800")] {
        let odd = format!(r#","odd":{value},"inner":{{"odd":[{value}]}}"#);
        for kind in KINDS {
            for body in [
                result(&odd),
                format!("[{},{}]", result(""), result(&odd)),
                format!(
                    r#"{{"leads":[{}],"contacts":[{}]}}"#,
                    result(&odd),
                    result(&odd)
                ),
            ] {
                let content = read(kind, &body);
                let results = results(&content);
                assert!(!results.is_empty(), "{kind:?} {body}");
                for result in &results {
                    assert!(
                        !result.contains("Unrecognized"),
                        "{kind:?} {body}: {result}"
                    );
                    assert!(result.contains("/in/ada"), "{kind:?} {body}: {result}");
                }
                let last = results.last().unwrap();
                assert_eq!(last.matches(shown).count(), 2, "{kind:?} {body}: {last}");
            }
        }
    }
}

#[test]
fn an_odd_key_does_not_hide_that_a_list_is_empty() {
    for body in [
        r#"{"leads":[]}"#,
        r#"{"leads":[],"\ud800":1}"#,
        r#"{"leads":[],"odd":1e999}"#,
        " [ ] ",
    ] {
        for kind in [ResultKind::Lead, ResultKind::Account] {
            let content = read(kind, body);
            assert!(
                content.is_list && results(&content).is_empty(),
                "{kind:?} {body}"
            );
        }
    }
    for body in [r#"{"leads":[{}]}"#, r#"{"leads":null,"odd":[]}"#] {
        let is_list = read(ResultKind::Lead, body).is_list;
        assert_eq!(is_list, body.contains("{}"), "{body}");
    }
}

#[test]
fn what_is_no_json_is_passed_on_whole() {
    for body in ["{\"a\":", "\u{feff}{}", "{\"first_name\":NaN}"] {
        let content = read(ResultKind::Lead, body);
        let [(Event::Unrecognized(passed), _)] = &content.results[..] else {
            panic!("{body}: {:?}", content.results)
        };
        assert_eq!(passed.body, body.as_bytes());
    }
}

/// Ten bytes of JSON would become two hundred in memory.
#[test]
fn a_body_with_too_many_unknown_values_is_passed_on_whole() {
    let body = |fields: usize| {
        let fields: Vec<_> = (0..fields).map(|n| format!("\"{n}\":0")).collect();
        format!(r#"{{"first_name":"Ada",{}}}"#, fields.join(","))
    };
    let is_passed_on = |body: &str| {
        let content = read(ResultKind::Lead, body);
        matches!(content.results[..], [(Event::Unrecognized(_), _)])
    };
    assert!(!is_passed_on(&body(1_000_000)));
    assert!(is_passed_on(&body(1_000_001)));
}
