//! A Pronto that breaks connections, is away, limits and stalls: every caller learns
//! what became of a request, Pronto is asked little more often than the callers ask,
//! and the ledger is Pronto's own bill.
//!
//! * `calls`: what is asked. `audit`: whether the books agree.

mod audit;
mod calls;

use std::time::{Duration, Instant};

use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{SandboxCounters, SandboxSettings, UpdateSettingsRequest};
use pronto_grpc::sandbox::{FaultKind, parse_fault};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Channel;

use crate::Form;
use crate::log::connect;
use crate::matrix::case::{decoded, idle};
use crate::report::Report;
use crate::server::{Place, UNLIMITED};
use audit::{Books, Sums};
use calls::{Call, Kind, Made};

/// Requests of each kind that the short form makes.
const MIX: [(Kind, usize); 7] = [
    (Kind::Contact, 300),
    (Kind::Stack, 120),
    (Kind::Hiring, 120),
    (Kind::Locations, 20),
    (Kind::ContactJob, 50),
    (Kind::BatchJob, 8),
    (Kind::SearchJob, 8),
];

/// The long form makes so many times as many.
const LONG: usize = 8;

/// So often everybody is told to wait in the short form.
const BURSTS: usize = 3;

/// 5 % of the connections break and 10 % of the answers are 503, carried out or not.
const WEATHER: [&str; 4] = [
    "answer-reset=2%",
    "answer-lost=3%",
    "answer-unavailable=7%",
    "answer-unavailable=3%,carried-out=true",
];

/// Everybody is told to wait.
const BURST: &str = "answer-rate-limited=15x";

/// Time between two bursts.
const CALM: Duration = Duration::from_secs(3);

/// What must have struck: a storm that nobody noticed is none.
const STRUCK: [FaultKind; 5] = [
    FaultKind::AnswerReset,
    FaultKind::AnswerLost,
    FaultKind::AnswerUnavailable,
    FaultKind::AnswerRateLimited,
    FaultKind::AnswerStall,
];

/// Pronto may be asked so many times as often as callers ask.
const MOST: f64 = 1.2;

/// A server that is less patient than its Pronto is slow.
fn options() -> Vec<String> {
    let mut options: Vec<_> = [
        // It is not about limits: no caller shall wait for them longer than it can.
        UNLIMITED,
        "--sandbox-rate-limits=false",
        "--sandbox-credits=100000000",
        "--sandbox-pace=1ms",
        "--sandbox-sync-latency=20ms",
        "--request-timeout=3s",
        "--synchronous-timeout=3s",
        "--poll-interval=200ms",
        "--max-poll-interval=1s",
        "--settle-time=500ms",
    ]
    .map(str::to_owned)
    .into();
    let kinds = ["search", "contact", "bulk"];
    options.extend(kinds.map(|kind| format!("--{kind}-deadline=10s")));
    options
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let place = Place::with_sandbox(options());
    let server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let begin = Instant::now();
    let bursts = BURSTS * form.pick(1, LONG);
    let calls = calls(form.pick(1, LONG), CALM * (bursts as u32 + 1));
    let requests = calls.len();
    let mut report = Report::default();
    report.figure("requests", requests);
    let stall = Duration::from_secs(form.pick(12, 30));
    let made = weather(&channel, calls, bursts, stall).await.unwrap();
    let counters = settle(&channel, &made).await.unwrap();
    let books = Books::open(&channel).await.unwrap();
    let sums = books.audit(&made).await.unwrap();
    tell(&mut report, &sums);
    for kind in STRUCK {
        let struck = counters.faults.contains_key(kind.as_str_name());
        report.hold(struck, || format!("{kind:?} never struck"));
    }
    let upstream = upstream(&counters);
    let ratio = upstream as f64 / requests as f64;
    report.figure("upstream_calls", upstream);
    report.figure("calls_per_request", format!("{ratio:.3}"));
    report.hold(ratio <= MOST, || {
        format!("{upstream} calls of Pronto for {requests} requests")
    });
    report.figure("seconds", begin.elapsed().as_secs());
    server.kill();
    report
}

fn tell(report: &mut Report, sums: &Sums) {
    report.figure("answered", sums.answered);
    for (reason, count) in &sums.refused {
        report.figure(&format!("told_{}", reason.to_lowercase()), count);
    }
    report.figure("jobs_complete", sums.complete);
    report.figure("jobs_incomplete", sums.incomplete);
    report.figure("ledger_credits", sums.ledger);
    report.figure("billed_credits", sums.billed);
    report.figure("unknown", sums.unknown);
    report.figure("unknown_billed_credits", sums.unknown_billed);
    report.hold(sums.ledger > 0, || "nothing was billed".to_owned());
    report.hold(sums.ledger == sums.billed, || {
        "the ledger is not the bill".to_owned()
    });
    for wrong in &sums.wrong {
        report.hold(false, || wrong.clone());
    }
    report.zero("wrong", sums.wrong.len());
}

/// So many times the mix, and when to make each call: those of a kind evenly over a
/// time.
fn calls(times: usize, within: Duration) -> Vec<(Duration, Call)> {
    let of_kind = |(kind, count): (Kind, usize)| {
        let count = count * times;
        (0..count).map(move |number| {
            let id = format!("{kind:?}-{number}").to_lowercase();
            (within * number as u32 / count as u32, Call { kind, id })
        })
    };
    MIX.into_iter().flat_map(of_kind).collect()
}

/// Makes all calls while the weather is bad.
async fn weather(
    channel: &Channel,
    calls: Vec<(Duration, Call)>,
    bursts: usize,
    stall: Duration,
) -> Result<Vec<Made>, Status> {
    let stall = stall.as_secs();
    let stalls = [
        format!("answer-stall=1/20,count=3,duration={stall}s,endpoint=EnrichContact"),
        format!("answer-stall=1/5,count=2,duration={stall}s,endpoint=StartContactEnrichment"),
    ];
    let weather = || WEATHER.map(str::to_owned).into_iter();
    set(channel, weather().chain(stalls)).await?;
    let mut tasks = JoinSet::new();
    for (after, call) in calls {
        let channel = channel.clone();
        tasks.spawn(async move {
            sleep(after).await;
            call.make(channel).await
        });
    }
    for _ in 0..bursts {
        sleep(CALM).await;
        set(channel, [BURST.to_owned()].into_iter().chain(weather())).await?;
    }
    let made = tasks.join_all().await;
    set(channel, []).await?;
    Ok(made)
}

async fn set(channel: &Channel, faults: impl IntoIterator<Item = String>) -> Result<(), Status> {
    let faults = faults.into_iter().map(|fault| parse_fault(&fault).unwrap());
    let settings = SandboxSettings {
        faults: faults.collect(),
        ..Default::default()
    };
    let request = UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: Some(FieldMask {
            paths: vec!["faults".to_owned()],
        }),
    };
    let mut sandbox = SandboxServiceClient::new(channel.clone());
    sandbox.update_settings(request).await.map(drop)
}

/// Waits until Pronto has carried out what nobody waited for any more, and its results
/// have arrived.
async fn settle(channel: &Channel, made: &[Made]) -> Result<SandboxCounters, Status> {
    let counters = idle(channel).await?;
    for job in made.iter().filter_map(|made| made.job.as_ref()) {
        decoded(channel, job).await?;
    }
    Ok(counters)
}

/// How often Pronto was asked for what callers asked for; polling is not among it.
fn upstream(counters: &SandboxCounters) -> u64 {
    let asked = MIX.map(|(kind, _)| counters.requests.get(kind.endpoint().rpc));
    asked.into_iter().flatten().sum()
}
