//! What earlier purchases answer of a job. It is kept with the job until `started` is in
//! the log, because it comes behind it.

use bytes::Bytes;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use super::recognize;
use crate::jobs::model::Found;
use crate::jobs::{identity, person};
use crate::ledger::model::{NewCall, Wanted};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{CallbackSource, Completion, Contact, EnrichmentType, ErasedResult};

/// The contacts of a call as they are stored; none where there are none.
#[must_use]
pub fn encode_of(call: &NewCall) -> Option<Vec<u8>> {
    let is_whole = |contact: &Contact| {
        let item = contact.index.unwrap_or_default();
        let is_bought = |w: &Wanted| w.item == item && w.kind != EnrichmentType::Unspecified;
        !call.people.iter().any(is_bought)
    };
    let each = call.reused.iter().map(|c| (is_whole(c), c.clone()));
    encode(&each.collect::<Vec<_>>())
}

/// Before each of them stands whether nothing else is bought about them. Purchases do not
/// tell that later: they may be forgotten meanwhile.
fn encode(contacts: &[(bool, Contact)]) -> Option<Vec<u8>> {
    let mut encoded = Vec::new();
    for (is_whole, contact) in contacts {
        encoded.push(u8::from(*is_whole));
        encoded.extend(contact.encode_length_delimited_to_vec());
    }
    (!encoded.is_empty()).then_some(encoded)
}

fn decode(encoded: Vec<u8>) -> Vec<(bool, Contact)> {
    let mut left = Bytes::from(encoded);
    std::iter::from_fn(|| match left.is_empty() {
        true => None,
        false => {
            let is_whole = left.split_to(1).first() == Some(&1);
            let contact = Contact::decode_length_delimited(&mut left).ok()?;
            Some((is_whole, contact))
        }
    })
    .collect()
}

/// Takes the contacts of a job, as results to record.
pub fn take(connection: &Connection, job: i64) -> rusqlite::Result<Vec<Found>> {
    let Some(encoded) = connection
        .prepare_cached("SELECT reused_contacts FROM jobs WHERE number = ?")?
        .query_row([job], |row| row.get::<_, Option<Vec<u8>>>(0))?
    else {
        return Ok(Vec::new());
    };
    forget(connection, job)?;
    let mut found = Vec::new();
    for (is_whole, contact) in decode(encoded) {
        found.push(Found {
            identity: identity::of_reused(contact.index, is_whole),
            event: match is_erased(&contact) {
                true => Event::Erased(ErasedResult {}),
                false => Event::Contact(contact),
            },
            source: CallbackSource::Callback,
            charge: None,
        });
    }
    Ok(found)
}

/// Forgets the contacts of a job: they are in the log, or Pronto refused it.
pub fn forget(connection: &Connection, job: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE jobs SET reused_contacts = NULL WHERE number = ?")?
        .execute([job])?;
    Ok(())
}

/// Whether an operation is about several people.
pub fn is_batch(operation: &str) -> bool {
    let late = Endpoint::of_rpc(operation).and_then(|endpoint| endpoint.late.as_ref());
    late.is_some_and(|late| late.completion == Completion::ItemCount)
}

/// Of somebody who was erased only the place in the request is left.
fn is_erased(contact: &Contact) -> bool {
    contact.reused_from.is_none()
}

/// Erases those whom a job must not hold any more.
pub fn erase(connection: &Connection, job_id: &str) -> rusqlite::Result<()> {
    let encoded = connection
        .prepare_cached("SELECT reused_contacts FROM jobs WHERE id = ?")?
        .query_row([job_id], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    let Some(encoded) = encoded.flatten() else {
        return Ok(());
    };
    let mut contacts = decode(encoded);
    for (_, contact) in &mut contacts {
        let marks = person::marks(&Event::Contact(contact.clone()));
        if !recognize::erased_marks(connection, job_id, marks)?.is_empty() {
            *contact = Contact {
                index: contact.index,
                ..Default::default()
            };
        }
    }
    connection
        .prepare_cached("UPDATE jobs SET reused_contacts = ? WHERE id = ?")?
        .execute(params![encode(&contacts), job_id])?;
    Ok(())
}
