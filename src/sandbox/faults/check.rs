//! Whether a fault can be set. What would have no effect is refused.

use std::time::Duration;

use super::{Group, default_duration, group, is_named};
use crate::proto::endpoint::ENDPOINTS;
use crate::proto::v1::{FaultKind, SandboxFault};
use crate::proto::validate::{Violation, Violations};

/// Longer faults are no rehearsal.
const MAX_DURATION: Duration = Duration::from_secs(600);

/// What is wrong with a fault; `at` is its path.
#[must_use]
pub fn check(fault: &SandboxFault, at: &str) -> Violations {
    let mut violations = Violations::new();
    let mut refuse = |field: &str, description: &str| {
        violations.push(Violation {
            field: format!("{at}{field}"),
            description: description.to_owned(),
        });
    };
    let kind = FaultKind::try_from(fault.kind).unwrap_or_default();
    let Some(group) = group(kind) else {
        refuse("kind", "is not a kind of fault");
        return violations;
    };
    if !fault.endpoint.is_empty() && !ENDPOINTS.iter().any(|e| is_named(e, &fault.endpoint)) {
        refuse(
            "endpoint",
            "is neither an RPC of an endpoint, such as StartLeadSearch, nor its path",
        );
    }
    if fault.percent.is_some_and(|n| !(1..=100).contains(&n)) {
        refuse("percent", "must be from 1 to 100");
    }
    for (field, value) in [("every", fault.every), ("count", fault.count)] {
        if value == Some(0) {
            refuse(field, "must be at least 1");
        }
    }
    if let Some(duration) = fault.duration {
        match Duration::try_from(duration) {
            _ if default_duration(kind).is_none() => {
                refuse("duration", "has no meaning for this kind");
            }
            Ok(duration) if duration <= MAX_DURATION => {}
            _ => refuse("duration", "must be from 0s to 600s"),
        }
    }
    match fault.times {
        Some(_) if kind != FaultKind::Duplicate => {
            refuse("times", "has no meaning for this kind");
        }
        Some(times) if !(2..=10).contains(&times) => refuse("times", "must be from 2 to 10"),
        _ => {}
    }
    let fails = group == Group::Search && kind != FaultKind::SearchEmpty;
    if fault.after.is_some() && !fails {
        refuse("after", "has no meaning for this kind");
    }
    if fault.carried_out.is_some() && !is_refusal(kind) {
        refuse("carried_out", "has no meaning for this kind");
    }
    violations
}

/// Whether the kind refuses a request with a status.
fn is_refusal(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::AnswerRateLimited
            | FaultKind::AnswerRateLimitedDate
            | FaultKind::AnswerInternalError
            | FaultKind::AnswerBadGateway
            | FaultKind::AnswerUnavailable
            | FaultKind::AnswerGatewayTimeout
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        let drop = SandboxFault {
            kind: FaultKind::Drop.into(),
            ..Default::default()
        };
        assert_eq!(check(&drop, ""), []);
        let long = prost_types::Duration {
            seconds: 601,
            nanos: 0,
        };
        let stall = FaultKind::Stall.into();
        for (field, wrong) in [
            ("kind", SandboxFault::default()),
            (
                "kind",
                SandboxFault {
                    kind: 999,
                    ..drop.clone()
                },
            ),
            (
                "percent",
                SandboxFault {
                    percent: Some(0),
                    ..drop.clone()
                },
            ),
            (
                "percent",
                SandboxFault {
                    percent: Some(101),
                    ..drop.clone()
                },
            ),
            (
                "every",
                SandboxFault {
                    every: Some(0),
                    ..drop.clone()
                },
            ),
            (
                "count",
                SandboxFault {
                    count: Some(0),
                    ..drop.clone()
                },
            ),
            (
                "times",
                SandboxFault {
                    times: Some(2),
                    ..drop.clone()
                },
            ),
            (
                "after",
                SandboxFault {
                    after: Some(2),
                    ..drop.clone()
                },
            ),
            (
                "duration",
                SandboxFault {
                    duration: Some(long),
                    ..drop.clone()
                },
            ),
            (
                "duration",
                SandboxFault {
                    duration: Some(long),
                    kind: stall,
                    ..drop.clone()
                },
            ),
            (
                "carried_out",
                SandboxFault {
                    carried_out: Some(true),
                    ..drop.clone()
                },
            ),
            (
                "endpoint",
                SandboxFault {
                    endpoint: "/nowhere".to_owned(),
                    ..drop
                },
            ),
        ] {
            let fields: Vec<_> = check(&wrong, "").into_iter().map(|v| v.field).collect();
            assert_eq!(fields, [field], "{wrong:?}");
        }
    }
}
