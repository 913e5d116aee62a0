//! LeadService. Finds people and tells about them.

use tonic::{Request, Response, Status};

use super::{EventStream, Facade};
use crate::proto::v1::lead_service_server::LeadService;
use crate::proto::v1::{
    BulkEnrichLeadsRequest, EnrichLeadRequest, EnrichLeadResponse, ExtractLeadsRequest,
    FindCompanyLeadsRequest, PreviewLeadSearchRequest, PreviewLeadSearchResponse,
    SearchLeadsRequest, StartResponse,
};

/// The service.
#[derive(Clone)]
pub struct Leads(pub Facade);

#[tonic::async_trait]
impl LeadService for Leads {
    async fn preview_lead_search(
        &self,
        request: Request<PreviewLeadSearchRequest>,
    ) -> Result<Response<PreviewLeadSearchResponse>, Status> {
        self.0.call(request).await
    }

    async fn enrich_lead(
        &self,
        request: Request<EnrichLeadRequest>,
    ) -> Result<Response<EnrichLeadResponse>, Status> {
        self.0.purchase(request).await
    }

    type SearchLeadsStream = EventStream;

    async fn search_leads(
        &self,
        request: Request<SearchLeadsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_lead_search(
        &self,
        request: Request<SearchLeadsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type FindCompanyLeadsStream = EventStream;

    async fn find_company_leads(
        &self,
        request: Request<FindCompanyLeadsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_company_lead_search(
        &self,
        request: Request<FindCompanyLeadsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type ExtractLeadsStream = EventStream;

    async fn extract_leads(
        &self,
        request: Request<ExtractLeadsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_lead_extraction(
        &self,
        request: Request<ExtractLeadsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type BulkEnrichLeadsStream = EventStream;

    async fn bulk_enrich_leads(
        &self,
        request: Request<BulkEnrichLeadsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_bulk_lead_enrichment(
        &self,
        request: Request<BulkEnrichLeadsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }
}
