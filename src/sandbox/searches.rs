//! Searches: what they found, and how they go on in the background.

use std::sync::Arc;

use prost_types::{Struct, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use super::call::Call;
use super::journal::{Entry, Kept, Task, Work, forms};
use super::outbox::{FirstDelivery, Outbox};
use super::render::{self, LeadStyle};
use super::search_run::{self, Run};
use super::state::{State, new_id};
use super::switches::Switches;
use super::world::World;
use super::world::person::Person;
use crate::proto::endpoint::Endpoint;
use crate::proto::json::{self, Object};
use crate::proto::v1::{self, SearchStatus};
use crate::proto::wire::WireEnum;

/// Companies in one streamed message.
const BATCH: usize = 10;

/// What a search finds: numbers of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Results {
    /// People.
    Leads(Vec<usize>),
    /// Companies.
    Accounts(Vec<usize>),
    /// Companies, each with the numbers of the job postings that match.
    Hiring(Vec<(usize, Vec<u64>)>),
}

impl Results {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Leads(people) => people.len(),
            Self::Accounts(companies) => companies.len(),
            Self::Hiring(companies) => companies.len(),
        }
    }

    /// Keeps the first so many.
    fn truncate(&mut self, count: usize) {
        match self {
            Self::Leads(people) => people.truncate(count),
            Self::Accounts(companies) => companies.truncate(count),
            Self::Hiring(companies) => companies.truncate(count),
        }
    }

    /// How many are found, and streamed, at once.
    pub fn step(&self) -> usize {
        match self {
            Self::Leads(_) => 1,
            Self::Accounts(_) | Self::Hiring(_) => BATCH,
        }
    }
}

/// A search to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewSearch {
    /// Whose.
    pub owner: String,
    /// Label.
    pub name: String,
    /// What it will find.
    pub results: Results,
    /// Where results go.
    #[serde(with = "forms::url")]
    pub webhook: Option<Url>,
    /// Whether results go there while the search runs.
    pub streaming: bool,
    /// Whether leads are described at higher volume.
    pub scale: bool,
    /// Whether it never ends.
    pub endless: bool,
    /// To echo.
    #[serde(with = "forms::object")]
    pub custom: Option<Struct>,
}

/// A search that was started.
#[derive(Clone, Debug)]
pub struct SearchRecord {
    /// Id.
    pub id: String,
    /// When.
    pub created_at: Timestamp,
    /// State.
    pub status: SearchStatus,
    /// How many results were found so far.
    pub found: usize,
    /// The rest.
    pub search: Arc<NewSearch>,
}

impl SearchRecord {
    /// As Pronto describes it.
    #[must_use]
    pub fn describe(&self) -> v1::Search {
        v1::Search {
            id: Some(self.id.clone()),
            name: Some(self.search.name.clone()),
            created_at: Some(self.created_at),
            status: Some(self.status.wire().to_owned()),
            ..Default::default()
        }
    }
}

/// Starts a search. A fault may let it return only after the first delivery was
/// answered.
pub async fn start(call: &Call, mut search: NewSearch) -> SearchRecord {
    let state = &call.state;
    if call.finds_nothing() {
        search.results.truncate(0);
    }
    let failure = search_run::failure(call.search_strikes(), search.results.len());
    if let Some((_, after)) = failure {
        search.results.truncate(after);
    }
    let failure = failure.map(|(status, _)| status);
    let record = record(call, search, failure);
    let work = || go_on(state, call.endpoint, record.clone(), failure, 0);
    state.begin(call.endpoint, work).await;
    record
}

/// Records a search that starts now.
fn record(call: &Call, search: NewSearch, failure: Option<SearchStatus>) -> SearchRecord {
    let (state, endpoint) = (&call.state, call.endpoint);
    let task = Task::Search {
        search: search.clone(),
        failure,
    };
    let work = Work::new(&new_id(), endpoint, task);
    let record = SearchRecord {
        id: work.id.clone(),
        created_at: work.started_at,
        status: SearchStatus::NotStarted,
        found: 0,
        search: Arc::new(search),
    };
    state.journal.note(|| Entry::Started(work));
    let webhook = record.search.webhook.as_ref();
    state.ledger.start(&record.id, endpoint, webhook);
    let mut searches = state.searches.lock();
    searches.insert(record.id.clone(), record.clone());
    record
}

/// Finds and delivers in the background what another process has not.
pub fn go_on(
    state: &Arc<State>,
    endpoint: &'static Endpoint,
    record: SearchRecord,
    failure: Option<SearchStatus>,
    made: u64,
) -> FirstDelivery {
    let webhook = record.search.webhook.clone();
    let (outbox, delivered) = Outbox::new(state, &record.id, endpoint, webhook, made);
    state.spawn(Run::new(state, record, outbox, failure).run());
    delivered
}

/// Brings a search of another process back, unless it was deleted.
pub fn bring_back(state: &State, kept: &Kept, search: &NewSearch) {
    let status = kept.status.unwrap_or(SearchStatus::NotStarted);
    let keys = keys(&state.world, search, 0..kept.found);
    state.ledger.find(&kept.work.id, keys, kept.credits);
    let is_over = !matches!(status, SearchStatus::NotStarted | SearchStatus::Ongoing);
    if is_over || kept.deleted.is_some() {
        state.ledger.finish(&kept.work.id);
    }
    if kept.deleted.is_none() {
        let record = SearchRecord {
            id: kept.work.id.clone(),
            created_at: kept.work.started_at,
            status,
            found: kept.found,
            search: Arc::new(search.clone()),
        };
        state.searches.lock().insert(record.id.clone(), record);
    }
}

/// What names the results in a range, as their deliveries do.
pub fn keys(world: &World, search: &NewSearch, range: std::ops::Range<usize>) -> Vec<String> {
    let company = |index: &usize| Some(world.company(*index)?.linkedin_url());
    let keys: Vec<Option<String>> = match &search.results {
        Results::Leads(people) => {
            let found = people.get(range).unwrap_or_default().iter();
            let url = |person| render::profile_url(person, search.scale);
            found.map(|index| world.person(*index).map(url)).collect()
        }
        Results::Accounts(companies) => {
            let found = companies.get(range).unwrap_or_default().iter();
            found.map(company).collect()
        }
        Results::Hiring(companies) => {
            let found = companies.get(range).unwrap_or_default().iter();
            found.map(|(index, _)| company(index)).collect()
        }
    };
    keys.into_iter().flatten().collect()
}

/// How the people of a search are described.
pub fn style(record: &SearchRecord, switches: &Switches) -> LeadStyle {
    LeadStyle {
        generation: switches.generation,
        scale: record.search.scale,
        flat: false,
    }
}

/// The people found so far that fit, nested.
pub fn leads(
    state: &State,
    record: &SearchRecord,
    switches: &Switches,
    fits: impl Fn(Person<'_>) -> bool,
) -> Vec<v1::LeadResult> {
    let Results::Leads(people) = &record.search.results else {
        return Vec::new();
    };
    let found = people
        .iter()
        .take(record.found)
        .filter_map(|index| state.world.person(*index));
    found
        .filter(|person| fits(*person))
        .map(|person| render::nested_lead(person, style(record, switches), None))
        .collect()
}

/// The companies in a range of the results.
pub fn accounts(
    state: &State,
    record: &SearchRecord,
    switches: &Switches,
    range: std::ops::Range<usize>,
) -> Vec<v1::AccountResult> {
    let generation = switches.generation;
    let result = |index: usize| {
        let company = state.world.company(index)?;
        Some((
            company,
            render::account_result(render::company(company, generation), generation),
        ))
    };
    match &record.search.results {
        Results::Leads(_) => Vec::new(),
        Results::Accounts(companies) => {
            let found = companies.get(range).unwrap_or_default().iter();
            found.filter_map(|index| Some(result(*index)?.1)).collect()
        }
        Results::Hiring(companies) => {
            let found = companies.get(range).unwrap_or_default().iter();
            let with_postings = found.filter_map(|(index, numbers)| {
                let (company, result) = result(*index)?;
                let postings = company.postings();
                let matching = postings
                    .iter()
                    .filter(|posting| numbers.contains(&posting.number));
                let job_postings = matching.map(render::job_posting).collect();
                Some(v1::AccountResult {
                    job_postings,
                    ..result
                })
            });
            with_postings.collect()
        }
    }
}

/// Adds the lists that are there even when they are empty.
pub fn with_lists<M: json::JsonMessage>(
    mut object: Object,
    probe: &M,
    switches: &Switches,
) -> Object {
    for (key, empty) in render::empty_lists(probe, switches.generation.spelling()) {
        object.entry(key).or_insert(empty);
    }
    object
}
