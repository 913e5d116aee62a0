//! The services, and what health and reflection know about them.

use tonic::service::Routes;

use super::{ServerError, ServingOptions};
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
#[must_use]
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

/// Adds services with the limits of messages; the servers that tonic generates have no
/// trait in common.
macro_rules! add {
    ($routes:ident, $messages:expr, $($service:expr),+ $(,)?) => {$({
        let mut service = $service
            .max_decoding_message_size($messages.max_request)
            .max_encoding_message_size($messages.max_response);
        for &compression in &$messages.compression {
            service = service
                .accept_compressed(compression)
                .send_compressed(compression);
        }
        $routes.add_service(service);
    })+};
}

/// The services of a facade, and reflection.
///
/// # Errors
///
/// When the descriptors cannot be served.
pub fn services(
    facade: Facade,
    sandbox: Option<Sandbox>,
    options: &ServingOptions,
) -> Result<Routes, ServerError> {
    let messages = &options.messages;
    let names = names(sandbox.is_some());
    let mut routes = Routes::builder();
    add!(
        routes,
        messages,
        AccountServiceServer::new(Accounts(facade.clone())),
        ContactServiceServer::new(Contacts(facade.clone())),
        JobServiceServer::new(JobsService(facade.clone())),
        LeadServiceServer::new(Leads(facade.clone())),
        ListServiceServer::new(Lists(facade.clone())),
        LocationServiceServer::new(Locations(facade.clone())),
        PersonaServiceServer::new(Personas(facade.clone())),
        SearchServiceServer::new(Searches(facade.clone())),
        SignalServiceServer::new(Signals(facade.clone())),
        UsageServiceServer::new(UsageOfCredits(facade.clone())),
        WorkspaceServiceServer::new(Workspace(facade)),
    );
    if let Some(sandbox) = sandbox {
        add!(
            routes,
            messages,
            SandboxServiceServer::new(SandboxControl(sandbox))
        );
    }
    if options.reflection {
        routes
            .add_service(reflection(&names).build_v1()?)
            .add_service(reflection(&names).build_v1alpha()?);
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
