//! How many requests an endpoint may get.

use std::collections::HashMap;
use std::time::Duration;

use crate::proto::endpoint::{ENDPOINTS, Endpoint};

/// So many requests in any period of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests, at least one.
    pub requests: u32,
    /// The period.
    pub per: Duration,
}

/// What an endpoint may get instead of what Pronto documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The endpoint; none: all that have no override of their own.
    pub endpoint: Option<&'static Endpoint>,
    /// What it may get.
    pub allowance: Allowance,
}

/// The overrides, looked up.
#[derive(Debug, Default)]
pub struct Allowances {
    own: HashMap<&'static str, Allowance>,
    other: Option<Allowance>,
}

impl Allowances {
    /// Of two overrides for the same endpoint the later one holds.
    pub fn new(overrides: &[Override]) -> Self {
        let mut allowances = Self::default();
        for Override {
            endpoint,
            allowance,
        } in overrides
        {
            match endpoint {
                Some(endpoint) => drop(allowances.own.insert(endpoint.rpc, *allowance)),
                None => allowances.other = Some(*allowance),
            }
        }
        allowances
    }

    /// What an endpoint may get.
    pub fn of(&self, endpoint: &Endpoint) -> Allowance {
        let own = self.own.get(endpoint.rpc).copied();
        own.or(self.other).unwrap_or(Allowance {
            requests: endpoint.rate.requests,
            per: endpoint.rate.per,
        })
    }
}

/// The longest period: whatever waits for it must still end some day.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads an override: `RPC=COUNT/PERIOD`, such as `GetHeadcount=10/minute` or
/// `*=100/10s`.
///
/// # Errors
///
/// When it has another form or names no RPC; the error says what would be right.
pub fn parse_override(text: &str) -> Result<Override, String> {
    let usage = || "write RPC=COUNT/PERIOD, such as GetHeadcount=10/minute or *=20/1s".to_owned();
    let (name, rate) = text.split_once('=').ok_or_else(usage)?;
    let (requests, per) = rate.split_once('/').ok_or_else(usage)?;
    let requests = requests.trim().parse().ok().filter(|count| *count > 0);
    let requests = requests.ok_or("COUNT must be a whole number of at least 1")?;
    Ok(Override {
        endpoint: match name.trim() {
            "*" => None,
            name => Some(named(name)?),
        },
        allowance: Allowance {
            requests,
            per: period(per.trim())?,
        },
    })
}

fn period(text: &str) -> Result<Duration, String> {
    let period = match text {
        "second" => Some(Duration::from_secs(1)),
        "minute" => Some(Duration::from_secs(60)),
        "hour" => Some(Duration::from_secs(3600)),
        "day" => Some(LONGEST),
        other => humantime::parse_duration(other).ok(),
    };
    period
        .filter(|period| !period.is_zero() && *period <= LONGEST)
        .ok_or_else(|| {
            "PERIOD must be second, minute, hour, day or a duration such as 10s, at most one day"
                .to_owned()
        })
}

fn named(name: &str) -> Result<&'static Endpoint, String> {
    let mut endpoints = ENDPOINTS.iter().copied();
    endpoints
        .find(|endpoint| short_name(endpoint) == name)
        .ok_or_else(|| {
            let names: Vec<_> = ENDPOINTS.iter().map(|e| short_name(e)).collect();
            format!("{name} is no RPC with a rate limit: {}", names.join(", "))
        })
}

/// The name of an endpoint's RPC, without its service.
fn short_name(endpoint: &Endpoint) -> &'static str {
    let rpc = endpoint.rpc;
    rpc.rsplit_once('/').map_or(rpc, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints::{GET_HEADCOUNT, GET_SEARCH, START_LEAD_SEARCH};

    fn of(overrides: &[&str], endpoint: &Endpoint) -> (u32, Duration) {
        let overrides = overrides.iter().map(|text| parse_override(text).unwrap());
        let allowance = Allowances::new(&overrides.collect::<Vec<_>>()).of(endpoint);
        (allowance.requests, allowance.per)
    }

    #[test]
    fn the_most_particular_override_holds_and_of_equal_ones_the_last() {
        let rate = &GET_HEADCOUNT.rate;
        assert_eq!(of(&[], GET_HEADCOUNT), (rate.requests, rate.per));
        let overrides = ["GetHeadcount=1/hour", "GetHeadcount=10/minute", "*=7/10s"];
        assert_eq!(of(&overrides, GET_HEADCOUNT), (10, Duration::from_secs(60)));
        assert_eq!(of(&overrides, GET_SEARCH), (7, Duration::from_secs(10)));
    }

    #[test]
    fn every_endpoint_has_a_name_of_its_own() {
        for endpoint in ENDPOINTS {
            assert_eq!(named(short_name(endpoint)), Ok(*endpoint));
        }
        assert_eq!(named("StartLeadSearch"), Ok(START_LEAD_SEARCH));
    }

    #[test]
    fn what_has_another_form_is_refused_and_the_right_form_told() {
        for (text, says) in [
            ("GetHeadcount", "RPC=COUNT/PERIOD"),
            ("GetHeadcount=10", "RPC=COUNT/PERIOD"),
            ("GetHeadcount=0/second", "at least 1"),
            ("GetHeadcount=-1/second", "at least 1"),
            ("GetHeadcount=1/year", "minute"),
            ("GetHeadcount=1/0s", "minute"),
            ("GetHeadcount=1/2days", "at most one day"),
            ("GetHeadcont=1/second", "GetHeadcount"),
        ] {
            let error = parse_override(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
