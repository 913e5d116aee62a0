//! How the engine finds what the ledger's statements are about.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::file::migrate;
use super::{answers, calls, change, entries, keep, purchases, rows, usage};
use crate::jobs::model::{Change, End, Found, Identity, NewJob};
use crate::ledger::Day;
use crate::ledger::model::{
    Admission, Charge, LedgerPage, NewCall, RequestKey, Settlement, UsagePage, Wanted,
};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{self, CallOutcome, CallbackSource, Contact, EnrichmentType, Estimate};

/// The statements that a connection carries out.
type Statements = Arc<Mutex<BTreeSet<String>>>;

fn traced() -> (Connection, Statements) {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&connection).unwrap();
    let statements = Statements::default();
    let seen = statements.clone();
    let trace = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            seen.lock().insert(statement.sql().into_owned());
        }
    };
    connection
        .trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(trace))
        .unwrap();
    (connection, statements)
}

/// How a statement finds its rows.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let explained = format!("EXPLAIN QUERY PLAN {sql}");
    let mut select = connection.prepare(&explained).unwrap();
    // Nothing is bound to its parameters.
    let rows = select.raw_query().mapped(|row| row.get("detail"));
    rows.collect::<Result<_, _>>().unwrap()
}

fn call(request: &str) -> NewCall {
    NewCall {
        request: Some(RequestKey {
            id: request.to_owned(),
            fingerprint: [0; 32],
        }),
        estimate: Estimate {
            maximum: 9,
            ..Default::default()
        },
        daily_budget: Some(100),
        people: vec![Wanted {
            item: 0,
            kind: EnrichmentType::Email,
            keys: vec![[1; 16]],
        }],
        ..NewCall::new("default", "operation", SystemTime::now())
    }
}

fn admitted(admission: Admission) -> i64 {
    match admission {
        Admission::Admitted(id) => id,
        other => panic!("{other:?}"),
    }
}

fn settlement() -> Settlement {
    Settlement {
        outcome: CallOutcome::CarriedOut,
        charge: Some(charge()),
        results: 1,
        reused: 0,
        answer: Some("{}".into()),
    }
}

fn charge() -> Charge {
    Charge {
        found: v1::Found {
            emails: 1,
            ..Default::default()
        },
        credits: 3,
    }
}

fn start_job(connection: &Connection) {
    let job = NewJob {
        id: "job".to_owned(),
        credential: "default".to_owned(),
        operation: "operation".to_owned(),
        secret_hash: [0; 32],
        items: Some(1),
        search_name: None,
        created: SystemTime::now(),
        deadline: None,
        call: call("job"),
    };
    let id = admitted(calls::admit(connection, &job.call, Some(&job.id)).unwrap());
    rows::insert_job(connection, &job, id).unwrap();
}

fn delivered() -> Change {
    Change {
        call: Some(CallOutcome::CarriedOut),
        found: vec![Found {
            event: Event::Contact(Contact::default()),
            identity: Identity::Keys(vec!["key".to_owned()]),
            source: CallbackSource::Callback,
            charge: Some(charge()),
        }],
        end: Some(End::Complete),
        ..Default::default()
    }
}

/// Does once everything that concerns the ledger.
fn do_everything(connection: &Connection) {
    let now = SystemTime::now();
    let unary = admitted(calls::admit(connection, &call("unary"), None).unwrap());
    calls::admit(connection, &call("unary"), None).unwrap();
    calls::settle(connection, unary, settlement()).unwrap();
    let refused = admitted(calls::admit(connection, &call("refused"), None).unwrap());
    let refusal = Settlement {
        outcome: CallOutcome::Refused,
        answer: None,
        ..settlement()
    };
    calls::settle(connection, refused, refusal).unwrap();
    admitted(calls::admit(connection, &call("interrupted"), None).unwrap());
    calls::interrupt(connection).unwrap();
    start_job(connection);
    change::apply(connection, "job", delivered()).unwrap();
    read_everything(connection, now);
    keep::erase(connection, "job", &[1], &[]).unwrap();
    keep::hide(connection, "job").unwrap();
    while keep::sweep(connection).unwrap() {}
    answers::erase(connection, &[unary]).unwrap();
    answers::trim(connection, now).unwrap();
    answers::drop_some(connection).unwrap();
    entries::trim(connection, now + Duration::from_secs(1)).unwrap();
}

fn read_everything(connection: &Connection, now: SystemTime) {
    let everything = LedgerPage {
        credential: "default".to_owned(),
        after: 0,
        job_id: None,
        start: Some(now),
        end: Some(now),
        limit: 10,
    };
    let of_job = LedgerPage {
        job_id: Some("job".to_owned()),
        ..everything.clone()
    };
    entries::list(connection, &everything).unwrap();
    entries::list(connection, &of_job).unwrap();
    answers::list(connection, "default", 0, 10).unwrap();
    let keys = [[1; 16]];
    purchases::bought(connection, "default", &keys, SystemTime::UNIX_EPOCH).unwrap();
    purchases::asked_about(connection, "default", &keys).unwrap();
    purchases::forget_profiles(connection, "default", &keys).unwrap();
    let days = UsagePage {
        credential: "default".to_owned(),
        first: Day::today(),
        last: Day::today(),
    };
    usage::list(connection, &days).unwrap();
    usage::spending(connection, "default", Day::today()).unwrap();
}

#[test]
fn whatever_concerns_the_ledger_is_found_by_an_index() {
    let (connection, statements) = traced();
    do_everything(&connection);
    let statements: Vec<String> = statements.lock().iter().cloned().collect();
    let mut uses = Vec::new();
    for sql in &statements {
        for step in plan(&connection, sql) {
            let scanned = step.strip_prefix("SCAN ").map(str::to_owned);
            let table = scanned.as_deref().and_then(|rest| rest.split(' ').next());
            let is_large = [
                "ledger",
                "purchases",
                "requests",
                "answers",
                "usage",
                "events",
            ];
            assert!(
                !table.is_some_and(|t| is_large.contains(&t)),
                "{step}: {sql}"
            );
            uses.push(step);
        }
    }
    for index in [
        "ledger_by_credential",
        "ledger_by_job",
        "ledger_by_time",
        "ledger_pending",
        "ledger_refused",
        "ledger_with_people",
        "answers_by_credential",
        "answers_by_time",
        "requests_by_time",
        "requests_by_call",
        "purchases_by_key",
        "purchases_by_profile",
    ] {
        assert!(
            uses.iter().any(|step| step.contains(index)),
            "{index} has no use"
        );
    }
}
