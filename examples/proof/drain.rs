//! A server with 500 streams and 20 unary calls under way is told to end, and another one
//! goes on with its store. Every unary call is answered, and every stream says where to go
//! on, and goes on there. Then the same with clients that never read, and some that never
//! speak.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pronto_grpc::proto::v1::workspace_service_client::WorkspaceServiceClient;
use pronto_grpc::proto::v1::{GetCreditsRequest, JobEvent, WatchJobRequest};
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::Form;
use crate::fake::{Fake, Job, lead};
use crate::http::{Sender, request};
use crate::log::{self, Log, PATIENCE, connect};
use crate::report::Report;
use crate::server::{Place, Server};

/// Jobs, and streams of each. The streams of a connection are those of a job.
const JOBS: usize = 10;
const STREAMS: usize = 50;

const UNARY: usize = 20;

/// Callbacks for each job, a part of them before the signal.
const CALLBACKS: u32 = 200;
const BEFORE: u32 = 50;

/// Clients of the second round.
const STUCK: usize = 100;
const SILENT: usize = 50;

/// The server's time to end.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let rounds = form.pick(1, 10);
    report.figure("streams", JOBS * STREAMS);
    report.figure("unary_calls", UNARY);
    report.figure("rounds", rounds);
    let mut totals = Totals::default();
    for _ in 0..rounds {
        handed_over(&mut totals).await;
        never_read(&mut totals).await;
    }
    let longest = |times: &[Duration]| times.iter().max().map_or(0, Duration::as_millis);
    report.figure("exit_ms", longest(&totals.exits));
    report.figure("exit_with_stuck_clients_ms", longest(&totals.stuck_exits));
    report.zero("unary_errors", totals.unary_errors);
    report.zero("wrong_ends", totals.wrong_ends);
    report.zero("not_resumed", totals.not_resumed);
    report.zero("gaps", totals.gaps);
    report.zero("duplicates", totals.duplicates);
    report.zero("wrong_exits", totals.wrong_exits);
    report
}

#[derive(Default)]
struct Totals {
    exits: Vec<Duration>,
    stuck_exits: Vec<Duration>,
    unary_errors: usize,
    wrong_ends: usize,
    not_resumed: usize,
    gaps: usize,
    duplicates: usize,
    wrong_exits: usize,
}

fn place(fake: &Fake) -> Place {
    let timeout = TIMEOUT.as_secs();
    Place::new(fake).and([
        "--drain-grace=500ms".to_owned(),
        "--drain-spread=2s".to_owned(),
        format!("--shutdown-timeout={timeout}s"),
    ])
}

/// Tells a server to end, and waits for that.
async fn ended(server: Server, totals: &mut Totals) -> Duration {
    let begin = Instant::now();
    let ending = spawn_blocking(move || server.terminate());
    let status: Option<ExitStatus> = timeout(PATIENCE, ending).await.ok().and_then(Result::ok);
    let took = begin.elapsed();
    let is_right = status.is_some_and(|status| status.code() == Some(0)) && took < TIMEOUT;
    totals.wrong_exits += usize::from(!is_right);
    took
}

/// The round in which another server goes on.
async fn handed_over(totals: &mut Totals) {
    let fake = Fake::start().await;
    let place = place(&fake);
    let server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let jobs = fake.jobs(&channel, JOBS).await;
    let clients = follow(&place, &jobs).await;
    let mut sender = Sender::new(place.callbacks());
    post(&mut sender, &jobs, 0..BEFORE).await;

    let mut calls = JoinSet::new();
    for _ in 0..UNARY {
        let mut workspace = WorkspaceServiceClient::new(channel.clone());
        calls.spawn(async move { workspace.get_credits(GetCreditsRequest::default()).await });
    }
    fake.asked_for_credits().await;
    let releasing = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        fake.tell_credits();
        fake
    });
    let took = ended(server, totals).await;
    totals.exits.push(took);
    while let Some(answer) = calls.join_next().await {
        totals.unary_errors += usize::from(!matches!(answer, Ok(Ok(_))));
    }
    let _fake = releasing.await.unwrap();
    let _next = place.start().await;
    post(
        &mut Sender::new(place.callbacks()),
        &jobs,
        BEFORE..CALLBACKS,
    )
    .await;
    clients.end(totals).await;
}

/// Posts callbacks of numbers to each job; all must be taken.
async fn post(sender: &mut Sender, jobs: &[Job], numbers: std::ops::Range<u32>) {
    for number in numbers {
        for job in jobs {
            let status = sender.post(&request(&job.path, &lead(number, 300))).await;
            assert!(matches!(status, Ok(200..300)), "{status:?}");
        }
    }
}

/// The clients of all streams.
struct Clients {
    following: JoinSet<Option<Log>>,
    wrong_ends: Arc<AtomicUsize>,
}

/// Lets clients follow each job to its last event, whatever ends their streams.
async fn follow(place: &Place, jobs: &[Job]) -> Clients {
    let mut following = JoinSet::new();
    let wrong_ends = Arc::new(AtomicUsize::new(0));
    for job in jobs {
        let channel = connect(place.grpc()).await.unwrap();
        for _ in 0..STREAMS {
            let stream = log::watch(channel.clone(), &job.id, 0).await.unwrap();
            let client = Client {
                address: place.grpc(),
                job: job.id.clone(),
                log: Log::default(),
                wrong_ends: wrong_ends.clone(),
            };
            following.spawn(async move { timeout(3 * PATIENCE, client.follow(stream)).await.ok() });
        }
    }
    Clients {
        following,
        wrong_ends,
    }
}

impl Clients {
    async fn end(mut self, totals: &mut Totals) {
        while let Some(log) = self.following.join_next().await {
            let Ok(Some(log)) = log else {
                totals.not_resumed += 1;
                continue;
            };
            totals.gaps += log.gaps;
            totals.duplicates += log.duplicates;
        }
        totals.wrong_ends += self.wrong_ends.load(Ordering::Relaxed);
    }
}

struct Client {
    address: SocketAddr,
    job: String,
    log: Log,
    wrong_ends: Arc<AtomicUsize>,
}

impl Client {
    async fn follow(mut self, mut stream: Streaming<JobEvent>) -> Log {
        // `started` is the first event.
        let last = i64::from(CALLBACKS) + 1;
        loop {
            let end = loop {
                match log::next(&mut stream).await {
                    Ok(seen) => self.log.take(seen),
                    Err(end) => break end,
                }
                if self.log.last() >= last {
                    return self.log;
                }
            };
            if !self.is_right(&end) {
                self.wrong_ends.fetch_add(1, Ordering::Relaxed);
                eprintln!("a stream ended with {end:?}");
            }
            stream = self.again().await;
        }
    }

    /// Whether a stream ended as one does whose server ends.
    fn is_right(&self, end: &Status) -> bool {
        let info = end.get_details_error_info();
        let place = info.filter(|info| info.reason == "DRAINING");
        let place = place.and_then(|info| info.metadata.get("last_sequence").cloned());
        end.code() == Code::Unavailable
            && end.get_details_retry_info().is_some()
            && place == Some(self.log.last().to_string())
    }

    /// The stream from the next server, as soon as there is one.
    async fn again(&self) -> Streaming<JobEvent> {
        loop {
            if let Ok(channel) = connect(self.address).await
                && let Ok(stream) = log::watch(channel, &self.job, self.log.last()).await
            {
                return stream;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// The round with clients that hold on.
async fn never_read(totals: &mut Totals) {
    let fake = Fake::start().await;
    let place = place(&fake);
    let server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let job = fake.job(channel).await.unwrap();
    post(
        &mut Sender::new(place.callbacks()),
        std::slice::from_ref(&job),
        0..CALLBACKS,
    )
    .await;
    let mut held = Vec::new();
    for _ in 0..STUCK {
        let mut stream = TcpStream::connect(place.grpc()).await.unwrap();
        stream.write_all(&stuck(&job.id)).await.unwrap();
        held.push(stream);
    }
    for _ in 0..SILENT {
        held.push(TcpStream::connect(place.grpc()).await.unwrap());
    }
    let last = i64::from(CALLBACKS) + 1;
    // The server has read all of theirs when it has answered this.
    log::read(place.grpc(), &job.id, last).await.unwrap();
    let took = ended(server, totals).await;
    totals.stuck_exits.push(took);
}

/// What a client says that opens a stream and reads nothing of it.
fn stuck(job_id: &str) -> Vec<u8> {
    let request = WatchJobRequest {
        job_id: job_id.to_owned(),
        after_sequence: 0,
    };
    let message = request.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let header = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/pronto.v1.JobService/WatchJob"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in header {
        // A literal that is not indexed.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &block),
        frame(0, 1, 1, &[&[0], &length[..], &message].concat()),
    ]
    .concat()
}
