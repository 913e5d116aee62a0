//! Contact enrichments: how they go on in the background, and their results.

use std::sync::Arc;

use prost_types::Struct;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::call::Call;
use super::enrichment::{self, Findings, Identity, Wanted};
use super::journal::{Entry, Found, Kept, Task, Work, forms};
use super::outbox::{FirstDelivery, Outbox};
use super::render;
use super::state::State;
use crate::proto::endpoint::Endpoint;
use crate::proto::json::{self, Spelling, structs};
use crate::proto::v1::{Contact, EnrichmentStatus, EnrichmentType, PhoneNumber};
use crate::proto::wire::WireEnum;

/// An enrichment that was started.
#[derive(Clone, Debug)]
pub struct ContactRecord {
    /// Whose.
    pub owner: String,
    /// The contact as far as it is known now.
    pub contact: Contact,
}

/// Enrichments to start, which run one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewContacts {
    /// Whose.
    pub owner: String,
    /// What to look for.
    pub wanted: Wanted,
    /// Where results go.
    #[serde(with = "forms::url")]
    pub webhook: Option<Url>,
    /// For whom.
    pub contacts: Vec<NewContact>,
}

/// An enrichment to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewContact {
    /// Id.
    pub id: String,
    /// Whom to look for.
    pub identity: Identity,
    /// To echo.
    #[serde(with = "forms::object")]
    pub custom: Option<Struct>,
}

/// Starts enrichments under the id of their batch; one contact alone is its own batch. A
/// fault may let it return only after the first delivery was answered.
pub async fn start(call: &Call, batch: &str, new: NewContacts) {
    let state = &call.state;
    let work = Work::new(batch, call.endpoint, Task::Contacts(new.clone()));
    state.journal.note(|| Entry::Started(work));
    state
        .ledger
        .start(batch, call.endpoint, new.webhook.as_ref());
    record(state, call.endpoint, &new, 0);
    let work = || go_on(state, call.endpoint, batch, new, (0, 0));
    state.begin(call.endpoint, work).await;
}

/// Enriches and delivers in the background what another process has not: it has `found` so
/// many, and `made` so many deliveries.
pub fn go_on(
    state: &Arc<State>,
    endpoint: &'static Endpoint,
    batch: &str,
    new: NewContacts,
    (found, made): (usize, u64),
) -> FirstDelivery {
    let (outbox, delivered) = Outbox::new(state, batch, endpoint, new.webhook.clone(), made);
    let run = Run {
        state: Arc::clone(state),
        endpoint,
        batch: batch.to_owned(),
        outbox,
    };
    state.spawn(run.run(new, found));
    delivered
}

/// Brings enrichments of another process back.
pub fn bring_back(state: &State, kept: &Kept, new: &NewContacts) {
    let found = kept.found.min(new.contacts.len());
    record(state, kept.work.endpoint, new, found);
    let keys = (0..found).map(|index| index.to_string());
    state.ledger.find(&kept.work.id, keys, kept.credits);
    if kept.found >= new.contacts.len() {
        state.ledger.finish(&kept.work.id);
    }
}

/// Records contacts, of which the first so many are enriched.
fn record(state: &State, endpoint: &Endpoint, new: &NewContacts, found: usize) {
    let record = |(index, contact): (usize, &NewContact)| {
        let record = ContactRecord {
            owner: new.owner.clone(),
            contact: match index < found {
                true => result(state, endpoint, &new.wanted, contact).0,
                false => accept(contact),
            },
        };
        (contact.id.clone(), record)
    };
    let records = new.contacts.iter().enumerate().map(record);
    state.contacts.lock().extend(records);
}

/// A contact that was accepted.
#[must_use]
pub fn accept(new: &NewContact) -> Contact {
    Contact {
        enrichment_id: Some(new.id.clone()),
        first_name: Some(new.identity.first_name.clone()),
        last_name: Some(new.identity.last_name.clone()),
        status: Some(EnrichmentStatus::Pending.wire().to_owned()),
        custom: new.custom.clone(),
        ..Default::default()
    }
}

/// A contact that is enriched, and what that costs.
fn result(state: &State, endpoint: &Endpoint, wanted: &Wanted, new: &NewContact) -> (Contact, u64) {
    let findings = enrichment::find(&state.world, &new.identity, wanted);
    let price = findings.price(&endpoint.credits);
    let contact = Contact {
        status: Some(EnrichmentStatus::Finished.wire().to_owned()),
        ..with_findings(accept(new), wanted, findings, Spelling::Observed)
    };
    (contact, price)
}

/// Enrichments on their way.
struct Run {
    state: Arc<State>,
    endpoint: &'static Endpoint,
    batch: String,
    outbox: Outbox,
}

impl Run {
    async fn run(mut self, new: NewContacts, found: usize) {
        for (index, one) in new.contacts.iter().enumerate() {
            let (contact, price) = result(&self.state, self.endpoint, &new.wanted, one);
            if index >= found {
                self.state.pace().await;
                self.state.linger(self.endpoint).await;
                self.finish(index, &one.id, &contact, price);
            }
            if !self.outbox.passes() {
                let body = Value::Object(json::write(&contact, Spelling::Observed));
                self.outbox.deliver(body).await;
            }
        }
        self.state.ledger.finish(&self.batch);
        self.outbox.finish().await;
    }

    fn finish(&self, index: usize, id: &str, contact: &Contact, price: u64) {
        let state = &self.state;
        state.charge(price, || {
            Entry::Found(Found {
                work: self.batch.clone(),
                count: index + 1,
                status: None,
                credits: price,
            })
        });
        state.ledger.find(&self.batch, [index.to_string()], price);
        if let Some(record) = state.contacts.lock().get_mut(id) {
            record.contact = contact.clone();
        }
    }
}

/// Enriches a contact now.
pub fn enrich(call: &Call, wanted: &Wanted, new: &NewContact) -> Contact {
    let findings = enrichment::find(&call.state.world, &new.identity, wanted);
    call.bill(&new.id, findings.price(&call.endpoint.credits));
    let (status, message) = match findings.is_empty() {
        true => (EnrichmentStatus::Error, Some(nothing_found(wanted))),
        false => (EnrichmentStatus::Success, None),
    };
    let phone_status = if findings.phones.is_empty() {
        "not_found"
    } else {
        "valid"
    };
    Contact {
        linkedin_url: new.identity.linkedin_url.clone(),
        status: Some(status.wire().to_owned()),
        message,
        phone_status: wanted
            .has(EnrichmentType::Phone)
            .then(|| phone_status.to_owned()),
        ..with_findings(accept(new), wanted, findings, Spelling::Documented)
    }
}

fn nothing_found(wanted: &Wanted) -> String {
    let kinds: Vec<_> = wanted
        .kinds
        .iter()
        .map(|kind| kind.wire().replace('_', " "))
        .collect();
    format!("No {} found for this profile", kinds.join(" or "))
}

/// Adds what was found. A kind that was not wanted is left out, one that was
/// not found is null or empty.
fn with_findings(
    mut contact: Contact,
    wanted: &Wanted,
    found: Findings,
    spelling: Spelling,
) -> Contact {
    const UNKNOWN: &str = "N/A";
    let mut nulls = Contact::default();
    if wanted.has(EnrichmentType::Email) {
        nulls.email = found.email.is_none().then(String::new);
        contact.email_status = Some(found.email.as_ref().map_or(UNKNOWN, |(_, s)| s).to_owned());
        contact.email = found.email.map(|(address, _)| address);
    }
    if wanted.has(EnrichmentType::PersonalEmail) {
        nulls.personal_email = found.personal_email.is_none().then(String::new);
        let status = found.personal_email.as_ref().map_or(UNKNOWN, |(_, s)| s);
        contact.personal_email_status = Some(status.to_owned());
        contact.personal_email = found.personal_email.map(|(address, _)| address);
    }
    if wanted.has(EnrichmentType::Phone) {
        let probe = Contact {
            phones: vec![PhoneNumber::default()],
            ..Default::default()
        };
        contact.additional_fields = Some(structs::from_map(&render::empty_lists(&probe, spelling)));
        contact.phones = found.phones.into_iter().map(phone).collect();
    }
    contact.null_fields = json::write(&nulls, spelling)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    contact
}

fn phone(number: String) -> PhoneNumber {
    PhoneNumber {
        number: Some(number),
        ..Default::default()
    }
}
