//! Every fault and every pair of faults, for every streaming RPC: the client ends
//! with what the sandbox truly found, or with an account of what is absent.
//!
//! * `faults`: what goes wrong. `rpcs`: what is called. `case`: a client that follows.
//!   `judge`: whether it ended as it must.
//!
//! `FAULT_MATRIX=drop+answer-lost@start` runs one combination, `FAULT_MATRIX_SEED=2`
//! other forms and shares.

pub mod case;
mod faults;
mod judge;
mod rpcs;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{ListFindingsRequest, ResetSandboxRequest, UpdateSettingsRequest};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::Form;
use crate::log::connect;
use crate::report::Report;
use crate::server::{Place, Server, UNLIMITED};
use case::{Seen, follow, idle};
use faults::{Chance, Combination, Fault};
use judge::{Case, Verdict};
use rpcs::{Rpc, World};

/// Servers that work through the combinations, each with all RPCs at once. They wait
/// more than they work.
const SERVERS: usize = 8;

/// Pairs of the short form.
const SOME_PAIRS: usize = 60;

/// How long jobs wait for what never comes.
const HASTY: &str = "3s";

/// How long they wait when a slow machine let their time run out.
const PATIENT: &str = "20s";

/// A server whose jobs end after this time.
fn options(deadline: &str) -> Vec<String> {
    let mut options: Vec<_> = [
        "--sandbox-rate-limits=false",
        UNLIMITED,
        "--sandbox-pace=1ms",
        "--poll-interval=20ms",
        "--max-poll-interval=100ms",
        "--settle-time=200ms",
    ]
    .map(str::to_owned)
    .into();
    let kinds = ["search", "contact", "bulk"];
    options.extend(kinds.map(|kind| format!("--{kind}-deadline={deadline}")));
    options
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let begin = Instant::now();
    let rpcs = Arc::new(rpcs::all());
    let faults = faults::all();
    let combinations = chosen(combinations(&faults, form));
    let pairs = combinations.iter().filter(|c| c.faults.len() == 2).count();
    let queue = Arc::new(Mutex::new(VecDeque::from(combinations)));
    let mut servers = JoinSet::new();
    let count = SERVERS.min(queue.lock().len());
    for _ in 0..count {
        servers.spawn(work(queue.clone(), rpcs.clone()));
    }
    let mut tally = Tally::default();
    for other in servers.join_all().await {
        tally.add(other);
    }
    let again = tally.once_more(rpcs.clone()).await;
    let mut report = Report::default();
    report.figure("rpcs", rpcs.len());
    report.figure("faults", faults.len());
    report.figure("pairs", pairs);
    tally.report(&mut report);
    report.figure("once_more", again);
    report.figure("seconds", begin.elapsed().as_secs());
    report
}

/// No fault, each fault, and pairs: all, or some by chance.
fn combinations(faults: &[Fault], form: Form) -> Vec<Combination> {
    let seed = std::env::var("FAULT_MATRIX_SEED").map_or(1, |seed| seed.parse().unwrap());
    let new = |faults| Combination::new(faults, seed);
    let singles = faults.iter().map(|fault| new(vec![fault.clone()]));
    let mut combinations: Vec<_> = [new(Vec::new())].into_iter().chain(singles).collect();
    let pairs = (0..faults.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    let pair = |(one, other): (usize, usize)| new(vec![faults[other].clone(), faults[one].clone()]);
    let mut pairs: Vec<_> = pairs.map(pair).collect();
    if form == Form::Short && std::env::var_os("FAULT_MATRIX").is_none() {
        shuffle(&mut pairs, combinations[0].chance("pairs"));
        pairs.truncate(SOME_PAIRS);
    }
    combinations.extend(pairs);
    combinations
}

fn shuffle<T>(values: &mut [T], mut chance: Chance) {
    for end in (1..values.len()).rev() {
        values.swap(end, chance.below(end as u64 + 1) as usize);
    }
}

/// The one combination that is asked for, or all.
fn chosen(combinations: Vec<Combination>) -> Vec<Combination> {
    let Ok(name) = std::env::var("FAULT_MATRIX") else {
        return combinations;
    };
    let chosen: Vec<_> = combinations
        .into_iter()
        .filter(|c| c.name() == name)
        .collect();
    assert!(!chosen.is_empty(), "no combination is named {name}");
    chosen
}

/// How cases ended.
#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    wrong: Vec<String>,
    /// Of which RPCs the time was over.
    out_of_time: Vec<(Combination, Vec<usize>)>,
}

impl Tally {
    fn count(&mut self, case: &str, judged: Result<Verdict, String>) {
        match judged {
            Ok(verdict) => *self.verdicts.entry(verdict).or_default() += 1,
            Err(wrong) => self.wrong.push(format!("{case}: {wrong}")),
        }
    }

    /// Repeats what ran out of time with more of it; that counts. Gives the number of
    /// cases.
    async fn once_more(&mut self, rpcs: Arc<Vec<Rpc>>) -> usize {
        let out_of_time = std::mem::take(&mut self.out_of_time);
        let cases = out_of_time.iter().map(|(_, rpcs)| rpcs.len()).sum();
        if cases == 0 {
            return 0;
        }
        let bench = Bench::start(rpcs, PATIENT).await;
        for (combination, indexes) in out_of_time {
            let tally = bench.run(&combination, &indexes).await;
            self.add(tally);
        }
        for (combination, indexes) in std::mem::take(&mut self.out_of_time) {
            let wrong = indexes.iter().map(|index| {
                let case = case_name(&bench.rpcs[*index], &combination);
                format!("{case}: it does not end before its deadline")
            });
            self.wrong.extend(wrong);
        }
        cases
    }

    fn add(&mut self, other: Self) {
        for (verdict, count) in other.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        self.out_of_time.extend(other.out_of_time);
    }

    fn report(self, report: &mut Report) {
        let of = |verdict| self.verdicts.get(&verdict).copied().unwrap_or_default();
        let right: usize = self.verdicts.values().sum();
        report.figure("cases", right + self.wrong.len());
        report.figure("complete", of(Verdict::Complete));
        report.figure("incomplete", of(Verdict::Incomplete));
        report.figure("failed", of(Verdict::Failed));
        report.figure("refused", of(Verdict::Refused));
        report.figure("cancelled", of(Verdict::Cancelled));
        for wrong in &self.wrong {
            report.hold(false, || wrong.clone());
        }
        report.zero("wrong", self.wrong.len());
    }
}

fn case_name(rpc: &Rpc, combination: &Combination) -> String {
    format!("{} under {}", rpc.short(), combination.name())
}

type Queue = Arc<Mutex<VecDeque<Combination>>>;

/// Works through combinations with a server of its own.
async fn work(queue: Queue, rpcs: Arc<Vec<Rpc>>) -> Tally {
    let all: Vec<_> = (0..rpcs.len()).collect();
    let bench = Bench::start(rpcs, HASTY).await;
    let mut tally = Tally::default();
    loop {
        let next = queue.lock().pop_front();
        let Some(combination) = next else {
            return tally;
        };
        tally.add(bench.run(&combination, &all).await);
    }
}

/// A server with its sandbox, and what there is to ask it.
struct Bench {
    channel: Channel,
    rpcs: Arc<Vec<Rpc>>,
    world: World,
    _server: Server,
    _place: Place,
}

impl Bench {
    async fn start(rpcs: Arc<Vec<Rpc>>, deadline: &str) -> Self {
        let place = Place::with_sandbox(options(deadline));
        let server = place.start().await;
        let channel = connect(place.grpc()).await.unwrap();
        let world = World::explore(&channel, &rpcs).await;
        Self {
            channel,
            rpcs,
            world,
            _server: server,
            _place: place,
        }
    }

    /// Calls RPCs at once under a combination of faults, and judges.
    async fn run(&self, combination: &Combination, indexes: &[usize]) -> Tally {
        self.set(combination).await;
        let mut tasks = JoinSet::new();
        for index in indexes.iter().copied() {
            let rpc = self.rpcs[index].clone();
            let request = self.world.request(&rpc);
            let cut = 2 + combination.chance(&rpc.name).below(8) as i64;
            let followed = follow(self.channel.clone(), rpc, request, cut);
            tasks.spawn(async move { (index, followed.await) });
        }
        let seen = tasks.join_all().await;
        let counters = idle(&self.channel).await.unwrap();
        let mut tally = Tally::default();
        // Of two faults the one may keep the other from striking.
        if let [fault] = &combination.faults[..]
            && !counters.faults.contains_key(fault.kind_name())
        {
            let never = format!("{} never struck", combination.name());
            tally.wrong.push(never);
        }
        let mut out_of_time = Vec::new();
        for (index, seen) in seen {
            let rpc = &self.rpcs[index];
            match self.judge(rpc, combination, seen).await {
                Ok(Verdict::OutOfTime) => out_of_time.push(index),
                judged => tally.count(&case_name(rpc, combination), judged),
            }
        }
        if !out_of_time.is_empty() {
            tally.out_of_time.push((combination.clone(), out_of_time));
        }
        tally
    }

    async fn set(&self, combination: &Combination) {
        let mut sandbox = SandboxServiceClient::new(self.channel.clone());
        sandbox.reset_sandbox(ResetSandboxRequest {}).await.unwrap();
        let starts: Vec<_> = self.rpcs.iter().map(|rpc| rpc.start.clone()).collect();
        let request = UpdateSettingsRequest {
            settings: Some(combination.settings(&starts)),
            update_mask: None,
        };
        sandbox.update_settings(request).await.unwrap();
    }

    async fn judge(
        &self,
        rpc: &Rpc,
        combination: &Combination,
        mut seen: Seen,
    ) -> Result<Verdict, String> {
        let read = seen.read_again(&self.channel).await;
        read.map_err(|status| format!("the log cannot be read: {status:?}"))?;
        let mut sandbox = SandboxServiceClient::new(self.channel.clone());
        let findings = sandbox.list_findings(ListFindingsRequest::default()).await;
        let mut findings = findings.unwrap().into_inner().findings;
        findings.retain(|findings| findings.operation == rpc.start);
        let case = Case {
            rpc,
            request: &self.world.request(rpc),
            combination,
            seen: &seen,
            findings: &findings,
        };
        case.judge()
    }
}
