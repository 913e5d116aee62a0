//! WorkspaceService. Tells about the key and its account.

use tonic::{Request, Response, Status};

use super::Facade;
use crate::proto::v1::workspace_service_server::WorkspaceService;
use crate::proto::v1::{
    GetAccountRequest, GetAccountResponse, GetCreditsRequest, GetCreditsResponse,
};

/// The service.
#[derive(Clone)]
pub struct Workspace(pub Facade);

#[tonic::async_trait]
impl WorkspaceService for Workspace {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        self.0.call(request).await
    }

    async fn get_credits(
        &self,
        request: Request<GetCreditsRequest>,
    ) -> Result<Response<GetCreditsResponse>, Status> {
        self.0.call(request).await
    }
}
