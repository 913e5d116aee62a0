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
        3 => page().prop_map(Step::Read),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        2 => any::<u8>().prop_map(|part| Step::TornCrash { part }),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let job = 0..JOBS;
    prop_oneof![
        4 => (job.clone(), 0..2_usize, prop::option::of(0..4_usize), 0..3_u64).prop_map(
            |(job, credential, items, created)| Write::Create { job, credential, items, created }
        ),
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

/// Few are different, so that some come twice; few are so large that they end a page.
fn body() -> impl Strategy<Value = Body> {
    let size = prop_oneof![60 => 0..40_usize, 1 => 400_000..1_200_000_usize];
    (b'a'..=b'c', size).prop_map(|(byte, size)| Body { byte, size })
}

fn changing() -> impl Strategy<Value = Changing> {
    let start = (
        prop::option::weighted(0.2, 0..3_u8),
        prop::option::weighted(0.2, -1..6_i64),
        any::<bool>(),
    );
    let rest = (
        prop::option::of((0..4_usize, 0..3_i64)),
        prop::bool::weighted(0.1),
        prop::collection::vec(finding(), 0..4),
        prop::option::weighted(0.15, ending()),
    );
    (start, rest).prop_map(
        |((upstream_id, expected, started), (decoded, final_seen, found, end))| Changing {
            upstream_id,
            expected,
            started,
            decoded,
            final_seen,
            found,
            end,
        },
    )
}

fn finding() -> impl Strategy<Value = Finding> {
    (kind(), who(), any::<bool>()).prop_map(|(what, who, polled)| Finding { what, who, polled })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Lead),
        1 => Just(Kind::Account),
        1 => Just(Kind::Contact),
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
