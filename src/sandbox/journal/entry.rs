//! What the lines of the file say: what was decided and what has happened, so that nothing
//! is decided again when it is read.

use prost_types::{Struct, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use super::forms;
use crate::proto::endpoint::Endpoint;
use crate::proto::json::Object;
use crate::proto::v1::SearchStatus;
use crate::sandbox::bulk::NewItems;
use crate::sandbox::contacts::NewContacts;
use crate::sandbox::lists::ListRecord;
use crate::sandbox::searches::NewSearch;
use crate::sandbox::state::now;

/// One line. Entries about work that is not known say nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first line.
    Begun(Beginning),
    /// Settings that were changed, as JSON of the message.
    Set(Object),
    /// For each fault that is set, its occasions and its strikes.
    Faults(Vec<(u64, u64)>),
    /// How many turns forms that alternate have had.
    Turn(u64),
    /// Work was started.
    Started(Work),
    /// Work has found more.
    Found(Found),
    /// The first so many deliveries of some work are over.
    Delivered {
        /// Its id.
        work: String,
        /// How many.
        count: u64,
    },
    /// Some work has delivered everything.
    Done(Mark),
    /// A search was deleted.
    Deleted(Mark),
    /// A call was carried out at once, and charged.
    Billed(Bill),
    /// A list was made or changed.
    Listed(ListRecord),
}

/// What everything else belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Which entries there are, and what they mean.
    pub format: u32,
    /// Whose companies and people the numbers stand for.
    pub world: WorldName,
    /// The settings with which the sandbox started.
    pub settings: Object,
}

/// What makes a world the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldName {
    /// Its seed.
    pub seed: u64,
    /// How many companies it has.
    pub companies: usize,
    /// How many people it has.
    pub people: usize,
}

/// Work that goes on in the background and delivers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Work {
    /// Id of the search, enrichment, batch or list.
    pub id: String,
    /// When it was started.
    #[serde(with = "forms::time")]
    pub started_at: Timestamp,
    /// The endpoint that started it.
    #[serde(with = "forms::endpoint")]
    pub endpoint: &'static Endpoint,
    /// What it does.
    pub task: Task,
}

impl Work {
    /// Work that starts now.
    #[must_use]
    pub fn new(id: &str, endpoint: &'static Endpoint, task: Task) -> Self {
        Self {
            id: id.to_owned(),
            started_at: now(),
            endpoint,
            task,
        }
    }
}

/// What some work does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Finds companies or people.
    Search {
        /// What it finds.
        search: NewSearch,
        /// How it ends, if not well.
        #[serde(with = "forms::wire_option")]
        failure: Option<SearchStatus>,
    },
    /// Enriches contacts.
    Contacts(NewContacts),
    /// Looks companies or people up.
    Items(NewItems),
    /// Imports companies into the list with its id.
    Import {
        /// Where it tells that it is done.
        #[serde(with = "forms::url")]
        webhook: Option<Url>,
    },
}

impl Task {
    /// Where its results go.
    #[must_use]
    pub fn webhook(&self) -> Option<&Url> {
        match self {
            Self::Search { search, .. } => search.webhook.as_ref(),
            Self::Contacts(new) => new.webhook.as_ref(),
            Self::Items(new) => new.webhook.as_ref(),
            Self::Import { webhook } => webhook.as_ref(),
        }
    }

    /// Whether it never ends by itself.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        match self {
            Self::Search { search, failure } => search.endless && failure.is_none(),
            Self::Contacts(_) | Self::Items(_) | Self::Import { .. } => false,
        }
    }
}

/// Progress of some work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Its id.
    pub work: String,
    /// How many results it has found so far.
    pub count: usize,
    /// State of a search.
    #[serde(default, with = "forms::wire_option")]
    pub status: Option<SearchStatus>,
    /// Credits charged for what is new.
    #[serde(default)]
    pub credits: u64,
}

/// What happened to some work once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Its id.
    pub work: String,
    /// When.
    #[serde(with = "forms::time")]
    pub at: Timestamp,
}

impl Mark {
    /// Happens now.
    #[must_use]
    pub fn now(work: &str) -> Self {
        Self {
            work: work.to_owned(),
            at: now(),
        }
    }
}

/// A call that was carried out at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bill {
    /// Its id.
    pub id: String,
    /// When.
    #[serde(with = "forms::time")]
    pub at: Timestamp,
    /// The endpoint.
    #[serde(with = "forms::endpoint")]
    pub endpoint: &'static Endpoint,
    /// Its body.
    #[serde(with = "forms::object")]
    pub request: Option<Struct>,
    /// Credits charged.
    pub credits: u64,
}
