//! The server in front of the built-in sandbox: everything that works, and what
//! goes wrong in ways that Pronto documents.

mod crash;
mod early;
mod errors;
mod faults;
mod lookups;
mod outlives;
mod restart;
mod resume;
mod shapes;
mod signals;
mod streams;
mod watchers;
mod workspace;

use std::collections::BTreeMap;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::signal::Subject;
use pronto_grpc::proto::v1::{
    AccountResult, Job, JobCompleted, JobEvent, JobOutcome, JobState, LeadResult,
};
use prost_types::Struct;
use prost_types::value::Kind;

use crate::harness::assert_contiguous;

/// What kind of event it is.
fn kind(event: &JobEvent) -> &'static str {
    match event.event.as_ref().expect("an event") {
        Event::Started(_) => "started",
        Event::Lead(_) => "lead",
        Event::Account(_) => "account",
        Event::Contact(_) => "contact",
        Event::Signal(signal) => match signal.subject {
            Some(Subject::Lead(_)) => "lead signal",
            Some(Subject::Account(_)) => "account signal",
            None => "signal of nothing",
        },
        Event::Unrecognized(_) => "unrecognized",
        Event::Progress(_) => "progress",
        Event::Completed(_) => "completed",
        Event::Erased(_) => "erased",
    }
}

/// Whom a result is about.
fn subject(event: &JobEvent) -> String {
    let lead = |result: &LeadResult| result.lead.clone().unwrap().linkedin_url.unwrap();
    let account = |result: &AccountResult| {
        let company = result.company.clone().unwrap();
        company.linkedin_url.or(company.name).unwrap()
    };
    match event.event.as_ref().expect("an event") {
        Event::Lead(result) => lead(result),
        Event::Account(result) => account(result),
        Event::Contact(contact) => format!("{:?} {:?}", contact.index, contact.enrichment_id),
        Event::Signal(signal) => match signal.subject.as_ref().expect("a subject") {
            Subject::Lead(result) => lead(result),
            Subject::Account(result) => account(result),
        },
        other => panic!("no result: {other:?}"),
    }
}

/// The log of a job that found so many results of a kind: `started` first, each
/// result once, `completed` last, and counts that agree.
#[track_caller]
fn assert_complete(events: &[JobEvent], result: &str, count: usize) -> JobCompleted {
    assert_contiguous(events, 1);
    let kinds: Vec<_> = events.iter().map(kind).collect();
    let mut expected = vec!["started"];
    expected.extend(std::iter::repeat_n(result, count));
    expected.push("completed");
    assert_eq!(kinds, expected);

    let results = &events[1..=count];
    let by_subject: BTreeMap<_, _> = results.iter().map(|e| (subject(e), e.sequence)).collect();
    assert_eq!(by_subject.len(), count, "each once: {by_subject:?}");
    let job_id = &events[0].job_id;
    for event in events {
        assert_eq!(&event.job_id, job_id);
        assert!(event.event_time.is_some());
    }

    let Some(Event::Started(started)) = &events[0].event else {
        unreachable!("it is the first kind")
    };
    assert!(started.acceptance.as_ref().unwrap().id.is_some());
    let Some(Event::Completed(completed)) = &events[count + 1].event else {
        unreachable!("it is the last kind")
    };
    assert_eq!(completed.outcome(), JobOutcome::Complete);
    assert!(completed.missing_indexes.is_empty());
    let counts = completed.counts.unwrap();
    let delivered = count as i64;
    assert_eq!(
        (counts.expected, counts.delivered, counts.missing),
        (Some(delivered), delivered, Some(0))
    );
    assert!(counts.recovered <= delivered);
    completed.clone()
}

/// The job says the same as its log.
#[track_caller]
fn assert_agrees(job: &Job, events: &[JobEvent]) {
    let last = events.last().unwrap();
    let Some(Event::Completed(completed)) = &last.event else {
        panic!("not completed: {last:?}")
    };
    assert_eq!(job.state(), JobState::Completed);
    assert_eq!((&job.id, job.last_sequence), (&last.job_id, last.sequence));
    assert_eq!(job.counts, completed.counts);
    assert_eq!(job.finish_time, last.event_time);
    assert!(job.create_time.is_some() && job.failure.is_none());
}

/// A caller's `custom`.
fn custom(text: &str) -> Struct {
    let value = Kind::StringValue(text.to_owned()).into();
    Struct {
        fields: BTreeMap::from([("crm".to_owned(), value)]),
    }
}
