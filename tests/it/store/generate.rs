//! How scripts are made up.

use proptest::prelude::*;

use super::people::PEOPLE;
use super::script::{
    Body, Calling, Changing, Charging, Ending, Finding, IDS, ITEMS, JOBS, Kind, Page, Reusing,
    Step, Who, Write,
};

/// Scripts of at most so many steps. Each has a job that most of it is about, so that
/// what happens to a job goes together.
pub fn script(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    (0..JOBS).prop_flat_map(move |favourite| prop::collection::vec(step(favourite), 1..=steps))
}

fn step(favourite: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => write(favourite).prop_map(|write| Step::Write(vec![write])),
        6 => prop::collection::vec(write(favourite), 2..=4).prop_map(Step::Write),
        3 => (0..12_usize).prop_map(|steps_ago| Step::Trim { steps_ago }),
        1 => (0..4_u64, 0..3_i64)
            .prop_map(|(days_ago, earlier)| Step::TrimLedger { days_ago, earlier }),
        3 => Just(Step::DropBodies),
        3 => page().prop_map(Step::Read),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        2 => any::<u8>().prop_map(|part| Step::TornCrash { part }),
    ]
}

fn write(favourite: usize) -> impl Strategy<Value = Write> {
    let job = prop_oneof![4 => Just(favourite), 1 => 0..JOBS];
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
        8 => (job.clone(), changing()).prop_map(|(job, change)| Write::Change {
                job,
                is_purged: false,
                change,
            }),
        4 => (job.clone(), prop::bool::weighted(0.3), answering()).prop_map(
            |(job, is_purged, change)| Write::Change { job, is_purged, change }
        ),
        1 => job.clone().prop_map(|job| Write::Purge { job }),
        2 => (prop::collection::vec(job.clone(), 1..5), 0..6_usize)
            .prop_map(|(jobs, steps_ago)| Write::PurgeEnded { jobs, steps_ago }),
        3 => (job.clone(), people()).prop_map(|(job, people)| Write::MarkErased { job, people }),
        2 => (0..2_usize, people())
            .prop_map(|(credential, people)| Write::ForgetProfiles { credential, people }),
        2 => (
            job.clone(),
            prop::collection::vec(0..6_i64, 0..6),
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
    (
        prop::option::weighted(0.7, (0..IDS, prop_oneof![4 => Just(0_u8), 1 => Just(1)])),
        0..3_i64,
        0..8_i64,
        prop::option::of(0..16_i64),
        prop::collection::vec(wanted(), 0..4),
        prop_oneof![2 => Just(0_u64), 1 => 1..4_u64],
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(reusing(), 1..3)],
        prop::bool::weighted(0.4),
    )
        .prop_map(
            |(request, minimum, more, budget, people, days_ago, reused, is_reused)| Calling {
                request,
                minimum,
                more,
                budget,
                people: people.concat(),
                days_ago,
                is_reused: is_reused && !reused.is_empty(),
                reused,
            },
        )
}

/// Somebody whom a call asks about. Who is named by a profile is one for no kind, too.
fn wanted() -> impl Strategy<Value = Vec<(i32, i32, u8)>> {
    let kind = prop_oneof![4 => 1..3_i32, 1 => Just(3)];
    (0..ITEMS, kind, 0..PEOPLE, any::<bool>()).prop_map(|(item, kind, person, by_profile)| {
        let kinds = [kind].into_iter().chain(by_profile.then_some(0));
        kinds.map(|kind| (item, kind, person)).collect()
    })
}

fn reusing() -> impl Strategy<Value = Reusing> {
    (item(), 0..PEOPLE).prop_map(|(index, person)| Reusing { index, person })
}

/// An item of a batch, mostly.
fn item() -> impl Strategy<Value = Option<i32>> {
    prop::option::weighted(0.8, 0..ITEMS)
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
    (prop_oneof![1 => Just(0_i64), 2 => Just(1)], 0..3_i64).prop_map(|(emails, phone_numbers)| {
        Charging {
            emails,
            phone_numbers,
        }
    })
}

/// Few are different, so that some come twice; few are so large that they end a page.
fn body() -> impl Strategy<Value = Body> {
    let size = prop_oneof![60 => 0..40_usize, 1 => 400_000..1_200_000_usize];
    (b'a'..=b'c', size).prop_map(|(byte, size)| Body { byte, size })
}

/// What Pronto answered to the start of a job.
fn answering() -> impl Strategy<Value = Changing> {
    let upstream_id = prop::option::of(0..IDS);
    (upstream_id, 2..6_i32, any::<bool>()).prop_map(|(upstream_id, call, started)| Changing {
        upstream_id,
        call: Some(call),
        started,
        ..Changing::default()
    })
}

fn changing() -> impl Strategy<Value = Changing> {
    let start = (
        prop::option::weighted(0.2, 0..IDS),
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
    let charge = prop::option::weighted(0.6, charging());
    (kind(), who(), any::<bool>(), charge).prop_map(|(what, who, polled, charge)| Finding {
        what,
        who,
        polled,
        charge,
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Lead),
        1 => Just(Kind::Account),
        7 => (0..PEOPLE, item()).prop_map(|(person, index)| Kind::Contact { person, index }),
        2 => Just(Kind::Signal),
        1 => body().prop_map(Kind::Unrecognized),
        1 => Just(Kind::Erased),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    let some = |most: usize| prop::collection::vec(0..5_u8, 0..=most);
    let listed = prop::option::of(1..4_usize);
    prop_oneof![
        6 => prop::collection::vec(0..9_u8, 1..=3).prop_map(Who::Keys),
        2 => (0..ITEMS).prop_map(Who::Item),
        6 => (some(2), 0..4_u8, listed).prop_map(|(subject, bytes, listed)| Who::Occurrence {
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
