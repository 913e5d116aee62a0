//! The services, and what health and reflection know about them.

use tonic::service::Routes;

use super::ServerError;
use crate::proto::DESCRIPTORS;
use crate::proto::v1::account_service_server::AccountServiceServer;
use crate::proto::v1::contact_service_server::ContactServiceServer;
use crate::proto::v1::job_service_server::JobServiceServer;
use crate::proto::v1::lead_service_server::LeadServiceServer;
use crate::proto::v1::list_service_server::ListServiceServer;
use crate::proto::v1::location_service_server::LocationServiceServer;
use crate::proto::v1::persona_service_server::PersonaServiceServer;
use crate::proto::v1::sandbox_service_server::SandboxServiceServer;
use crate::proto::v1::search_service_server::SearchServiceServer;
use crate::proto::v1::signal_service_server::SignalServiceServer;
use crate::proto::v1::usage_service_server::UsageServiceServer;
use crate::proto::v1::workspace_service_server::WorkspaceServiceServer;
use crate::rpc::Facade;
use crate::rpc::accounts::Accounts;
use crate::rpc::contacts::Contacts;
use crate::rpc::jobs::JobsService;
use crate::rpc::leads::Leads;
use crate::rpc::lists::Lists;
use crate::rpc::locations::Locations;
use crate::rpc::personas::Personas;
use crate::rpc::sandbox::SandboxControl;
use crate::rpc::searches::Searches;
use crate::rpc::signals::Signals;
use crate::rpc::usage::UsageOfCredits;
use crate::rpc::workspace::Workspace;
use crate::sandbox::Sandbox;

/// The services that health and reflection name.
pub fn names(has_sandbox: bool) -> Vec<&'static str> {
    use tonic::server::NamedService;
    let mut names = vec![
        AccountServiceServer::<Accounts>::NAME,
        ContactServiceServer::<Contacts>::NAME,
        JobServiceServer::<JobsService>::NAME,
        LeadServiceServer::<Leads>::NAME,
        ListServiceServer::<Lists>::NAME,
        LocationServiceServer::<Locations>::NAME,
        PersonaServiceServer::<Personas>::NAME,
        SearchServiceServer::<Searches>::NAME,
        SignalServiceServer::<Signals>::NAME,
        UsageServiceServer::<UsageOfCredits>::NAME,
        WorkspaceServiceServer::<Workspace>::NAME,
    ];
    if has_sandbox {
        names.push(SandboxServiceServer::<SandboxControl>::NAME);
    }
    names
}

/// The services of a facade, and reflection.
///
/// # Errors
///
/// When the descriptors cannot be served.
pub fn services(
    facade: Facade,
    sandbox: Option<Sandbox>,
    names: &[&'static str],
) -> Result<Routes, ServerError> {
    let mut routes = Routes::builder();
    routes
        .add_service(AccountServiceServer::new(Accounts(facade.clone())))
        .add_service(ContactServiceServer::new(Contacts(facade.clone())))
        .add_service(JobServiceServer::new(JobsService(facade.clone())))
        .add_service(LeadServiceServer::new(Leads(facade.clone())))
        .add_service(ListServiceServer::new(Lists(facade.clone())))
        .add_service(LocationServiceServer::new(Locations(facade.clone())))
        .add_service(PersonaServiceServer::new(Personas(facade.clone())))
        .add_service(SearchServiceServer::new(Searches(facade.clone())))
        .add_service(SignalServiceServer::new(Signals(facade.clone())))
        .add_service(UsageServiceServer::new(UsageOfCredits(facade.clone())))
        .add_service(WorkspaceServiceServer::new(Workspace(facade)))
        .add_service(reflection(names).build_v1()?)
        .add_service(reflection(names).build_v1alpha()?);
    if let Some(sandbox) = sandbox {
        routes.add_service(SandboxServiceServer::new(SandboxControl(sandbox)));
    }
    Ok(routes.routes())
}

fn reflection(names: &[&'static str]) -> tonic_reflection::server::Builder<'static> {
    let health = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(health)
        // What error details are made of, so that tools can show them.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    names
        .iter()
        .fold(builder, |builder, name| builder.with_service_name(*name))
}
