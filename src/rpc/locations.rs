//! LocationService. Finds location ids.

use tonic::{Request, Response, Status};

use super::Facade;
use crate::proto::v1::location_service_server::LocationService;
use crate::proto::v1::{SearchLocationsRequest, SearchLocationsResponse};

/// The service.
#[derive(Clone)]
pub struct Locations(pub Facade);

#[tonic::async_trait]
impl LocationService for Locations {
    async fn search_locations(
        &self,
        request: Request<SearchLocationsRequest>,
    ) -> Result<Response<SearchLocationsResponse>, Status> {
        self.0.call(request).await
    }
}
