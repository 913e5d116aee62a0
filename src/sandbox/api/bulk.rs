//! The bulk look-ups of companies and people. Pronto does not document them:
//! one delivery for each item, in the shape of a search's results.

use serde_json::json;
use url::Url;

use super::{Answer, company};
use crate::proto::v1;
use crate::sandbox::bulk::{self, Item, Kind, NewItems};
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::reply::Reply;
use crate::sandbox::state::new_id;

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
        Item {
            found: found.map(|company| company.index()),
            linkedin_url: account.company_linkedin_url,
            name: account.name,
            domain: account.domain,
            custom: None,
        }
    });
    start(&call, Kind::Accounts, url, items.collect()).await
}

/// POST /leads/bulk_enrich
pub async fn leads(call: Call) -> Answer {
    let request: v1::BulkEnrichLeadsRequest = call.request()?;
    let url = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let items = request.leads.into_iter().map(|lead| {
        let found = call.state.world.person_by_url(&lead.linkedin_url);
        Item {
            found: found.map(|person| person.index()),
            linkedin_url: Some(lead.linkedin_url),
            custom: lead.custom,
            ..Default::default()
        }
    });
    start(&call, Kind::Leads, url, items.collect()).await
}

/// Delivers the items one by one, and answers with the id of the batch.
async fn start(call: &Call, kind: Kind, webhook: Option<Url>, items: Vec<Item>) -> Answer {
    let id = new_id();
    let new = NewItems {
        kind,
        webhook,
        items,
    };
    bulk::start(call, &id, new).await;
    Ok(Reply::Json(
        http::StatusCode::OK,
        json!({"enrichment_id": id}),
    ))
}
