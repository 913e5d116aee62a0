//! What writes hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pronto_grpc::jobs::identity::of_item;
use pronto_grpc::jobs::model::{Change, Decoded, End, Found, Identity};
use pronto_grpc::ledger::model::{Charge, NewCall, RequestKey, Wanted};
use pronto_grpc::proto::endpoint::{Endpoint, endpoints};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    Acceptance, AccountResult, CallOutcome, CallbackSource, Contact, EnrichmentType, ErasedResult,
    ErrorReason, Estimate, JobStarted, LeadResult, ResultPreview, Signal, Unrecognized,
};

use super::model::Model;
use super::people::{contact, person};
use super::script::{Body, Calling, Changing, Charging, Ending, Finding, JOBS, Kind, Reusing, Who};

/// The trace that every call belongs to.
const ORIGIN: &str = "4bf92f3577b34da6a3ce929d0e0e4736-01";

/// What is about several people.
pub const BATCH: &Endpoint = endpoints::START_BULK_CONTACT_ENRICHMENT;

pub const UNARY: &Endpoint = endpoints::ENRICH_CONTACT;

pub fn new_call(call: &Calling, credential: usize, operation: &str, model: &Model) -> NewCall {
    let wanted = |(item, kind, number): &(i32, i32, u8)| Wanted {
        item: *item,
        kind: EnrichmentType::try_from(*kind).unwrap(),
        keys: vec![person(*number)],
    };
    let reused = |one: &Reusing| Contact {
        index: one.index,
        reused_from: Some(Default::default()),
        ..contact(one.person)
    };
    NewCall {
        reused: call.reused.iter().map(reused).collect(),
        is_reused: call.is_reused,
        origin: pronto_grpc::trace::Origin::parse(ORIGIN),
        credential: self::credential(credential),
        operation: operation.to_owned(),
        request: call.request.map(|(id, what)| request(id, what)),
        estimate: Estimate {
            minimum: call.minimum,
            expected: call.minimum,
            maximum: call.minimum + call.more,
            unpriced: call.more == 0,
        },
        daily_budget: call.budget,
        people: call.people.iter().map(wanted).collect(),
        time: model.days_ago(call.days_ago),
    }
}

pub fn charge(charge: Charging) -> Charge {
    Charge {
        found: pronto_grpc::proto::v1::Found {
            emails: charge.emails,
            phone_numbers: charge.phone_numbers,
            personal_emails: 0,
        },
        credits: charge.emails + 2 * charge.phone_numbers,
    }
}

pub fn outcome_of(number: i32) -> CallOutcome {
    CallOutcome::try_from(number).unwrap()
}

/// A request with an id, and what it asks for.
pub fn request(id: u8, what: u8) -> RequestKey {
    RequestKey {
        id: format!("request {id}"),
        fingerprint: [what; 32],
    }
}

/// Pronto's id of a search.
pub fn upstream(number: u8) -> String {
    format!("upstream {number}")
}

/// The name of a credential.
pub fn credential(place: usize) -> String {
    format!("credential {place}")
}

/// A key, as results are recognized by.
pub fn key(number: u8) -> String {
    format!("lead:{number}")
}

pub fn seconds(since_1970: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(since_1970)
}

pub fn source(polled: bool) -> CallbackSource {
    match polled {
        true => CallbackSource::Poll,
        false => CallbackSource::Callback,
    }
}

/// Searches of people announce an estimate, those of companies a total. Results of a batch
/// tell their items, that of a single contact need not.
pub fn operation(job: usize) -> &'static str {
    match job % JOBS {
        0 => endpoints::START_LEAD_SEARCH.rpc,
        1 => endpoints::START_ACCOUNT_SEARCH.rpc,
        2 => endpoints::START_CONTACT_ENRICHMENT.rpc,
        _ => BATCH.rpc,
    }
}

pub fn bytes(body: Body) -> Bytes {
    vec![body.byte; body.size].into()
}

pub fn changed(change: &Changing, model: &Model, job: &str) -> Change {
    let found = change.found.iter().enumerate();
    Change {
        upstream_id: change.upstream_id.map(upstream),
        expected: change.expected,
        call: change.call.map(outcome_of),
        started: change.started.then(started),
        decoded: change.decoded.map(|(place, results)| Decoded {
            through: model.delivery(job, place).unwrap_or_default(),
            results,
        }),
        final_seen: change.final_seen,
        found: found
            .map(|(place, finding)| self::found(place, finding))
            .collect(),
        end: change.end.map(end),
        erased_bodies: change
            .erased_bodies
            .iter()
            .filter_map(|place| model.delivery(job, *place))
            .collect(),
    }
}

/// An answer of Pronto's that says something of people, too.
fn started() -> Event {
    let acceptance = Acceptance {
        message: Some("it began".to_owned()),
        preview: vec![ResultPreview::default()],
        search_name: Some("Ada".to_owned()),
        first_name: Some("Ada".to_owned()),
        last_name: Some("Byron".to_owned()),
        custom: Some(Default::default()),
        additional_fields: Some(Default::default()),
        ..without_people()
    };
    Event::Started(JobStarted {
        acceptance: Some(acceptance),
    })
}

/// What such an answer says of nobody.
fn without_people() -> Acceptance {
    Acceptance {
        id: Some("upstream".to_owned()),
        status: Some("pending".to_owned()),
        total: Some(3),
        created_at: Some(Default::default()),
        ..Default::default()
    }
}

/// What is left of an event when somebody is erased from it.
pub fn erased(event: Event) -> Event {
    match event {
        Event::Started(_) if event == started() => Event::Started(JobStarted {
            acceptance: Some(without_people()),
        }),
        // It says nothing of people.
        Event::Started(_) => event,
        _ => Event::Erased(ErasedResult {}),
    }
}

fn found(place: usize, finding: &Finding) -> Found {
    // Its place tells it from those beside it.
    let lead = || LeadResult {
        index: Some(place as i32),
        ..Default::default()
    };
    let event = match finding.what {
        Kind::Lead => Event::Lead(lead()),
        Kind::Account => Event::Account(AccountResult::default()),
        Kind::Contact { person, index } => Event::Contact(Contact {
            index,
            first_name: Some(place.to_string()),
            ..contact(person)
        }),
        Kind::Erased => Event::Erased(ErasedResult {}),
        Kind::Signal => Event::Signal(Signal {
            subject: Some(pronto_grpc::proto::v1::signal::Subject::Lead(lead())),
        }),
        Kind::Unrecognized(body) => Event::Unrecognized(Unrecognized {
            body: bytes(body).to_vec(),
            size: body.size as i64,
            reason: "it is not known".to_owned(),
        }),
    };
    Found {
        charge: finding.charge.map(charge),
        event,
        identity: identity(&finding.who),
        source: source(finding.polled),
    }
}

fn identity(who: &Who) -> Identity {
    let keys = |numbers: &[u8]| numbers.iter().copied().map(key).collect();
    match who {
        Who::Keys(numbers) => Identity::Keys(keys(numbers)),
        Who::Item(item) => Identity::Keys(vec![of_item(*item)]),
        Who::Occurrence {
            subject,
            bytes,
            listed,
        } => Identity::Occurrence {
            subject: keys(subject),
            bytes: format!("bytes:{bytes}"),
            listed: *listed,
        },
    }
}

fn end(ending: Ending) -> End {
    match ending {
        Ending::Complete => End::Complete,
        Ending::Incomplete => End::Incomplete {
            missing_indexes: vec![1, 3],
        },
        Ending::Failed => End::Failed {
            reason: ErrorReason::UpstreamRejected,
            message: "no".to_owned(),
        },
        Ending::Cancelled => End::Cancelled,
    }
}
