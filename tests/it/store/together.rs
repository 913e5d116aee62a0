//! An id is admitted once, and a budget is kept, also by calls that are begun at once.

use std::sync::Arc;
use std::time::SystemTime;

use pronto_grpc::jobs::model::NewJob;
use pronto_grpc::jobs::store::Store;
use pronto_grpc::ledger::Day;
use pronto_grpc::ledger::model::{Admission, Earlier, NewCall, RequestKey, Settlement, Spending};
use pronto_grpc::proto::endpoint::endpoints;
use pronto_grpc::proto::v1::{CallOutcome, Estimate};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{ENGINES, Engine};

/// So many calls are begun at once.
const CALLS: usize = 100;

/// What each of them may cost.
const MAXIMUM: i64 = 7;

fn open(engine: &Engine) -> (TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = (engine.open)(folder.path()).unwrap();
    (folder, store)
}

fn call(request: Option<&str>) -> NewCall {
    let operation = endpoints::START_BULK_CONTACT_ENRICHMENT.rpc;
    NewCall {
        request: request.map(|id| RequestKey {
            id: id.to_owned(),
            fingerprint: [1; 32],
        }),
        estimate: Estimate {
            maximum: MAXIMUM,
            ..Default::default()
        },
        ..NewCall::new("default", operation, SystemTime::now())
    }
}

fn job(id: String, call: NewCall) -> NewJob {
    NewJob {
        id,
        credential: call.credential.clone(),
        operation: call.operation.clone(),
        secret_hash: [0; 32],
        items: None,
        search_name: None,
        created: call.time,
        deadline: None,
        call,
    }
}

/// Begins calls at once; every second one starts a job.
async fn begin(
    store: &Arc<dyn Store>,
    call: impl Fn(usize) -> NewCall,
    starts_job: impl Fn(usize) -> bool,
) -> Vec<Admission> {
    let mut tasks = JoinSet::new();
    for number in 0..CALLS {
        let (store, call) = (store.clone(), call(number));
        let starts_job = starts_job(number);
        tasks.spawn(async move {
            match starts_job {
                true => store.create_job(job(number.to_string(), call)).await,
                false => store.begin_call(call).await,
            }
        });
    }
    let admissions = tasks.join_all().await.into_iter();
    admissions.collect::<Result<_, _>>().unwrap()
}

fn admitted(admissions: &[Admission]) -> usize {
    let is_admitted = |admission: &&Admission| matches!(admission, Admission::Admitted(_));
    admissions.iter().filter(is_admitted).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_with_one_id_one_is_admitted() {
    for engine in ENGINES {
        let (_folder, store) = open(engine);
        for round in ["unary", "job"] {
            let admissions = begin(&store, |_| call(Some(round)), |_| round == "job").await;
            assert_eq!(admitted(&admissions), 1, "{}, {round}", engine.name);
            let started = match store.jobs(all_jobs()).await.unwrap().as_slice() {
                [] => Earlier::Unknown,
                [job] => Earlier::Job(job.id.clone()),
                jobs => panic!("{} jobs were started", jobs.len()),
            };
            for admission in admissions {
                if !matches!(admission, Admission::Admitted(_)) {
                    assert_eq!(admission, Admission::Repeated(started.clone()), "{round}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_refused_call_may_be_sent_again_and_no_other_one() {
    for engine in ENGINES {
        for (outcome, again) in [
            (CallOutcome::Pending, Some(Earlier::Unknown)),
            (CallOutcome::Unknown, Some(Earlier::Unknown)),
            (CallOutcome::CarriedOut, Some(Earlier::Erased)),
            (CallOutcome::Reused, Some(Earlier::Erased)),
            (CallOutcome::Refused, None),
        ] {
            let (_folder, store) = open(engine);
            let first = store.begin_call(call(Some("id"))).await.unwrap();
            let Admission::Admitted(id) = first else {
                panic!("{first:?}")
            };
            let settlement = Settlement {
                outcome,
                charge: None,
                results: 0,
                reused: 0,
                answer: None,
            };
            store.settle_call(id, settlement).await.unwrap();
            let second = store.begin_call(call(Some("id"))).await.unwrap();
            match again {
                Some(earlier) => assert_eq!(second, Admission::Repeated(earlier)),
                None => assert!(matches!(second, Admission::Admitted(_)), "{second:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_begun_at_once_keep_the_budget() {
    const BUDGET: i64 = 10 * MAXIMUM + 3;
    for engine in ENGINES {
        let (_folder, store) = open(engine);
        let time = SystemTime::now();
        let within = |_| NewCall {
            daily_budget: Some(BUDGET),
            time,
            ..call(None)
        };
        let admissions = begin(&store, within, |number| number % 2 == 0).await;
        assert_eq!(admitted(&admissions), 10, "{}", engine.name);
        let full = Spending {
            spent: 0,
            reserved: 10 * MAXIMUM,
        };
        let spending = store.spending("default", Day::of(time)).await.unwrap();
        assert_eq!(spending, full);
        let refused = admissions
            .iter()
            .filter(|a| **a == Admission::OverBudget(full));
        assert_eq!(refused.count(), CALLS - 10);
    }
}

fn all_jobs() -> pronto_grpc::jobs::model::JobPage {
    pronto_grpc::jobs::model::JobPage {
        credential: "default".to_owned(),
        states: Vec::new(),
        before: None,
        limit: CALLS,
    }
}
