//! Logs.
//!
//! What is never logged, at any level: API keys, tokens, callback secrets, and what is
//! known of people. Our own code logs none of it. Other crates log what goes over the wire
//! at their lower levels, and which of them at which level changes with their versions:
//! so nothing of theirs below INFO is logged, whatever the filter says.

mod filter;
mod panics;

use std::io::IsTerminal;

use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::LogFormat;

pub use filter::LogFilter;
pub use panics::log_panics;

/// The crates whose events are known to hold no secrets: this one.
const TRUSTED: &str = "pronto_grpc";

/// The filter where none that can be read is given.
const DEFAULT: &str = "info";

/// Logs to the standard error from now on. A second call changes nothing.
pub fn init(filter: &str, format: LogFormat) -> LogFilter {
    init_with(filter, format, std::io::stderr)
}

/// Logs to somewhere else from now on. A second call changes nothing.
pub fn init_with<W>(filter: &str, format: LogFormat, writer: W) -> LogFilter
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let shown = filter.to_string();
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => Box::new(lines),
        LogFormat::Json => Box::new(lines.json().with_span_list(false)),
    };
    let lines = lines.with_filter(filter.and(cap()));
    let _ = tracing_subscriber::registry().with(lines).try_init();
    LogFilter::new(handle, shown)
}

/// What no filter lifts.
fn cap() -> Targets {
    Targets::new()
        .with_target(TRUSTED, LevelFilter::TRACE)
        .with_default(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn no_filter_shows_what_other_crates_log_below_info() {
        let cap = cap();
        assert!(cap.would_enable("pronto_grpc::rpc", &Level::TRACE));
        for crate_name in [
            "h2::codec",
            "hyper::proto",
            "reqwest",
            "rustls",
            "log",
            "pronto",
        ] {
            assert!(cap.would_enable(crate_name, &Level::INFO), "{crate_name}");
            assert!(!cap.would_enable(crate_name, &Level::DEBUG), "{crate_name}");
        }
    }
}
