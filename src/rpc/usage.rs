//! UsageService. What calls cost, what may be spent, and how much of the limits is used.

use std::time::SystemTime;

use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use super::jobs::invalid;
use super::page::{self, violation};
use super::{Facade, auth, status};
use crate::ledger::Day;
use crate::ledger::model::{LedgerPage, UsagePage};
use crate::pronto::limits::LimitSnapshot;
use crate::proto::endpoint::SpendingRequest;
use crate::proto::v1::estimate_cost_request::Request as Asked;
use crate::proto::v1::usage_service_server::UsageService;
use crate::proto::v1::{
    EstimateCostRequest, EstimateCostResponse, GetUsageRequest, GetUsageResponse, Limit,
    ListLedgerEntriesRequest, ListLedgerEntriesResponse, ListLimitsRequest, ListLimitsResponse,
};
use crate::proto::validate::{Path, Violation, Violations};

/// The most days of one answer.
const MAX_DAYS: i64 = 366;

/// The most entries of one answer.
const MAX_ENTRIES: usize = 500;

/// The service.
#[derive(Clone)]
pub struct UsageOfCredits(pub Facade);

impl UsageOfCredits {
    async fn estimate<R: SpendingRequest>(
        &self,
        credential: &str,
        field: &str,
        request: &R,
    ) -> Result<Response<EstimateCostResponse>, Status> {
        let mut violations = Violations::new();
        request.validate(&Path::Root.field(field), &mut violations);
        if !violations.is_empty() {
            return Err(status::invalid(violations));
        }
        let estimate = self.0.purchases.estimate(credential, request).await;
        estimate
            .map(Response::new)
            .map_err(|error| status::not_made(&error, R::ENDPOINT))
    }
}

/// The days of a request, each with its field.
fn days(request: &GetUsageRequest) -> Result<(Day, Day), Violation> {
    let day = |field: &str, text: &Option<String>| match text {
        None => Ok(Day::today()),
        Some(text) => text
            .parse()
            .map_err(|error: crate::ledger::day::NoDay| violation(field, &error.to_string())),
    };
    let first = day("first_day", &request.first_day)?;
    let last = day("last_day", &request.last_day)?;
    match last.number() - first.number() {
        0..=MAX_DAYS => Ok((first, last)),
        ..0 => Err(violation("last_day", "must not be before first_day")),
        _ => {
            let most = format!("must be at most {MAX_DAYS} days after first_day");
            Err(violation("last_day", &most))
        }
    }
}

fn time(field: &str, time: Option<Timestamp>) -> Result<Option<SystemTime>, Violation> {
    let time = time.map(SystemTime::try_from).transpose();
    time.map_err(|_| violation(field, "is not a time"))
}

#[tonic::async_trait]
impl UsageService for UsageOfCredits {
    async fn get_usage(
        &self,
        request: Request<GetUsageRequest>,
    ) -> Result<Response<GetUsageResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?.name;
        let (first, last) = days(request.get_ref()).map_err(invalid)?;
        let failed = |error| status::store(&error);
        let budget = self.0.purchases.budget(&credential).await.map_err(failed)?;
        let page = UsagePage {
            credential,
            first,
            last,
        };
        let usage = self.0.purchases.usage(page).await.map_err(failed)?;
        Ok(Response::new(GetUsageResponse { usage, budget }))
    }

    async fn list_ledger_entries(
        &self,
        request: Request<ListLedgerEntriesRequest>,
    ) -> Result<Response<ListLedgerEntriesResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?.name;
        let request = request.into_inner();
        let limit = page::size(request.page_size).map_err(invalid)?;
        let limit = limit.min(MAX_ENTRIES);
        let position = |text: &str| text.parse().ok();
        let after = page::position(&request.page_token, position).map_err(invalid)?;
        let page = LedgerPage {
            credential,
            after: after.unwrap_or_default(),
            job_id: request.job_id,
            start: time("start_time", request.start_time).map_err(invalid)?,
            end: time("end_time", request.end_time).map_err(invalid)?,
            limit: limit + 1,
        };
        let entries = self.0.purchases.entries(page).await;
        let mut entries = entries.map_err(|error| status::store(&error))?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().filter(|_| has_more);
        let next_page_token = last.map(|last| page::token(&last.id.to_string()));
        Ok(Response::new(ListLedgerEntriesResponse {
            next_page_token: next_page_token.unwrap_or_default(),
            entries,
        }))
    }

    async fn estimate_cost(
        &self,
        request: Request<EstimateCostRequest>,
    ) -> Result<Response<EstimateCostResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?.name;
        let Some(asked) = request.into_inner().request else {
            return Err(invalid(violation("request", "is required")));
        };
        macro_rules! estimate {
            ($($field:literal => $variant:ident,)*) => {
                match &asked {
                    $(Asked::$variant(request) => {
                        self.estimate(&credential, $field, request).await
                    })*
                }
            };
        }
        estimate! {
            "search_accounts" => SearchAccounts,
            "extract_accounts" => ExtractAccounts,
            "enrich_account" => EnrichAccount,
            "bulk_enrich_accounts" => BulkEnrichAccounts,
            "get_company_stack" => GetCompanyStack,
            "list_company_job_postings" => ListCompanyJobPostings,
            "get_headcount" => GetHeadcount,
            "count_profiles" => CountProfiles,
            "search_leads" => SearchLeads,
            "find_company_leads" => FindCompanyLeads,
            "extract_leads" => ExtractLeads,
            "enrich_lead" => EnrichLead,
            "bulk_enrich_leads" => BulkEnrichLeads,
            "enrich_contact" => EnrichContact,
            "enrich_contact_async" => EnrichContactAsync,
            "bulk_enrich_contacts" => BulkEnrichContacts,
            "check_data_availability" => CheckDataAvailability,
            "search_hiring_accounts" => SearchHiringAccounts,
            "search_growing_accounts" => SearchGrowingAccounts,
            "search_lookalike_accounts" => SearchLookalikeAccounts,
            "search_post_engagers" => SearchPostEngagers,
            "search_posts" => SearchPosts,
            "search_reactions" => SearchReactions,
            "search_comments" => SearchComments,
            "track_job_changes" => TrackJobChanges,
            "find_new_hires" => FindNewHires,
            "create_list" => CreateList,
        }
    }

    async fn list_limits(
        &self,
        request: Request<ListLimitsRequest>,
    ) -> Result<Response<ListLimitsResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?;
        let snapshot = self.0.client.limits(&credential);
        Ok(Response::new(ListLimitsResponse {
            limits: snapshot.limits.into_iter().map(limit).collect(),
            in_flight: number(snapshot.in_flight),
            max_in_flight: number(snapshot.max_in_flight),
        }))
    }
}

fn limit(limit: LimitSnapshot) -> Limit {
    Limit {
        operation: limit.endpoint.rpc.to_owned(),
        requests: limit.allowance.requests.try_into().unwrap_or(i32::MAX),
        period: limit.allowance.per.try_into().ok(),
        available: number(limit.available),
        waiting: number(limit.waiting),
        blocked_until: limit.blocked_until.map(Into::into),
    }
}

fn number(count: usize) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
