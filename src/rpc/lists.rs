//! ListService. Keeps lists of companies and people.

use tonic::{Request, Response, Status};

use super::Facade;
use crate::proto::v1::list_service_server::ListService;
use crate::proto::v1::{
    CreateListRequest, CreateListResponse, GetListRequest, GetListResponse, ListListsRequest,
    ListListsResponse, UpdateListRequest, UpdateListResponse,
};

/// The service.
#[derive(Clone)]
pub struct Lists(pub Facade);

#[tonic::async_trait]
impl ListService for Lists {
    async fn list_lists(
        &self,
        request: Request<ListListsRequest>,
    ) -> Result<Response<ListListsResponse>, Status> {
        self.0.call(request).await
    }

    async fn create_list(
        &self,
        request: Request<CreateListRequest>,
    ) -> Result<Response<CreateListResponse>, Status> {
        self.0.purchase(request).await
    }

    async fn get_list(
        &self,
        request: Request<GetListRequest>,
    ) -> Result<Response<GetListResponse>, Status> {
        self.0.call(request).await
    }

    async fn update_list(
        &self,
        request: Request<UpdateListRequest>,
    ) -> Result<Response<UpdateListResponse>, Status> {
        self.0.call(request).await
    }
}
