//! The endpoints, one file for each service of the proto.

pub mod accounts;
pub mod bulk;
pub mod contacts;
pub mod leads;
pub mod lists;
pub mod searches;
pub mod signals;
pub mod workspace;

use super::call::Call;
use super::render;
use super::reply::{Fault, Reply};
use super::state::now;
use super::world::company::Company;
use crate::proto::json::{Spelling, structs};
use crate::proto::v1;

/// What a handler returns.
pub type Answer = Result<Reply, Fault>;

/// Items of the preview of a search that was not started.
const PREVIEW: usize = 25;
/// Items of the preview in the answer that starts a search.
const START_PREVIEW: usize = 10;
/// Companies that a search delivers at most.
const MAX_ACCOUNTS: usize = 1_000;
/// People that a search delivers at most. Pronto has such a limit but does not
/// tell it; this is what LinkedIn shows of a search.
const MAX_LEADS: usize = 2_500;

const NO_COMPANY: &str = "Company not found";
const NO_PROFILE: &str = "Profile not found";

/// The number of results to deliver.
fn capped(limit: Option<i32>, most: usize) -> usize {
    limit
        .and_then(|limit| usize::try_from(limit).ok())
        .map_or(most, |limit| limit.min(most))
}

/// The label of a search that was given none: it names the time.
fn default_name(what: &str) -> String {
    let time = now().to_string();
    let part = |range| time.get(range).unwrap_or_default();
    format!(
        "{what} - API - {}/{}/{} {}",
        part(8..10),
        part(5..7),
        part(0..4),
        part(11..16)
    )
}

/// The start of a company search, as Pronto answers it.
fn account_acceptance<'w>(
    id: String,
    message: &str,
    total: usize,
    first: impl Iterator<Item = Company<'w>>,
) -> v1::Acceptance {
    let preview = first.take(START_PREVIEW).map(|company| {
        let preview = render::account_preview(company);
        v1::ResultPreview {
            company_name: preview.company_name,
            industry: preview.industry,
            linkedin_id: preview.linkedin_id,
            linkedin_url: preview.linkedin_url,
            ..Default::default()
        }
    });
    let preview: Vec<_> = preview.collect();
    let probe = v1::Acceptance {
        preview: vec![v1::ResultPreview::default()],
        ..Default::default()
    };
    v1::Acceptance {
        id: Some(id),
        message: Some(message.to_owned()),
        total: Some(total as i64),
        preview,
        additional_fields: Some(structs::from_map(&render::empty_lists(
            &probe,
            Spelling::Observed,
        ))),
        ..Default::default()
    }
}

/// Looks a company up by what a request names.
fn company<'c>(
    call: &'c Call,
    url: Option<&String>,
    id: Option<&String>,
    domain: Option<&String>,
    name: Option<&String>,
) -> Option<Company<'c>> {
    let world = &call.state.world;
    url.and_then(|url| world.company_by_url(url))
        .or_else(|| world.company_by_id(id?))
        .or_else(|| world.company_by_domain(domain?))
        .or_else(|| world.company_by_name(name?))
}
