//! Scripts that once did not match.

use pronto_grpc::proto::v1::CallOutcome;

use super::play::play;
use super::script::{Body, Calling, Changing, Ending, Reusing, Step, Write};
use super::{ENGINES, runtime};

#[track_caller]
fn matches(script: &[Step]) {
    for engine in ENGINES {
        if let Err(mismatch) = runtime().block_on(play(engine, script)) {
            panic!("{}: {mismatch}", engine.name);
        }
    }
}

fn create(job: usize) -> Write {
    Write::Create {
        job,
        credential: 0,
        items: None,
        created: 0,
        call: Default::default(),
    }
}

fn change_of(job: usize, change: Changing) -> Write {
    Write::Change {
        job,
        is_purged: false,
        change,
    }
}

/// Its times had more digits than those that were stored.
#[test]
fn a_changed_job_is_answered_as_it_is_read_later() {
    let change = Changing::default();
    matches(&[
        Step::Write(vec![create(0)]),
        Step::Write(vec![change_of(0, change)]),
    ]);
}

/// Its second answer was refused.
#[test]
fn a_call_of_unknown_outcome_may_have_been_answered_before() {
    let settle = |outcome| Write::Settle {
        place: 0,
        outcome,
        charge: None,
        results: 0,
        reused: 0,
        answer: Some(Body {
            byte: b'a',
            size: outcome as usize,
        }),
    };
    let begin = Write::Begin {
        credential: 0,
        call: Calling::default(),
    };
    matches(&[
        Step::Write(vec![begin]),
        Step::Write(vec![settle(CallOutcome::Unknown as i32)]),
        Step::Write(vec![settle(CallOutcome::CarriedOut as i32)]),
    ]);
}

/// It was taken for unfinished for ever.
#[test]
fn a_job_ends_though_the_ledger_has_forgotten_its_call() {
    let old = Write::Create {
        job: 0,
        credential: 0,
        items: None,
        created: 0,
        call: Calling {
            days_ago: 1,
            ..Calling::default()
        },
    };
    let trim = Step::TrimLedger {
        days_ago: 0,
        earlier: 0,
    };
    let change = Changing {
        final_seen: true,
        end: Some(Ending::Failed),
        ..Changing::default()
    };
    matches(&[
        Step::Write(vec![old]),
        trim,
        Step::Write(vec![change_of(0, change)]),
    ]);
}

/// A job that reuses somebody.
fn create_with_reused() -> Write {
    Write::Create {
        job: 3,
        credential: 0,
        items: Some(1),
        created: 0,
        call: Calling {
            reused: vec![Reusing {
                index: Some(0),
                person: 0,
            }],
            ..Calling::default()
        },
    }
}

/// It was a result from nowhere.
#[test]
fn what_was_reused_counts_so_though_it_is_erased() {
    let change = Changing {
        started: true,
        ..Changing::default()
    };
    let erase = Write::MarkErased {
        job: 3,
        people: vec![0],
    };
    matches(&[
        Step::Write(vec![create_with_reused()]),
        Step::Write(vec![erase]),
        Step::Write(vec![change_of(3, change)]),
    ]);
}

/// They were gone, though the call was carried out.
#[test]
fn a_refusal_that_comes_too_late_takes_no_reused_contacts_along() {
    let carried_out = Changing {
        upstream_id: Some(0),
        ..Changing::default()
    };
    let refused = Changing {
        call: Some(CallOutcome::Refused as i32),
        ..Changing::default()
    };
    let started = Changing {
        started: true,
        ..Changing::default()
    };
    matches(&[
        Step::Write(vec![create_with_reused()]),
        Step::Write(vec![change_of(3, carried_out)]),
        Step::Write(vec![change_of(3, refused)]),
        Step::Write(vec![change_of(3, started)]),
    ]);
}
