//! What the server counts, for Prometheus.
//!
//! Each subject has a file with the names, labels and help texts of its metrics, once,
//! and with functions that count. `docs/metrics.md` is written from these tables. Labels
//! have few values: RPCs, reasons, codes and states, never ids or what a caller sends.
//!
//! * [`calls`]: RPCs. [`streams`]: their streams, and how far behind clients are.
//! * [`upstream`]: requests to Pronto.
//! * [`jobs`]: callbacks, results and jobs. [`money`]: credits.
//! * [`store`]: the store. [`process`]: the process.

mod calls;
mod jobs;
mod money;
mod process;
mod store;
pub mod streams;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Label, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};

pub use calls::{Ended, rpc_began, rpc_ended};
pub use jobs::{
    callback_answered, callback_committed, callback_unmatched, job_ended, job_started,
    jobs_in_store, results_late, results_recorded, results_suppressed,
};
pub use money::{budget_refused, credits_charged, credits_reserved};
pub use process::config_reloaded;
pub use store::{commit_failed, commit_took, store_holds, store_writable};
pub use upstream::{
    upstream_ended, upstream_in_flight, upstream_rate_limited, upstream_refused, upstream_retried,
    upstream_shared, upstream_took, upstream_waited, upstream_waiting, vendor_drifted,
};

/// So often measurements are sorted into their buckets, also when nobody reads them:
/// until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// A metric, as it is documented.
#[derive(Debug)]
pub struct Metric {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Measurements, counted between these bounds.
    Histogram(&'static [f64]),
}

impl Metric {
    const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        let kind = Kind::Counter;
        Self {
            name,
            kind,
            labels,
            help,
        }
    }

    const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        let kind = Kind::Gauge;
        Self {
            name,
            kind,
            labels,
            help,
        }
    }

    const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
        help: &'static str,
    ) -> Self {
        let kind = Kind::Histogram(bounds);
        Self {
            name,
            kind,
            labels,
            help,
        }
    }
}

/// All metrics.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    let subjects = [
        calls::METRICS,
        streams::METRICS,
        upstream::METRICS,
        jobs::METRICS,
        money::METRICS,
        store::METRICS,
        process::METRICS,
    ];
    subjects.into_iter().flatten()
}

/// What was counted, as Prometheus reads it.
#[derive(Clone)]
pub struct Metrics {
    counted: PrometheusHandle,
    process: Arc<metrics_process::Collector>,
}

impl Metrics {
    /// The text that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        streams::measure();
        self.process.collect();
        self.counted.render()
    }

    /// Keeps memory small, for ever.
    pub async fn keep(self) {
        let mut rounds = interval(UPKEEP);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.counted.run_upkeep();
        }
    }
}

/// Counts from now on, for the whole process.
///
/// # Errors
///
/// When something counts already.
pub fn install() -> Result<Metrics, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, bounds)?;
        }
    }
    let counted = builder.install_recorder()?;
    begin_all();
    let process = Arc::new(metrics_process::Collector::default());
    Ok(Metrics { counted, process })
}

/// Describes all metrics, and lets those be there that alerts look at.
fn begin_all() {
    all().for_each(begin);
    calls::begin();
    jobs::begin();
    money::begin();
    process::begin();
}

/// Describes a metric. Those without labels are there from the beginning, so that an
/// alert can tell "nothing happened" from "nobody counts".
fn begin(metric: &Metric) {
    match metric.kind {
        Kind::Counter => describe_counter!(metric.name, metric.help),
        Kind::Gauge => describe_gauge!(metric.name, metric.help),
        Kind::Histogram(_) => describe_histogram!(metric.name, metric.help),
    }
    if metric.labels.is_empty() {
        zero(metric, Vec::new());
    }
}

/// Lets a metric be there before anything is counted.
fn zero(metric: &Metric, labels: Vec<Label>) {
    match metric.kind {
        Kind::Counter => counter!(metric.name, labels).absolute(0),
        Kind::Gauge => gauge!(metric.name, labels).set(0.0),
        Kind::Histogram(_) => drop(::metrics::histogram!(metric.name, labels)),
    }
}

/// Lets a metric be there, for each of these values of its only label.
fn zero_each(name: &str, values: impl IntoIterator<Item = &'static str>) {
    for metric in all().filter(|metric| metric.name == name) {
        let Some(label) = metric.labels.first() else {
            continue;
        };
        for value in values.into_iter() {
            zero(metric, vec![Label::from_static_parts(label, value)]);
        }
        return;
    }
}
