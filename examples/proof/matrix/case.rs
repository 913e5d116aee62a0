//! One case: an RPC under some faults, followed to its end as a client does.

use std::time::Duration;

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    Callback, CancelJobRequest, Completion, GetJobRequest, GetSandboxCountersRequest, Job,
    JobEvent, ListCallbacksRequest, SandboxCounters,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use super::rpcs::Rpc;
use crate::log::{PATIENCE, watch};

/// Between two looks at something that nobody announces.
const LOOK: Duration = Duration::from_millis(10);

/// What a client saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// The events, but progress, in the order in which they came.
    pub events: Vec<JobEvent>,
    /// The error that ended the stream.
    pub end: Option<Status>,
    /// The log as it was read once more when nothing was under way.
    pub log: Vec<JobEvent>,
    /// What arrived for the job.
    pub callbacks: Vec<Callback>,
    /// The job, when nothing was under way.
    pub job: Option<Job>,
}

impl Seen {
    /// The reason of the error.
    pub fn reason(&self) -> Option<String> {
        let info = self.end.as_ref()?.get_details_error_info()?;
        Some(info.reason)
    }

    /// Whether the job ended because its time was over.
    pub fn ran_out_of_time(&self) -> bool {
        let moment = |time: &prost_types::Timestamp| (time.seconds, time.nanos);
        self.job.as_ref().is_some_and(|job| {
            let (deadline, end) = (job.deadline.as_ref(), job.finish_time.as_ref());
            deadline.is_some() && end.map(moment) >= deadline.map(moment)
        })
    }
}

/// Follows an RPC to its end. After `cut` the stream is dropped and resumed.
pub async fn follow(channel: Channel, rpc: Rpc, request: Value, cut: i64) -> Seen {
    let mut seen = Seen::default();
    let followed = timeout(PATIENCE, seen.follow(&channel, &rpc, &request, cut)).await;
    seen.end = match followed {
        Ok(Ok(())) => None,
        Ok(Err(status)) => Some(status),
        Err(_) => Some(Status::deadline_exceeded("the job does not end")),
    };
    seen
}

impl Seen {
    async fn follow(
        &mut self,
        channel: &Channel,
        rpc: &Rpc,
        request: &Value,
        cut: i64,
    ) -> Result<(), Status> {
        let mut stream = rpc.call(channel.clone(), request).await?;
        if self.read(&mut stream, 1).await? {
            return Ok(());
        }
        let job_id = self.events[0].job_id.clone();
        let read = async {
            if self.read(&mut stream, cut).await? {
                return Ok(());
            }
            drop(stream);
            let after = self.events.len() as i64;
            let mut stream = watch(channel.clone(), &job_id, after).await?;
            self.read(&mut stream, i64::MAX).await.map(drop)
        };
        if rpc.late.completion != Completion::Never {
            return read.await;
        }
        let (read, cancelled) = tokio::join!(read, cancel_when_quiet(channel, &job_id));
        cancelled.and(read)
    }

    /// Reads to an event; tells whether the stream ended before.
    async fn read(&mut self, stream: &mut Streaming<JobEvent>, to: i64) -> Result<bool, Status> {
        while (self.events.len() as i64) < to {
            match stream.message().await? {
                Some(event) if event.sequence == 0 => {}
                Some(event) => self.events.push(event),
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Reads what is in the store, once nothing is under way.
    pub async fn read_again(&mut self, channel: &Channel) -> Result<(), Status> {
        let Some(job_id) = self.events.first().map(|event| event.job_id.clone()) else {
            return Ok(());
        };
        self.callbacks = decoded(channel, &job_id).await?;
        let mut jobs = JobServiceClient::new(channel.clone());
        let request = GetJobRequest {
            job_id: job_id.clone(),
        };
        self.job = jobs.get_job(request).await?.into_inner().job;
        let mut again = Self::default();
        let mut stream = watch(channel.clone(), &job_id, 0).await?;
        let read = timeout(PATIENCE, again.read(&mut stream, i64::MAX)).await;
        let read = read.map_err(|_| Status::deadline_exceeded("the log does not end"))?;
        self.log = again.events;
        match read {
            Err(status) if self.end.as_ref().map(Status::code) != Some(status.code()) => {
                Err(status)
            }
            _ => Ok(()),
        }
    }
}

/// Cancels a job without end once everything that was delivered to it is read.
async fn cancel_when_quiet(channel: &Channel, job_id: &str) -> Result<(), Status> {
    idle(channel).await?;
    decoded(channel, job_id).await?;
    let request = CancelJobRequest {
        job_id: job_id.to_owned(),
    };
    let mut jobs = JobServiceClient::new(channel.clone());
    jobs.cancel_job(request).await.map(drop)
}

/// Waits until the sandbox has nothing under way, and tells what it has done.
pub async fn idle(channel: &Channel) -> Result<SandboxCounters, Status> {
    let request = GetSandboxCountersRequest { when_idle: true };
    let mut sandbox = SandboxServiceClient::new(channel.clone());
    let idle = timeout(PATIENCE, sandbox.get_sandbox_counters(request)).await;
    let idle = idle.map_err(|_| Status::deadline_exceeded("the sandbox is never idle"))?;
    Ok(idle?.into_inner().counters.unwrap_or_default())
}

/// What arrived for a job, once all of it is in its log.
pub async fn decoded(channel: &Channel, job_id: &str) -> Result<Vec<Callback>, Status> {
    let wait = async {
        loop {
            let callbacks = callbacks(channel, job_id).await?;
            if callbacks.iter().all(|callback| callback.decoded) {
                return Ok(callbacks);
            }
            sleep(LOOK).await;
        }
    };
    let decoded = timeout(PATIENCE, wait).await;
    decoded.map_err(|_| Status::new(Code::DeadlineExceeded, "a callback is never decoded"))?
}

async fn callbacks(channel: &Channel, job_id: &str) -> Result<Vec<Callback>, Status> {
    let mut jobs = JobServiceClient::new(channel.clone());
    let mut request = ListCallbacksRequest {
        job_id: job_id.to_owned(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let mut callbacks = Vec::new();
    loop {
        let page = jobs.list_callbacks(request.clone()).await?.into_inner();
        callbacks.extend(page.callbacks);
        if page.next_page_token.is_empty() {
            return Ok(callbacks);
        }
        request.page_token = page.next_page_token;
    }
}
