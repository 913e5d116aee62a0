//! PersonaService. Reads saved sets of job titles.

use tonic::{Request, Response, Status};

use super::Facade;
use crate::proto::v1::persona_service_server::PersonaService;
use crate::proto::v1::{
    GetPersonaRequest, GetPersonaResponse, ListPersonasRequest, ListPersonasResponse,
};

/// The service.
#[derive(Clone)]
pub struct Personas(pub Facade);

#[tonic::async_trait]
impl PersonaService for Personas {
    async fn list_personas(
        &self,
        request: Request<ListPersonasRequest>,
    ) -> Result<Response<ListPersonasResponse>, Status> {
        self.0.call(request).await
    }

    async fn get_persona(
        &self,
        request: Request<GetPersonaRequest>,
    ) -> Result<Response<GetPersonaResponse>, Status> {
        self.0.call(request).await
    }
}
