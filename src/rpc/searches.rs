//! SearchService. Reads the searches that Pronto keeps.

use tonic::{Request, Response, Status};

use super::Facade;
use crate::proto::v1::search_service_server::SearchService;
use crate::proto::v1::{
    DeleteSearchRequest, DeleteSearchResponse, GetSearchRequest, GetSearchResponse,
    ListSearchesRequest, ListSearchesResponse,
};

/// The service.
#[derive(Clone)]
pub struct Searches(pub Facade);

#[tonic::async_trait]
impl SearchService for Searches {
    async fn list_searches(
        &self,
        request: Request<ListSearchesRequest>,
    ) -> Result<Response<ListSearchesResponse>, Status> {
        self.0.call(request).await
    }

    async fn get_search(
        &self,
        request: Request<GetSearchRequest>,
    ) -> Result<Response<GetSearchResponse>, Status> {
        self.0.call(request).await
    }

    async fn delete_search(
        &self,
        request: Request<DeleteSearchRequest>,
    ) -> Result<Response<DeleteSearchResponse>, Status> {
        self.0.call(request).await
    }
}
