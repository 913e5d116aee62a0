//! From a request's method and path to its endpoint.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::api::{Answer, accounts, bulk, contacts, leads, lists, searches, signals, workspace};
use super::call::Call;
use super::reply::{Fault, HttpResponse, Reply};
use super::state::State;
use super::{MAIN_BASE_PATH, SYNCHRONOUS_BASE_PATH};
use crate::proto::endpoint::{ENDPOINTS, Endpoint, endpoints};
use crate::proto::v1::Host;

/// The header with the key.
const API_KEY: &str = "x-api-key";

/// Answers a request.
pub async fn answer(state: Arc<State>, parts: Parts, body: Result<Bytes, Fault>) -> HttpResponse {
    match admit(state, &parts, body) {
        Ok(call) => dispatch(call)
            .await
            .map_or_else(Fault::into_response, Reply::into_response),
        Err(fault) => fault.into_response(),
    }
}

/// Finds the endpoint, and checks that the key may use it now.
fn admit(state: Arc<State>, parts: &Parts, body: Result<Bytes, Fault>) -> Result<Call, Fault> {
    let (endpoint, id) = find(parts.method.as_str(), parts.uri.path()).ok_or(Fault::NoSuchPage)?;
    let key = parts
        .headers
        .get(API_KEY)
        .and_then(|key| key.to_str().ok())
        .unwrap_or_default();
    if !state.api_keys.iter().any(|known| known == key) {
        return Err(Fault::Unauthorized);
    }
    let (restricted, limited) = {
        let switches = state.switches.read();
        (switches.restricted_keys.contains(key), switches.rate_limits)
    };
    if restricted && !is_open_to_all(endpoint) {
        return Err(Fault::Forbidden);
    }
    if limited {
        let now = Instant::now();
        let taken = state.limits.take(key, endpoint, now);
        state.counters.count_rated(endpoint, taken.is_ok(), now);
        taken.map_err(Fault::RateLimited)?;
    }
    let query = parts.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes());
    Ok(Call {
        endpoint,
        owner: digest(key),
        id,
        query: query.map(|(_, value)| value.into_owned()).collect(),
        search_strikes: OnceLock::new(),
        body: body?,
        state,
    })
}

/// What tells one key from another, and is not the key.
fn digest(key: &str) -> String {
    let digest = Sha256::digest(key);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_open_to_all(endpoint: &Endpoint) -> bool {
    [endpoints::GET_ACCOUNT, endpoints::GET_CREDITS].contains(&endpoint)
}

/// The endpoint of a path below one of the base paths, and what stands for the
/// path's parameter.
pub fn find(method: &str, path: &str) -> Option<(&'static Endpoint, String)> {
    let (host, path) = match path.strip_prefix(MAIN_BASE_PATH) {
        Some(path) => (Host::Main, path),
        None => (Host::Synchronous, path.strip_prefix(SYNCHRONOUS_BASE_PATH)?),
    };
    ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.host == host && endpoint.method == method)
        .find_map(|endpoint| Some((*endpoint, parameter(endpoint.path, path)?)))
}

/// What stands for the parameter of a template; empty when it has none.
fn parameter(template: &str, path: &str) -> Option<String> {
    let Some((head, tail)) = template.split_once('{') else {
        return (template == path).then(String::new);
    };
    let (_, tail) = tail.split_once('}')?;
    let value = path.strip_prefix(head)?.strip_suffix(tail)?;
    if value.is_empty() || value.contains('/') {
        return None;
    }
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

macro_rules! dispatch {
    ($($endpoint:ident => $handler:path,)*) => {
        async fn dispatch(call: Call) -> Answer {
            match call.endpoint {
                $(endpoint if endpoint == endpoints::$endpoint => $handler(call).await,)*
                _ => Err(Fault::NoSuchPage),
            }
        }

        /// The endpoints that have a handler.
        #[cfg(test)]
        const HANDLED: &[&Endpoint] = &[$(endpoints::$endpoint),*];
    };
}

dispatch! {
    START_ACCOUNT_SEARCH => accounts::search,
    PREVIEW_ACCOUNT_SEARCH => accounts::preview,
    START_ACCOUNT_EXTRACTION => accounts::extract,
    ENRICH_ACCOUNT => accounts::enrich,
    START_BULK_ACCOUNT_ENRICHMENT => bulk::accounts,
    GET_COMPANY_STACK => accounts::stack,
    LIST_COMPANY_JOB_POSTINGS => accounts::hiring,
    GET_HEADCOUNT => accounts::headcount,
    COUNT_PROFILES => accounts::count_profiles,
    START_LEAD_SEARCH => leads::search,
    PREVIEW_LEAD_SEARCH => leads::preview,
    START_COMPANY_LEAD_SEARCH => leads::find_at_company,
    START_LEAD_EXTRACTION => leads::extract,
    ENRICH_LEAD => leads::enrich,
    START_BULK_LEAD_ENRICHMENT => bulk::leads,
    ENRICH_CONTACT => contacts::enrich,
    START_CONTACT_ENRICHMENT => contacts::start,
    GET_CONTACT_ENRICHMENT => contacts::get,
    START_BULK_CONTACT_ENRICHMENT => contacts::start_bulk,
    CHECK_DATA_AVAILABILITY => contacts::check_availability,
    LIST_SEARCHES => searches::list,
    GET_SEARCH => searches::get,
    DELETE_SEARCH => searches::delete,
    LIST_LISTS => lists::list,
    CREATE_LIST => lists::create,
    GET_LIST => lists::get,
    UPDATE_LIST => lists::update,
    LIST_PERSONAS => workspace::personas,
    GET_PERSONA => workspace::persona,
    SEARCH_LOCATIONS => workspace::locations,
    START_HIRING_ACCOUNT_SEARCH => signals::hiring,
    START_GROWING_ACCOUNT_SEARCH => signals::growth,
    START_LOOKALIKE_ACCOUNT_SEARCH => signals::lookalikes,
    START_POST_ENGAGER_SEARCH => signals::post_engagers,
    START_POST_SEARCH => signals::posts,
    START_REACTION_SEARCH => signals::reactions,
    START_COMMENT_SEARCH => signals::comments,
    START_JOB_CHANGE_TRACKING => signals::job_changes,
    START_NEW_HIRE_SEARCH => signals::new_hires,
    GET_ACCOUNT => workspace::account,
    GET_CREDITS => workspace::credits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_handled_and_found() {
        for endpoint in ENDPOINTS {
            assert!(HANDLED.contains(endpoint), "{}", endpoint.rpc);
            let base = match endpoint.host {
                Host::Synchronous => SYNCHRONOUS_BASE_PATH,
                _ => MAIN_BASE_PATH,
            };
            let path = format!("{base}{}", endpoint.path.replace("{id}", "a%2Fb"));
            let (found, id) = find(endpoint.method, &path).expect(endpoint.rpc);
            assert_eq!(found.rpc, endpoint.rpc);
            assert_eq!(
                id,
                if endpoint.path.contains('{') {
                    "a/b"
                } else {
                    ""
                }
            );
        }
        assert_eq!(HANDLED.len(), ENDPOINTS.len());
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in [
            "/",
            "/api/v2/leads/",
            "/api/v2/contacts/",
            "/api/v2/contacts/1/2",
            "/v2/leads",
        ] {
            assert!(
                find("GET", path).is_none() && find("POST", path).is_none(),
                "{path}"
            );
        }
    }
}
