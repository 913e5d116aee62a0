//! Whether a case ended as it must: with what the sandbox truly found, each once, or
//! with an account that names exactly what is absent.

use std::collections::BTreeSet;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::{
    Acceptance, Callback, Completion, Findings, JobCompleted, JobEvent, JobOutcome, ResultKind,
};
use serde_json::Value;
use tonic::Code;

use super::case::Seen;
use super::faults::{At, Combination};
use super::rpcs::{Rpc, items, key};

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything arrived.
    Complete,
    /// Something did not, and the account says what.
    Incomplete,
    /// The search failed; what it found before arrived.
    Failed,
    /// Nothing was started.
    Refused,
    /// It has no end, and the client cancelled it.
    Cancelled,
    /// Everything would have arrived, but the job's time was over: the machine is slow.
    OutOfTime,
}

/// A case to judge.
pub struct Case<'c> {
    /// The RPC.
    pub rpc: &'c Rpc,
    /// Its request.
    pub request: &'c Value,
    /// What went wrong.
    pub combination: &'c Combination,
    /// What the client saw.
    pub seen: &'c Seen,
    /// What was found for the RPC.
    pub findings: &'c [Findings],
}

/// A condition that must hold.
macro_rules! hold {
    ($holds:expr, $($broken:tt)+) => {
        if !$holds {
            return Err(format!($($broken)+));
        }
    };
}

impl Case<'_> {
    /// How it ended.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn judge(&self) -> Result<Verdict, String> {
        hold!(
            self.findings.len() <= 1,
            "{} were started",
            self.findings.len()
        );
        let end = self.seen.end.as_ref();
        if self.seen.events.is_empty() {
            return self.refused();
        }
        self.log()?;
        match (end.map(|end| end.code()), self.completed()) {
            (None, Some((completed, before))) => self.account(completed, before),
            (Some(Code::Aborted), None) => self.cancelled(),
            (Some(_), None) => self.failed(),
            (_, completed) => Err(format!("it ended with {end:?} and {completed:?}")),
        }
    }

    // === what every log must be ===

    fn log(&self) -> Result<(), String> {
        let log = &self.seen.log;
        for (event, sequence) in log.iter().zip(1..) {
            hold!(
                event.sequence == sequence,
                "{} stands at {sequence}",
                event.sequence
            );
            let is_started = matches!(event.event, Some(Event::Started(_)));
            hold!(is_started == (sequence == 1), "`started` at {sequence}");
        }
        hold!(
            log.starts_with(&self.seen.events),
            "the client did not see the log"
        );
        let found: BTreeSet<_> = self.truth().iter().collect();
        let mut once = BTreeSet::new();
        for event in log {
            if let Some(Event::Unrecognized(odd)) = &event.event {
                let may_be = self.combination.any(|f| f.damages());
                hold!(may_be, "not recognized: {}", odd.reason);
            }
            let Some(key) = key(event) else { continue };
            hold!(found.contains(&key), "{key} was never found");
            hold!(once.insert(key.clone()), "{key} came twice");
        }
        let arrived = self.arrived();
        let lost: Vec<_> = arrived.difference(&once).collect();
        hold!(lost.is_empty(), "stored, but not in the log: {lost:?}");
        Ok(())
    }

    /// What was truly found.
    fn truth(&self) -> &[String] {
        self.findings.first().map_or(&[], |found| &found.keys)
    }

    /// What stands in bodies that arrived whole.
    fn arrived(&self) -> BTreeSet<String> {
        let bodies: Vec<_> = self.seen.callbacks.iter().filter_map(whole).collect();
        let names = |key: &str| match self.rpc.late.result {
            ResultKind::Contact => self.last_name(key),
            _ => key.to_owned(),
        };
        let truth = self.truth().iter();
        let arrived = truth.filter(|key| {
            let name = format!("\"{}\"", names(key));
            bodies.iter().any(|body| body.contains(&name))
        });
        arrived.cloned().collect()
    }

    /// The last name of the contact at a position.
    fn last_name(&self, index: &str) -> String {
        let index: usize = index.parse().unwrap();
        let contact = match self.request.get("contacts") {
            Some(contacts) => &contacts[index],
            None => self.request,
        };
        contact["last_name"].as_str().unwrap().to_owned()
    }

    // === the ends ===

    fn refused(&self) -> Result<Verdict, String> {
        let reason = self.seen.reason();
        let can_be = self.combination.any(|fault| fault.at() == At::Start);
        hold!(can_be, "it was not started: {:?}", self.seen.end);
        hold!(
            self.findings.is_empty(),
            "it was said not to be started, but was: {reason:?}"
        );
        Ok(Verdict::Refused)
    }

    fn completed(&self) -> Option<(&JobCompleted, &[JobEvent])> {
        let log = &self.seen.log;
        let (index, completed) = log
            .iter()
            .enumerate()
            .find_map(|(index, event)| match &event.event {
                Some(Event::Completed(completed)) => Some((index, completed)),
                _ => None,
            })?;
        Some((completed, &log[..index]))
    }

    fn account(&self, completed: &JobCompleted, before: &[JobEvent]) -> Result<Verdict, String> {
        let before: BTreeSet<String> = before.iter().filter_map(key).collect();
        let counts = completed.counts.unwrap_or_default();
        let delivered = before.len() as i64;
        hold!(
            counts.delivered == delivered,
            "delivered {delivered}, counts {counts:?}"
        );
        let absent = self.absent(&before);
        match completed.outcome() {
            JobOutcome::Complete => {
                hold!(absent == 0, "COMPLETE, but {absent} are absent: {counts:?}");
                hold!(
                    counts.missing == Some(0),
                    "COMPLETE, but missing: {counts:?}"
                );
                let nothing = self.acceptance().and_then(|answer| answer.total) == Some(0);
                let is_well = nothing || self.status().is_none();
                hold!(is_well, "COMPLETE, but the search failed");
                Ok(Verdict::Complete)
            }
            _ => {
                let must = self.must_be_complete();
                if must && self.seen.ran_out_of_time() {
                    return Ok(Verdict::OutOfTime);
                }
                hold!(!must, "INCOMPLETE, absent {absent}, {counts:?}");
                self.missing(completed, &before, absent)?;
                Ok(Verdict::Incomplete)
            }
        }
    }

    /// How many results were found, or are owed for items, and did not arrive.
    fn absent(&self, before: &BTreeSet<String>) -> usize {
        let owed = match self.rpc.late.completion {
            Completion::ItemCount | Completion::ContactStatus => items(self.request).unwrap_or(1),
            _ => self.truth().len(),
        };
        owed - before.len()
    }

    /// Whether what happened leaves no excuse: either no delivery was lost, or Pronto
    /// could be asked.
    fn must_be_complete(&self) -> bool {
        let is = |at| self.combination.any(|fault| fault.at() == at);
        let loses = self.combination.any(|fault| fault.loses());
        match self.rpc.late.completion {
            Completion::ItemCount => !loses && !self.findings.is_empty(),
            Completion::ContactStatus => self.acceptance().is_some() && !is(At::Poll),
            _ => (self.acceptance().is_some() || self.can_be_located()) && !is(At::Poll),
        }
    }

    /// Whether the search was started under a name that tells its job.
    fn can_be_located(&self) -> bool {
        !self.findings.is_empty() && self.rpc.has_name() && self.request.get("name").is_none()
    }

    /// What Pronto answered to the start, where that is known.
    fn acceptance(&self) -> Option<&Acceptance> {
        match self.seen.log.first()?.event.as_ref()? {
            Event::Started(started) => started.acceptance.as_ref(),
            _ => None,
        }
    }

    /// How many results Pronto announced, if not as an estimate.
    fn announced(&self) -> Option<usize> {
        let total = self.acceptance()?.total;
        total
            .filter(|_| !self.rpc.late.total_is_estimate)?
            .try_into()
            .ok()
    }

    /// The account names exactly what is absent, or says that it does not know.
    fn missing(
        &self,
        completed: &JobCompleted,
        before: &BTreeSet<String>,
        absent: usize,
    ) -> Result<(), String> {
        let missing = completed.counts.and_then(|counts| counts.missing);
        // A search that fails finds less than Pronto announced, and nobody knows.
        let announced = self.announced().filter(|_| self.status().is_some());
        let absent = announced.map_or(absent, |total| total - before.len());
        let is_batch = self.rpc.late.completion == Completion::ItemCount;
        match missing {
            Some(missing) => hold!(
                missing == absent as i64,
                "{absent} are absent, but {missing} are said to be missing"
            ),
            None => hold!(
                !is_batch,
                "{absent} items are absent, but nothing is said of it"
            ),
        }
        let has_positions = is_batch && self.rpc.late.result != ResultKind::Account;
        let indexes: Vec<i32> = match has_positions {
            true => self.absent_indexes(before),
            false => Vec::new(),
        };
        hold!(
            completed.missing_indexes == indexes,
            "{indexes:?} are absent, but {:?} are said to be missing",
            completed.missing_indexes
        );
        Ok(())
    }

    /// The positions of the items whose results did not arrive. What was never
    /// started found nothing.
    fn absent_indexes(&self, before: &BTreeSet<String>) -> Vec<i32> {
        let truth = self.truth();
        let came = |index: &i32| {
            let key = truth.get(*index as usize);
            key.is_some_and(|key| before.contains(key))
        };
        let items = items(self.request).unwrap_or_default() as i32;
        (0..items).filter(|index| !came(index)).collect()
    }

    fn failed(&self) -> Result<Verdict, String> {
        let (reason, end) = (self.seen.reason(), &self.seen.end);
        hold!(
            reason.as_deref() == Some("JOB_FAILED"),
            "it ended with {end:?}"
        );
        let status = self.status();
        hold!(
            status.is_some(),
            "it failed, but the search did not: {end:?}"
        );
        let keys: BTreeSet<String> = self.seen.log.iter().filter_map(key).collect();
        let absent = self.absent(&keys);
        hold!(
            absent == 0,
            "the search failed, and {absent} of its results are absent"
        );
        Ok(Verdict::Failed)
    }

    /// The status with which the search was made to fail. Of several the first one
    /// strikes.
    fn status(&self) -> Option<&'static str> {
        let is_search = self.rpc.late.completion == Completion::SearchStatus
            || self.rpc.late.completion == Completion::Never;
        let mut faults = self.combination.faults.iter();
        faults
            .find_map(|fault| fault.status())
            .filter(|_| is_search)
    }

    fn cancelled(&self) -> Result<Verdict, String> {
        let is_endless = self.rpc.late.completion == Completion::Never;
        let reason = self.seen.reason();
        hold!(
            is_endless && reason.as_deref() == Some("JOB_CANCELLED"),
            "it ended with {:?}",
            self.seen.end
        );
        // What was stored is in the log; without losses all that was found was stored.
        let keys: BTreeSet<String> = self.seen.log.iter().filter_map(key).collect();
        let absent = self.absent(&keys);
        let loses = self.combination.any(|fault| fault.loses());
        hold!(
            absent == 0 || loses,
            "{absent} are absent, and nothing was lost"
        );
        Ok(Verdict::Cancelled)
    }
}

/// A body that can be read, and is not about work under way.
fn whole(callback: &Callback) -> Option<String> {
    let body: Value = serde_json::from_slice(&callback.body).ok()?;
    (body["status"] != "pending").then(|| body.to_string())
}
