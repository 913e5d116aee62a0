//! Options of jobs and their store.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use super::ConfigError;
use super::units::{byte_size, duration, progress_interval};
use crate::ledger::REPEATABLE;

/// How jobs behave, and how long what they bring is kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Jobs")]
pub struct JobArgs {
    /// Folder of the store: jobs and their results. Created when it is missing.
    #[arg(
        long,
        env = "PRONTO_GRPC_DATA_DIR",
        default_value = "pronto-grpc-data",
        value_name = "FOLDER"
    )]
    pub data_dir: PathBuf,

    /// A search that has not ended after this time is ended as INCOMPLETE.
    /// Signals that never end have no deadline.
    #[arg(long, env = "PRONTO_GRPC_SEARCH_DEADLINE", default_value = "2h", value_name = "DURATION", value_parser = duration)]
    pub search_deadline: Duration,

    /// The same for the enrichment of one contact.
    #[arg(long, env = "PRONTO_GRPC_CONTACT_DEADLINE", default_value = "1h", value_name = "DURATION", value_parser = duration)]
    pub contact_deadline: Duration,

    /// The same for an enrichment in bulk.
    #[arg(long, env = "PRONTO_GRPC_BULK_DEADLINE", default_value = "6h", value_name = "DURATION", value_parser = duration)]
    pub bulk_deadline: Duration,

    /// How long ended jobs, raw bodies, answers and callbacks without a job are kept.
    /// Not shorter than the deadline of a job.
    #[arg(long, env = "PRONTO_GRPC_RETENTION", default_value = "72h", value_name = "DURATION", value_parser = duration)]
    pub retention: Duration,

    /// How long the ledger keeps what each call and result cost. Not shorter than
    /// `retention` and the deadline of a job together, nor than a day. Daily sums are
    /// kept for 400 days.
    #[arg(long, env = "PRONTO_GRPC_LEDGER_RETENTION", default_value = "90d", value_name = "DURATION", value_parser = duration)]
    pub ledger_retention: Duration,

    /// Largest size of the store. Above it the oldest raw bodies, answers and ended
    /// jobs are purged; when that is not enough, no job is started.
    #[arg(long, env = "PRONTO_GRPC_MAX_STORE_SIZE", default_value = "10GiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_store_size: ByteSize,

    /// Largest size of all callbacks without a job: of those for purged jobs, and
    /// again of those for unknown ones. The oldest ones give way.
    #[arg(long, env = "PRONTO_GRPC_MAX_UNMATCHED_SIZE", default_value = "64MiB", value_name = "SIZE", value_parser = byte_size)]
    pub max_unmatched_size: ByteSize,

    /// How soon Pronto is first asked for results that did not arrive.
    #[arg(long, env = "PRONTO_GRPC_POLL_INTERVAL", default_value = "2s", value_name = "DURATION", value_parser = duration)]
    pub poll_interval: Duration,

    /// Longest time between two such questions; the time grows from one to the next.
    #[arg(long, env = "PRONTO_GRPC_MAX_POLL_INTERVAL", default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub max_poll_interval: Duration,

    /// How long callbacks may still come after Pronto says that it has finished,
    /// when polling does not show every result.
    #[arg(long, env = "PRONTO_GRPC_SETTLE_TIME", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub settle_time: Duration,

    /// Time between two `progress` events of a stream, at most 20s.
    #[arg(long, env = "PRONTO_GRPC_PROGRESS_INTERVAL", default_value = "15s", value_name = "DURATION", value_parser = progress_interval)]
    pub progress_interval: Duration,
}

impl JobArgs {
    /// Checks times that depend on each other.
    ///
    /// # Errors
    ///
    /// When two do not go together; the error names both.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (option, longest) = self.longest_deadline();
        if self.retention < longest {
            let (retention, longest) = (
                humantime::format_duration(self.retention),
                humantime::format_duration(longest),
            );
            return Err(ConfigError::new(format!(
                "retention: {retention} is shorter than {option}, {longest}: what a job that \
                 runs has received would be purged"
            )));
        }
        self.check_ledger()
    }

    /// What can be repeated, used again or erased is found through the call, which is
    /// older than the end of its job.
    fn check_ledger(&self) -> Result<(), ConfigError> {
        let (option, longest) = self.longest_deadline();
        let kept = self.retention.saturating_add(longest);
        let (what, shortest) = match kept < REPEATABLE {
            true => (
                "the time for which requests can be repeated".into(),
                REPEATABLE,
            ),
            false => (format!("retention and {option} together"), kept),
        };
        if self.ledger_retention >= shortest {
            return Ok(());
        }
        Err(ConfigError::new(format!(
            "ledger-retention: {} is shorter than {what}, {}: what is still kept would not be \
             found any more",
            humantime::format_duration(self.ledger_retention),
            humantime::format_duration(shortest),
        )))
    }

    /// The longest deadline of a job, and the option that sets it.
    fn longest_deadline(&self) -> (&'static str, Duration) {
        let search = ("search-deadline", self.search_deadline);
        let others = [
            ("contact-deadline", self.contact_deadline),
            ("bulk-deadline", self.bulk_deadline),
        ];
        others.into_iter().fold(
            search,
            |longest, other| {
                if other.1 > longest.1 { other } else { longest }
            },
        )
    }
}
