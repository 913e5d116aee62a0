//! The bulk look-ups of companies and people. Pronto does not document them:
//! one delivery for each item, in the shape of a search's results.

use std::sync::Arc;

use prost_types::Struct;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::{Answer, company};
use crate::proto::json::{self, JsonMessage};
use crate::proto::v1;
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::config::{Generation, StreamingShape};
use crate::sandbox::render::{self, LeadStyle};
use crate::sandbox::reply::Reply;
use crate::sandbox::state::{State, new_id};
use crate::sandbox::webhook;

/// One item: the number of what was found, or what was asked for.
struct Item<A> {
    found: Option<usize>,
    asked: A,
    custom: Option<Struct>,
}

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
    start(&call, url, items.collect(), account_body).await
}

fn account_body(state: &State, item: &Item<v1::Company>) -> Value {
    let generation = state.switches.read().generation;
    let found = item.found.and_then(|index| state.world.company(index));
    let company = found.map_or_else(|| item.asked.clone(), |c| render::company(c, generation));
    write(&company, generation)
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
    start(&call, url, items.collect(), lead_body).await
}

fn lead_body(state: &State, item: &Item<v1::Lead>) -> Value {
    let (generation, shape) = {
        let switches = state.switches.read();
        (switches.generation, switches.streaming_shape)
    };
    let style = LeadStyle {
        generation,
        scale: false,
        flat: false,
    };
    let custom = item.custom.clone();
    let result = match (
        item.found.and_then(|index| state.world.person(index)),
        shape,
    ) {
        (Some(person), StreamingShape::Flat) => render::flat_lead(person, style, custom),
        (Some(person), StreamingShape::Nested) => render::nested_lead(person, style, custom),
        (None, _) => v1::LeadResult {
            lead: Some(item.asked.clone()),
            custom,
            ..Default::default()
        },
    };
    write(&result, generation)
}

/// Delivers the items one by one, and answers with the id of the batch.
async fn start<A: Send + Sync + 'static>(
    call: &Call,
    url: Option<Url>,
    items: Vec<Item<A>>,
    body: fn(&State, &Item<A>) -> Value,
) -> Answer {
    let state = Arc::clone(&call.state);
    let (first, delivered) = oneshot::channel();
    call.state.spawn(async move {
        let mut first = Some(first);
        for item in items {
            state.pace().await;
            if let Some(url) = &url {
                webhook::deliver(&state, url, &body(&state, &item)).await;
            }
            if let Some(first) = first.take() {
                // Nobody waits unless the switch was on.
                let _ = first.send(());
            }
        }
    });
    if call.state.switches.read().callback_before_response {
        // An error means that there was nothing to deliver.
        let _ = delivered.await;
    }
    Ok(Reply::Json(
        http::StatusCode::OK,
        json!({"enrichment_id": new_id()}),
    ))
}
