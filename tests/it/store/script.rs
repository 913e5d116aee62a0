//! What is done to a store, and how such scripts are made up.

use proptest::prelude::*;

/// So many jobs there may be at a time, and as many callbacks without a job to name.
pub const JOBS: usize = 4;

/// One step of a script. Jobs, deliveries and the like are named by their place
/// among those that there are, so that a script stays one when steps are left out.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes that are begun at once, so that they may share a commit.
    Write(Vec<Write>),
    /// Old things are removed: those from before so many steps ago.
    Trim { steps_ago: usize },
    /// Entries of the ledger are forgotten: those of calls from so many days ago, or
    /// all, and the sums of even earlier days.
    TrimLedger { days_ago: u64, earlier: i64 },
    /// Pages are read.
    Read(Page),
    /// The store is closed and opened.
    Reopen,
    /// The files are taken as they are, as after SIGKILL.
    Crash,
    /// The same, but only a part (of 256) of what the last write appended is there.
    TornCrash { part: u8 },
}

/// A write.
#[derive(Clone, Debug)]
pub enum Write {
    Create {
        job: usize,
        credential: usize,
        items: Option<usize>,
        /// Seconds since 1970.
        created: u64,
        call: Calling,
    },
    Begin {
        credential: usize,
        call: Calling,
    },
    Settle {
        /// Its place among the calls that started no job.
        place: usize,
        outcome: i32,
        charge: Option<Charging>,
        results: i64,
        reused: i64,
        answer: Option<Body>,
    },
    Interrupt,
    EraseAnswers {
        places: Vec<usize>,
    },
    Append {
        job: usize,
        polled: bool,
        body: Body,
    },
    Change {
        job: usize,
        change: Changing,
    },
    Purge {
        job: usize,
    },
    Erase {
        job: usize,
        sequences: Vec<i64>,
        /// Places among the deliveries of all jobs.
        deliveries: Vec<usize>,
    },
    AppendUnmatched {
        job: usize,
        credential: Option<usize>,
        body: Body,
        max_bytes: usize,
    },
    RemoveUnmatched {
        places: Vec<usize>,
    },
    Probe,
}

/// A call that may be charged.
#[derive(Clone, Debug, Default)]
pub struct Calling {
    /// Its id, and what it asks for.
    pub request: Option<(u8, u8)>,
    pub minimum: i64,
    /// What it may cost beyond that.
    pub more: i64,
    pub budget: Option<i64>,
    /// Items, kinds and numbers of people.
    pub people: Vec<(i32, i32, u8)>,
    pub days_ago: u64,
}

/// What was found: professional emails and phone numbers.
#[derive(Clone, Copy, Debug)]
pub struct Charging {
    pub emails: i64,
    pub phone_numbers: i64,
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    pub byte: u8,
    pub size: usize,
}

/// A change of a job.
#[derive(Clone, Debug, Default)]
pub struct Changing {
    pub upstream_id: Option<u8>,
    pub expected: Option<i64>,
    pub call: Option<i32>,
    pub started: bool,
    /// Up to this place among the deliveries of the job, and so many results of the next.
    pub decoded: Option<(usize, i64)>,
    pub final_seen: bool,
    pub found: Vec<Finding>,
    pub end: Option<Ending>,
}

/// A result.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: Kind,
    pub who: Who,
    pub polled: bool,
    pub charge: Option<Charging>,
    pub reused: bool,
}

/// What a result is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Lead,
    Account,
    Contact,
    Signal,
    Unrecognized(Body),
}

/// What tells it from others. Keys and subjects are few, so that they are shared.
#[derive(Clone, Debug)]
pub enum Who {
    Keys(Vec<u8>),
    Occurrence {
        subject: Vec<u8>,
        bytes: u8,
        listed: Option<usize>,
    },
}

/// How a job ends.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Complete,
    Incomplete,
    Failed,
    Cancelled,
}

/// A page of anything.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub job: usize,
    /// After this place.
    pub after: usize,
    pub limit: usize,
    /// Only jobs in the state with this number; all when 0.
    pub state: i32,
}

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
        10 => (job.clone(), changing()).prop_map(|(job, change)| Write::Change { job, change }),
        1 => job.clone().prop_map(|job| Write::Purge { job }),
        1 => (
            job.clone(),
            prop::collection::vec(0..8_i64, 0..3),
            prop::collection::vec(0..6_usize, 0..3),
        )
            .prop_map(|(job, sequences, deliveries)| Write::Erase { job, sequences, deliveries }),
        2 => (job, prop::option::of(0..2_usize), body(), 0..120_usize).prop_map(
            |(job, credential, body, max_bytes)| Write::AppendUnmatched {
                job,
                credential,
                body,
                max_bytes,
            }
        ),
        1 => prop::collection::vec(0..4_usize, 0..3)
            .prop_map(|places| Write::RemoveUnmatched { places }),
        1 => Just(Write::Probe),
    ]
}

/// Ids and people are few, so that they are shared.
fn calling() -> impl Strategy<Value = Calling> {
    let person = (0..2_i32, 1..4_i32, 0..4_u8);
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
        prop::option::weighted(0.15, ending()),
    );
    (start, rest).prop_map(
        |((upstream_id, expected, call, started), (decoded, final_seen, found, end))| Changing {
            upstream_id,
            expected,
            call,
            started,
            decoded,
            final_seen,
            found,
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
        4 => Just(Kind::Contact),
        2 => Just(Kind::Signal),
        1 => body().prop_map(Kind::Unrecognized),
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
