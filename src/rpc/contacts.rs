//! ContactService. Finds emails and phone numbers.

use tonic::{Request, Response, Status};

use super::outcome::outcome;
use super::{EventStream, Facade};
use crate::proto::v1::contact_service_server::ContactService;
use crate::proto::v1::{
    BulkEnrichContactsRequest, CheckDataAvailabilityRequest, CheckDataAvailabilityResponse,
    EnrichContactAsyncRequest, EnrichContactRequest, EnrichContactResponse, EnrichmentOutcome,
    GetContactEnrichmentRequest, GetContactEnrichmentResponse, StartResponse,
};

/// The service.
#[derive(Clone)]
pub struct Contacts(pub Facade);

#[tonic::async_trait]
impl ContactService for Contacts {
    async fn enrich_contact(
        &self,
        request: Request<EnrichContactRequest>,
    ) -> Result<Response<EnrichContactResponse>, Status> {
        let mut answer = self.0.call(request).await?;
        let contact = answer.get_ref().contact.as_ref();
        let outcome = contact.map_or(EnrichmentOutcome::NothingFound, outcome);
        answer.get_mut().set_outcome(outcome);
        Ok(answer)
    }

    async fn get_contact_enrichment(
        &self,
        request: Request<GetContactEnrichmentRequest>,
    ) -> Result<Response<GetContactEnrichmentResponse>, Status> {
        self.0.call(request).await
    }

    async fn check_data_availability(
        &self,
        request: Request<CheckDataAvailabilityRequest>,
    ) -> Result<Response<CheckDataAvailabilityResponse>, Status> {
        self.0.call(request).await
    }

    type EnrichContactAsyncStream = EventStream;

    async fn enrich_contact_async(
        &self,
        request: Request<EnrichContactAsyncRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_contact_enrichment(
        &self,
        request: Request<EnrichContactAsyncRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }

    type BulkEnrichContactsStream = EventStream;

    async fn bulk_enrich_contacts(
        &self,
        request: Request<BulkEnrichContactsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        self.0.start_and_follow(request).await
    }

    async fn start_bulk_contact_enrichment(
        &self,
        request: Request<BulkEnrichContactsRequest>,
    ) -> Result<Response<StartResponse>, Status> {
        self.0.start(request).await
    }
}
