//! Attacks on the gRPC listener with frames that nobody who means well sends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pronto_grpc::proto::v1::GetJobRequest;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use prost::Message;
use tokio::time::sleep_until;
use tonic::Code;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, Peer,
    RST_STREAM, SETTINGS, frame, request, setting,
};
use crate::log::{PATIENCE, connect};

/// Nobody needs so many frames to be found out.
pub const FRAMES: usize = 10_000;

/// Streams of a connection that the server may allow.
const MAX_STREAMS: u32 = 256;

/// Malformed streams after which a connection must be gone.
const MAX_MALFORMED: usize = 1_100;

const GET_JOB: &str = "/pronto.v1.JobService/GetJob";
const WATCH_JOB: &str = "/pronto.v1.JobService/WatchJob";

/// The server answers an attack within this time.
const SOON: Duration = Duration::from_secs(5);

/// A flood of frames.
#[derive(Clone, Copy, Debug)]
pub enum Flood {
    RapidReset,
    Continuation,
    Settings,
    Ping,
    /// Pings whose answers are never read.
    DeafPing,
    Malformed,
}

/// How a flood ended.
pub struct Ended {
    /// Frames that were sent. A server that has given the peer up reads on for a while, so
    /// that the peer can read why.
    pub frames: usize,
    /// Frames that the server looked at, as far as it tells.
    pub taken: usize,
    /// Whether the server has given the peer up.
    pub is_over: bool,
    /// Whether the server stopped reading.
    pub is_blocked: bool,
}

impl Flood {
    /// All of them.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::RapidReset, "rapid_reset"),
        (Self::Continuation, "continuation"),
        (Self::Settings, "settings"),
        (Self::Ping, "ping"),
        (Self::DeafPing, "deaf_ping"),
        (Self::Malformed, "malformed"),
    ];

    /// After so many frames the server must have given the peer up; none where it may
    /// go on reading, as long as that costs little.
    pub fn limit(self) -> Option<usize> {
        match self {
            Self::RapidReset | Self::Continuation => Some(FRAMES),
            Self::Malformed => Some(MAX_MALFORMED),
            Self::Settings | Self::Ping | Self::DeafPing => None,
        }
    }

    /// The next part of it, and how many frames that is.
    fn part(self, number: u32) -> (Vec<u8>, usize) {
        let stream = 2 * number + 1;
        let open = END_HEADERS | END_STREAM;
        match self {
            Self::RapidReset => {
                let mut part = frame(HEADERS, open, stream, &request(GET_JOB, &[]));
                part.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
                (part, 2)
            }
            Self::Continuation if number == 0 => {
                (frame(HEADERS, END_STREAM, 1, &request(GET_JOB, &[])), 1)
            }
            Self::Continuation => {
                let more = [&[0, 1, b'a', 100][..], &[b'a'; 100]].concat();
                (frame(CONTINUATION, 0, 1, &more), 1)
            }
            Self::Settings => (
                frame(SETTINGS, 0, 0, &setting(INITIAL_WINDOW_SIZE, 65_535)),
                1,
            ),
            Self::Ping | Self::DeafPing => (frame(PING, 0, 0, &[7; 8]), 1),
            Self::Malformed => {
                // What belongs to a connection has no place in HTTP/2.
                let block = request(GET_JOB, &[("connection", "close")]);
                (frame(HEADERS, open, stream, &block), 1)
            }
        }
    }

    /// Sends so many frames, as many in a second, until the server has had enough.
    pub async fn run(self, address: SocketAddr, frames: usize, per_second: usize) -> Ended {
        let peer = match self {
            Self::DeafPing => Peer::connect_deaf(address).await,
            _ => Peer::connect(address, &[]).await,
        };
        let mut ended = Ended {
            frames: 0,
            taken: 0,
            is_over: true,
            is_blocked: false,
        };
        let Some(mut peer) = peer else { return ended };
        let begin = Instant::now();
        for number in 0.. {
            let (part, count) = self.part(number);
            if ended.frames + count > frames || !peer.send(&part).await {
                break;
            }
            ended.frames += count;
            if number % 64 == 63 {
                let due = ended.frames as f64 / per_second as f64;
                sleep_until((begin + Duration::from_secs_f64(due)).into()).await;
            }
        }
        let is_whole = ended.frames + 2 > frames;
        let wait = match self.limit() {
            Some(_) => SOON,
            None => Duration::ZERO,
        };
        let seen = peer.wait(wait, |seen| seen.is_over()).await;
        ended.is_over = seen.is_over();
        ended.taken = match self {
            // Streams of the client have odd numbers, and two frames each.
            Self::RapidReset if ended.is_over => (seen.last_stream as usize).div_ceil(2) * 2,
            Self::Malformed => seen.resets,
            _ => ended.frames,
        };
        ended.is_blocked = !ended.is_over && !is_whole;
        ended
    }
}

/// Opens streams whose events it never takes, and holds them.
pub async fn zero_window(address: SocketAddr, job_id: &str, streams: u32) -> Option<Peer> {
    let mut peer = Peer::connect(address, &setting(INITIAL_WINDOW_SIZE, 0)).await?;
    let watch = pronto_grpc::proto::v1::WatchJobRequest {
        job_id: job_id.to_owned(),
        after_sequence: 0,
    };
    let message = watch.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    for number in 0..streams {
        let stream = 2 * number + 1;
        let mut part = frame(HEADERS, END_HEADERS, stream, &request(WATCH_JOB, &[]));
        part.extend(frame(DATA, END_STREAM, stream, &body));
        if !peer.send(&part).await {
            break;
        }
    }
    Some(peer)
}

/// Opens more streams than are allowed; says what is wrong.
pub async fn too_many_streams(address: SocketAddr) -> Option<String> {
    const OPENED: u32 = MAX_STREAMS + 44;
    let mut peer = Peer::connect(address, &[]).await?;
    let seen = peer.wait(SOON, |seen| seen.max_streams.is_some()).await;
    for number in 0..OPENED {
        let block = request(GET_JOB, &[]);
        if !peer
            .send(&frame(HEADERS, END_HEADERS, 2 * number + 1, &block))
            .await
        {
            break;
        }
    }
    let surplus = (OPENED - MAX_STREAMS) as usize;
    let is_refused = |seen: &super::frames::Seen| seen.is_over() || seen.refused >= surplus;
    let after = peer.wait(SOON, is_refused).await;
    let allowed = seen.max_streams.is_some_and(|max| max <= MAX_STREAMS);
    let holds = allowed && is_refused(&after);
    (!holds).then(|| format!("{OPENED} streams: {after:?}"))
}

/// Sends a header of 64 KiB; says what is wrong.
pub async fn huge_header(address: SocketAddr) -> Option<String> {
    let mut peer = Peer::connect(address, &[]).await?;
    let block = request(GET_JOB, &[("x-huge", &"a".repeat(64 << 10))]);
    let mut parts = block.chunks(16_000).peekable();
    let mut kind = HEADERS;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let flags = if is_last { END_HEADERS } else { 0 };
        let flags = if kind == HEADERS {
            flags | END_STREAM
        } else {
            flags
        };
        peer.send(&frame(kind, flags, 1, part)).await;
        kind = CONTINUATION;
    }
    let is_refused = |seen: &super::frames::Seen| seen.is_over() || seen.resets + seen.answers > 0;
    let seen = peer.wait(SOON, is_refused).await;
    (!is_refused(&seen)).then(|| format!("a header of 64 KiB: {seen:?}"))
}

/// Sends a message of 5 MiB; says what is wrong.
pub async fn large_message(address: SocketAddr) -> Option<String> {
    let channel = connect(address).await.ok()?;
    let request = GetJobRequest {
        job_id: "x".repeat(5 << 20),
    };
    let mut jobs = JobServiceClient::new(channel).max_encoding_message_size(usize::MAX);
    let answer = tokio::time::timeout(PATIENCE, jobs.get_job(request)).await;
    match answer {
        Ok(Err(status)) if status.code() == Code::ResourceExhausted => None,
        answer => Some(format!("a message of 5 MiB: {answer:?}")),
    }
}
