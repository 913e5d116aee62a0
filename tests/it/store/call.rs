//! Writes as a store takes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use pronto_grpc::jobs::model::{Change, Decoded, End, Found, Identity, NewJob, StoredJob};
use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::model::{Admission, Charge, NewCall, RequestKey, Settlement, Wanted};
use pronto_grpc::proto::endpoint::{Endpoint, endpoints};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    AccountResult, CallOutcome, CallbackSource, Contact, EnrichmentType, ErrorReason, Estimate,
    JobStarted, LeadResult, Signal, Unrecognized,
};

use super::model::Model;
use super::script::{Body, Calling, Changing, Charging, Ending, Finding, Kind, Who, Write};

/// A write.
#[derive(Clone, Debug)]
pub enum Call {
    Create(Box<NewJob>),
    Append(String, CallbackSource, Bytes),
    Change(String, Box<Change>),
    Purge(String),
    Erase(String, Vec<i64>, Vec<i64>),
    AppendUnmatched(String, Option<String>, Bytes, usize),
    RemoveUnmatched(Vec<i64>),
    Begin(Box<NewCall>),
    Settle(i64, Settlement),
    Interrupt,
    EraseAnswers(Vec<i64>),
    Probe,
}

/// What a store answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Done,
    Job(Box<StoredJob>),
    Delivery(i64),
    Admission(Admission),
    Count(usize),
}

/// What became of a write.
pub type Outcome = Result<Answer, StoreError>;

impl Call {
    /// Writes.
    pub async fn perform(self, store: &dyn Store) -> Outcome {
        let done = |()| Answer::Done;
        match self {
            Self::Create(job) => store.create_job(*job).await.map(Answer::Admission),
            Self::Begin(call) => store.begin_call(*call).await.map(Answer::Admission),
            Self::Settle(call, settlement) => store.settle_call(call, settlement).await.map(done),
            Self::Interrupt => store.interrupt_calls().await.map(Answer::Count),
            Self::EraseAnswers(calls) => store.erase_answers(calls).await.map(done),
            Self::Append(job, source, body) => {
                let number = store.append_delivery(&job, source, body).await;
                number.map(Answer::Delivery)
            }
            Self::Change(job, change) => {
                let job = store.change(&job, *change).await;
                job.map(|job| Answer::Job(Box::new(job)))
            }
            Self::Purge(job) => store.purge_job(&job).await.map(done),
            Self::Erase(job, sequences, deliveries) => {
                store.erase(&job, sequences, deliveries).await.map(done)
            }
            Self::AppendUnmatched(job, credential, body, max_bytes) => {
                let appended = store.append_unmatched(&job, credential, body, max_bytes);
                appended.await.map(done)
            }
            Self::RemoveUnmatched(ids) => store.remove_unmatched(ids).await.map(done),
            Self::Probe => store.probe().await.map(done),
        }
    }

    /// Whether it is one transaction; a purged job is removed in small ones.
    pub fn is_atomic(&self) -> bool {
        !matches!(self, Self::Purge(_))
    }

    /// What a write of a script means while the store is as the model says.
    pub fn resolve(write: &Write, model: &Model) -> Self {
        match write {
            Write::Create {
                job,
                credential,
                items,
                created,
                call,
            } => Self::Create(Box::new(NewJob {
                id: model.name(*job),
                credential: self::credential(*credential),
                operation: operation(*job).to_owned(),
                secret_hash: [*job as u8; 32],
                items: *items,
                search_name: items.map(|items| format!("search {items}")),
                created: seconds(*created),
                deadline: items.map(|items| seconds(items as u64)),
                call: new_call(call, *credential, operation(*job), model),
            })),
            Write::Begin { credential, call } => {
                let call = new_call(call, *credential, UNARY.rpc, model);
                Self::Begin(Box::new(call))
            }
            Write::Settle {
                place,
                outcome,
                charge,
                results,
                reused,
                answer,
            } => {
                let all = model.ledger.unary();
                // None has this number.
                let call = all.get(*place).copied().unwrap_or_default();
                let settlement = Settlement {
                    outcome: outcome_of(*outcome),
                    charge: charge.map(self::charge),
                    results: *results,
                    reused: *reused,
                    answer: answer.map(bytes),
                };
                Self::Settle(call, settlement)
            }
            Write::Interrupt => Self::Interrupt,
            Write::EraseAnswers { places } => {
                let all = model.ledger.unary();
                let chosen = places.iter().filter_map(|place| all.get(*place).copied());
                Self::EraseAnswers(chosen.collect())
            }
            Write::Append { job, polled, body } => {
                Self::Append(model.name(*job), source(*polled), bytes(*body))
            }
            Write::Change { job, change } => {
                let job = model.name(*job);
                let change = changed(change, model, &job);
                Self::Change(job, Box::new(change))
            }
            Write::Purge { job } => Self::Purge(model.name(*job)),
            Write::Erase {
                job,
                sequences,
                deliveries,
            } => {
                let all = model.deliveries();
                let chosen = deliveries
                    .iter()
                    .filter_map(|place| all.get(*place).copied());
                Self::Erase(model.name(*job), sequences.clone(), chosen.collect())
            }
            Write::AppendUnmatched {
                job,
                credential,
                body,
                max_bytes,
            } => Self::AppendUnmatched(
                model.name(*job),
                credential.map(self::credential),
                bytes(*body),
                *max_bytes,
            ),
            Write::RemoveUnmatched { places } => {
                let all = model.unmatched();
                let chosen = places.iter().filter_map(|place| all.get(*place).copied());
                Self::RemoveUnmatched(chosen.collect())
            }
            Write::Probe => Self::Probe,
        }
    }
}

/// The trace that every call belongs to.
const ORIGIN: &str = "4bf92f3577b34da6a3ce929d0e0e4736-01";

const UNARY: &Endpoint = endpoints::ENRICH_CONTACT;

fn new_call(call: &Calling, credential: usize, operation: &str, model: &Model) -> NewCall {
    let wanted = |(item, kind, number): &(i32, i32, u8)| Wanted {
        item: *item,
        kind: EnrichmentType::try_from(*kind).unwrap(),
        keys: vec![person(*number)],
    };
    NewCall {
        reused: Vec::new(),
        is_reused: false,
        origin: pronto_grpc::trace::Origin::parse(ORIGIN),
        credential: self::credential(credential),
        operation: operation.to_owned(),
        request: call.request.map(|(id, what)| RequestKey {
            id: format!("request {id}"),
            fingerprint: [what; 32],
        }),
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

fn charge(charge: Charging) -> Charge {
    Charge {
        found: pronto_grpc::proto::v1::Found {
            emails: charge.emails,
            phone_numbers: charge.phone_numbers,
            personal_emails: 0,
        },
        credits: charge.emails + 2 * charge.phone_numbers,
    }
}

fn outcome_of(number: i32) -> CallOutcome {
    CallOutcome::try_from(number).unwrap()
}

/// A key that somebody is known by.
pub fn person(number: u8) -> [u8; 16] {
    [number; 16]
}

/// The name of a credential.
pub fn credential(place: usize) -> String {
    format!("credential {place}")
}

/// A key, as results are recognized by.
pub fn key(number: u8) -> String {
    format!("lead:{number}")
}

fn seconds(since_1970: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(since_1970)
}

fn source(polled: bool) -> CallbackSource {
    match polled {
        true => CallbackSource::Poll,
        false => CallbackSource::Callback,
    }
}

/// Searches of people announce an estimate, those of companies a total.
fn operation(job: usize) -> &'static str {
    match job % 2 {
        0 => endpoints::START_LEAD_SEARCH.rpc,
        _ => endpoints::START_ACCOUNT_SEARCH.rpc,
    }
}

fn bytes(body: Body) -> Bytes {
    vec![body.byte; body.size].into()
}

fn changed(change: &Changing, model: &Model, job: &str) -> Change {
    let found = change.found.iter().enumerate();
    Change {
        upstream_id: change.upstream_id.map(|id| format!("upstream {id}")),
        expected: change.expected,
        call: change.call.map(outcome_of),
        started: change
            .started
            .then(|| Event::Started(JobStarted::default())),
        decoded: change.decoded.map(|(place, results)| Decoded {
            through: model.delivery(job, place).unwrap_or_default(),
            results,
        }),
        final_seen: change.final_seen,
        found: found
            .map(|(place, finding)| self::found(place, finding))
            .collect(),
        end: change.end.map(end),
        erased_bodies: Vec::new(),
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
        Kind::Contact => Event::Contact(Contact {
            index: Some(place as i32),
            reused_from: finding.reused.then(Default::default),
            ..Default::default()
        }),
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
