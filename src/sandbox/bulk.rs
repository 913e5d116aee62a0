//! Bulk look-ups of companies and people: how they go on in the background.

use std::sync::Arc;

use prost_types::Struct;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::call::Call;
use super::journal::{Entry, Found, Kept, Task, Work, forms};
use super::outbox::{FirstDelivery, Outbox};
use super::render::{self, LeadStyle};
use super::state::State;
use super::switches::Switches;
use crate::proto::endpoint::Endpoint;
use crate::proto::json::{self, JsonMessage};
use crate::proto::v1::{self, Generation, StreamingShape};

/// Items to look up, one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewItems {
    /// What they are.
    pub kind: Kind,
    /// Where results go.
    #[serde(with = "forms::url")]
    pub webhook: Option<Url>,
    /// The items.
    pub items: Vec<Item>,
}

/// What items are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Companies.
    Accounts,
    /// People.
    Leads,
}

/// One item: the number of what was found, and what was asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Item {
    /// Number of the company or person; none when there is no such.
    pub found: Option<usize>,
    /// LinkedIn page or profile.
    pub linkedin_url: Option<String>,
    /// Name of the company.
    pub name: Option<String>,
    /// Domain of the company.
    pub domain: Option<String>,
    /// To echo.
    #[serde(with = "forms::object")]
    pub custom: Option<Struct>,
}

/// Delivers items one by one under the id of their batch. A fault may let it return only
/// after the first delivery was answered.
pub async fn start(call: &Call, batch: &str, new: NewItems) {
    let state = &call.state;
    let work = Work::new(batch, call.endpoint, Task::Items(new.clone()));
    state.journal.note(|| Entry::Started(work));
    let webhook = new.webhook.as_ref();
    state.ledger.start(batch, call.endpoint, webhook);
    let work = || go_on(state, call.endpoint, batch, new, (0, 0));
    state.begin(call.endpoint, work).await;
}

/// Looks up and delivers in the background what another process has not: it has `found` so
/// many, and `made` so many deliveries.
pub fn go_on(
    state: &Arc<State>,
    endpoint: &'static Endpoint,
    batch: &str,
    new: NewItems,
    (found, made): (usize, u64),
) -> FirstDelivery {
    let webhook = new.webhook.clone();
    let (mut outbox, delivered) = Outbox::new(state, batch, endpoint, webhook, made);
    let (state, batch) = (Arc::clone(state), batch.to_owned());
    let work = Arc::clone(&state);
    work.spawn(async move {
        for (index, item) in new.items.iter().enumerate() {
            if index >= found {
                state.pace().await;
                state.linger(endpoint).await;
                find(&state, &batch, index, key(&state, new.kind, item));
            }
            if !outbox.passes() {
                outbox.deliver(body(&state, new.kind, item)).await;
            }
        }
        state.ledger.finish(&batch);
        outbox.finish().await;
    });
    delivered
}

/// Brings items of another process back.
pub fn bring_back(state: &State, kept: &Kept, new: &NewItems) {
    let found = new.items.iter().take(kept.found);
    let keys = found.map(|item| key(state, new.kind, item));
    state.ledger.find(&kept.work.id, keys, kept.credits);
    if kept.found >= new.items.len() {
        state.ledger.finish(&kept.work.id);
    }
}

fn find(state: &State, batch: &str, index: usize, key: String) {
    state.ledger.find(batch, [key], 0);
    state.journal.note(|| {
        Entry::Found(Found {
            work: batch.to_owned(),
            count: index + 1,
            status: None,
            credits: 0,
        })
    });
}

/// What names an item.
fn key(state: &State, kind: Kind, item: &Item) -> String {
    let known = item.found.and_then(|index| match kind {
        Kind::Accounts => Some(state.world.company(index)?.linkedin_url()),
        Kind::Leads => Some(render::profile_url(state.world.person(index)?, false)),
    });
    let asked = [&item.linkedin_url, &item.name, &item.domain];
    let asked = || asked.into_iter().flatten().next().cloned();
    known.or_else(asked).unwrap_or_default()
}

/// The body of its delivery.
fn body(state: &State, kind: Kind, item: &Item) -> Value {
    let form = state.form();
    match kind {
        Kind::Accounts => account(state, &form, item),
        Kind::Leads => lead(state, &form, item),
    }
}

fn account(state: &State, form: &Switches, item: &Item) -> Value {
    let asked = || v1::Company {
        name: item.name.clone(),
        website: item.domain.clone(),
        linkedin_url: item.linkedin_url.clone(),
        ..Default::default()
    };
    let found = item.found.and_then(|index| state.world.company(index));
    let company = found.map_or_else(asked, |c| render::company(c, form.generation));
    write(&company, form.generation)
}

fn lead(state: &State, form: &Switches, item: &Item) -> Value {
    let style = LeadStyle {
        generation: form.generation,
        scale: false,
        flat: false,
    };
    let custom = item.custom.clone();
    let person = item.found.and_then(|index| state.world.person(index));
    let result = match (person, form.streaming_shape) {
        (Some(person), StreamingShape::Nested) => render::nested_lead(person, style, custom),
        (Some(person), _) => render::flat_lead(person, style, custom),
        (None, _) => v1::LeadResult {
            lead: Some(v1::Lead {
                linkedin_url: item.linkedin_url.clone(),
                ..Default::default()
            }),
            custom,
            ..Default::default()
        },
    };
    write(&result, form.generation)
}

fn write<M: JsonMessage>(message: &M, generation: Generation) -> Value {
    Value::Object(json::write(message, generation.spelling()))
}
