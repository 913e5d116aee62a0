//! How scripts are made up.

use proptest::prelude::*;

use super::people::PEOPLE;
use super::script::{
    Body, Calling, Changing, Charging, Ending, Finding, JOBS, Kind, Page, Step, Who, Write,
};

/// Scripts of at most so many steps.
pub fn script(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..=steps)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => write().prop_map(|write| Step::Write(vec![write])),
        6 => prop::collection::vec(write(), 2..=4).prop_map(Step::Write),
        2 => (0..12_usize).prop_map(|steps_ago| Step::Trim { steps_ago }),
        1 => (0..4_u64, 0..3_i64)
            .prop_map(|(days_ago, earlier)| Step::TrimLedger { days_ago, earlier }),
        1 => Just(Step::DropBodies),
        3 => page().prop_map(Step::Read),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        2 => any::<u8>().prop_map(|part| Step::TornCrash { part }),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let job = 0..JOBS;
    prop_oneof![
        4 => (job.clone(), 0..2_usize, prop::option::of(0..4_usize), 0..3_u64, calling()).prop_map(
            |(job, credential, items, created, call)| Write::Create {
                job,
                credential,
                items,
                created,
                call,
            }
        ),
        4 => (0..2_usize, calling())
            .prop_map(|(credential, call)| Write::Begin { credential, call }),
        4 => settle(),
        1 => Just(Write::Interrupt),
        1 => prop::collection::vec(0..4_usize, 0..3)
            .prop_map(|places| Write::EraseAnswers { places }),
        5 => (job.clone(), any::<bool>(), body())
            .prop_map(|(job, polled, body)| Write::Append { job, polled, body }),
        10 => (job.clone(), prop::bool::weighted(0.05), changing()).prop_map(
            |(job, is_purged, change)| Write::Change { job, is_purged, change }
        ),
        1 => job.clone().prop_map(|job| Write::Purge { job }),
        1 => (prop::collection::vec(job.clone(), 1..5), 0..6_usize)
            .prop_map(|(jobs, steps_ago)| Write::PurgeEnded { jobs, steps_ago }),
        1 => (job.clone(), people()).prop_map(|(job, people)| Write::MarkErased { job, people }),
        1 => (0..2_usize, people())
            .prop_map(|(credential, people)| Write::ForgetProfiles { credential, people }),
        1 => (
            job.clone(),
            prop::collection::vec(0..8_i64, 0..3),
            prop::collection::vec(0..6_usize, 0..3),
        )
            .prop_map(|(job, sequences, deliveries)| Write::Erase { job, sequences, deliveries }),
        2 => (
            job,
            any::<bool>(),
            prop::option::of(0..2_usize),
            body(),
            0..120_usize,
        ).prop_map(
            |(job, is_purged, credential, body, max_bytes)| Write::AppendUnmatched {
                job,
                is_purged,
                credential,
                body,
                max_bytes,
            }
        ),
        1 => prop::collection::vec(0..4_usize, 0..3)
            .prop_map(|places| Write::RemoveUnmatched { places }),
        1 => Just(Write::Compact),
        1 => Just(Write::Probe),
    ]
}

fn people() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..PEOPLE, 1..3)
}

/// Ids and people are few, so that they are shared.
fn calling() -> impl Strategy<Value = Calling> {
    let person = (0..2_i32, 0..4_i32, 0..PEOPLE);
    (
        prop::option::weighted(0.7, (0..2_u8, prop_oneof![4 => Just(0_u8), 1 => Just(1)])),
        0..3_i64,
        0..8_i64,
        prop::option::of(0..16_i64),
        prop::collection::vec(person, 0..4),
        prop_oneof![3 => Just(0_u64), 1 => 1..4_u64],
    )
        .prop_map(
            |(request, minimum, more, budget, people, days_ago)| Calling {
                request,
                minimum,
                more,
                budget,
                people,
                days_ago,
            },
        )
}

fn settle() -> impl Strategy<Value = Write> {
    let charge = prop::option::weighted(0.7, charging());
    let outcome = prop_oneof![5 => Just(2_i32), 2 => Just(3), 3 => 1..6_i32];
    let answer = prop::option::weighted(0.7, body());
    (0..5_usize, outcome, charge, 0..2_i64, 0..2_i64, answer).prop_map(
        |(place, outcome, charge, results, reused, answer)| Write::Settle {
            place,
            outcome,
            charge,
            results,
            reused,
            answer,
        },
    )
}

fn charging() -> impl Strategy<Value = Charging> {
    (0..2_i64, 0..3_i64).prop_map(|(emails, phone_numbers)| Charging {
        emails,
        phone_numbers,
    })
}

/// Few are different, so that some come twice; few are so large that they end a page.
fn body() -> impl Strategy<Value = Body> {
    let size = prop_oneof![60 => 0..40_usize, 1 => 400_000..1_200_000_usize];
    (b'a'..=b'c', size).prop_map(|(byte, size)| Body { byte, size })
}

fn changing() -> impl Strategy<Value = Changing> {
    let start = (
        prop::option::weighted(0.2, 0..3_u8),
        prop::option::weighted(0.2, -1..6_i64),
        prop::option::weighted(0.2, 2..6_i32),
        any::<bool>(),
    );
    let rest = (
        prop::option::of((0..4_usize, 0..3_i64)),
        prop::bool::weighted(0.1),
        prop::collection::vec(finding(), 0..4),
        prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(0..4_usize, 1..3)],
        prop::option::weighted(0.15, ending()),
    );
    (start, rest).prop_map(
        |(
            (upstream_id, expected, call, started),
            (decoded, final_seen, found, erased_bodies, end),
        )| Changing {
            upstream_id,
            expected,
            call,
            started,
            decoded,
            final_seen,
            found,
            erased_bodies,
            end,
        },
    )
}

fn finding() -> impl Strategy<Value = Finding> {
    let charge = prop::option::weighted(0.4, charging());
    let reused = prop::bool::weighted(0.1);
    (kind(), who(), any::<bool>(), charge, reused).prop_map(
        |(what, who, polled, charge, reused)| Finding {
            what,
            who,
            polled,
            charge,
            reused,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Lead),
        1 => Just(Kind::Account),
        4 => (0..PEOPLE).prop_map(Kind::Contact),
        2 => Just(Kind::Signal),
        1 => body().prop_map(Kind::Unrecognized),
        1 => Just(Kind::Erased),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    let some = |most: usize| prop::collection::vec(0..5_u8, 0..=most);
    let listed = prop::option::of(1..4_usize);
    prop_oneof![
        prop::collection::vec(0..9_u8, 1..=3).prop_map(Who::Keys),
        (some(2), 0..4_u8, listed).prop_map(|(subject, bytes, listed)| Who::Occurrence {
            subject,
            bytes,
            listed,
        }),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Complete),
        Just(Ending::Incomplete),
        Just(Ending::Failed),
        Just(Ending::Cancelled),
    ]
}

fn page() -> impl Strategy<Value = Page> {
    (0..JOBS, 0..6_usize, 0..4_usize, 0..6_i32).prop_map(|(job, after, limit, state)| Page {
        job,
        after,
        limit,
        state,
    })
}
