//! Searches: what they found, and how they go on in the background.

use std::sync::Arc;

use prost_types::{Struct, Timestamp};
use serde_json::Value;
use tokio::sync::oneshot;
use url::Url;

use super::config::StreamingShape;
use super::render::{self, LeadStyle};
use super::state::{State, new_id, now};
use super::switches::Switches;
use super::webhook;
use super::world::person::Person;
use crate::proto::json::{self, Object};
use crate::proto::v1::{self, SearchStatus};
use crate::proto::wire::WireEnum;

/// Companies in one streamed message.
const BATCH: usize = 10;

/// What a search finds: numbers of the world.
#[derive(Clone, Debug)]
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

    /// How many are found, and streamed, at once.
    fn step(&self) -> usize {
        match self {
            Self::Leads(_) => 1,
            Self::Accounts(_) | Self::Hiring(_) => BATCH,
        }
    }
}

/// A search to start.
#[derive(Clone, Debug)]
pub struct NewSearch {
    /// Whose.
    pub owner: String,
    /// Label.
    pub name: String,
    /// What it will find.
    pub results: Results,
    /// Where results go.
    pub webhook: Option<Url>,
    /// Whether results go there while the search runs.
    pub streaming: bool,
    /// Whether leads are described at higher volume.
    pub scale: bool,
    /// Whether it never ends.
    pub endless: bool,
    /// To echo.
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

/// Starts a search. With `callback_before_response` it returns only after the
/// first delivery was answered.
pub async fn start(state: &Arc<State>, search: NewSearch) -> SearchRecord {
    let record = SearchRecord {
        id: new_id(),
        created_at: now(),
        status: SearchStatus::NotStarted,
        found: 0,
        search: Arc::new(search),
    };
    state
        .searches
        .lock()
        .insert(record.id.clone(), record.clone());
    let (first, delivered) = oneshot::channel();
    let run = Run {
        state: Arc::clone(state),
        record: record.clone(),
        first: Some(first),
    };
    state.spawn(run.run());
    if state.switches.read().callback_before_response {
        // An error means that the run ended without a delivery.
        let _ = delivered.await;
    }
    record
}

/// A search on its way.
struct Run {
    state: Arc<State>,
    record: SearchRecord,
    /// Told once the first delivery was answered.
    first: Option<oneshot::Sender<()>>,
}

impl Run {
    async fn run(mut self) {
        let search = Arc::clone(&self.record.search);
        let (step, total) = (search.results.step(), search.results.len());
        let streaming = search.streaming || search.endless;
        for start in (0..total).step_by(step) {
            self.state.pace().await;
            let end = (start + step).min(total);
            if !self.progress(SearchStatus::Ongoing, end) {
                return;
            }
            if streaming {
                let body = self.part(start, end);
                self.deliver(body).await;
            }
        }
        if search.endless {
            self.progress(SearchStatus::Ongoing, total);
            return;
        }
        self.state.pace().await;
        if self.progress(SearchStatus::Finished, total) && self.has_final_message(streaming) {
            let body = self.whole();
            self.deliver(body).await;
        }
    }

    /// Records progress; false when the search was deleted.
    fn progress(&mut self, status: SearchStatus, found: usize) -> bool {
        let mut searches = self.state.searches.lock();
        let Some(record) = searches.get_mut(&self.record.id) else {
            return false;
        };
        record.status = status;
        record.found = found;
        self.record = record.clone();
        true
    }

    fn has_final_message(&self, streaming: bool) -> bool {
        let is_leads = matches!(self.record.search.results, Results::Leads(_));
        !streaming || is_leads && self.state.switches.read().final_message
    }

    async fn deliver(&mut self, body: Object) {
        if let Some(url) = &self.record.search.webhook {
            webhook::deliver(&self.state, url, &Value::Object(body)).await;
        }
        if let Some(first) = self.first.take() {
            // Nobody waits unless the switch was on.
            let _ = first.send(());
        }
    }

    /// The body for a part of the results.
    fn part(&self, start: usize, end: usize) -> Object {
        let switches = self.state.switches.read().clone();
        match &self.record.search.results {
            Results::Leads(people) => {
                let person = people
                    .get(start)
                    .and_then(|index| self.state.world.person(*index));
                person
                    .map(|person| self.one_lead(person, &switches))
                    .unwrap_or_default()
            }
            Results::Accounts(_) | Results::Hiring(_) => self.accounts(start, end, &switches),
        }
    }

    /// The body for all results.
    fn whole(&self) -> Object {
        let switches = self.state.switches.read().clone();
        match &self.record.search.results {
            Results::Leads(_) => self.all_leads(&switches),
            Results::Accounts(companies) => self.accounts(0, companies.len(), &switches),
            Results::Hiring(companies) => self.accounts(0, companies.len(), &switches),
        }
    }

    fn one_lead(&self, person: Person<'_>, switches: &Switches) -> Object {
        let style = style(&self.record, switches);
        let custom = self.record.search.custom.clone();
        let result = match switches.streaming_shape {
            StreamingShape::Flat => render::flat_lead(person, style, custom),
            StreamingShape::Nested => render::nested_lead(person, style, custom),
        };
        json::write(&result, style.generation.spelling())
    }

    fn all_leads(&self, switches: &Switches) -> Object {
        let echo = v1::LeadResult {
            custom: self.record.search.custom.clone(),
            ..Default::default()
        };
        let delivery = v1::LeadDelivery {
            search: Some(self.record.describe()),
            leads: leads(&self.state, &self.record, switches, |_| true),
            lead: Some(echo),
        };
        let probe = v1::LeadDelivery {
            leads: vec![v1::LeadResult::default()],
            ..Default::default()
        };
        with_lists(
            json::write(&delivery, switches.generation.spelling()),
            &probe,
            switches,
        )
    }

    fn accounts(&self, start: usize, end: usize, switches: &Switches) -> Object {
        let echo = v1::AccountResult {
            custom: self.record.search.custom.clone(),
            ..Default::default()
        };
        let delivery = v1::AccountDelivery {
            id: Some(self.record.id.clone()),
            accounts: accounts(&self.state, &self.record, switches, start..end),
            account: Some(echo),
            ..Default::default()
        };
        let probe = v1::AccountDelivery {
            accounts: vec![v1::AccountResult::default()],
            ..Default::default()
        };
        with_lists(
            json::write(&delivery, switches.generation.spelling()),
            &probe,
            switches,
        )
    }
}

fn style(record: &SearchRecord, switches: &Switches) -> LeadStyle {
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
