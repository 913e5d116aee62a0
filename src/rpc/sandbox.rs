//! SandboxService. Rehearses failure; served only beside the built-in Pronto.

use tonic::{Request, Response, Status};

use super::status;
use crate::proto::canonical;
use crate::proto::v1::sandbox_service_server::SandboxService;
use crate::proto::v1::{
    GetSandboxCountersRequest, GetSandboxCountersResponse, GetSettingsRequest, GetSettingsResponse,
    ListFindingsRequest, ListFindingsResponse, ResetSandboxRequest, ResetSandboxResponse,
    UpdateSettingsRequest, UpdateSettingsResponse,
};
use crate::sandbox::Sandbox;

/// The service.
#[derive(Clone)]
pub struct SandboxControl(pub Sandbox);

#[tonic::async_trait]
impl SandboxService for SandboxControl {
    async fn get_settings(
        &self,
        _: Request<GetSettingsRequest>,
    ) -> Result<Response<GetSettingsResponse>, Status> {
        let settings = Some(self.0.settings());
        Ok(Response::new(GetSettingsResponse { settings }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        let request = request.into_inner();
        let settings = request.settings.unwrap_or_default();
        let named = request.update_mask.unwrap_or_default().paths;
        let fields = match named.is_empty() {
            true => canonical::populated(&settings),
            false => named,
        };
        let settings = self.0.update(&settings, &fields).map_err(status::invalid)?;
        let settings = Some(settings);
        Ok(Response::new(UpdateSettingsResponse { settings }))
    }

    async fn reset_sandbox(
        &self,
        _: Request<ResetSandboxRequest>,
    ) -> Result<Response<ResetSandboxResponse>, Status> {
        let settings = Some(self.0.reset().await);
        Ok(Response::new(ResetSandboxResponse { settings }))
    }

    async fn get_sandbox_counters(
        &self,
        request: Request<GetSandboxCountersRequest>,
    ) -> Result<Response<GetSandboxCountersResponse>, Status> {
        if request.into_inner().when_idle {
            self.0.idle().await;
        }
        let counters = Some(self.0.describe_counters());
        Ok(Response::new(GetSandboxCountersResponse { counters }))
    }

    async fn list_findings(
        &self,
        request: Request<ListFindingsRequest>,
    ) -> Result<Response<ListFindingsResponse>, Status> {
        let request = request.into_inner();
        let findings = self
            .0
            .findings(&request.upstream_id, &request.webhook_url_part);
        Ok(Response::new(ListFindingsResponse { findings }))
    }
}
