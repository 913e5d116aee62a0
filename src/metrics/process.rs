//! The process, under the names that Prometheus' own clients use.

use metrics::gauge;

use super::Metric;

const BUILD: &str = "pronto_grpc_build_info";

const RELOADED: &str = "pronto_grpc_config_reload_success";

/// All but the first two are measured by a library, and only described here.
pub const METRICS: &[Metric] = &[
    Metric::gauge(BUILD, &["version"], "1, for the version that runs."),
    Metric::gauge(
        RELOADED,
        &[],
        "1 while the files of keys, clients and certificates could be used when they last \
         changed, else 0.",
    ),
    Metric::counter(
        "process_cpu_seconds_total",
        &[],
        "Processor time that the process used, in seconds.",
    ),
    Metric::gauge(
        "process_resident_memory_bytes",
        &[],
        "Resident memory of the process.",
    ),
    Metric::gauge(
        "process_virtual_memory_bytes",
        &[],
        "Virtual memory of the process.",
    ),
    Metric::gauge(
        "process_virtual_memory_max_bytes",
        &[],
        "The most virtual memory that the process may have.",
    ),
    Metric::gauge("process_open_fds", &[], "Open files and sockets."),
    Metric::gauge(
        "process_max_fds",
        &[],
        "The most files and sockets that may be open.",
    ),
    Metric::gauge("process_threads", &[], "Threads of the process."),
    Metric::gauge(
        "process_start_time_seconds",
        &[],
        "When the process started, in seconds since 1970.",
    ),
];

/// Which version runs.
pub fn begin() {
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    config_reloaded(true);
}

/// Whether files that were read again could be used.
pub fn config_reloaded(is_usable: bool) {
    gauge!(RELOADED).set(if is_usable { 1.0 } else { 0.0 });
}
