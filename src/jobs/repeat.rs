//! The job that an earlier request with the same id started.

use std::sync::Arc;

use prost::Message;

use super::model::StoredJob;
use super::runner;
use super::service::Shared;
use super::start::{StartError, Started};
use super::store::StoreError;
use crate::ledger::model::{Admission, Earlier, RequestKey};
use crate::pronto::{Credential, Failure};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{Acceptance, ErrorReason, JobEvent};

/// Attaches to a job, once it is known what became of its start. None when Pronto
/// refused it meanwhile: then the request may be sent again.
pub(super) async fn attach(
    shared: &Arc<Shared>,
    endpoint: &'static Endpoint,
    credential: &Credential,
    key: &RequestKey,
    job_id: String,
) -> Result<Option<Started>, StartError> {
    let mut woken = shared.wakes.subscribe(&job_id);
    let job = loop {
        woken.mark_unchanged();
        let Some(job) = shared.store.job(&job_id).await? else {
            let request_id = key.id.clone();
            return Err(StartError::Purged { request_id, job_id });
        };
        if job.last_sequence > 0 {
            break job;
        }
        let same = Admission::Repeated(Earlier::Job(job_id.clone()));
        if shared.store.earlier(&credential.name, key).await? != Some(same) {
            return Ok(None);
        }
        tokio::select! {
            _ = woken.changed() => {}
            () = shared.shutdown.cancelled() => {
                return Err(StartError::UnderWay { job_id, endpoint });
            }
        }
    };
    if !job.has_ended() {
        shared.keyring.remember(credential);
        runner::ensure(shared, &job_id);
    }
    let acceptance = acceptance(shared, &job).await?.ok_or_else(|| {
        let message = "the first call with this request_id brought no answer";
        Failure::new(ErrorReason::OutcomeUnknown, endpoint, message)
    });
    Ok(Some(Started {
        job: Box::new(job),
        acceptance,
    }))
}

/// What Pronto answered to the start of a job; none when that is not known.
async fn acceptance(shared: &Shared, job: &StoredJob) -> Result<Option<Acceptance>, StoreError> {
    let first = shared.store.events(&job.id, 0, 1).await?.into_iter().next();
    let Some(first) = first.filter(|event| event.sequence == 1) else {
        // A job may outlive its first events.
        return Ok(Some(Acceptance {
            id: job.upstream_id.clone(),
            ..Default::default()
        }));
    };
    let event = JobEvent::decode(first.payload.as_slice())
        .map_err(|error| StoreError::Engine(format!("event 1: {error}")))?;
    match event.event {
        Some(Event::Started(started)) => Ok(started.acceptance),
        _ => Ok(None),
    }
}
