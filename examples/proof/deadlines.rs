//! Calls and streams end at their deadline, also while callbacks come and are streamed.
//! The clients have no clock of their own: the server alone keeps the time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{GetCreditsRequest, WatchJobRequest};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::Form;
use crate::fake::{Fake, Job, lead};
use crate::http::{Sender, request};
use crate::log::{PATIENCE, connect};
use crate::report::{Report, ms, quantile};
use crate::server::Place;

/// No call may end later than this after its deadline, but for one in a hundred; on a
/// busy machine by as much more as two timers are late, the server's and a client's.
const LATE: Duration = Duration::from_millis(50);

/// No call may end earlier than this before its deadline.
const EARLY: Duration = Duration::from_millis(10);

const JOBS: usize = 8;

/// Connections over which callbacks come for every other job.
const SENDERS: usize = 8;

/// How long each of them rests between two callbacks. Proof and server share a machine:
/// without a rest the time would be that of the proof's own clients.
const REST: Duration = Duration::from_millis(10);

/// Calls, and as many streams.
const CALLS: usize = 200;

/// The time from one of each to the next.
const PACE: Duration = Duration::from_millis(5);

/// Connections that these share.
const CONNECTIONS: usize = 4;

type Http = Client<HttpConnector, Body>;

/// When a call ended: so much after its deadline, or so much before it.
struct End {
    late: Duration,
    early: Duration,
    status: Status,
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let fake = Fake::start().await;
    let place = Place::new(&fake);
    let _server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let own = Arc::default();
    let mut clock = JoinSet::new();
    clock.spawn(keep_time(Arc::clone(&own)));
    let (mut calls, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..form.pick(1, 10) {
        // Others each time: the replay of a long log is another matter.
        let jobs = fake.jobs(&channel, JOBS).await;
        let _load = load(&place, &jobs);
        let (mut calling, mut watching) = (JoinSet::new(), JoinSet::new());
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| client()).collect();
        for index in 0..CALLS {
            let client = &clients[index % CONNECTIONS];
            calling.spawn(call(client.clone(), place.grpc(), index));
            let job = jobs[index % JOBS].id.clone();
            watching.spawn(stream(client.clone(), place.grpc(), job, index));
        }
        calls.extend(calling.join_all().await);
        streams.extend(watching.join_all().await);
    }
    let mut report = Report::default();
    let own = quantile(&mut own.lock(), 0.99);
    report.figure("own_late_p99_ms", ms(own));
    judge(&mut report, "calls", &calls, LATE + 2 * own);
    judge(&mut report, "streams", &streams, LATE + 2 * own);
    report
}

/// Notes how late this program's own timers are: as late as those of its clients would
/// be, and no fault of the server's.
async fn keep_time(own: Arc<Mutex<Vec<Duration>>>) {
    loop {
        let begin = Instant::now();
        sleep(PACE).await;
        own.lock().push(begin.elapsed().saturating_sub(PACE));
    }
}

/// Posts callbacks for every other job.
fn load(place: &Place, jobs: &[Job]) -> JoinSet<()> {
    let next = Arc::new(AtomicU32::new(0));
    let paths: Arc<[String]> = jobs.iter().step_by(2).map(|job| job.path.clone()).collect();
    let mut senders = JoinSet::new();
    for index in 0..SENDERS {
        let mut sender = Sender::new(place.callbacks());
        let (next, paths) = (next.clone(), paths.clone());
        senders.spawn(async move {
            let path = &paths[index % paths.len()];
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let _ = sender.post(&request(path, &lead(number, 1024))).await;
                sleep(REST).await;
            }
        });
    }
    senders
}

/// How long the caller with an index has: spread evenly over two seconds, in an order
/// that looks like chance.
fn time(index: usize) -> Duration {
    Duration::from_millis(50 + (index * 7919 % 2000) as u64)
}

fn with_timeout<R>(request: R, time: Duration) -> Request<R> {
    let mut request = Request::new(request);
    let text = format!("{}m", time.as_millis());
    let metadata = request.metadata_mut();
    metadata.insert("grpc-timeout", text.parse().unwrap());
    request
}

/// A call that Pronto never answers. Each has a key of its own, so that none waits for
/// another's turn.
async fn call(http: Http, address: SocketAddr, index: usize) -> End {
    let mut workspace = WorkspaceServiceClient::with_origin(http, origin(address));
    let time = time(index);
    let mut request = with_timeout(GetCreditsRequest::default(), time);
    let key = format!("deadline-{index}").parse().unwrap();
    request.metadata_mut().insert("x-api-key", key);
    sleep(PACE * index as u32).await;
    let begin = Instant::now();
    let answer = timeout(PATIENCE, workspace.get_credits(request)).await;
    let status = answer.map_or_else(never, |answer| answer.unwrap_err());
    end(begin, time, status)
}

/// A stream of a job that never ends.
async fn stream(http: Http, address: SocketAddr, job_id: String, index: usize) -> End {
    let mut jobs = JobServiceClient::with_origin(http, origin(address));
    let time = time(index);
    let watch = WatchJobRequest {
        job_id,
        after_sequence: 0,
    };
    sleep(PACE * index as u32).await;
    let begin = Instant::now();
    let followed = async {
        let answer = jobs.watch_job(with_timeout(watch, time)).await;
        let mut events = match answer {
            Ok(answer) => answer.into_inner(),
            Err(status) => return status,
        };
        loop {
            match events.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok("the stream ended"),
                Err(status) => return status,
            }
        }
    };
    let status = timeout(PATIENCE, followed).await.unwrap_or_else(never);
    end(begin, time, status)
}

fn never(_: tokio::time::error::Elapsed) -> Status {
    Status::unknown("it never ended")
}

fn end(begin: Instant, time: Duration, status: Status) -> End {
    let taken = begin.elapsed();
    End {
        late: taken.saturating_sub(time),
        early: time.saturating_sub(taken),
        status,
    }
}

/// A client with a connection of its own.
fn client() -> Http {
    let mut connector = HttpConnector::new();
    // A request waits 40 ms for the one before it, otherwise.
    connector.set_nodelay(true);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.http2_only(true).build(connector)
}

fn origin(address: SocketAddr) -> http::Uri {
    format!("http://{address}").parse().unwrap()
}

fn judge(report: &mut Report, what: &str, ends: &[End], bound: Duration) {
    for end in ends {
        let info = end.status.get_details_error_info();
        let reason = info.map(|info| info.reason);
        let is_right = end.status.code() == Code::DeadlineExceeded
            && reason.as_deref() == Some("DEADLINE_EXCEEDED");
        report.hold(is_right, || format!("{what}: ended with {:?}", end.status));
    }
    let mut late: Vec<_> = ends.iter().map(|end| end.late).collect();
    let early = ends.iter().map(|end| end.early).max().unwrap_or_default();
    let p99 = quantile(&mut late, 0.99);
    report.figure(&format!("{what}_late_p50_ms"), ms(quantile(&mut late, 0.5)));
    report.figure(&format!("{what}_late_p99_ms"), ms(p99));
    report.figure(&format!("{what}_late_max_ms"), ms(quantile(&mut late, 1.0)));
    report.figure(&format!("{what}_early_max_ms"), ms(early));
    report.hold(p99 <= bound, || {
        format!("{what}: p99 is {} ms late", ms(p99))
    });
    report.hold(early <= EARLY, || {
        format!("{what}: one ended {} ms early", ms(early))
    });
}
