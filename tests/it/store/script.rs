//! What is done to a store.

/// So many jobs there may be at a time, and as many callbacks without a job to name.
pub const JOBS: usize = 4;

/// So many ids requests have, and as many Pronto gives.
pub const IDS: u8 = 2;

/// So many items a batch has.
pub const ITEMS: i32 = 2;

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
    /// Room is made.
    DropBodies,
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
        /// It is the one that was purged last.
        is_purged: bool,
        change: Changing,
    },
    Purge {
        job: usize,
    },
    PurgeEnded {
        jobs: Vec<usize>,
        /// Those that ended before so many steps ago.
        steps_ago: usize,
    },
    MarkErased {
        job: usize,
        people: Vec<u8>,
    },
    ForgetProfiles {
        credential: usize,
        people: Vec<u8>,
    },
    Erase {
        job: usize,
        sequences: Vec<i64>,
        /// Places among the deliveries of all jobs.
        deliveries: Vec<usize>,
    },
    AppendUnmatched {
        job: usize,
        /// It is the one that was purged last.
        is_purged: bool,
        credential: Option<usize>,
        body: Body,
        max_bytes: usize,
    },
    RemoveUnmatched {
        places: Vec<usize>,
    },
    Compact,
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
    /// Items, kinds (0 is a profile) and numbers of people.
    pub people: Vec<(i32, i32, u8)>,
    pub days_ago: u64,
    /// Of a job: what earlier purchases answer, and whether that is everything.
    pub reused: Vec<Reusing>,
    pub is_reused: bool,
}

/// A contact that is reused.
#[derive(Clone, Debug)]
pub struct Reusing {
    /// Its item, where the request is a batch.
    pub index: Option<i32>,
    pub person: u8,
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
    /// Places among the deliveries of the job.
    pub erased_bodies: Vec<usize>,
    pub end: Option<Ending>,
}

/// A result.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: Kind,
    pub who: Who,
    pub polled: bool,
    pub charge: Option<Charging>,
}

/// What a result is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Lead,
    Account,
    /// About a person, for an item of a batch where that is told.
    Contact {
        person: u8,
        index: Option<i32>,
    },
    Signal,
    Unrecognized(Body),
    /// It was about somebody who is erased.
    Erased,
}

/// What tells it from others. Keys and subjects are few, so that they are shared.
#[derive(Clone, Debug)]
pub enum Who {
    Keys(Vec<u8>),
    /// An item of a batch.
    Item(i32),
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
