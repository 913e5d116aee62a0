//! The bulk look-ups of companies and people. Pronto does not document them:
//! one delivery for each item, in the shape of a search's results.

use std::sync::Arc;

use prost_types::Struct;
use serde_json::{Value, json};
use url::Url;

use super::{Answer, company};
use crate::proto::json::{self, JsonMessage};
use crate::proto::v1::{self, Generation, StreamingShape};
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::outbox::Outbox;
use crate::sandbox::render::{self, LeadStyle};
use crate::sandbox::reply::Reply;
use crate::sandbox::state::{State, new_id};

/// One item: the number of what was found, or what was asked for.
struct Item<A> {
    found: Option<usize>,
    asked: A,
    custom: Option<Struct>,
}

/// What names an item, and the body of its delivery.
type Describe<A> = fn(&State, &Item<A>) -> (String, Value);

/// POST /accounts/bulk_enrich
pub async fn accounts(call: Call) -> Answer {
    let request: v1::BulkEnrichAccountsRequest = call.request()?;
    let url = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let items = request.accounts.into_iter().map(|account| {
        let (url, domain) = (
            account.company_linkedin_url.as_ref(),
            account.domain.as_ref(),
        );
        let found = company(&call, url, None, domain, account.name.as_ref());
        let found = found.map(|company| company.index());
        let asked = v1::Company {
            name: account.name,
            website: account.domain,
            linkedin_url: account.company_linkedin_url,
            ..Default::default()
        };
        Item {
            found,
            asked,
            custom: None,
        }
    });
    start(&call, url, items.collect(), describe_account).await
}

fn describe_account(state: &State, item: &Item<v1::Company>) -> (String, Value) {
    let generation = state.form().generation;
    let found = item.found.and_then(|index| state.world.company(index));
    let company = found.map_or_else(|| item.asked.clone(), |c| render::company(c, generation));
    let names = [&company.linkedin_url, &company.name, &company.website];
    let key = names.into_iter().flatten().next().cloned();
    (key.unwrap_or_default(), write(&company, generation))
}

fn write<M: JsonMessage>(message: &M, generation: Generation) -> Value {
    Value::Object(json::write(message, generation.spelling()))
}

/// POST /leads/bulk_enrich
pub async fn leads(call: Call) -> Answer {
    let request: v1::BulkEnrichLeadsRequest = call.request()?;
    let url = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let items = request.leads.into_iter().map(|lead| Item {
        found: call
            .state
            .world
            .person_by_url(&lead.linkedin_url)
            .map(|person| person.index()),
        asked: v1::Lead {
            linkedin_url: Some(lead.linkedin_url),
            ..Default::default()
        },
        custom: lead.custom,
    });
    start(&call, url, items.collect(), describe_lead).await
}

fn describe_lead(state: &State, item: &Item<v1::Lead>) -> (String, Value) {
    let form = state.form();
    let (generation, shape) = (form.generation, form.streaming_shape);
    let style = LeadStyle {
        generation,
        scale: false,
        flat: false,
    };
    let custom = item.custom.clone();
    let person = item.found.and_then(|index| state.world.person(index));
    let key = match person {
        Some(person) => render::profile_url(person, style.scale),
        None => item.asked.linkedin_url.clone().unwrap_or_default(),
    };
    let result = match (person, shape) {
        (Some(person), StreamingShape::Nested) => render::nested_lead(person, style, custom),
        (Some(person), _) => render::flat_lead(person, style, custom),
        (None, _) => v1::LeadResult {
            lead: Some(item.asked.clone()),
            custom,
            ..Default::default()
        },
    };
    (key, write(&result, generation))
}

/// Delivers the items one by one, and answers with the id of the batch.
async fn start<A: Send + Sync + 'static>(
    call: &Call,
    url: Option<Url>,
    items: Vec<Item<A>>,
    describe: Describe<A>,
) -> Answer {
    let (state, endpoint, id) = (Arc::clone(&call.state), call.endpoint, new_id());
    state.ledger.start(&id, endpoint, url.as_ref());
    let (mut outbox, delivered) = Outbox::new(&state, endpoint, url);
    let overtakes = outbox.overtakes();
    let batch = id.clone();
    call.state.spawn(async move {
        for item in items {
            state.pace().await;
            state.linger(endpoint).await;
            let (key, body) = describe(&state, &item);
            state.ledger.find(&batch, [key], 0);
            outbox.deliver(body).await;
        }
        state.ledger.finish(&batch);
        outbox.finish().await;
    });
    if overtakes {
        // An error means that the first delivery is over.
        let _ = delivered.await;
    }
    Ok(Reply::Json(
        http::StatusCode::OK,
        json!({"enrichment_id": id}),
    ))
}
