//! How long jobs may take.

use std::time::Duration;

use crate::proto::v1::Completion;

/// The deadline of each kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// A search, or a signal that ends.
    pub search: Duration,
    /// The enrichment of one contact.
    pub contact: Duration,
    /// An enrichment in bulk.
    pub bulk: Duration,
}

impl Deadlines {
    /// That of a job whose end is learnt this way; none where it has no end.
    #[must_use]
    pub fn of(&self, completion: Completion) -> Option<Duration> {
        match completion {
            Completion::SearchStatus | Completion::Unspecified => Some(self.search),
            Completion::ContactStatus => Some(self.contact),
            Completion::ItemCount => Some(self.bulk),
            Completion::Never => None,
        }
    }
}
