//! Contact enrichments: how they go on in the background, and their results.

use std::sync::Arc;

use prost_types::Struct;
use serde_json::Value;
use url::Url;

use super::call::Call;
use super::enrichment::{self, Findings, Identity, Wanted};
use super::outbox::Outbox;
use super::render;
use super::state::{State, new_id};
use crate::proto::endpoint::{Credits, Endpoint};
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

/// An enrichment to start.
#[derive(Clone, Debug)]
pub struct NewContact {
    /// Whose.
    pub owner: String,
    /// Whom to look for.
    pub identity: Identity,
    /// What to look for.
    pub wanted: Wanted,
    /// To echo.
    pub custom: Option<Struct>,
    /// What finding costs.
    pub credits: &'static Credits,
    /// Where the result goes.
    pub webhook: Option<Url>,
}

/// Starts enrichments that run one after the other, and returns them as they
/// are now. A fault may let it return only after the first delivery was answered.
/// The batch has an id of its own; one contact alone is its own batch.
pub async fn start(call: &Call, batch: Option<&str>, contacts: Vec<NewContact>) -> Vec<Contact> {
    let state = &call.state;
    let pending: Vec<(String, NewContact)> = contacts
        .into_iter()
        .map(|contact| (new_id(), contact))
        .collect();
    let started: Vec<Contact> = pending
        .iter()
        .map(|(id, contact)| accept(id, contact))
        .collect();
    let records = pending.iter().zip(&started).map(|((id, new), contact)| {
        (
            id.clone(),
            ContactRecord {
                owner: new.owner.clone(),
                contact: contact.clone(),
            },
        )
    });
    state.contacts.lock().extend(records);
    let first = pending.first();
    let webhook = first.and_then(|(_, contact)| contact.webhook.clone());
    let batch = batch
        .or(first.map(|(id, _)| id.as_str()))
        .unwrap_or_default();
    state.ledger.start(batch, call.endpoint, webhook.as_ref());
    let (outbox, delivered) = Outbox::new(state, call.endpoint, webhook);
    let overtakes = outbox.overtakes();
    let run = Run {
        state: Arc::clone(state),
        endpoint: call.endpoint,
        batch: batch.to_owned(),
        outbox,
    };
    state.spawn(run.run(pending));
    if overtakes {
        // An error means that the first delivery is over.
        let _ = delivered.await;
    }
    started
}

fn accept(id: &str, new: &NewContact) -> Contact {
    Contact {
        enrichment_id: Some(id.to_owned()),
        first_name: Some(new.identity.first_name.clone()),
        last_name: Some(new.identity.last_name.clone()),
        status: Some(EnrichmentStatus::Pending.wire().to_owned()),
        custom: new.custom.clone(),
        ..Default::default()
    }
}

/// Enrichments on their way.
struct Run {
    state: Arc<State>,
    endpoint: &'static Endpoint,
    batch: String,
    outbox: Outbox,
}

impl Run {
    async fn run(mut self, pending: Vec<(String, NewContact)>) {
        for (index, (id, new)) in pending.into_iter().enumerate() {
            self.state.pace().await;
            self.state.linger(self.endpoint).await;
            let contact = self.finish(index, &id, &new);
            let body = Value::Object(json::write(&contact, Spelling::Observed));
            self.outbox.deliver(body).await;
        }
        self.state.ledger.finish(&self.batch);
        self.outbox.finish().await;
    }

    fn finish(&self, index: usize, id: &str, new: &NewContact) -> Contact {
        let state = &self.state;
        let findings = enrichment::find(&state.world, &new.identity, &new.wanted);
        let price = findings.price(new.credits);
        state.charge(price);
        state.ledger.find(&self.batch, [index.to_string()], price);
        let contact = Contact {
            status: Some(EnrichmentStatus::Finished.wire().to_owned()),
            ..with_findings(accept(id, new), &new.wanted, findings, Spelling::Observed)
        };
        if let Some(record) = state.contacts.lock().get_mut(id) {
            record.contact = contact.clone();
        }
        contact
    }
}

/// Enriches a contact now.
pub fn enrich(call: &Call, new: &NewContact) -> Contact {
    let findings = enrichment::find(&call.state.world, &new.identity, &new.wanted);
    let id = new_id();
    call.bill(&id, findings.price(new.credits));
    let (status, message) = match findings.is_empty() {
        true => (EnrichmentStatus::Error, Some(nothing_found(&new.wanted))),
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
        phone_status: new
            .wanted
            .has(EnrichmentType::Phone)
            .then(|| phone_status.to_owned()),
        ..with_findings(
            accept(&id, new),
            &new.wanted,
            findings,
            Spelling::Documented,
        )
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
