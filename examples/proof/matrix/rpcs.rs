//! The streaming RPCs that start a job, as the descriptors name them, and a request
//! for each.

use pronto_grpc::proto::DESCRIPTORS;
use pronto_grpc::proto::endpoint::{Endpoint, Late};
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::list_service_client::ListServiceClient;
use pronto_grpc::proto::v1::{JobEvent, ListListsRequest};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value as Reflected};
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// People that a search finds, and items of a batch.
const FEW: usize = 6;
/// Companies that a search finds: more than one delivery holds.
const COMPANIES: usize = 12;

/// A streaming RPC.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// Its name, such as `pronto.v1.LeadService/SearchLeads`.
    pub name: String,
    /// The RPC that starts the same job.
    pub start: String,
    /// What is known of its late answer.
    pub late: &'static Late,
    input: MessageDescriptor,
}

/// Every streaming RPC that starts a job.
pub fn all() -> Vec<Rpc> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let follows = pool.get_extension_by_name("pronto.v1.follows").unwrap();
    let methods: Vec<_> = pool
        .services()
        .flat_map(|s| s.methods().collect::<Vec<_>>())
        .collect();
    let streaming = methods
        .into_iter()
        .filter(|method| method.is_server_streaming());
    streaming
        .filter_map(|method| {
            let options = method.options();
            let start = match options.get_extension(&follows).as_ref() {
                Reflected::String(start) if !start.is_empty() => start.clone(),
                _ => return None,
            };
            let service = method.parent_service().full_name().to_owned();
            let start = format!("{service}/{start}");
            Some(Rpc {
                name: format!("{service}/{}", method.name()),
                late: Endpoint::of_rpc(&start)?.late.as_ref()?,
                start,
                input: method.input(),
            })
        })
        .collect()
}

impl Rpc {
    /// The name without its package and service.
    pub fn short(&self) -> &str {
        self.name.rsplit('/').next().unwrap()
    }

    /// Whether its request can name the search.
    pub fn has_name(&self) -> bool {
        self.input.get_field_by_name("name").is_some()
    }

    /// Calls it.
    pub async fn call(
        &self,
        channel: Channel,
        request: &Value,
    ) -> Result<Streaming<JobEvent>, Status> {
        let message = DynamicMessage::deserialize(self.input.clone(), request).unwrap();
        let mut client = Grpc::new(channel);
        client
            .ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let path = format!("/{}", self.name).parse().unwrap();
        let codec = ProstCodec::<DynamicMessage, JobEvent>::default();
        let answer = client
            .server_streaming(Request::new(message), path, codec)
            .await?;
        Ok(answer.into_inner())
    }
}

/// What requests name of the sandbox's world.
#[derive(Clone, Debug)]
pub struct World {
    profiles: Vec<String>,
    companies: Vec<String>,
    lead_list: String,
}

impl World {
    /// Looks around in a sandbox without faults.
    pub async fn explore(channel: &Channel, rpcs: &[Rpc]) -> Self {
        let mut lists = ListServiceClient::new(channel.clone());
        let lists = lists.list_lists(ListListsRequest::default()).await.unwrap();
        let mut lists = lists.into_inner().lists.into_iter();
        let leads = lists.find(|list| list.kind.as_deref() == Some("lead"));
        let mut world = Self {
            profiles: Vec::new(),
            companies: Vec::new(),
            lead_list: leads.and_then(|list| list.id).unwrap(),
        };
        world.profiles = world.find(channel, rpcs, "SearchLeads").await;
        world.companies = world.find(channel, rpcs, "SearchAccounts").await;
        world
    }

    async fn find(&self, channel: &Channel, rpcs: &[Rpc], name: &str) -> Vec<String> {
        let rpc = rpcs.iter().find(|rpc| rpc.short() == name).unwrap();
        let request = self.request(rpc);
        let mut stream = rpc.call(channel.clone(), &request).await.unwrap();
        let mut keys = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            keys.extend(key(&event));
        }
        keys
    }

    /// The request of an RPC.
    ///
    /// # Panics
    ///
    /// When an RPC is new: it needs a request here.
    pub fn request(&self, rpc: &Rpc) -> Value {
        match rpc.short() {
            "SearchAccounts" => json!({"limit": COMPANIES}),
            "ExtractAccounts" => json!({
                "search_url": "https://www.linkedin.com/sales/search/company?query=(cloud)",
                "limit": COMPANIES,
            }),
            "BulkEnrichAccounts" => {
                let known = self.companies.iter().take(FEW - 1);
                let mut accounts: Vec<_> = known
                    .map(|url| json!({"company_linkedin_url": url}))
                    .collect();
                accounts.push(json!({"name": "Unheard Of"}));
                json!({"accounts": accounts})
            }
            "SearchLeads" => json!({
                "filters": {"seniority_levels": ["SENIORITY_LEVEL_DIRECTOR", "SENIORITY_LEVEL_SENIOR"]},
                "limit": FEW,
            }),
            "FindCompanyLeads" => json!({
                "company_linkedin_url": self.companies[0],
                "job_titles": ["*"],
                "limit": FEW,
            }),
            "ExtractLeads" => json!({
                "search_url": "https://www.linkedin.com/sales/search/people?query=(cto)",
                "name": "Extraction",
                "limit": FEW,
            }),
            "BulkEnrichLeads" => {
                let mut leads: Vec<_> = self.profiles.iter().take(FEW - 1).cloned().collect();
                leads.push("https://www.linkedin.com/in/unheard-of".to_owned());
                let leads: Vec<_> = leads
                    .iter()
                    .map(|url| json!({"linkedin_url": url}))
                    .collect();
                json!({"leads": leads})
            }
            "EnrichContactAsync" => json!({
                "first_name": "Ada",
                "last_name": "Lovelace",
                "company_name": "Acme",
                "enrichment_type": ["ENRICHMENT_TYPE_EMAIL"],
            }),
            "BulkEnrichContacts" => {
                let names = [
                    "Lovelace", "Hopper", "Nobody", "Hamilton", "Johnson", "Keller",
                ];
                let contact =
                    |name| json!({"first_name": "Ada", "last_name": name, "company_name": "Acme"});
                json!({
                    "contacts": names.map(contact),
                    "enrichment_type": ["ENRICHMENT_TYPE_EMAIL"],
                })
            }
            "SearchHiringAccounts" => json!({"limit": COMPANIES}),
            "SearchGrowingAccounts" => json!({
                "department": "JOB_FUNCTION_ENGINEERING",
                "min_department_headcount": 0,
                "limit": COMPANIES,
            }),
            "SearchLookalikeAccounts" => json!({
                "company_linkedin_url": self.companies[0],
                "limit": COMPANIES,
            }),
            "SearchPostEngagers" | "SearchPosts" | "SearchReactions" | "SearchComments"
            | "FindNewHires" => json!({"limit": FEW}),
            "TrackJobChanges" => json!({"lead_list_id": self.lead_list}),
            new => panic!("{new} needs a request in the matrix"),
        }
    }
}

/// The number of items of a batch.
pub fn items(request: &Value) -> Option<usize> {
    let lists = ["accounts", "leads", "contacts"].into_iter();
    lists
        .filter_map(|key| request[key].as_array())
        .map(Vec::len)
        .next()
}

/// What names a result, as the sandbox's findings do.
pub fn key(event: &JobEvent) -> Option<String> {
    use pronto_grpc::proto::v1::signal::Subject;
    use pronto_grpc::proto::v1::{AccountResult, LeadResult};
    let lead = |result: &LeadResult| result.lead.as_ref()?.linkedin_url.clone();
    let account = |result: &AccountResult| {
        let company = result.company.as_ref()?;
        company.linkedin_url.clone().or(company.name.clone())
    };
    let key = match event.event.as_ref()? {
        Event::Lead(result) => lead(result),
        Event::Account(result) => account(result),
        Event::Contact(contact) => Some(contact.index.unwrap_or(0).to_string()),
        Event::Signal(signal) => match signal.subject.as_ref()? {
            Subject::Lead(result) => lead(result),
            Subject::Account(result) => account(result),
        },
        _ => return None,
    };
    Some(key.unwrap_or_else(|| "a result without a key".to_owned()))
}
