//! AccountService. Finds companies and tells about them.

use tonic::{Request, Response, Status};

use super::{EventStream, Facade};
use crate::proto::v1::account_service_server::AccountService;
use crate::proto::v1::{
    BulkEnrichAccountsRequest, CountProfilesRequest, CountProfilesResponse, EnrichAccountRequest,
    EnrichAccountResponse, ExtractAccountsRequest, GetCompanyStackRequest, GetCompanyStackResponse,
    GetHeadcountRequest, GetHeadcountResponse, ListCompanyJobPostingsRequest,
    ListCompanyJobPostingsResponse, PreviewAccountSearchRequest, PreviewAccountSearchResponse,
    SearchAccountsRequest, StartResponse,
};

/// The service.
#[derive(Clone)]
pub struct Accounts(pub Facade);

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn preview_account_search(
        &self,
        request: Request<PreviewAccountSearchRequest>,
    ) -> Result<Response<PreviewAccountSearchResponse>, Status> {
        self.0.call(request).await
    }

    async fn enrich_account(
        &self,
        request: Request<EnrichAccountRequest>,
    ) -> Result<Response<EnrichAccountResponse>, Status> {
        self.0.purchase(request).await
    }

    async fn get_company_stack(
        &self,
        request: Request<GetCompanyStackRequest>,
    ) -> Result<Response<GetCompanyStackResponse>, Status> {
        self.0.purchase(request).await
    }

    async fn list_company_job_postings(
        &self,
        request: Request<ListCompanyJobPostingsRequest>,
    ) -> Result<Response<ListCompanyJobPostingsResponse>, Status> {
        self.0.purchase(request).await
    }

    async fn get_headcount(
        &self,
        request: Request<GetHeadcountRequest>,
    ) -> Result<Response<GetHeadcountResponse>, Status> {
        self.0.purchase(request).await
    }

    async fn count_profiles(
        &self,
        request: Request<CountProfilesRequest>,
    ) -> Result<Response<CountProfilesResponse>, Status> {
        self.0.purchase(request).await
    }

    type SearchAccountsStream = EventStream;

    async fn search_accounts(
        &self,
        request: Request<SearchAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_account_search(
        &self,
        request: Request<SearchAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type ExtractAccountsStream = EventStream;

    async fn extract_accounts(
        &self,
        request: Request<ExtractAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_account_extraction(
        &self,
        request: Request<ExtractAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type BulkEnrichAccountsStream = EventStream;

    async fn bulk_enrich_accounts(
        &self,
        request: Request<BulkEnrichAccountsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_bulk_account_enrichment(
        &self,
        request: Request<BulkEnrichAccountsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }
}
