//! What the answer to a start changes in its job.

use super::locate;
use super::model::{Change, End};
use super::service::Shared;
use crate::pronto::Failure;
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{Acceptance, CallOutcome, Completion, JobStarted};

/// What an answer changes.
pub(super) fn outcome(
    shared: &Shared,
    endpoint: &Endpoint,
    answer: &Result<Acceptance, Failure>,
    has_reused: bool,
) -> Change {
    match answer {
        Ok(acceptance) => accepted(endpoint, acceptance.clone(), has_reused),
        Err(failure) if is_refusal(failure) => failed(failure),
        Err(_) => unknown_outcome(endpoint, can_arrive(shared)),
    }
}

/// Whether Pronto certainly did not carry it out.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    !failure.may_have_been_carried_out()
}

/// Whether results can come by callback.
pub(super) fn can_arrive(shared: &Shared) -> bool {
    shared.options.callback_url.is_some()
}

/// Pronto did not carry it out.
fn failed(failure: &Failure) -> Change {
    let end = End::Failed {
        reason: failure.reason,
        message: failure.message.clone(),
    };
    Change {
        call: Some(CallOutcome::Refused),
        end: Some(end),
        ..Default::default()
    }
}

/// Pronto carries it out.
fn accepted(endpoint: &Endpoint, acceptance: Acceptance, has_reused: bool) -> Change {
    let total = acceptance.total.filter(|total| *total >= 0);
    // Of what is reused Pronto knows nothing.
    let expected = total.filter(|_| !has_reused);
    let is_exact = completion(endpoint) == Completion::SearchStatus
        && endpoint
            .late
            .as_ref()
            .is_some_and(|late| !late.total_is_estimate);
    // A signal that matches nothing has no id, and will never call back.
    let is_empty = expected == Some(0) && (acceptance.id.is_none() || is_exact);
    Change {
        call: Some(CallOutcome::CarriedOut),
        upstream_id: acceptance.id.clone(),
        expected,
        end: is_empty.then_some(End::Complete),
        started: Some(Event::Started(JobStarted {
            acceptance: Some(acceptance),
        })),
        ..Default::default()
    }
}

/// Nothing is left for Pronto to do.
pub(in crate::jobs) fn reused() -> Change {
    Change {
        call: Some(CallOutcome::Reused),
        end: Some(End::Complete),
        started: Some(Event::Started(JobStarted {
            acceptance: Some(Acceptance::default()),
        })),
        ..Default::default()
    }
}

/// Pronto may carry it out: what it delivers is collected, and its search looked for.
pub(super) fn unknown_outcome(endpoint: &Endpoint, can_arrive: bool) -> Change {
    // Without callbacks and without an id nothing can ever arrive.
    let is_lost = !can_arrive && !locate::can_be_located(endpoint);
    let end = is_lost.then(|| End::Incomplete {
        missing_indexes: Vec::new(),
    });
    Change {
        call: Some(CallOutcome::Unknown),
        end,
        started: Some(Event::Started(JobStarted { acceptance: None })),
        ..Default::default()
    }
}

/// How completion is learnt.
pub(super) fn completion(endpoint: &Endpoint) -> Completion {
    endpoint
        .late
        .as_ref()
        .map_or(Completion::Unspecified, |late| late.completion)
}
