//! Writes as a store takes them.

use std::time::SystemTime;

use bytes::Bytes;
use pronto_grpc::jobs::model::{Change, NewJob, StoredJob};
use pronto_grpc::jobs::store::{Store, StoreError};
use pronto_grpc::ledger::model::{Admission, NewCall, Settlement};
use pronto_grpc::proto::v1::CallbackSource;

use super::content::{
    self, UNARY, bytes, changed, new_call, operation, outcome_of, seconds, source,
};
use super::model::Model;
use super::people::{marks, person};
use super::play::begin_of;
use super::script::Write;

/// A write.
#[derive(Clone, Debug)]
pub enum Call {
    Create(Box<NewJob>),
    Append(String, CallbackSource, Bytes),
    Change(String, Box<Change>),
    Purge(String),
    PurgeEnded(Vec<String>, SystemTime),
    MarkErased(String, Vec<String>),
    ForgetProfiles(String, Vec<[u8; 16]>),
    Erase(String, Vec<i64>, Vec<i64>),
    AppendUnmatched(String, Option<String>, Bytes, usize),
    RemoveUnmatched(Vec<i64>),
    Begin(Box<NewCall>),
    Settle(i64, Settlement),
    Interrupt,
    EraseAnswers(Vec<i64>),
    Compact,
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
    Jobs(Vec<String>),
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
            Self::PurgeEnded(jobs, before) => {
                store.purge_ended(jobs, before).await.map(Answer::Jobs)
            }
            Self::MarkErased(job, marks) => store.mark_erased(&job, marks).await.map(done),
            Self::ForgetProfiles(credential, profiles) => {
                let forgotten = store.forget_profiles(&credential, profiles);
                forgotten.await.map(done)
            }
            Self::Erase(job, sequences, deliveries) => {
                store.erase(&job, sequences, deliveries).await.map(done)
            }
            Self::AppendUnmatched(job, credential, body, max_bytes) => {
                let appended = store.append_unmatched(&job, credential, body, max_bytes);
                appended.await.map(done)
            }
            Self::RemoveUnmatched(ids) => store.remove_unmatched(ids).await.map(done),
            Self::Compact => store.compact().await.map(done),
            Self::Probe => store.probe().await.map(done),
        }
    }

    /// Whether it is one transaction; a purged job is removed in small ones.
    pub fn is_atomic(&self) -> bool {
        !matches!(self, Self::Purge(_) | Self::PurgeEnded(..))
    }

    /// What a write of a script means while the store is as the model says, and steps
    /// began at these times.
    pub fn resolve(write: &Write, model: &Model, times: &[SystemTime]) -> Self {
        match write {
            Write::Create {
                job,
                credential,
                items,
                created,
                call,
            } => Self::Create(Box::new(NewJob {
                id: model.name(*job),
                credential: content::credential(*credential),
                operation: operation(*job).to_owned(),
                secret_hash: [*job as u8; 32],
                items: *items,
                search_name: items.map(|items| format!("search {items}")),
                created: seconds(*created),
                deadline: items.map(|items| seconds(items as u64)),
                call: new_call(call, *credential, operation(*job), model),
            })),
            Write::Begin { credential, call } => {
                // What is reused is a matter of jobs.
                let call = NewCall {
                    reused: Vec::new(),
                    is_reused: false,
                    ..new_call(call, *credential, UNARY.rpc, model)
                };
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
                // Where there is none, none has this number.
                let place = place.checked_rem(all.len()).unwrap_or_default();
                let call = all.get(place).copied().unwrap_or_default();
                let settlement = Settlement {
                    outcome: outcome_of(*outcome),
                    charge: charge.map(content::charge),
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
            Write::Change {
                job,
                is_purged,
                change,
            } => {
                let job = model.name_of(*job, *is_purged);
                let change = changed(change, model, &job);
                Self::Change(job, Box::new(change))
            }
            Write::Purge { job } => Self::Purge(model.name(*job)),
            Write::PurgeEnded { jobs, steps_ago } => {
                let ids = jobs.iter().map(|job| model.name(*job));
                Self::PurgeEnded(ids.collect(), begin_of(times, *steps_ago))
            }
            Write::MarkErased { job, people } => {
                let marks = people.iter().flat_map(|number| marks(*number));
                Self::MarkErased(model.name(*job), marks.collect())
            }
            Write::ForgetProfiles { credential, people } => {
                let profiles = people.iter().map(|number| person(*number));
                Self::ForgetProfiles(content::credential(*credential), profiles.collect())
            }
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
                is_purged,
                credential,
                body,
                max_bytes,
            } => {
                let job = model.name_of(*job, *is_purged);
                // Whose job it was.
                let purged = model.purged.get(&job).map(|job| job.credential.clone());
                let credential = credential.map(|place| match purged {
                    Some(credential) => credential,
                    None => content::credential(place),
                });
                Self::AppendUnmatched(job, credential, bytes(*body), *max_bytes)
            }
            Write::RemoveUnmatched { places } => {
                let all = model.unmatched();
                let chosen = places.iter().filter_map(|place| all.get(*place).copied());
                Self::RemoveUnmatched(chosen.collect())
            }
            Write::Compact => Self::Compact,
            Write::Probe => Self::Probe,
        }
    }
}
