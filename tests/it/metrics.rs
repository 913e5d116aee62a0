//! The metrics: what the code counts is what docs/metrics.md shows.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;

use pronto_grpc::metrics::{Kind, Metric, all};

/// The command that writes the document anew.
const REFRESH: &str = "PRONTO_GRPC_REFRESH=1 cargo test --test it metrics";

const HEAD: &str = "# Metrics

<!-- Written from src/metrics/ by a test; do not edit. -->

With `--admin-address` the server answers `GET /metrics` there, in the text format of
Prometheus. Names and labels are stable.

* `method` and `operation` are RPCs, such as `pronto.v1.LeadService/SearchLeads`; what is not
  one of ours is `unknown`, and reflection is `grpc.reflection`.
* `code` is a code of gRPC, such as `NOT_FOUND`, and `reason` one of [errors.md](errors.md),
  `none` or `other`.
* Nothing that a caller sends becomes a label, so there are at most a few thousand series.
* A metric without labels is there from the start. One with labels is there once it was
  counted, apart from `pronto_grpc_rpcs_total` with code OK, `pronto_grpc_rpcs_in_flight`,
  `pronto_grpc_callbacks_total` of the usual statuses, `pronto_grpc_callbacks_unmatched_total`,
  `pronto_grpc_results_total`, `pronto_grpc_jobs`, and `pronto_grpc_credits_charged_total` of
  operations that have a price, which begin at 0.

| Name | Type | Labels | Meaning |
|---|---|---|---|
";

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn document() -> String {
    let mut out = HEAD.to_owned();
    for metric in all() {
        let labels: Vec<_> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
        let (name, kind, help) = (metric.name, kind(metric), metric.help);
        writeln!(
            out,
            "| `{name}` | {kind} | {} | {help} |",
            labels.join(", ")
        )
        .unwrap();
    }
    out += "\nBounds of the histograms, in seconds:\n\n";
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            writeln!(out, "* `{}`: {}", metric.name, bounds.join(", ")).unwrap();
        }
    }
    out
}

#[test]
fn the_document_is_what_the_code_counts() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let document = document();
    if std::env::var_os("PRONTO_GRPC_REFRESH").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document, "refresh docs/metrics.md: {REFRESH}");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let mut names = HashSet::new();
    for metric in all() {
        let name = metric.name;
        assert!(names.insert(name), "{name} twice");
        let is_ours = name.starts_with("pronto_grpc_") || name.starts_with("process_");
        assert!(is_ours, "{name}");
        let is_counter = metric.kind == Kind::Counter;
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(name.ends_with("_seconds"), "{name}");
            assert!(bounds.is_sorted() && !bounds.is_empty(), "{name}");
        }
        assert!(metric.help.ends_with('.'), "{name}: {}", metric.help);
    }
}
