//! How a search goes on in the background: what it finds, delivers, and how it ends.

use std::sync::Arc;

use serde_json::Value;

use super::faults::Strike;
use super::journal::{Entry, Found};
use super::outbox::Outbox;
use super::render;
use super::searches::{Results, SearchRecord, accounts, keys, leads, style, with_lists};
use super::state::State;
use super::switches::Switches;
use super::world::person::Person;
use crate::proto::json::{self, Object};
use crate::proto::v1::{self, FaultKind, FinalMessage, SearchStatus, StreamingShape};

/// The status with which a fault ends a search of so many results, and after how
/// many.
pub fn failure(strikes: &[Strike], results: usize) -> Option<(SearchStatus, usize)> {
    strikes.iter().find_map(|strike| {
        let status = match strike.kind {
            FaultKind::SearchRateLimited => SearchStatus::RateLimited,
            FaultKind::SearchUnauthorized => SearchStatus::Unauthorized,
            FaultKind::SearchForbidden => SearchStatus::Forbidden,
            FaultKind::SearchError => SearchStatus::Error,
            _ => return None,
        };
        let after = strike.after.map_or(results / 2, |after| after as usize);
        Some((status, after))
    })
}

/// A search on its way.
pub struct Run {
    state: Arc<State>,
    record: SearchRecord,
    outbox: Outbox,
    /// How it ends, if not well.
    failure: Option<SearchStatus>,
}

impl Run {
    /// A run that is about to start.
    pub fn new(
        state: &Arc<State>,
        record: SearchRecord,
        outbox: Outbox,
        failure: Option<SearchStatus>,
    ) -> Self {
        Self {
            state: Arc::clone(state),
            record,
            outbox,
            failure,
        }
    }

    /// Finds and delivers until the end, from where another process was.
    pub async fn run(mut self) {
        self.find().await;
        let endless = self.record.search.endless && self.failure.is_none();
        if !endless {
            self.state.ledger.finish(&self.record.id);
        }
        self.outbox.finish().await;
    }

    async fn find(&mut self) {
        let search = Arc::clone(&self.record.search);
        let (step, total) = (search.results.step(), search.results.len());
        let streaming = search.streaming || search.endless;
        let (found, status) = (self.record.found, self.record.status);
        for start in (0..total).step_by(step) {
            let end = (start + step).min(total);
            if end > found {
                self.state.pace().await;
                if !self.progress(SearchStatus::Ongoing, end) {
                    return;
                }
            }
            if streaming && !self.outbox.passes() {
                let body = self.part(start, end);
                self.deliver(body).await;
            }
        }
        if let Some(failure) = self.failure {
            self.state.pace().await;
            self.progress(failure, total);
            return;
        }
        if search.endless {
            self.progress(SearchStatus::Ongoing, total);
            return;
        }
        if status != SearchStatus::Finished {
            self.state.pace().await;
        }
        if self.progress(SearchStatus::Finished, total) {
            self.end(streaming).await;
        }
    }

    /// Delivers what comes at the end.
    async fn end(&mut self, streaming: bool) {
        let is_leads = matches!(self.record.search.results, Results::Leads(_));
        let message = self.state.switches.read().final_message;
        let times = match message {
            _ if !streaming => 1,
            FinalMessage::Off => 0,
            _ if !is_leads => 0,
            FinalMessage::Twice => 2,
            _ => 1,
        };
        for _ in 0..times {
            if self.outbox.passes() {
                continue;
            }
            let body = match message {
                FinalMessage::Bare if streaming => self.end_of_leads(),
                _ => self.whole(),
            };
            self.deliver(body).await;
        }
    }

    /// Records progress; false when the search was deleted.
    fn progress(&mut self, status: SearchStatus, found: usize) -> bool {
        let mut searches = self.state.searches.lock();
        let Some(record) = searches.get_mut(&self.record.id) else {
            return false;
        };
        let before = std::mem::replace(&mut record.found, found);
        record.status = status;
        self.record = record.clone();
        drop(searches);
        let keys = keys(&self.state.world, &self.record.search, before..found);
        self.state.ledger.find(&self.record.id, keys, 0);
        self.state.journal.note(|| {
            Entry::Found(Found {
                work: self.record.id.clone(),
                count: found,
                status: Some(status),
                credits: 0,
            })
        });
        true
    }

    async fn deliver(&mut self, body: Object) {
        self.outbox.deliver(Value::Object(body)).await;
    }

    /// The body that tells the end of a search, and of nobody.
    fn end_of_leads(&self) -> Object {
        let mut record = self.record.clone();
        record.found = 0;
        self.leads_message(&record, &self.state.form())
    }

    /// The body for a part of the results.
    fn part(&self, start: usize, end: usize) -> Object {
        let switches = self.state.form();
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
        let switches = self.state.form();
        match &self.record.search.results {
            Results::Leads(_) => self.leads_message(&self.record, &switches),
            Results::Accounts(companies) => self.accounts(0, companies.len(), &switches),
            Results::Hiring(companies) => self.accounts(0, companies.len(), &switches),
        }
    }

    fn one_lead(&self, person: Person<'_>, switches: &Switches) -> Object {
        let style = style(&self.record, switches);
        let custom = self.record.search.custom.clone();
        let result = match switches.streaming_shape {
            StreamingShape::Nested => render::nested_lead(person, style, custom),
            _ => render::flat_lead(person, style, custom),
        };
        json::write(&result, style.generation.spelling())
    }

    fn leads_message(&self, record: &SearchRecord, switches: &Switches) -> Object {
        let echo = v1::LeadResult {
            custom: self.record.search.custom.clone(),
            ..Default::default()
        };
        let delivery = v1::LeadDelivery {
            search: Some(record.describe()),
            leads: leads(&self.state, record, switches, |_| true),
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
