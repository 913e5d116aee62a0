//! The table of endpoints that is generated from the proto, against `endpoints.tsv`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pronto_grpc::proto::endpoint::{Credits, ENDPOINTS, Endpoint, Rate};
use pronto_grpc::proto::v1::Host;

use super::{fixture, stem, stem_of, table};

/// A row of `endpoints.tsv`.
struct Row {
    method: String,
    path: String,
    host: Host,
    limit: Option<(u32, Duration)>,
    credits: Credits,
    asynchronous: bool,
}

impl Row {
    fn parse(columns: &[&str]) -> Self {
        let [method, path, host, limit, credits, mode] = columns else {
            panic!("not a row: {columns:?}")
        };
        Self {
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            host: one_of(host, [("main", Host::Main), ("sync", Host::Synchronous)]),
            limit: parse_limit(limit),
            credits: parse_credits(credits),
            asynchronous: one_of(mode, [("sync", false), ("async", true)]),
        }
    }

    fn stem(&self) -> String {
        stem(&self.method, &self.path, self.host == Host::Synchronous)
    }
}

fn one_of<T>(text: &str, known: [(&str, T); 2]) -> T {
    let found = known.into_iter().find(|(name, _)| *name == text);
    found.unwrap_or_else(|| panic!("unknown: {text}")).1
}

/// `20/s`, `2/min` or `-`.
fn parse_limit(text: &str) -> Option<(u32, Duration)> {
    let (requests, period) = text.split_once('/')?;
    let seconds = one_of(period, [("s", 1), ("min", 60)]);
    Some((
        requests.parse().expect("a number"),
        Duration::from_secs(seconds),
    ))
}

/// `email=3 phone=30` or `-`.
fn parse_credits(text: &str) -> Credits {
    let prices: BTreeMap<&str, u32> = text
        .split(' ')
        .filter_map(|price| price.split_once('='))
        .map(|(what, price)| (what, price.parse().expect("a number")))
        .collect();
    let price = |what| prices.get(what).copied().unwrap_or_default();
    Credits {
        // Where phone numbers have a price.
        usual_phone_numbers: price("phone").min(2),
        max_phone_numbers: price("phone").min(5),
        request: price("request"),
        email: price("email"),
        phone_number: price("phone"),
        personal_email: price("personal_email"),
    }
}

fn rows() -> Vec<Row> {
    let text = fixture("endpoints.tsv");
    table(&text).map(|columns| Row::parse(&columns)).collect()
}

/// `/contacts/{id}` as `/contacts/{}`.
fn normalised(path: &str) -> String {
    let mut parts = path.split(['{', '}']);
    let mut normal = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(rest)) = (parts.next(), parts.next()) {
        normal += "{}";
        normal += rest;
    }
    normal
}

fn endpoint_of(row: &Row) -> &'static Endpoint {
    let mut found = ENDPOINTS.iter().filter(|endpoint| {
        endpoint.method == row.method
            && normalised(endpoint.path) == row.path
            && endpoint.host == row.host
    });
    let endpoint = found
        .next()
        .unwrap_or_else(|| panic!("no RPC for {}", row.stem()));
    assert!(found.next().is_none(), "two RPCs for {}", row.stem());
    endpoint
}

#[test]
fn every_endpoint_is_one_rpc_and_the_other_way_round() {
    let mut known: Vec<String> = rows().iter().map(Row::stem).collect();
    let mut offered: Vec<String> = ENDPOINTS.iter().map(|endpoint| stem_of(endpoint)).collect();
    known.sort();
    offered.sort();
    assert_eq!(known.len(), 41);
    assert_eq!(offered, known);
    for row in rows() {
        endpoint_of(&row);
    }
}

#[test]
fn rpcs_are_named_once() {
    let mut rpcs: Vec<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.rpc).collect();
    rpcs.sort_unstable();
    rpcs.dedup();
    assert_eq!(rpcs.len(), 41);
    assert!(
        rpcs.iter().all(|rpc| rpc.starts_with("pronto.v1.")),
        "{rpcs:?}"
    );
}

#[test]
fn limits_are_the_documented_ones_and_others_are_marked_as_assumed() {
    for row in rows() {
        let Rate {
            requests,
            per,
            assumed,
        } = endpoint_of(&row).rate;
        assert_eq!(assumed, row.limit.is_none(), "{}", row.stem());
        assert!(requests > 0 && !per.is_zero(), "{}", row.stem());
        if let Some(limit) = row.limit {
            assert_eq!((requests, per), limit, "{}", row.stem());
        }
    }
}

#[test]
fn prices_are_the_known_ones() {
    for row in rows() {
        assert_eq!(endpoint_of(&row).credits, row.credits, "{}", row.stem());
    }
}

#[test]
fn results_come_later_where_the_reference_says_so() {
    for row in rows() {
        assert_eq!(
            endpoint_of(&row).late.is_some(),
            row.asynchronous,
            "{}",
            row.stem()
        );
    }
}

/// An endpoint that may charge or start something is never repeated blindly.
#[test]
fn only_what_neither_charges_nor_creates_is_repeatable() {
    for row in rows().iter().filter(|row| endpoint_of(row).repeatable) {
        assert_eq!(row.credits, parse_credits("-"), "{}", row.stem());
        assert!(!row.asynchronous, "{}", row.stem());
    }
}

#[test]
fn every_endpoint_has_fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for row in rows() {
        let file = format!("{}.json", row.stem());
        let has_body = matches!(&*row.method, "POST" | "PUT");
        assert_eq!(
            folder.join("requests").join(&file).exists(),
            has_body,
            "{file}"
        );
        assert!(folder.join("answers").join(&file).exists(), "{file}");
    }
}
