//! Which deliveries of some work are over, so that another process does not repeat them.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::journal::{Entry, Mark};
use super::state::State;

/// The deliveries of some work.
pub struct Receipts {
    state: Arc<State>,
    /// Its id.
    work: String,
    course: Mutex<Course>,
}

struct Course {
    /// How many have begun.
    begun: u64,
    /// The numbers of those that are not over.
    open: BTreeSet<u64>,
    /// How many were noted.
    noted: u64,
    /// Whether no more begin.
    ended: bool,
}

/// One delivery. Dropped before it is over, it comes again after a restart.
pub struct Receipt {
    of: Arc<Receipts>,
    number: u64,
}

impl Receipts {
    /// Those of work of which so many are over.
    pub fn new(state: &Arc<State>, work: &str, over: u64) -> Arc<Self> {
        Arc::new(Self {
            state: Arc::clone(state),
            work: work.to_owned(),
            course: Mutex::new(Course {
                begun: over,
                open: BTreeSet::new(),
                noted: over,
                ended: false,
            }),
        })
    }

    /// One more begins.
    pub fn begin(self: &Arc<Self>) -> Receipt {
        let mut course = self.course.lock();
        let number = course.begun;
        course.begun += 1;
        course.open.insert(number);
        Receipt {
            of: Arc::clone(self),
            number,
        }
    }

    /// No more begin.
    pub fn end(&self) {
        let mut course = self.course.lock();
        course.ended = true;
        self.note(&mut course);
    }

    /// Notes how many are over without a gap: what was held back comes again.
    fn note(&self, course: &mut Course) {
        let over = course.open.first().copied().unwrap_or(course.begun);
        if over > course.noted {
            course.noted = over;
            let work = self.work.clone();
            let journal = &self.state.journal;
            journal.note(|| Entry::Delivered { work, count: over });
        }
        if course.ended && course.open.is_empty() {
            let journal = &self.state.journal;
            journal.note(|| Entry::Done(Mark::now(&self.work)));
        }
    }
}

impl Receipt {
    /// It was answered, or will never be.
    pub fn over(self) {
        let mut course = self.of.course.lock();
        course.open.remove(&self.number);
        self.of.note(&mut course);
    }
}
