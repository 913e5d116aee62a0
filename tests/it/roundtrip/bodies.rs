//! The documented bodies, each with the message that reads it.

use std::fmt::Debug;
use std::sync::LazyLock;

use pronto_grpc::proto::endpoint::UpstreamRequest;
use pronto_grpc::proto::json::{JsonMessage, ReadError, Spelling, read, write};
use pronto_grpc::proto::v1;
use serde_json::Value;

use crate::contract::{forms, stem_of};

/// A documented body.
pub struct Body {
    /// Fixture and form.
    pub name: String,
    pub value: Value,
    /// Reads it, or any other.
    pub back: fn(&[u8]) -> Result<Back, ReadError>,
}

/// What became of a body.
pub struct Back {
    /// Its message, written again.
    pub written: Value,
    /// Its message, with everything that is in it.
    pub debug: String,
}

fn back<M: JsonMessage + Debug>(body: &[u8]) -> Result<Back, ReadError> {
    let message: M = read(body)?;
    Ok(Back {
        written: Value::Object(write(&message, Spelling::Observed)),
        debug: format!("{message:?}"),
    })
}

fn bodies<M: JsonMessage + Debug>(folder: &str, stem: &str) -> Vec<Body> {
    let body = |(form, value)| Body {
        name: format!("{stem} {form}"),
        value,
        back: back::<M>,
    };
    forms(folder, stem).into_iter().map(body).collect()
}

/// The documented answers and webhooks.
pub fn answers() -> &'static [Body] {
    static ANSWERS: LazyLock<Vec<Body>> = LazyLock::new(read_answers);
    &ANSWERS
}

/// The documented requests, but for the wrapped form, which is only read.
pub fn requests() -> &'static [Body] {
    static REQUESTS: LazyLock<Vec<Body>> = LazyLock::new(read_requests);
    &REQUESTS
}

fn read_answers() -> Vec<Body> {
    let of = |stem: &str, read: fn(&str, &str) -> Vec<Body>| read("answers", stem);
    let mut all = vec![
        of("get_account", bodies::<v1::GetAccountResponse>),
        of("get_credits", bodies::<v1::GetCreditsResponse>),
        of(
            "post_accounts_search_preview",
            bodies::<v1::PreviewAccountSearchResponse>,
        ),
        of(
            "post_accounts_single_enrich",
            bodies::<v1::EnrichAccountResponse>,
        ),
        of(
            "post_accounts_company_stack",
            bodies::<v1::GetCompanyStackResponse>,
        ),
        of(
            "post_accounts_company_hiring",
            bodies::<v1::ListCompanyJobPostingsResponse>,
        ),
        of(
            "post_accounts_headcount",
            bodies::<v1::GetHeadcountResponse>,
        ),
        of(
            "post_accounts_count_profiles",
            bodies::<v1::CountProfilesResponse>,
        ),
        of(
            "post_leads_advanced_search_preview",
            bodies::<v1::PreviewLeadSearchResponse>,
        ),
        of("post_leads_single_enrich", bodies::<v1::EnrichLeadResponse>),
        of(
            "post_contacts_single_enrich_sync",
            bodies::<v1::EnrichContactResponse>,
        ),
        of(
            "get_contacts_id",
            bodies::<v1::GetContactEnrichmentResponse>,
        ),
        of(
            "post_contacts_check_data_availability",
            bodies::<v1::CheckDataAvailabilityResponse>,
        ),
        of("get_searches", bodies::<v1::ListSearchesResponse>),
        of("get_searches_id", bodies::<v1::GetSearchResponse>),
        of("delete_searches_id", bodies::<v1::DeleteSearchResponse>),
        of("get_lists", bodies::<v1::ListListsResponse>),
        of("post_lists", bodies::<v1::CreateListResponse>),
        of("get_lists_id", bodies::<v1::GetListResponse>),
        of("put_lists_id", bodies::<v1::UpdateListResponse>),
        of("get_personas", bodies::<v1::ListPersonasResponse>),
        of("get_personas_id", bodies::<v1::GetPersonaResponse>),
        of("post_locations", bodies::<v1::SearchLocationsResponse>),
        of("webhook_leads", bodies::<v1::LeadDelivery>),
        of("webhook_accounts", bodies::<v1::AccountDelivery>),
        of("webhook_contacts", bodies::<v1::ContactDelivery>),
    ];
    all.extend(ACCEPTED.map(|stem| of(stem, bodies::<v1::Acceptance>)));
    all.into_iter().flatten().collect()
}

/// The endpoints whose results come later.
const ACCEPTED: [&str; 18] = [
    "post_accounts_search",
    "post_accounts",
    "post_accounts_bulk_enrich",
    "post_leads",
    "post_leads_search",
    "post_leads_advanced_search",
    "post_leads_bulk_enrich",
    "post_contacts_single_enrich",
    "post_contacts_bulk_enrich",
    "post_intents_accounts_hiring",
    "post_intents_accounts_growth",
    "post_intents_accounts_lookalikes",
    "post_intents_leads_posts_engagers",
    "post_intents_leads_posts",
    "post_intents_leads_reactions",
    "post_intents_leads_comments",
    "post_intents_leads_track_job_changes",
    "post_intents_leads_find_new_hires",
];

fn request<M: UpstreamRequest + Debug>() -> Vec<Body> {
    bodies::<M>("requests", &stem_of(M::ENDPOINT))
}

fn read_requests() -> Vec<Body> {
    let all = [
        request::<v1::SearchAccountsRequest>(),
        request::<v1::PreviewAccountSearchRequest>(),
        request::<v1::ExtractAccountsRequest>(),
        request::<v1::EnrichAccountRequest>(),
        request::<v1::BulkEnrichAccountsRequest>(),
        request::<v1::GetCompanyStackRequest>(),
        request::<v1::ListCompanyJobPostingsRequest>(),
        request::<v1::GetHeadcountRequest>(),
        request::<v1::CountProfilesRequest>(),
        request::<v1::ExtractLeadsRequest>(),
        request::<v1::FindCompanyLeadsRequest>(),
        request::<v1::SearchLeadsRequest>(),
        request::<v1::PreviewLeadSearchRequest>(),
        request::<v1::EnrichLeadRequest>(),
        request::<v1::BulkEnrichLeadsRequest>(),
        request::<v1::EnrichContactAsyncRequest>(),
        request::<v1::EnrichContactRequest>(),
        request::<v1::BulkEnrichContactsRequest>(),
        request::<v1::CheckDataAvailabilityRequest>(),
        request::<v1::CreateListRequest>(),
        request::<v1::UpdateListRequest>(),
        request::<v1::SearchLocationsRequest>(),
        request::<v1::SearchHiringAccountsRequest>(),
        request::<v1::SearchGrowingAccountsRequest>(),
        request::<v1::SearchLookalikeAccountsRequest>(),
        request::<v1::SearchPostEngagersRequest>(),
        request::<v1::SearchPostsRequest>(),
        request::<v1::SearchReactionsRequest>(),
        request::<v1::SearchCommentsRequest>(),
        request::<v1::TrackJobChangesRequest>(),
        request::<v1::FindNewHiresRequest>(),
    ];
    let sent = |body: &Body| !body.name.ends_with(" wrapped");
    all.into_iter().flatten().filter(sent).collect()
}
