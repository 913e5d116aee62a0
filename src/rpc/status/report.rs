//! The one place where a status is put together, and kept small: it travels in
//! HTTP/2 headers, which clients limit.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, QuotaViolation, StatusExt};

use crate::pronto::failure::cut;
use crate::proto::reason::{contract, name};
use crate::proto::v1::ErrorReason;
use crate::proto::validate::Violations;
use crate::rpc::pushback::PUSHBACK;

/// The domain of all reasons.
pub const DOMAIN: &str = "pronto.v1";

/// A status takes at most so much of the headers of an answer, as HTTP/2 counts them.
/// gRPC for Java refuses more than 8 KiB unless it is told otherwise, and other headers
/// come beside it.
pub const MAX_STATUS: usize = 7 << 10;

/// Field violations beyond so many are counted, not listed.
const MAX_VIOLATIONS: usize = 25;

/// An error on its way to a client.
pub struct Report {
    reason: ErrorReason,
    message: String,
    metadata: BTreeMap<&'static str, String>,
    violations: Vec<FieldViolation>,
    quota: Option<QuotaViolation>,
    retry: Option<Duration>,
}

impl Report {
    /// An error with a reason.
    pub fn new(reason: ErrorReason, message: impl AsRef<str>) -> Self {
        Self {
            reason,
            message: cut(message.as_ref()).to_owned(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            quota: None,
            retry: None,
        }
    }

    /// With an entry in the metadata. Its key stands in the reason's contract.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        debug_assert!(
            contract(self.reason).has_key(key),
            "{key} is not documented for {:?}",
            self.reason
        );
        let value = value.to_string();
        self.metadata.insert(key, cut(&value).to_owned());
        self
    }

    /// With the fields that break rules.
    #[must_use]
    pub fn violations(mut self, violations: Violations) -> Self {
        let listed = violations.into_iter().take(MAX_VIOLATIONS);
        self.violations = listed
            .map(|v| FieldViolation::new(cut(&v.field), cut(&v.description)))
            .collect();
        self
    }

    /// With the limit that would be exceeded.
    #[must_use]
    pub fn quota(mut self, subject: &str) -> Self {
        let violation = QuotaViolation::new(cut(subject), self.message.clone());
        self.quota = Some(violation);
        self
    }

    /// With the time after which to try again, where the reason's contract allows to:
    /// there are clients that repeat whatever comes with one.
    #[must_use]
    pub fn retry_after(mut self, delay: Option<Duration>) -> Self {
        let may_retry = contract(self.reason).has_detail("google.rpc.RetryInfo");
        self.retry = delay.filter(|_| may_retry);
        self
    }

    /// The status. What is too much is left out: violations first, then the longest
    /// metadata, then the end of the message. Code and reason always arrive.
    #[must_use]
    pub fn status(mut self) -> Status {
        loop {
            let status = self.whole();
            if header_size(&status) <= MAX_STATUS || !self.shrink() {
                return status;
            }
        }
    }

    fn whole(&self) -> Status {
        let metadata: Vec<_> = self.metadata.iter().collect();
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let info = metadata.collect::<std::collections::HashMap<_, _>>();
        let mut details = ErrorDetails::with_error_info(name(self.reason), DOMAIN, info);
        if !self.violations.is_empty() {
            details.set_bad_request(self.violations.clone());
        }
        if let Some(quota) = &self.quota {
            details.set_quota_failure(vec![quota.clone()]);
        }
        if self.retry.is_some() {
            details.set_retry_info(self.retry);
        }
        let code = contract(self.reason).code;
        let mut status = Status::with_error_details(code, self.message.clone(), details);
        if let Some(delay) = self.retry {
            let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            status.metadata_mut().insert(PUSHBACK, delay.into());
        }
        status
    }

    /// Takes something away; false when nothing is left to take.
    fn shrink(&mut self) -> bool {
        if self.violations.pop().is_some() {
            return true;
        }
        let longest = self.metadata.values_mut().max_by_key(|value| value.len());
        let longest = longest.filter(|value| !value.is_empty());
        let text = longest.unwrap_or(&mut self.message);
        let was_something = !text.is_empty();
        text.truncate(text.floor_char_boundary(text.len() / 2));
        was_something
    }
}

/// The size of a status as HTTP/2 counts headers: 32 bytes for each and its text.
fn header_size(status: &Status) -> usize {
    let mut headers = HeaderMap::new();
    match status.add_header(&mut headers) {
        Ok(()) => headers
            .iter()
            .map(|(k, v)| k.as_str().len() + v.len() + 32)
            .sum(),
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::proto::reason::REASONS;
    use crate::proto::validate::Violation;

    fn reason(status: &Status) -> String {
        status.get_details_error_info().unwrap().reason
    }

    #[test]
    fn whatever_stands_in_it_a_status_fits_into_headers() {
        for text in ["x", "é", "\u{10ffff}", "\0", "%", "\n"] {
            let text = text.repeat(3_000);
            let violation = Violation {
                field: text.clone(),
                description: text.clone(),
            };
            for &known in REASONS {
                let keys = contract(known).metadata.iter();
                let report = keys.fold(Report::new(known, &text), |report, metadata| {
                    report.with(metadata.key, &text)
                });
                let status = report
                    .violations(vec![violation.clone(); 100])
                    .quota(&text)
                    .status();
                assert_eq!(status.code(), contract(known).code);
                assert_eq!(reason(&status), name(known));
                assert!(status.message().len() <= 1024);
                assert!(
                    header_size(&status) <= MAX_STATUS,
                    "{}",
                    header_size(&status)
                );
            }
        }
    }

    #[test]
    fn violations_are_left_out_before_metadata_is() {
        let violation = Violation {
            field: "x".repeat(1000),
            description: "y".repeat(1000),
        };
        let status = Report::new(ErrorReason::NotFound, "m")
            .with("job_id", "z".repeat(1000))
            .violations(vec![violation; 25])
            .status();
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata["job_id"].len(), 1000);
        let listed = status.get_details_bad_request().unwrap().field_violations;
        assert!((1..25).contains(&listed.len()), "{}", listed.len());
    }

    #[test]
    fn a_small_status_is_whole() {
        let violation = Violation {
            field: "contacts[3].linkedin_url".to_owned(),
            description: "is required".to_owned(),
        };
        let status = Report::new(ErrorReason::InvalidRequest, "ü\n")
            .violations(vec![violation; 25])
            .status();
        assert_eq!(status.message(), "ü\n");
        let listed = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(listed.len(), 25);
    }

    #[test]
    fn only_what_may_be_repeated_says_when() {
        let delay = Some(Duration::from_secs(7));
        for &known in REASONS {
            let status = Report::new(known, "").retry_after(delay).status();
            let told = status.get_details_retry_info().is_some();
            let may_retry = [
                ErrorReason::RateLimited,
                ErrorReason::UpstreamUnavailable,
                ErrorReason::BudgetExceeded,
                ErrorReason::Draining,
                ErrorReason::StreamTooOld,
                ErrorReason::Starting,
            ];
            assert_eq!(told, may_retry.contains(&known), "{known:?}");
            // What gRPC's own retries obey says the same.
            let pushback = status.metadata().get(PUSHBACK);
            let pushback = pushback.map(|delay| delay.to_str().unwrap());
            assert_eq!(pushback, told.then_some("7000"), "{known:?}");
        }
    }
}
