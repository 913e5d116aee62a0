//! What a call to Pronto can end with instead of an answer.

use std::time::Duration;

use crate::proto::endpoint::Endpoint;
use crate::proto::v1::ErrorReason;

/// A call that brought no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it means.
    pub reason: ErrorReason,
    /// What happened, in our words.
    pub message: String,
    /// Where it happened.
    pub endpoint: &'static Endpoint,
    /// Pronto's HTTP status, when it answered.
    pub http_status: Option<u16>,
    /// Pronto's words, without the key and cut to [`MAX_TEXT`].
    pub upstream_message: Option<String>,
    /// When Pronto wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// Text of Pronto's is cut to so many bytes. It travels in HTTP/2 headers, which
/// clients limit.
pub const MAX_TEXT: usize = 1024;

impl Failure {
    /// A call that failed before Pronto answered.
    pub fn new(
        reason: ErrorReason,
        endpoint: &'static Endpoint,
        message: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            endpoint,
            http_status: None,
            upstream_message: None,
            retry_after: None,
        }
    }

    /// Whether Pronto may have carried out the request although nothing says so.
    #[must_use]
    pub fn may_have_been_carried_out(&self) -> bool {
        // Each new reason is to be thought of here.
        match self.reason {
            ErrorReason::OutcomeUnknown | ErrorReason::UpstreamMalformed => true,
            ErrorReason::Unspecified
            | ErrorReason::InvalidRequest
            | ErrorReason::UpstreamRejected
            | ErrorReason::UnauthenticatedKey
            | ErrorReason::KeyNotAllowed
            | ErrorReason::NotFound
            | ErrorReason::RateLimited
            | ErrorReason::InsufficientCredits
            | ErrorReason::PlanLimit
            | ErrorReason::ConsentRequired
            | ErrorReason::UpstreamUnavailable
            | ErrorReason::UpstreamTimeout
            | ErrorReason::CallbackUrlNotConfigured
            | ErrorReason::JobFailed
            | ErrorReason::JobCancelled
            | ErrorReason::JobFinished
            | ErrorReason::SequenceOutOfRange
            | ErrorReason::Draining
            | ErrorReason::StoreUnavailable
            | ErrorReason::Internal
            | ErrorReason::SequenceExpired
            | ErrorReason::JobNotFinished
            | ErrorReason::StoreFull
            | ErrorReason::RequestIdReused
            | ErrorReason::BudgetExceeded
            | ErrorReason::SalesNavigatorRequired
            | ErrorReason::DeadlineExceeded
            | ErrorReason::Unimplemented
            | ErrorReason::MessageTooLarge
            | ErrorReason::MalformedMessage
            | ErrorReason::UnauthenticatedClient
            | ErrorReason::KeyRefused
            | ErrorReason::StreamTooOld
            | ErrorReason::Starting => false,
        }
    }
}

/// Cuts a text to [`MAX_TEXT`] bytes, at a character.
#[must_use]
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
