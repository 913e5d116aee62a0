//! Credits: what was charged, set aside and refused.

use metrics::{counter, gauge};

use super::Metric;
use crate::proto::endpoint::{Credits, ENDPOINTS};

const CHARGED: &str = "pronto_grpc_credits_charged_total";
const RESERVED: &str = "pronto_grpc_credits_reserved";
const REFUSED: &str = "pronto_grpc_budget_refusals_total";

pub const METRICS: &[Metric] = &[
    Metric::counter(
        CHARGED,
        &["operation"],
        "Credits that the ledger counts as charged, by operation.",
    ),
    Metric::gauge(
        RESERVED,
        &[],
        "Credits that the ledger sets aside for calls of today (UTC) and their jobs, counted each minute.",
    ),
    Metric::counter(
        REFUSED,
        &["operation"],
        "Calls refused because they could cost more than their day's budget leaves, by operation.",
    ),
];

/// What has a price counts zero before it is charged for: the first charge, too, is an
/// increase that alerts and dashboards see.
pub fn begin() {
    for endpoint in ENDPOINTS.iter().filter(|known| has_price(&known.credits)) {
        counter!(CHARGED, "operation" => endpoint.rpc).absolute(0);
    }
}

fn has_price(credits: &Credits) -> bool {
    let prices = [
        credits.request,
        credits.email,
        credits.phone_number,
        credits.personal_email,
    ];
    prices.iter().any(|price| *price > 0)
}

/// Credits were charged.
pub fn credits_charged(operation: &'static str, credits: i64) {
    let credits = credits.try_into().unwrap_or_default();
    counter!(CHARGED, "operation" => operation).increment(credits);
}

/// Credits are set aside.
pub fn credits_reserved(credits: i64) {
    gauge!(RESERVED).set(credits as f64);
}

/// A call was refused for its day's budget.
pub fn budget_refused(operation: &'static str) {
    counter!(REFUSED, "operation" => operation).increment(1);
}
