//! ContactService.

use http::StatusCode;
use prost_types::Struct;

use super::Answer;
use crate::proto::json::Spelling;
use crate::proto::v1::{self, EnrichmentType};
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::contacts::{self, NewContact, NewContacts};
use crate::sandbox::enrichment::{self, Identity, Wanted};
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::state::new_id;

const NO_CONSENT: &str =
    "You can't use the personal email enrichment feature without consenting with our terms of use";

fn wanted(kinds: &[i32], countries: Vec<String>) -> Wanted {
    let mut kinds: Vec<EnrichmentType> = kinds
        .iter()
        .filter_map(|kind| EnrichmentType::try_from(*kind).ok())
        .collect();
    kinds.sort_by_key(|kind| *kind as i32);
    kinds.dedup();
    Wanted { kinds, countries }
}

fn new_contact(identity: Identity, custom: Option<Struct>) -> NewContact {
    NewContact {
        id: new_id(),
        identity,
        custom,
    }
}

/// Refuses what is not allowed, or not paid for, for so many contacts.
fn check_permission(call: &Call, wanted: &Wanted, contacts: usize) -> Result<(), Fault> {
    let consent = call.state.switches.read().personal_email_consent;
    if wanted.has(EnrichmentType::PersonalEmail) && !consent {
        return Err(Fault::Unprocessable(NO_CONSENT.to_owned()));
    }
    call.state
        .check_credits(wanted.price(&call.endpoint.credits) * contacts as u64)
}

/// POST /contacts/single_enrich on the synchronous host
pub async fn enrich(call: Call) -> Answer {
    let request: v1::EnrichContactRequest = call.request()?;
    check_rules(&request)?;
    let wanted = wanted(&request.enrichment_type, request.phone_country_codes);
    check_permission(&call, &wanted, 1)?;
    let identity = Identity {
        first_name: request.first_name,
        last_name: request.last_name,
        linkedin_url: request.linkedin_url,
        domain: request.domain,
        company_name: request.company_name,
    };
    let latency = call.state.switches.read().sync_latency;
    tokio::time::sleep(latency).await;
    call.state.linger(call.endpoint).await;
    let new = new_contact(identity, request.custom);
    let contact = contacts::enrich(&call, &wanted, &new);
    Ok(Reply::message(&contact, Spelling::Documented))
}

/// POST /contacts/single_enrich on the main host
pub async fn start(call: Call) -> Answer {
    let request: v1::EnrichContactAsyncRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    check_rules(&request)?;
    let wanted = wanted(&request.enrichment_type, request.phone_country_codes);
    check_permission(&call, &wanted, 1)?;
    let identity = Identity {
        first_name: request.first_name,
        last_name: request.last_name,
        linkedin_url: request.linkedin_url,
        domain: request.domain,
        company_name: request.company_name,
    };
    let new = new_contact(identity, request.custom);
    let (id, contact) = (new.id.clone(), contacts::accept(&new));
    let alone = NewContacts {
        owner: call.owner.clone(),
        wanted,
        webhook,
        contacts: vec![new],
    };
    contacts::start(&call, &id, alone).await;
    Ok(Reply::message(&contact, Spelling::Observed))
}

/// POST /contacts/bulk_enrich
pub async fn start_bulk(call: Call) -> Answer {
    let request: v1::BulkEnrichContactsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    check_rules(&request)?;
    let wanted = wanted(&request.enrichment_type, request.phone_country_codes);
    check_permission(&call, &wanted, request.contacts.len())?;
    let contacts = request.contacts.into_iter().map(|contact| {
        let identity = Identity {
            first_name: contact.first_name,
            last_name: contact.last_name,
            linkedin_url: contact.linkedin_url,
            domain: contact.domain,
            company_name: contact.company_name,
        };
        new_contact(identity, contact.custom)
    });
    let batch = NewContacts {
        owner: call.owner.clone(),
        wanted,
        webhook,
        contacts: contacts.collect(),
    };
    // The batch has an id of its own, which no endpoint takes.
    let id = new_id();
    contacts::start(&call, &id, batch).await;
    let batch = v1::Contact {
        enrichment_id: Some(id),
        status: Some("queued".to_owned()),
        ..Default::default()
    };
    Ok(Reply::message(&batch, Spelling::Observed).with_status(StatusCode::ACCEPTED))
}

/// GET /contacts/{id}
pub async fn get(call: Call) -> Answer {
    let contacts = call.state.contacts.lock();
    let record = contacts
        .get(&call.id)
        .filter(|record| record.owner == call.owner);
    let record = record.ok_or(Fault::NotFound("Contact not found"))?;
    Ok(Reply::message(&record.contact, Spelling::Observed))
}

/// POST /contacts/check_data_availability
pub async fn check_availability(call: Call) -> Answer {
    let request: v1::CheckDataAvailabilityRequest = call.request()?;
    check_rules(&request)?;
    let identity = Identity {
        first_name: request.first_name.unwrap_or_default(),
        last_name: request.last_name.unwrap_or_default(),
        linkedin_url: request.linkedin_url,
        domain: request.domain,
        company_name: request.company_name,
    };
    let kinds = vec![
        EnrichmentType::Email,
        EnrichmentType::Phone,
        EnrichmentType::PersonalEmail,
    ];
    let wanted = Wanted {
        kinds,
        countries: Vec::new(),
    };
    let findings = enrichment::find(&call.state.world, &identity, &wanted);
    let answer = v1::CheckDataAvailabilityResponse {
        email: Some(findings.email.is_some()),
        phone: Some(!findings.phones.is_empty()),
        personal_email: Some(findings.personal_email.is_some()),
        ..Default::default()
    };
    Ok(Reply::message(&answer, Spelling::Observed))
}
