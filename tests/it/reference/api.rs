//! The descriptors of the API, with their comments.

use pronto_grpc::proto::DESCRIPTORS;
use prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor,
};

/// The package of the API.
pub const PACKAGE: &str = "pronto.v1";

/// Every file of the API.
pub struct Api {
    /// All descriptors, also those that the API imports.
    pub pool: DescriptorPool,
}

impl Api {
    /// The API as it is built in.
    pub fn read() -> Self {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
        Self { pool }
    }

    /// The files that have a page. Errors have one of their own.
    pub fn files(&self) -> impl Iterator<Item = FileDescriptor> {
        let files = self.pool.files();
        files.filter(|file| {
            file.package_name() == PACKAGE && !file.name().ends_with("/errors.proto")
        })
    }

    /// The services, by name.
    pub fn services(&self) -> Vec<ServiceDescriptor> {
        let services = self.pool.services();
        let mut services: Vec<_> = services
            .filter(|service| service.package_name() == PACKAGE)
            .collect();
        services.sort_by(|one, other| one.name().cmp(other.name()));
        services
    }

    /// The RPCs of all services.
    pub fn methods(&self) -> Vec<MethodDescriptor> {
        let services = self.services();
        services
            .iter()
            .flat_map(|service| service.methods())
            .collect()
    }

    /// Requests that name a job which has to be there.
    pub fn job_requests(&self) -> impl Iterator<Item = String> {
        let messages = self.methods().into_iter().filter(|method| {
            let is_of_jobs = method.parent_service().name() == "JobService";
            is_of_jobs && method.input().get_field_by_name("job_id").is_some()
        });
        messages.map(|method| method.input().name().to_owned())
    }

    /// An RPC, by service and name as in `LeadService/SearchLeads`.
    pub fn method(&self, name: &str) -> Option<MethodDescriptor> {
        let (service, name) = name.split_once('/')?;
        let service = self
            .pool
            .get_service_by_name(&format!("{PACKAGE}.{service}"))?;
        service.methods().find(|method| method.name() == name)
    }
}

/// The messages of a file, without those that stand for entries of maps.
pub fn messages(file: &FileDescriptor) -> Vec<MessageDescriptor> {
    file.messages()
        .filter(|message| !message.is_map_entry())
        .collect()
}

/// The enums of a file.
pub fn enums(file: &FileDescriptor) -> Vec<EnumDescriptor> {
    file.enums().collect()
}

/// The page of a file: `leads.md`.
pub fn page_name(file: &FileDescriptor) -> String {
    let (_, name) = file.name().rsplit_once('/').unwrap();
    name.replace(".proto", ".md")
}

/// The paragraphs of a comment, each on one line.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> Vec<String> {
    let info = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .unwrap();
    let place = info.location.iter().find(|place| place.path == path);
    let text = place.map_or("", |place| place.leading_comments());
    let paragraphs = text.trim().split("\n\n");
    let words = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>());
    words.map(|words| words.join(" ")).collect()
}

/// What a file says about itself, above its syntax and below its licence. What it calls ours
/// has a name here, where the reader does not know who speaks.
pub fn file_comment(file: &FileDescriptor) -> Vec<String> {
    // Field 12 of a file is its syntax.
    comment(file, &[12])
        .into_iter()
        .filter(|text| !text.is_empty() && !text.starts_with("SPDX-"))
        .map(|text| text.replace(" ours;", " pronto-grpc's own;"))
        .collect()
}
