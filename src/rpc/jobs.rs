//! JobService. Follows jobs.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tonic::{Request, Response, Status};

use super::page::{self, violation};
use super::privacy::person;
use super::{EventStream, Facade, auth, drift, status};
use crate::jobs::model::{Delivery, JobPage, StoredJob};
use crate::jobs::store::StoreError;
use crate::proto::v1::job_service_server::JobService;
use crate::proto::v1::{
    Callback, CancelJobRequest, CancelJobResponse, GetJobRequest, GetJobResponse, JobState,
    ListCallbacksRequest, ListCallbacksResponse, ListJobsRequest, ListJobsResponse,
    ListUnmatchedCallbacksRequest, ListUnmatchedCallbacksResponse, ListVendorDriftRequest,
    ListVendorDriftResponse, PurgeJobRequest, PurgeJobResponse, PurgePersonRequest,
    PurgePersonResponse, WatchJobRequest,
};
use crate::proto::validate::Violation;

/// The service.
#[derive(Clone)]
pub struct JobsService(pub Facade);

impl JobsService {
    /// The caller's job.
    async fn job<R: Sync>(&self, request: &Request<R>, id: &str) -> Result<StoredJob, Status> {
        let credential = auth::credential(&self.0.keyring, request)?;
        if id.is_empty() {
            return Err(invalid(violation("job_id", "is required")));
        }
        let job = self.0.jobs.get(&credential, id).await;
        job.map_err(|error| status::store(&error))?
            .ok_or_else(|| status::no_job(id))
    }
}

/// The states to list, each once.
fn states(numbers: &[i32]) -> Result<Vec<JobState>, Violation> {
    let unique = BTreeSet::from_iter(numbers);
    let known = |number: &&i32| match JobState::try_from(**number) {
        Ok(state) if state != JobState::Unspecified => Ok(state),
        _ => Err(violation("states", &format!("{number} is not a state"))),
    };
    unique.iter().map(known).collect()
}

/// Carries out a change also when the caller goes away: who waits for it must be woken.
pub(super) async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, Status> {
    tokio::spawn(change)
        .await
        .map_err(|error| status::internal(&error.to_string()))?
        .map_err(|error| status::store(&error))
}

pub(super) fn invalid(violation: Violation) -> Status {
    status::invalid(vec![violation])
}

#[tonic::async_trait]
impl JobService for JobsService {
    async fn get_job(
        &self,
        request: Request<GetJobRequest>,
    ) -> Result<Response<GetJobResponse>, Status> {
        let job = self.job(&request, &request.get_ref().job_id).await?;
        Ok(Response::new(GetJobResponse {
            job: Some(job.to_proto()),
        }))
    }

    async fn list_jobs(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?;
        let request = request.into_inner();
        let limit = page::size(request.page_size).map_err(invalid)?;
        let page = JobPage {
            credential: credential.name,
            states: states(&request.states).map_err(invalid)?,
            before: page::position(&request.page_token, job_position).map_err(invalid)?,
            limit: limit + 1,
        };
        let jobs = self
            .0
            .jobs
            .list(page)
            .await
            .map_err(|error| status::store(&error))?;
        let listed = page::fitting(jobs.iter().take(limit).map(StoredJob::to_proto));
        let last = jobs.get(..listed.len()).and_then(<[_]>::last);
        let next_page_token = match jobs.len() > listed.len() {
            true => last.map(job_token).unwrap_or_default(),
            false => String::new(),
        };
        Ok(Response::new(ListJobsResponse {
            jobs: listed,
            next_page_token,
        }))
    }

    type WatchJobStream = EventStream;

    async fn watch_job(
        &self,
        request: Request<WatchJobRequest>,
    ) -> Result<Response<EventStream>, Status> {
        let after = request.get_ref().after_sequence;
        let deadline = auth::deadline(&request);
        if after < 0 {
            return Err(invalid(violation("after_sequence", "must not be negative")));
        }
        let job = self.job(&request, &request.get_ref().job_id).await?;
        if after > job.last_sequence {
            return Err(status::beyond_end(&job, after));
        }
        if after + 1 < job.first_sequence {
            return Err(status::expired(&job.id, job.first_sequence));
        }
        Ok(Response::new(self.0.follow(job.id, after, deadline)))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobResponse>, Status> {
        let job = self.job(&request, &request.get_ref().job_id).await?;
        let jobs = self.0.jobs.clone();
        let job = to_its_end(async move { jobs.cancel(&job.id).await }).await?;
        Ok(Response::new(CancelJobResponse {
            job: Some(job.to_proto()),
        }))
    }

    async fn list_callbacks(
        &self,
        request: Request<ListCallbacksRequest>,
    ) -> Result<Response<ListCallbacksResponse>, Status> {
        let job = self.job(&request, &request.get_ref().job_id).await?;
        let request = request.into_inner();
        let limit = page::size(request.page_size).map_err(invalid)?;
        let after =
            page::position(&request.page_token, |text| text.parse().ok()).map_err(invalid)?;
        let after = after.unwrap_or_default();
        let deliveries = self.0.jobs.deliveries(&job.id, after, limit).await;
        let deliveries = deliveries.map_err(|error| status::store(&error))?;
        let next_page_token = self.callbacks_token(&job.id, deliveries.last()).await?;
        let callbacks = deliveries
            .into_iter()
            .map(|delivery| callback(delivery, job.decoded.through))
            .collect();
        Ok(Response::new(ListCallbacksResponse {
            callbacks,
            next_page_token,
        }))
    }

    async fn list_unmatched_callbacks(
        &self,
        request: Request<ListUnmatchedCallbacksRequest>,
    ) -> Result<Response<ListUnmatchedCallbacksResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?;
        let answer = self.unmatched(&credential.name, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn list_vendor_drift(
        &self,
        request: Request<ListVendorDriftRequest>,
    ) -> Result<Response<ListVendorDriftResponse>, Status> {
        auth::credential(&self.0.keyring, &request)?;
        let answer = drift::page(self.0.client.drift(), request.get_ref());
        answer.map(Response::new).map_err(invalid)
    }

    async fn purge_job(
        &self,
        request: Request<PurgeJobRequest>,
    ) -> Result<Response<PurgeJobResponse>, Status> {
        let job = self.job(&request, &request.get_ref().job_id).await?;
        if !job.has_ended() {
            return Err(status::not_finished(&job));
        }
        let jobs = self.0.jobs.clone();
        to_its_end(async move { jobs.purge(&job.id).await }).await?;
        Ok(Response::new(PurgeJobResponse {}))
    }

    async fn purge_person(
        &self,
        request: Request<PurgePersonRequest>,
    ) -> Result<Response<PurgePersonResponse>, Status> {
        let credential = auth::credential(&self.0.keyring, &request)?;
        let person = person(request.get_ref())?;
        let answer = self.erase(&credential.name, person).await?;
        Ok(Response::new(answer))
    }
}

impl JobsService {
    /// Where the page after a delivery begins, if there is one.
    async fn callbacks_token(
        &self,
        job_id: &str,
        last: Option<&Delivery>,
    ) -> Result<String, Status> {
        let Some(last) = last else {
            return Ok(String::new());
        };
        let next = self.0.jobs.deliveries(job_id, last.id, 1).await;
        let is_last = next.map_err(|error| status::store(&error))?.is_empty();
        Ok(if is_last {
            String::new()
        } else {
            page::token(&last.id.to_string())
        })
    }
}

fn callback(delivery: Delivery, decoded_through: i64) -> Callback {
    Callback {
        id: delivery.id,
        receive_time: Some(delivery.received.into()),
        source: delivery.source.into(),
        body: delivery.body.to_vec(),
        decoded: delivery.id <= decoded_through,
        erased: delivery.erased,
    }
}

fn job_token(job: &StoredJob) -> String {
    let created = job
        .created
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    page::token(&format!("{created}/{}", job.id))
}

fn job_position(text: &str) -> Option<(SystemTime, String)> {
    let (created, id) = text.split_once('/')?;
    let created = UNIX_EPOCH.checked_add(Duration::from_micros(created.parse().ok()?))?;
    Some((created, id.to_owned()))
}
