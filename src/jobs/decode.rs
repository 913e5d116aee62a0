//! From a raw body to results. Never fails: what cannot be decoded becomes an
//! `unrecognized` event.

use std::collections::HashSet;

use prost_types::Struct;

use crate::proto::json::{self, Cursor, Drift, JsonMessage, drift};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::signal::Subject;
use crate::proto::v1::{
    AccountDelivery, AccountResult, CallbackSource, Company, Contact, ContactDelivery,
    EnrichmentStatus, Lead, LeadDelivery, LeadResult, ResultKind, Signal, Unrecognized,
};
use crate::proto::wire::WireEnum;

use super::model::Identity;
use super::{correlation, identity};

/// An unrecognized body is cut to so many bytes, so that clients with common
/// message limits can read it.
const MAX_UNRECOGNIZED: usize = 1 << 20;

/// What a body says.
#[derive(Debug, Default)]
pub struct Content {
    /// The results in it, each with what tells it from others.
    pub results: Vec<(Event, Identity)>,
    /// Whether it lists what was found so far.
    pub is_list: bool,
    /// Whether it looks like the message that ends a search of people.
    pub is_final: bool,
    /// Pronto's id of the search or of the contact's enrichment, where it is told.
    pub upstream_id: Option<String>,
    /// What it holds that is not known.
    pub drifts: Vec<Drift>,
    /// How it came.
    source: CallbackSource,
}

impl Content {
    /// Whether it lists all results of a search that ends. Companies are posted in
    /// batches, so of these only what is read lists all.
    #[must_use]
    pub fn lists_all(&self) -> bool {
        self.is_list && (self.is_final || self.source == CallbackSource::Poll)
    }

    /// What tells which of the results that may come several times came alone before.
    #[must_use]
    pub fn alone_keys(&self) -> Vec<String> {
        let keys = self
            .results
            .iter()
            .filter_map(|(_, identity)| match identity {
                Identity::Occurrence { bytes, .. } => Some(identity::alone(bytes)),
                Identity::Keys(_) => None,
            });
        keys.collect()
    }

    /// Gives results that may come several times their places in a list of all.
    pub fn number(&mut self, came_alone: &HashSet<String>) {
        let identities = self.results.iter_mut().map(|(_, identity)| identity);
        identity::number(identities, came_alone);
    }
}

/// Decodes a body.
#[must_use]
pub fn decode(kind: ResultKind, is_batch: bool, source: CallbackSource, body: &[u8]) -> Content {
    let results = match kind {
        ResultKind::Lead => leads(body).map(|leads| leads.map_to(|result| lead(result, is_batch))),
        ResultKind::LeadSignal => leads(body).map(|leads| leads.map_to(lead_signal)),
        ResultKind::Account => accounts(body).map(|accounts| accounts.map_to(account)),
        ResultKind::AccountSignal => accounts(body).map(|accounts| accounts.map_to(account_signal)),
        ResultKind::Contact => {
            contacts(body).map(|contacts| contacts.map_to(|c| contact(c, is_batch)))
        }
        ResultKind::Unspecified => Err("no result is known".to_owned()),
    };
    let results = results.unwrap_or_else(|reason| Results {
        results: vec![unrecognized(body.to_vec(), reason)],
        drifts: vec![drift::whole(message(kind), body)],
        ..Default::default()
    });
    Content {
        results: results.results,
        is_list: results.is_list,
        is_final: results.is_final,
        upstream_id: results.upstream_id,
        drifts: results.drifts,
        source,
    }
}

/// An event with what tells it from others.
type Recognizable = (Event, Identity);

/// Results, and the JSON of what stood among them but is none.
struct Results<R> {
    results: Vec<R>,
    odd: Vec<Vec<u8>>,
    is_list: bool,
    is_final: bool,
    upstream_id: Option<String>,
    drifts: Vec<Drift>,
}

impl<R> Default for Results<R> {
    fn default() -> Self {
        Self {
            results: Vec::new(),
            odd: Vec::new(),
            is_list: false,
            is_final: false,
            upstream_id: None,
            drifts: Vec::new(),
        }
    }
}

impl<R> Results<R> {
    fn map_to(self, event: impl Fn(R) -> Recognizable) -> Results<Recognizable> {
        let odd = self
            .odd
            .into_iter()
            .map(|body| unrecognized(body, "it stands where a result should stand".to_owned()));
        Results {
            results: self.results.into_iter().map(event).chain(odd).collect(),
            odd: Vec::new(),
            is_list: self.is_list,
            is_final: self.is_final,
            upstream_id: self.upstream_id,
            drifts: self.drifts,
        }
    }
}

/// The message that a body is read as.
fn message(kind: ResultKind) -> &'static str {
    match kind {
        ResultKind::Lead | ResultKind::LeadSignal => LeadDelivery::NAME,
        ResultKind::Account | ResultKind::AccountSignal => AccountDelivery::NAME,
        ResultKind::Contact | ResultKind::Unspecified => ContactDelivery::NAME,
    }
}

fn read<M: JsonMessage>(body: &[u8]) -> Result<(M, Vec<Drift>), String> {
    json::read_and_compare(body).map_err(|error| error.to_string())
}

fn leads(body: &[u8]) -> Result<Results<LeadResult>, String> {
    let (mut delivery, drifts) = read::<LeadDelivery>(body)?;
    let rest = delivery.lead.take();
    let custom = rest.as_ref().and_then(|rest| rest.custom.clone());
    let is_list = !delivery.leads.is_empty() || has_empty_list::<LeadDelivery, LeadResult>(body);
    let is_search = delivery.search.is_some() && !rest.as_ref().is_some_and(is_person);
    let is_final = is_list || is_search;
    let mut results = results::<LeadDelivery, _>(delivery.leads, rest, is_final, is_person)
        .ok_or("it has no person")?;
    results
        .results
        .iter_mut()
        .for_each(|result| inherit(&mut result.custom, &custom));
    Ok(Results {
        is_list,
        is_final,
        upstream_id: delivery.search.and_then(|search| search.id),
        drifts,
        ..results
    })
}

/// A status alone is that of a search.
fn is_person(result: &LeadResult) -> bool {
    let status = result.lead.as_ref().and_then(|lead| lead.status.clone());
    let bare = Lead {
        status,
        ..Default::default()
    };
    result.company.is_some() || result.lead.as_ref().is_some_and(|lead| *lead != bare)
}

fn accounts(body: &[u8]) -> Result<Results<AccountResult>, String> {
    let (mut delivery, drifts) = read::<AccountDelivery>(body)?;
    let rest = delivery.account.take();
    let custom = rest.as_ref().and_then(|rest| rest.custom.clone());
    let is_list =
        !delivery.accounts.is_empty() || has_empty_list::<AccountDelivery, AccountResult>(body);
    let is_search = is_list || delivery.search.is_some();
    // Beside a list or a search, a name alone is that of the search.
    let is_company = |result: &AccountResult| {
        let name = result
            .company
            .as_ref()
            .and_then(|company| company.name.clone());
        let bare = Company {
            name,
            ..Default::default()
        };
        let company = result.company.as_ref();
        !result.job_postings.is_empty()
            || company.is_some_and(|company| !is_search || *company != bare)
    };
    let mut results = results::<AccountDelivery, _>(delivery.accounts, rest, is_search, is_company)
        .ok_or("it has no company")?;
    results
        .results
        .iter_mut()
        .for_each(|result| inherit(&mut result.custom, &custom));
    // Beside one company the id may be the company's.
    let id = delivery.id.filter(|_| is_list);
    // Companies come in batches, so a list does not mean the end.
    Ok(Results {
        is_list,
        is_final: false,
        upstream_id: delivery.search.and_then(|search| search.id).or(id),
        drifts,
        ..results
    })
}

fn contacts(body: &[u8]) -> Result<Results<Contact>, String> {
    let (mut delivery, drifts) = read::<ContactDelivery>(body)?;
    let rest = delivery.contact.take();
    let is_list = !delivery.contacts.is_empty() || has_empty_list::<ContactDelivery, Contact>(body);
    let mut results =
        results::<ContactDelivery, _>(delivery.contacts, rest, is_list, says_something)
            .ok_or_else(|| "it has no contact".to_owned())?;
    results.upstream_id = results
        .results
        .iter()
        .find_map(|contact| contact.enrichment_id.clone());
    results.drifts = drifts;
    // One that is still at work will come again.
    results.results.retain(|contact| !is_pending(contact));
    Ok(results)
}

fn is_pending(contact: &Contact) -> bool {
    let status = contact
        .status
        .as_deref()
        .and_then(EnrichmentStatus::from_wire);
    status == Some(EnrichmentStatus::Pending)
}

/// The results of a delivery `D`: those of its list, and the one that it is
/// itself. None when it is neither.
fn results<D: JsonMessage, R: JsonMessage>(
    list: Vec<R>,
    rest: Option<R>,
    is_list: bool,
    is_result: impl Fn(&R) -> bool,
) -> Option<Results<R>> {
    let odd = rest.as_ref().map(odd_items::<D, R>).unwrap_or_default();
    let single = rest.filter(is_result);
    if !is_list && single.is_none() && odd.is_empty() {
        return None;
    }
    let results = list.into_iter().chain(single).collect();
    Some(Results {
        results,
        odd,
        is_list,
        ..Default::default()
    })
}

/// The `custom` of a whole message is that of each result in it.
fn inherit(custom: &mut Option<Struct>, of_message: &Option<Struct>) {
    if custom.is_none() {
        custom.clone_from(of_message);
    }
}

fn says_something(contact: &Contact) -> bool {
    let bare = Contact {
        additional_fields: contact.additional_fields.clone(),
        null_fields: contact.null_fields.clone(),
        ..Default::default()
    };
    *contact != bare
}

/// What stood under a key of the delivery but did not fit there.
fn odd_items<D: JsonMessage, M: JsonMessage>(single: &M) -> Vec<Vec<u8>> {
    let additional = single
        .additional_fields()
        .into_iter()
        .flat_map(|fields| &fields.fields);
    additional
        .filter(|(key, _)| D::knows(key) && !M::knows(key))
        .map(|(_, value)| json::structs::to_json(value).to_string().into_bytes())
        .collect()
}

/// Whether a body says that nothing was found: `[]`, or an empty list under a key
/// of the delivery `D`. The body is JSON.
fn has_empty_list<D: JsonMessage, R: JsonMessage>(body: &[u8]) -> bool {
    let mut cursor = Cursor::new(std::str::from_utf8(body).unwrap_or_default());
    if cursor.peek() != b'{' {
        return is_empty_list(&mut cursor);
    }
    let mut has_one = false;
    cursor.object(|cursor, key| match D::knows(key) && !R::knows(key) {
        true => has_one |= is_empty_list(cursor),
        false => cursor.skip(),
    });
    has_one
}

/// Passes a value, and tells whether it is an empty list.
fn is_empty_list(cursor: &mut Cursor<'_>) -> bool {
    if cursor.peek() != b'[' {
        cursor.skip();
        return false;
    }
    let mut is_empty = true;
    cursor.list(|cursor| {
        is_empty = false;
        cursor.skip();
    });
    is_empty
}

fn lead(mut result: LeadResult, is_batch: bool) -> Recognizable {
    if is_batch {
        result.index = correlation::unmark(&mut result.custom);
    }
    let identity = identity::of_lead(&result);
    (Event::Lead(result), identity)
}

fn lead_signal(result: LeadResult) -> Recognizable {
    let identity = identity::of_lead_signal(&result);
    (
        Event::Signal(Signal {
            subject: Some(Subject::Lead(result)),
        }),
        identity,
    )
}

fn account(result: AccountResult) -> Recognizable {
    let identity = identity::of_account(&result);
    (Event::Account(result), identity)
}

fn account_signal(result: AccountResult) -> Recognizable {
    let identity = identity::of_account(&result);
    (
        Event::Signal(Signal {
            subject: Some(Subject::Account(result)),
        }),
        identity,
    )
}

fn contact(mut contact: Contact, is_batch: bool) -> Recognizable {
    if is_batch {
        contact.index = correlation::unmark(&mut contact.custom);
    }
    let identity = identity::of_contact(&contact, is_batch);
    (Event::Contact(contact), identity)
}

fn unrecognized(mut body: Vec<u8>, reason: String) -> Recognizable {
    let identity = identity::of_bytes(&body);
    let size = body.len() as i64;
    body.truncate(MAX_UNRECOGNIZED);
    (
        Event::Unrecognized(Unrecognized { body, reason, size }),
        identity,
    )
}
