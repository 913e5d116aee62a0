//! What is asked of the server in the storm, and what it told its callers.

use std::collections::BTreeMap;

use pronto_grpc::proto::endpoint::{Endpoint, endpoints};
use pronto_grpc::proto::v1::account_service_client::AccountServiceClient;
use pronto_grpc::proto::v1::contact_service_client::ContactServiceClient;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::location_service_client::LocationServiceClient;
use pronto_grpc::proto::v1::{
    BulkEnrichContactsRequest, ContactToEnrich, EnrichContactAsyncRequest, EnrichContactRequest,
    EnrichmentType, GetCompanyStackRequest, JobCompleted, LeadFilters,
    ListCompanyJobPostingsRequest, SearchLeadsRequest, SearchLocationsRequest, StartResponse,
};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use crate::log::{PATIENCE, watch};

/// Contacts of a batch.
const BATCH: usize = 5;

/// People that a search finds.
const LEADS: i32 = 20;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Contact,
    Stack,
    Hiring,
    Locations,
    ContactJob,
    BatchJob,
    SearchJob,
}

impl Kind {
    /// The endpoint of Pronto's that it calls.
    pub fn endpoint(self) -> &'static Endpoint {
        match self {
            Self::Contact => endpoints::ENRICH_CONTACT,
            Self::Stack => endpoints::GET_COMPANY_STACK,
            Self::Hiring => endpoints::LIST_COMPANY_JOB_POSTINGS,
            Self::Locations => endpoints::SEARCH_LOCATIONS,
            Self::ContactJob => endpoints::START_CONTACT_ENRICHMENT,
            Self::BatchJob => endpoints::START_BULK_CONTACT_ENRICHMENT,
            Self::SearchJob => endpoints::START_LEAD_SEARCH,
        }
    }

    /// Whether it starts a job.
    pub fn starts_job(self) -> bool {
        self.endpoint().late.is_some()
    }
}

/// A request, made once.
#[derive(Clone, Debug)]
pub struct Call {
    pub kind: Kind,
    /// Its `request_id`, which also stands in its body.
    pub id: String,
}

/// What became of a request, as its caller sees it.
#[derive(Debug)]
pub struct Made {
    pub call: Call,
    /// The job that it started, or may have started.
    pub job: Option<String>,
    /// None when it was answered.
    pub error: Option<Status>,
    /// How its job ended.
    pub end: Option<End>,
}

/// How a job ended.
#[derive(Debug)]
pub enum End {
    Completed(JobCompleted),
    Failed(Status),
}

/// The reason of an error, and its metadata.
pub fn reason(status: &Status) -> Option<(String, BTreeMap<String, String>)> {
    let info = status.get_details_error_info()?;
    Some((info.reason, info.metadata.into_iter().collect()))
}

impl Call {
    /// Makes it, and follows its job to the end.
    pub async fn make(self, channel: Channel) -> Made {
        let answered = timeout(PATIENCE, self.send(channel.clone())).await;
        let answered =
            answered.unwrap_or_else(|_| Err(Status::internal("the server does not answer")));
        let (job, error) = match answered {
            Ok(job) => (job, None),
            Err(status) => {
                let told = reason(&status).and_then(|(_, mut told)| told.remove("job_id"));
                (told, Some(status))
            }
        };
        let end = match &job {
            Some(job) => Some(follow(&channel, job).await),
            None => None,
        };
        Made {
            call: self,
            job,
            error,
            end,
        }
    }

    /// Sends it; the job that it started.
    async fn send(&self, channel: Channel) -> Result<Option<String>, Status> {
        let mut accounts = AccountServiceClient::new(channel.clone());
        let mut contacts = ContactServiceClient::new(channel.clone());
        match self.kind {
            Kind::Contact => contacts.enrich_contact(self.contact()).await.map(none),
            Kind::Stack => accounts.get_company_stack(self.stack()).await.map(none),
            Kind::Hiring => accounts
                .list_company_job_postings(self.hiring())
                .await
                .map(none),
            Kind::Locations => {
                let request = SearchLocationsRequest {
                    name: self.id.clone(),
                    ..Default::default()
                };
                let mut locations = LocationServiceClient::new(channel);
                locations.search_locations(request).await.map(none)
            }
            Kind::ContactJob => contacts
                .start_contact_enrichment(self.contact_job())
                .await
                .map(started),
            Kind::BatchJob => contacts
                .start_bulk_contact_enrichment(self.batch_job())
                .await
                .map(started),
            Kind::SearchJob => LeadServiceClient::new(channel)
                .start_lead_search(self.search_job())
                .await
                .map(started),
        }
    }

    fn page(&self, number: usize) -> String {
        format!("https://www.linkedin.com/in/{}-{number}", self.id)
    }

    fn contact(&self) -> EnrichContactRequest {
        EnrichContactRequest {
            first_name: "Ada".to_owned(),
            last_name: self.id.clone(),
            enrichment_type: vec![EnrichmentType::Email.into(), EnrichmentType::Phone.into()],
            linkedin_url: Some(self.page(0)),
            request_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn stack(&self) -> GetCompanyStackRequest {
        GetCompanyStackRequest {
            company_name: Some(self.id.clone()),
            request_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn hiring(&self) -> ListCompanyJobPostingsRequest {
        ListCompanyJobPostingsRequest {
            company_name: Some(self.id.clone()),
            request_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn contact_job(&self) -> EnrichContactAsyncRequest {
        EnrichContactAsyncRequest {
            first_name: "Ada".to_owned(),
            last_name: self.id.clone(),
            enrichment_type: vec![EnrichmentType::Phone.into()],
            linkedin_url: Some(self.page(0)),
            request_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn batch_job(&self) -> BulkEnrichContactsRequest {
        let contact = |number| ContactToEnrich {
            first_name: "Ada".to_owned(),
            last_name: format!("{}-{number}", self.id),
            linkedin_url: Some(self.page(number)),
            ..Default::default()
        };
        BulkEnrichContactsRequest {
            contacts: (0..BATCH).map(contact).collect(),
            enrichment_type: vec![EnrichmentType::Phone.into()],
            request_id: self.id.clone(),
            ..Default::default()
        }
    }

    fn search_job(&self) -> SearchLeadsRequest {
        let filters = LeadFilters {
            excluded_job_titles: vec!["nobody".to_owned()],
            ..Default::default()
        };
        SearchLeadsRequest {
            filters: Some(filters),
            limit: Some(LEADS),
            request_id: self.id.clone(),
            ..Default::default()
        }
    }
}

fn none<T>(_: Response<T>) -> Option<String> {
    None
}

fn started(answer: Response<StartResponse>) -> Option<String> {
    answer.into_inner().job.map(|job| job.id)
}

/// Follows a job to its end; a stream that the server had to end is resumed.
async fn follow(channel: &Channel, job: &str) -> End {
    let mut after = 0;
    let followed = timeout(PATIENCE, async {
        loop {
            match read(channel, job, &mut after).await {
                Ok(completed) => return End::Completed(completed),
                Err(status) if status.code() == Code::Unavailable => {}
                Err(status) => return End::Failed(status),
            }
        }
    });
    let never = |_| End::Failed(Status::internal("the job does not end"));
    followed.await.unwrap_or_else(never)
}

async fn read(channel: &Channel, job: &str, after: &mut i64) -> Result<JobCompleted, Status> {
    let mut stream = watch(channel.clone(), job, *after).await?;
    while let Some(event) = stream.message().await? {
        *after = event.sequence.max(*after);
        if let Some(Event::Completed(completed)) = event.event {
            return Ok(completed);
        }
    }
    Err(Status::internal("the stream ended without `completed`"))
}
