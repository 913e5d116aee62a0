//! RPCs: how many, how they ended, and how long they took.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::Metric;
use crate::proto::rpc::RPCS;

const ENDED: &str = "pronto_grpc_rpcs_total";
const TIME: &str = "pronto_grpc_rpc_seconds";
const IN_FLIGHT: &str = "pronto_grpc_rpcs_in_flight";
const MESSAGES: &str = "pronto_grpc_rpc_messages_sent_total";

/// Bounds of the times of RPCs that are told apart, in seconds: from an answer of our
/// own to the minute that synchronous enrichment may take.
const TIMES: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

pub const METRICS: &[Metric] = &[
    Metric::counter(
        ENDED,
        &["method", "code", "reason"],
        "RPCs that ended, by method, gRPC code and reason of the error. The reason is empty \
         without an error, `none` for an error without reason.",
    ),
    Metric::histogram(
        TIME,
        &["method"],
        TIMES,
        "How long unary RPCs took, by method.",
    ),
    Metric::gauge(
        IN_FLIGHT,
        &["method"],
        "RPCs under way, streams included, by method.",
    ),
    Metric::counter(
        MESSAGES,
        &["method"],
        "Messages sent on streams that ended, by method.",
    ),
];

/// How an RPC ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The gRPC code, as gRPC spells it.
    pub code: &'static str,
    /// The reason of the error; empty when there is no error.
    pub reason: &'static str,
    /// How long it took, to the end of its answer.
    pub time: Duration,
    /// Messages sent.
    pub messages: u64,
}

/// RPCs that nobody has called count zero.
pub fn begin() {
    for rpc in RPCS {
        let ok = ["method", "code", "reason"]
            .into_iter()
            .zip([rpc.name, "OK", ""]);
        let labels: Vec<_> = ok
            .map(|(label, value)| metrics::Label::from_static_parts(label, value))
            .collect();
        counter!(ENDED, labels).absolute(0);
        gauge!(IN_FLIGHT, "method" => rpc.name).set(0.0);
    }
}

/// An RPC began.
pub fn rpc_began(method: &'static str) {
    gauge!(IN_FLIGHT, "method" => method).increment(1.0);
}

/// An RPC ended.
pub fn rpc_ended(method: &'static str, streams: bool, ended: Ended) {
    gauge!(IN_FLIGHT, "method" => method).decrement(1.0);
    counter!(ENDED, "method" => method, "code" => ended.code, "reason" => ended.reason)
        .increment(1);
    match streams {
        true => counter!(MESSAGES, "method" => method).increment(ended.messages),
        false => histogram!(TIME, "method" => method).record(ended.time.as_secs_f64()),
    }
}
