//! Guessing where callbacks go: what the receiver says to a wrong secret, and how soon.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fake::Job;
use crate::report::quantile;

/// Who guesses at once. Each guess waits for its answer.
const AT_ONCE: usize = 4;

/// What guesses at a job that is there, and at jobs that are not, were told.
#[derive(Default)]
pub struct Told {
    pub known: Vec<Duration>,
    pub unknown: Vec<Duration>,
    /// Answers, without their date: there must be one.
    pub answers: std::collections::BTreeSet<String>,
}

impl Told {
    /// How much the medians differ, as a share of the smaller one.
    pub fn difference(&mut self) -> f64 {
        let medians =
            [&mut self.known, &mut self.unknown].map(|taken| quantile(taken, 0.5).as_secs_f64());
        let [low, high] = [medians[0].min(medians[1]), medians[0].max(medians[1])];
        high / low - 1.0
    }
}

/// The path of callbacks for a job, with a secret by chance.
pub fn path(job_id: &str) -> String {
    let secret: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(42)
        .collect();
    // The last character stands for four bits.
    format!("/callbacks/{job_id}/{secret}A")
}

/// Guesses so often at each, in turn.
pub async fn guess(address: SocketAddr, job: &Job, times: usize) -> Told {
    let mut guessers = JoinSet::new();
    for _ in 0..AT_ONCE {
        guessers.spawn(guess_alone(address, job.id.clone(), times / AT_ONCE));
    }
    let mut told = Told::default();
    for some in guessers.join_all().await {
        told.known.extend(some.known);
        told.unknown.extend(some.unknown);
        told.answers.extend(some.answers);
    }
    told
}

async fn guess_alone(address: SocketAddr, job_id: String, times: usize) -> Told {
    let mut told = Told::default();
    let mut stream = None;
    for _ in 0..times {
        let unknown = uuid::Uuid::now_v7().to_string();
        for (id, is_known) in [(&job_id, true), (&unknown, false)] {
            let path = path(id);
            let request =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
            let Some((taken, answer)) = ask(&mut stream, address, &request).await else {
                told.answers.insert("none".to_owned());
                continue;
            };
            told.answers.insert(answer);
            match is_known {
                true => told.known.push(taken),
                false => told.unknown.push(taken),
            }
        }
    }
    told
}

/// Asks on a connection that is kept where the server keeps it.
async fn ask(
    kept: &mut Option<TcpStream>,
    address: SocketAddr,
    request: &str,
) -> Option<(Duration, String)> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address).await.ok()?;
            stream.set_nodelay(true).ok()?;
            stream
        }
    };
    let begin = Instant::now();
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    }
    let taken = begin.elapsed();
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    let closes = answer.contains("connection: close");
    let lines = answer.lines().filter(|line| !line.starts_with("date:"));
    let answer = lines.collect::<Vec<_>>().join("|");
    if !closes {
        *kept = Some(stream);
    }
    Some((taken, answer))
}
