//! What goes wrong, and when: the faults that are set, and the occasions that
//! each of them has seen.

mod check;
mod flag;

use std::time::Duration;

use super::world::rng::{self, Rng};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::{FaultKind, SandboxFault};

pub use check::check;
pub use flag::parse;

/// What a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The delivery of a body.
    Delivery,
    /// The start of work whose results are delivered.
    Start,
    /// The answer to a request.
    Answer,
    /// A search.
    Search,
    /// The enrichment of one item.
    Enrichment,
}

/// Which occasions a kind has.
#[must_use]
pub fn group(kind: FaultKind) -> Option<Group> {
    use FaultKind as Kind;
    Some(match kind {
        Kind::Unspecified => return None,
        Kind::Drop
        | Kind::Duplicate
        | Kind::Reorder
        | Kind::Delay
        | Kind::Burst
        | Kind::Refuse
        | Kind::Truncate
        | Kind::Html
        | Kind::Reset
        | Kind::Stall
        | Kind::Slow
        | Kind::Drift => Group::Delivery,
        Kind::Early => Group::Start,
        Kind::AnswerRateLimited
        | Kind::AnswerRateLimitedDate
        | Kind::AnswerInternalError
        | Kind::AnswerBadGateway
        | Kind::AnswerUnavailable
        | Kind::AnswerGatewayTimeout
        | Kind::AnswerReset
        | Kind::AnswerLost
        | Kind::AnswerHtml
        | Kind::AnswerEmpty
        | Kind::AnswerTruncated
        | Kind::AnswerWrongContentType
        | Kind::AnswerStall
        | Kind::AnswerSlow => Group::Answer,
        Kind::SearchRateLimited
        | Kind::SearchUnauthorized
        | Kind::SearchForbidden
        | Kind::SearchError
        | Kind::SearchEmpty => Group::Search,
        Kind::EnrichmentSlow => Group::Enrichment,
    })
}

/// How long a kind takes unless told otherwise; none for kinds without duration.
#[must_use]
pub fn default_duration(kind: FaultKind) -> Option<Duration> {
    use FaultKind as Kind;
    let seconds = match kind {
        Kind::AnswerRateLimited
        | Kind::AnswerRateLimitedDate
        | Kind::AnswerSlow
        | Kind::Delay
        | Kind::Slow => 1,
        Kind::EnrichmentSlow => 2,
        Kind::AnswerStall | Kind::Stall => 5,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// One occasion on which a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How long; zero for kinds without duration.
    pub duration: Duration,
    /// How often a body is posted.
    pub times: u32,
    /// After how many results a search fails; none means half of them.
    pub after: Option<u32>,
    /// Whether a request takes effect although it is refused.
    pub carried_out: bool,
}

/// The faults that are set.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Counted>);

/// A fault, and how often it could have struck and has struck.
#[derive(Clone, Debug)]
struct Counted {
    fault: SandboxFault,
    occasions: u64,
    strikes: u64,
}

impl From<Vec<SandboxFault>> for Faults {
    fn from(faults: Vec<SandboxFault>) -> Self {
        let counted = |fault| Counted {
            fault,
            occasions: 0,
            strikes: 0,
        };
        Self(faults.into_iter().map(counted).collect())
    }
}

impl From<FaultKind> for Faults {
    /// The kind on every occasion.
    fn from(kind: FaultKind) -> Self {
        let kind = kind.into();
        Self::from(vec![SandboxFault {
            kind,
            ..Default::default()
        }])
    }
}

impl Faults {
    /// The faults as they were set.
    #[must_use]
    pub fn to_vec(&self) -> Vec<SandboxFault> {
        self.0.iter().map(|counted| counted.fault.clone()).collect()
    }

    /// Whether any has occasions of this kind at an endpoint.
    #[must_use]
    pub fn concern(&self, group: Group, endpoint: &Endpoint) -> bool {
        self.0
            .iter()
            .any(|counted| counted.concerns(group, endpoint))
    }

    /// For each, its occasions and its strikes.
    #[must_use]
    pub fn counts(&self) -> Vec<(u64, u64)> {
        let counts = |counted: &Counted| (counted.occasions, counted.strikes);
        self.0.iter().map(counts).collect()
    }

    /// Goes on from such counts.
    pub fn count_from(&mut self, counts: &[(u64, u64)]) {
        for (counted, &(occasions, strikes)) in self.0.iter_mut().zip(counts) {
            (counted.occasions, counted.strikes) = (occasions, strikes);
        }
    }

    /// The faults that strike on one more occasion at an endpoint.
    pub fn strike(&mut self, seed: u64, group: Group, endpoint: &Endpoint) -> Vec<Strike> {
        let counted = self.0.iter_mut().enumerate();
        counted
            .filter(|(_, counted)| counted.concerns(group, endpoint))
            .filter_map(|(index, counted)| counted.occasion(seed, index))
            .collect()
    }
}

impl Counted {
    fn concerns(&self, wanted: Group, endpoint: &Endpoint) -> bool {
        group(self.fault.kind()) == Some(wanted)
            && (self.fault.endpoint.is_empty() || is_named(endpoint, &self.fault.endpoint))
    }

    fn occasion(&mut self, seed: u64, index: usize) -> Option<Strike> {
        self.occasions += 1;
        let fault = &self.fault;
        let salt = format!("fault {index} {} {}", fault.kind, self.occasions);
        let mut chance = Rng::new(seed, rng::hash(&salt));
        let strikes = fault
            .percent
            .is_none_or(|percent| chance.percent(percent as usize))
            && fault
                .every
                .is_none_or(|n| self.occasions.is_multiple_of(n.into()))
            && fault
                .count
                .is_none_or(|count| self.strikes < u64::from(count));
        if !strikes {
            return None;
        }
        self.strikes += 1;
        let duration = fault.duration.and_then(|d| Duration::try_from(d).ok());
        Some(Strike {
            kind: fault.kind(),
            duration: duration
                .or_else(|| default_duration(fault.kind()))
                .unwrap_or_default(),
            times: fault.times.unwrap_or(2),
            after: fault.after,
            carried_out: fault.carried_out(),
        })
    }
}

/// Whether an endpoint is meant by the name of its RPC or by its path.
fn is_named(endpoint: &Endpoint, name: &str) -> bool {
    let rpc = endpoint.rpc;
    let suffix = rpc.strip_suffix(name);
    let is_rpc = suffix.is_some_and(|head| head.is_empty() || head.ends_with(['.', '/']));
    is_rpc || endpoint.path == name || endpoint.name() == name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints::{GET_SEARCH, START_LEAD_SEARCH};

    fn fault(kind: FaultKind) -> SandboxFault {
        SandboxFault {
            kind: kind.into(),
            ..Default::default()
        }
    }

    /// On which of so many deliveries a fault strikes.
    fn pattern(seed: u64, fault: SandboxFault, deliveries: usize) -> Vec<usize> {
        let mut faults = Faults::from(vec![fault]);
        let strikes = |_: &usize| {
            let struck = faults.strike(seed, Group::Delivery, START_LEAD_SEARCH);
            !struck.is_empty()
        };
        (1..=deliveries).filter(strikes).collect()
    }

    #[test]
    fn shares_are_what_they_say() {
        let drop = fault(FaultKind::Drop);
        assert_eq!(pattern(1, drop.clone(), 3), [1, 2, 3]);
        let every = Some(3);
        let third = SandboxFault {
            every,
            ..drop.clone()
        };
        assert_eq!(pattern(1, third.clone(), 10), [3, 6, 9]);
        let count = Some(2);
        assert_eq!(pattern(1, SandboxFault { count, ..third }, 10), [3, 6]);
        let percent = Some(10);
        let tenth = SandboxFault { percent, ..drop };
        let struck = pattern(1, tenth.clone(), 1_000).len();
        assert!((60..=140).contains(&struck), "{struck}");
        assert_eq!(pattern(1, tenth.clone(), 99), pattern(1, tenth.clone(), 99));
        assert_ne!(pattern(1, tenth.clone(), 99), pattern(2, tenth, 99));
    }

    #[test]
    fn an_endpoint_is_named_by_rpc_or_path() {
        for name in [
            "StartLeadSearch",
            "LeadService/StartLeadSearch",
            "pronto.v1.LeadService/StartLeadSearch",
            "/leads/advanced_search",
            "POST /leads/advanced_search",
        ] {
            assert!(is_named(START_LEAD_SEARCH, name), "{name}");
            assert!(!is_named(GET_SEARCH, name), "{name}");
        }
        assert!(!is_named(START_LEAD_SEARCH, "LeadSearch"));
    }

    #[test]
    fn every_kind_has_its_occasions() {
        let kinds = (1..=100).filter_map(|number| FaultKind::try_from(number).ok());
        assert!(kinds.clone().count() > 30);
        for kind in kinds {
            assert!(group(kind).is_some(), "{kind:?}");
        }
    }
}
