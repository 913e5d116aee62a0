//! Looks for a person in what a job holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message;

use crate::jobs::model::{Delivery, StoredEvent, StoredJob};
use crate::jobs::person::Person;
use crate::jobs::service::Shared;
use crate::jobs::store::StoreError;
use crate::proto::v1::JobEvent;
use crate::proto::v1::job_event::Event;

/// So many rows are read at a time.
pub const PAGE: usize = 500;

/// The sequence of `started`.
pub const STARTED: i64 = 1;

/// The sequences of the events in which the person is, and of what was bought about
/// them; with a result `started`, which may have a preview of it.
pub async fn find_events(
    shared: &Shared,
    id: &str,
    person: &Arc<Person>,
    bought: BTreeSet<i64>,
    items: BTreeSet<i32>,
) -> Result<Vec<i64>, StoreError> {
    let mut found = bought;
    let mut after = 0;
    while let Some((last, page)) = events(shared, id, after).await? {
        after = last;
        let (person, items) = (person.clone(), items.clone());
        let matching = off_thread(move || {
            let is_theirs = |event: &Event| person.is_in(event) || is_reused(event, &items);
            let matching = page.into_iter().filter(|(_, event)| is_theirs(event));
            matching.map(|(sequence, _)| sequence).collect::<Vec<_>>()
        });
        found.extend(matching.await?);
    }
    if !found.is_empty() {
        found.insert(STARTED);
    }
    Ok(found.into_iter().collect())
}

/// Whether an event is what earlier purchases answered of one of these items.
fn is_reused(event: &Event, items: &BTreeSet<i32>) -> bool {
    let Event::Contact(contact) = event else {
        return false;
    };
    contact.reused_from.is_some() && items.contains(&contact.index.unwrap_or_default())
}

/// The bodies that name the person, and how many of these cannot be erased yet.
pub async fn find_bodies(
    shared: &Shared,
    job: &StoredJob,
    person: &Arc<Person>,
) -> Result<(Vec<i64>, i64), StoreError> {
    // Pronto refused it: nothing will ever be decoded. While its start is under way, what
    // came may still be.
    let is_dead = job.call_is_known && job.last_sequence == 0;
    let mut bodies = Vec::new();
    let mut pending = 0;
    let mut after = 0;
    loop {
        let page = shared.store.deliveries(&job.id, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok((bodies, pending));
        };
        after = last.id;
        let person = person.clone();
        let is_named = move |delivery: &Delivery| person.is_in_body(&delivery.body);
        let found = off_thread(move || {
            let named = page.into_iter().filter(is_named);
            named.map(|delivery| delivery.id).collect::<Vec<_>>()
        });
        for body in found.await? {
            match is_dead || body <= job.decoded.through {
                true => bodies.push(body),
                false => pending += 1,
            }
        }
    }
}

/// Events with their sequences.
pub type Numbered = Vec<(i64, Event)>;

/// The next events of a job, and the last sequence among them; none at the end.
pub async fn events(
    shared: &Shared,
    id: &str,
    after: i64,
) -> Result<Option<(i64, Numbered)>, StoreError> {
    let page = shared.store.events(id, after, PAGE).await?;
    let Some(last) = page.last().map(|event| event.sequence) else {
        return Ok(None);
    };
    let decoded = |stored: StoredEvent| {
        let event = JobEvent::decode(stored.payload.as_slice()).ok()?.event?;
        Some((stored.sequence, event))
    };
    Ok(Some((last, page.into_iter().filter_map(decoded).collect())))
}

/// Looking through texts would hold up others.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Engine(format!("looking for a person failed: {error}")))
}
