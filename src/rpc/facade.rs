//! What every service does with a request.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::adapters::Map;
use tonic::{Request, Response, Status};

use super::{auth, status};
use crate::jobs::Jobs;
use crate::jobs::start::Started;
use crate::jobs::stream::{Events, StreamEnd};
use crate::pronto::{Caller, Client, Keyring};
use crate::proto::endpoint::{JobRequest, UnaryRequest};
use crate::proto::v1::{JobEvent, StartResponse};
use crate::proto::validate::{Validate, Violation, validate};

/// The events of a job, as tonic sends them.
pub type EventStream = Map<Events, fn(Result<JobEvent, StreamEnd>) -> Result<JobEvent, Status>>;

/// What every service needs.
#[derive(Clone)]
pub struct Facade {
    /// Calls Pronto.
    pub client: Client,
    /// Knows API keys.
    pub keyring: Arc<Keyring>,
    /// Keeps jobs.
    pub jobs: Jobs,
}

impl Facade {
    /// Carries out an RPC that Pronto answers at once.
    pub(super) async fn call<R: UnaryRequest>(
        &self,
        request: Request<R>,
    ) -> Result<Response<R::Answer>, Status> {
        let (caller, request) = self.accept(request)?;
        let answer = self.client.call(&caller, &request).await;
        answer
            .map(Response::new)
            .map_err(|failure| status::failed(&failure))
    }

    /// Starts a job and returns it.
    pub(super) async fn start<R>(
        &self,
        request: Request<R>,
    ) -> Result<Response<StartResponse>, Status>
    where
        R: JobRequest + Send + Sync + 'static,
    {
        let (caller, request) = self.accept(request)?;
        let started = self.jobs.start(caller, request).await;
        match started.map_err(|error| status::not_started(&error))? {
            Started::PassedThrough(acceptance) => Ok(Response::new(StartResponse {
                job: None,
                acceptance: Some(acceptance),
            })),
            Started::Job {
                job,
                acceptance: Ok(acceptance),
            } => Ok(Response::new(StartResponse {
                job: Some(job.to_proto()),
                acceptance: Some(acceptance),
            })),
            Started::Job {
                job,
                acceptance: Err(failure),
            } => Err(status::outcome_unknown(&failure, &job.id)),
        }
    }

    /// Starts a job and follows it.
    pub(super) async fn start_and_follow<R>(
        &self,
        request: Request<R>,
    ) -> Result<Response<EventStream>, Status>
    where
        R: JobRequest + Send + Sync + 'static,
    {
        let (caller, request) = self.accept(request)?;
        if request.webhook_url().is_some() {
            return Err(status::invalid(vec![Violation {
                field: "webhook_url".to_owned(),
                description: "must not be set: this stream is where the results go; the Start \
                              RPC sends them elsewhere"
                    .to_owned(),
            }]));
        }
        let deadline = caller.deadline;
        let started = self.jobs.start(caller, request).await;
        match started.map_err(|error| status::not_started(&error))? {
            Started::Job { job, .. } => Ok(Response::new(self.follow(job.id, 0, deadline))),
            Started::PassedThrough(_) => Err(status::internal("the results went elsewhere")),
        }
    }

    /// The events of a job after a sequence, until a deadline.
    pub(super) fn follow(
        &self,
        job_id: String,
        after: i64,
        deadline: Option<Instant>,
    ) -> EventStream {
        self.jobs
            .follow(job_id, after, deadline)
            .map(|event| event.map_err(status::stream_end))
    }

    /// Whose call it is, and a request that is valid.
    fn accept<R: Validate>(&self, request: Request<R>) -> Result<(Caller, R), Status> {
        let caller = auth::caller(&self.keyring, &request)?;
        let request = request.into_inner();
        let violations = validate(&request);
        match violations.is_empty() {
            true => Ok((caller, request)),
            false => Err(status::invalid(violations)),
        }
    }
}
