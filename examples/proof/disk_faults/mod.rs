//! The disk fails at each operation in turn, in every way. Nothing that was answered
//! 2xx is lost, nothing is answered 2xx that is not on the disk, the server neither
//! panics nor hangs, says that it cannot serve while it cannot, and goes on without
//! a restart when the disk works again.

mod disk;
mod outcome;
mod trial;
mod verify;

use tokio::task::JoinSet;

use crate::Form;
use crate::report::Report;
use disk::{Case, Fault};
use outcome::Outcome;
use trial::Trial;

/// Every way in which a disk fails, and whether that stays.
const WAYS: [(Fault, bool); 10] = [
    (Fault::Io, false),
    (Fault::Io, true),
    (Fault::Full, false),
    (Fault::Full, true),
    (Fault::Torn, false),
    (Fault::Torn, true),
    (Fault::Sync, false),
    (Fault::Sync, true),
    (Fault::Kill, false),
    (Fault::Power, false),
];

/// Servers that run at once.
const AT_ONCE: usize = 4;

/// Operations of the short form for each way.
const SAMPLES: u64 = 8;

/// An operation that never comes.
const NEVER: u64 = u64::MAX;

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let mut total = Outcome::default();
    let mut running = JoinSet::new();
    for case in cases(form, &mut report).await {
        if running.len() == AT_ONCE {
            total.add(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(outcome(case));
    }
    while let Some(outcome) = running.join_next().await {
        total.add(outcome.unwrap());
    }
    report.figure("cases", total.cases);
    report.figure("failed_operations", total.failed);
    report.figure("deaths", total.deaths);
    report.figure("refused_starts", total.refused_starts);
    report.figure("acked", total.acked);
    report.figure("refused", total.refused);
    report.zero("acked_lost", total.lost);
    report.zero("acked_while_failing", total.false_acks);
    report.zero("health_wrong", total.health_wrong);
    report.figure("broken", total.broken.len());
    for broken in total.broken {
        report.hold(false, || broken);
    }
    report
}

/// The cases: each operation that a script without faults makes, or a sample.
async fn cases(form: Form, report: &mut Report) -> Vec<Case> {
    let mut cases = Vec::new();
    for (fault, stays) in WAYS {
        let never = Case {
            fault,
            stays,
            at: NEVER,
        };
        let Outcome {
            operations, broken, ..
        } = outcome(never).await;
        for broken in broken {
            report.hold(false, || broken);
        }
        let step = form.pick(operations.div_ceil(SAMPLES), 1).max(1);
        let ats = (1..=operations).step_by(step as usize);
        cases.extend(ats.map(|at| Case { at, ..never }));
    }
    cases
}

/// What came of a case. A panic of the proof itself is one more thing broken.
async fn outcome(case: Case) -> Outcome {
    match tokio::spawn(Trial::run(case)).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let broken = vec![format!("{case:?}: {error}")];
            Outcome {
                broken,
                ..Outcome::default()
            }
        }
    }
}
