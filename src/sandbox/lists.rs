//! Lists of companies and people.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::journal::{Entry, forms};
use super::outbox::{FirstDelivery, Outbox};
use super::state::{State, now};
use super::world::World;
use crate::proto::endpoint::Endpoint;
use crate::proto::json::{self, Object, Spelling};
use crate::proto::v1::{self, ListKind, ListStatus};
use crate::proto::wire::WireEnum;

/// People of the list that is there from the start.
const INITIAL_PEOPLE: usize = 50;

/// A list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListRecord {
    /// Whose; everybody's when absent.
    pub owner: Option<String>,
    /// Id.
    pub id: String,
    /// Label.
    pub name: String,
    /// What it holds.
    #[serde(with = "forms::wire")]
    pub kind: ListKind,
    /// LinkedIn's id.
    pub linkedin_id: u64,
    /// When it was created.
    #[serde(with = "forms::time")]
    pub created_at: Timestamp,
    /// When it was changed.
    #[serde(with = "forms::time")]
    pub updated_at: Timestamp,
    /// State of its import.
    #[serde(with = "forms::wire")]
    pub status: ListStatus,
    /// Its companies or people: numbers of the world.
    pub members: Vec<usize>,
}

impl ListRecord {
    /// Whether somebody may see it.
    #[must_use]
    pub fn is_visible_to(&self, by: &str) -> bool {
        self.owner.as_ref().is_none_or(|owner| owner == by)
    }

    /// As GET /lists shows it.
    #[must_use]
    pub fn summary(&self) -> v1::SavedList {
        v1::SavedList {
            id: Some(self.id.clone()),
            name: Some(self.name.clone()),
            kind: Some(self.kind.wire().to_owned()),
            ..Default::default()
        }
    }

    /// As GET /lists/{id} shows it, but for LinkedIn's id.
    #[must_use]
    pub fn detail(&self) -> v1::SavedList {
        v1::SavedList {
            id: Some(self.id.clone()),
            name: Some(self.name.clone()),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
            status: Some(self.status.wire().to_owned()),
            ..Default::default()
        }
    }
}

/// As GET /lists/{id} shows it. LinkedIn's id is a number here, too large for a double.
#[must_use]
pub fn detail(list: &ListRecord) -> Object {
    let mut object = json::write(&list.detail(), Spelling::Observed);
    object.insert("linkedin_list_id".to_owned(), list.linkedin_id.into());
    object
}

/// Adds a list.
pub fn add(state: &State, list: &ListRecord) {
    let mut lists = state.lists.lock();
    state.journal.note(|| Entry::Listed(list.clone()));
    lists.insert(list.id.clone(), list.clone());
}

/// Imports companies into a list in the background, as far as another process has not.
pub fn go_on(
    state: &Arc<State>,
    endpoint: &'static Endpoint,
    id: &str,
    webhook: Option<Url>,
    made: u64,
) -> FirstDelivery {
    let (outbox, delivered) = Outbox::new(state, id, endpoint, webhook, made);
    state.spawn(import(Arc::clone(state), id.to_owned(), outbox));
    delivered
}

async fn import(state: Arc<State>, id: String, mut outbox: Outbox) {
    state.pace().await;
    let done = state.lists.lock().get_mut(&id).map(|list| {
        list.status = ListStatus::Completed;
        list.updated_at = now();
        state.journal.note(|| Entry::Listed(list.clone()));
        list.clone()
    });
    if let Some(list) = done
        && !outbox.passes()
    {
        outbox.deliver(Value::Object(detail(&list))).await;
    }
    outbox.finish().await;
}

/// LinkedIn's id for the list with this number.
#[must_use]
pub fn linkedin_id(number: usize) -> u64 {
    7_358_966_630_862_757_888 + number as u64
}

/// The lists of a new sandbox: one of people, for what needs one.
#[must_use]
pub fn initial(world: &World) -> BTreeMap<String, ListRecord> {
    let id = fixed_id(world, 1);
    let record = ListRecord {
        owner: None,
        id: id.clone(),
        name: "Sandbox leads".to_owned(),
        kind: ListKind::Lead,
        linkedin_id: linkedin_id(0),
        created_at: now(),
        updated_at: now(),
        status: ListStatus::Completed,
        members: world
            .people()
            .take(INITIAL_PEOPLE)
            .map(|person| person.index())
            .collect(),
    };
    BTreeMap::from([(id, record)])
}

/// An id that is the same in each run with the same seed.
#[must_use]
pub fn fixed_id(world: &World, number: u64) -> String {
    let mut rng = super::world::rng::Rng::new(world.seed(), 0x1d_0000 + number);
    let bytes = (u128::from(rng.bits()) << 64 | u128::from(rng.bits())).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}
