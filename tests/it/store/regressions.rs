//! Scripts that once did not match.

use super::play::play;
use super::script::{Changing, Step, Write};
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
    }
}

/// Its times had more digits than those that were stored.
#[test]
fn a_changed_job_is_answered_as_it_is_read_later() {
    let change = Changing::default();
    matches(&[
        Step::Write(vec![create(0)]),
        Step::Write(vec![Write::Change { job: 0, change }]),
    ]);
}
