//! What earlier purchases answer of a request, and what is left to buy.

use std::any::Any;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use prost::Message;

use super::store::{Store, StoreError};
use crate::ledger::Prices;
use crate::ledger::model::{Bought, HeldIn, Wanted};
use crate::ledger::people::{self, Kind};
use crate::proto::endpoint::{Person, SpendingRequest};
use crate::proto::json::{self, Object, Spelling};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{
    BulkEnrichContactsRequest, Contact, EnrichContactAsyncRequest, EnrichmentType, Estimate,
    JobEvent,
};

/// The key under which the time of a purchase stands in the body of a stored answer.
const REUSED_FROM: &str = "pronto_grpc_reused_from";

/// What earlier purchases answer of a request.
#[derive(Clone, Debug, Default)]
pub struct Reuse {
    /// For each person what is reused; empty for requests that ask about nobody.
    contacts: Vec<Option<Contact>>,
    /// For each person what is left to buy.
    left: Vec<Vec<EnrichmentType>>,
}

impl Reuse {
    /// Everything is bought.
    fn nothing<R: SpendingRequest>(request: &R) -> Self {
        let people = request.people().len();
        Self {
            contacts: vec![None; people],
            left: vec![kinds(request); people],
        }
    }

    /// What earlier purchases answer, as far as the request allows it. Results that go
    /// elsewhere are neither reused nor seen, and so nobody is remembered for them.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn of<R: SpendingRequest>(
        store: &dyn Store,
        credential: &str,
        request: &R,
    ) -> Result<Self, StoreError> {
        if request.goes_elsewhere() {
            return Ok(Self::default());
        }
        let mut reuse = Self::nothing(request);
        let within = request.reuse_within().copied();
        let since = within
            .and_then(|within| Duration::try_from(within).ok())
            .and_then(|within| SystemTime::now().checked_sub(within));
        let Some(since) = since else {
            return Ok(reuse);
        };
        let kinds = kinds(request);
        let people = request.people();
        let asked = |person| kinds.iter().map(move |kind| (person, *kind));
        let asked: Vec<(usize, EnrichmentType)> = (0..people.len()).flat_map(asked).collect();
        let keys = asked
            .iter()
            .filter_map(|(person, kind)| {
                let person = people.get(*person)?;
                Some(Kind::of(request, *kind).asked(person))
            })
            .collect();
        let bought = store.bought(credential, keys, since).await?;
        for ((person, kind), bought) in asked.into_iter().zip(bought) {
            if let Some(bought) = bought {
                reuse.take(person, kind, &people, &bought);
            }
        }
        Ok(reuse)
    }

    /// Takes a kind from an earlier purchase, where that still holds it.
    fn take(
        &mut self,
        position: usize,
        kind: EnrichmentType,
        people: &[Person<'_>],
        bought: &Bought,
    ) {
        let (Some(known), Some(left), Some(person)) = (
            self.contacts.get_mut(position),
            self.left.get_mut(position),
            people.get(position),
        ) else {
            return;
        };
        let Some(earlier) = held(&bought.held_in).filter(|earlier| holds(earlier, kind)) else {
            return;
        };
        left.retain(|other| *other != kind);
        let index = i32::try_from(position).ok().filter(|_| people.len() > 1);
        let contact = known.get_or_insert_with(|| Contact {
            index,
            ..opening(&earlier, person)
        });
        copy(kind, &earlier, contact);
        let time = bought.time;
        let oldest = contact
            .reused_from
            .and_then(|known| SystemTime::try_from(known).ok());
        contact.reused_from = Some(oldest.map_or(time, |oldest| oldest.min(time)).into());
    }

    /// The contacts that are reused, in whole or in part.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.contacts.iter().flatten().cloned().collect()
    }

    /// How many results come of it: of somebody of whom a part is reused and a part
    /// bought, two.
    #[must_use]
    pub fn results(&self) -> usize {
        self.contacts().len() + self.positions().len()
    }

    /// Whether nothing is left to buy.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.left.is_empty() && self.positions().is_empty()
    }

    /// The people of whom something is left to buy.
    fn positions(&self) -> Vec<usize> {
        let left = self.left.iter().enumerate();
        let left = left.filter(|(_, kinds)| !kinds.is_empty());
        left.map(|(position, _)| position).collect()
    }

    /// What is left to buy of anybody.
    fn kinds_left(&self) -> Vec<i32> {
        let kinds: BTreeSet<i32> = self.left.iter().flatten().map(|k| (*k).into()).collect();
        kinds.into_iter().collect()
    }

    /// What is left to buy may cost so much.
    #[must_use]
    pub fn estimate<R: SpendingRequest>(&self, prices: &Prices, request: &R) -> Estimate {
        match self.left.as_slice() {
            [] => prices.estimate(request),
            _ if self.is_everything() => Estimate::default(),
            _ => prices.estimate_for(R::ENDPOINT, &self.kinds_left(), self.positions().len()),
        }
    }

    /// Whom the rest asks about.
    #[must_use]
    pub fn wanted<R: SpendingRequest>(&self, request: &R) -> Vec<Wanted> {
        people::wanted(request, &self.left)
    }

    /// What is left of a request.
    #[must_use]
    pub fn rest<R: SpendingRequest>(&self, mut request: R) -> Rest<R> {
        if self.contacts.iter().all(Option::is_none) {
            return Rest::Request(request);
        }
        if self.is_everything() {
            return Rest::Nothing;
        }
        request.keep_kinds(&self.kinds_left());
        request.keep_people(&self.positions());
        match single(&request) {
            Some(single) => Rest::Single(Box::new(single)),
            None => Rest::Request(request),
        }
    }
}

/// What is left of a request.
#[derive(Clone, Debug)]
pub enum Rest<R> {
    /// Nothing.
    Nothing,
    /// The same with less in it.
    Request(R),
    /// One contact of a batch. Pronto takes no batch of one.
    Single(Box<EnrichContactAsyncRequest>),
}

/// The one contact of a batch, as a request of its own; none where there are more.
fn single<R: SpendingRequest>(request: &R) -> Option<EnrichContactAsyncRequest> {
    let batch = (request as &dyn Any).downcast_ref::<BulkEnrichContactsRequest>()?;
    let [only] = batch.contacts.as_slice() else {
        return None;
    };
    let only = only.clone();
    Some(EnrichContactAsyncRequest {
        first_name: only.first_name,
        last_name: only.last_name,
        enrichment_type: batch.enrichment_type.clone(),
        linkedin_url: only.linkedin_url,
        domain: only.domain,
        company_name: only.company_name,
        phone_country_codes: batch.phone_country_codes.clone(),
        custom: only.custom,
        webhook_url: batch.webhook_url.clone(),
        additional_fields: only.additional_fields,
        ..Default::default()
    })
}

/// What a request looks for, each kind once.
fn kinds<R: SpendingRequest>(request: &R) -> Vec<EnrichmentType> {
    let kinds: BTreeSet<i32> = request.enrichment_types().iter().copied().collect();
    let known = |kind| EnrichmentType::try_from(kind).ok();
    kinds.into_iter().filter_map(known).collect()
}

/// The contact of an earlier purchase; none when it was erased.
fn held(held_in: &HeldIn) -> Option<Contact> {
    match held_in {
        HeldIn::Answer(body) => json::read(body).ok(),
        HeldIn::Event(payload) => match JobEvent::decode(payload.as_slice()).ok()?.event? {
            Event::Contact(contact) => Some(contact),
            _ => None,
        },
    }
}

fn holds(contact: &Contact, kind: EnrichmentType) -> bool {
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
    match kind {
        EnrichmentType::Email => is_set(&contact.email),
        EnrichmentType::Phone => !contact.phones.is_empty(),
        EnrichmentType::PersonalEmail => is_set(&contact.personal_email),
        EnrichmentType::Unspecified => false,
    }
}

/// Who somebody is, and nothing that was bought about them. Pronto's id of an earlier
/// enrichment is not that of this request.
fn opening(earlier: &Contact, person: &Person<'_>) -> Contact {
    let url = earlier.linkedin_url.clone();
    Contact {
        first_name: Some(person.first_name.to_owned()),
        last_name: Some(person.last_name.to_owned()),
        linkedin_url: url.or(person.linkedin_url.map(str::to_owned)),
        status: earlier.status.clone(),
        custom: person.custom.cloned(),
        ..Default::default()
    }
}

/// Copies a kind of data.
fn copy(kind: EnrichmentType, from: &Contact, to: &mut Contact) {
    match kind {
        EnrichmentType::Email => {
            to.email.clone_from(&from.email);
            to.email_status.clone_from(&from.email_status);
        }
        EnrichmentType::Phone => {
            to.phones.clone_from(&from.phones);
            to.phone_status.clone_from(&from.phone_status);
        }
        EnrichmentType::PersonalEmail => {
            to.personal_email.clone_from(&from.personal_email);
            to.personal_email_status
                .clone_from(&from.personal_email_status);
        }
        EnrichmentType::Unspecified => {}
    }
}

/// One contact of what was bought now and what is reused.
#[must_use]
pub fn merged(bought: Contact, reused: &Contact) -> Contact {
    let mut contact = bought;
    for kind in [
        EnrichmentType::Email,
        EnrichmentType::Phone,
        EnrichmentType::PersonalEmail,
    ] {
        if holds(reused, kind) {
            copy(kind, reused, &mut contact);
        }
    }
    // What Pronto says of the rest alone would be wrong of the whole.
    contact.status.clone_from(&reused.status);
    contact.message = None;
    contact.reused_from = reused.reused_from;
    contact
}

/// A contact as the body of an answer, as it is stored. Unlike an answer of Pronto's it
/// says from when what it holds is.
#[must_use]
pub fn body(contact: &Contact) -> Vec<u8> {
    let mut fields: Object = json::write(contact, Spelling::Documented);
    if let Some(reused_from) = contact.reused_from {
        fields.insert(REUSED_FROM.to_owned(), reused_from.to_string().into());
    }
    serde_json::Value::Object(fields).to_string().into_bytes()
}

/// Takes what [`body`] added off a contact again.
pub fn unmark(contact: &mut Contact) {
    use prost_types::value::Kind::StringValue;
    let Some(fields) = &mut contact.additional_fields else {
        return;
    };
    let Some(mark) = fields.fields.remove(REUSED_FROM) else {
        return;
    };
    if let Some(StringValue(time)) = mark.kind {
        contact.reused_from = time.parse().ok();
    }
    if fields.fields.is_empty() {
        contact.additional_fields = None;
    }
}
