//! What a client saw of a job's log, and whether it is what was promised.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::{JobEvent, WatchJobRequest};
use prost::Message;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// Nothing takes longer than this, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An event, as small as it can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its place in the log; 0 for progress.
    pub sequence: i64,
    /// Of everything in it.
    pub fingerprint: u64,
    /// Of the person in it.
    pub number: Option<u32>,
}

impl From<&JobEvent> for Seen {
    fn from(event: &JobEvent) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&event.encode_to_vec());
        Self {
            sequence: event.sequence,
            fingerprint: hasher.finish(),
            number: number(event),
        }
    }
}

fn number(event: &JobEvent) -> Option<u32> {
    match event.event.as_ref()? {
        Event::Lead(result) => {
            let name = result.lead.as_ref()?.first_name.as_ref()?;
            name.strip_prefix('n')?.parse().ok()
        }
        _ => None,
    }
}

/// What a client that resumes by sequence has of a job.
#[derive(Default)]
pub struct Log {
    events: Vec<Seen>,
    numbers: HashSet<u32>,
    /// Events that came although the client had them, and people that came twice.
    pub duplicates: usize,
    /// Sequences that were left out.
    pub gaps: usize,
}

impl Log {
    /// The sequence after which the client goes on.
    pub fn last(&self) -> i64 {
        self.events.len() as i64
    }

    /// The events, by sequence.
    pub fn events(&self) -> &[Seen] {
        &self.events
    }

    /// Whether a person has come.
    pub fn has(&self, number: u32) -> bool {
        self.numbers.contains(&number)
    }

    /// People that have come.
    pub fn people(&self) -> usize {
        self.numbers.len()
    }

    /// Adds what the client got. Progress has no place in the log.
    pub fn take(&mut self, seen: Seen) {
        if seen.sequence == 0 {
            return;
        }
        if seen.sequence <= self.last() {
            self.duplicates += 1;
            return;
        }
        let left_out = (seen.sequence - self.last() - 1) as usize;
        self.gaps += left_out;
        let nothing = Seen {
            sequence: 0,
            fingerprint: 0,
            number: None,
        };
        self.events.extend(std::iter::repeat_n(nothing, left_out));
        self.events.push(seen);
        if let Some(number) = seen.number
            && !self.numbers.insert(number)
        {
            self.duplicates += 1;
        }
    }
}

/// Connects to a gRPC listener.
pub async fn connect(address: SocketAddr) -> Result<Channel, Status> {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let connected = timeout(PATIENCE, endpoint.connect()).await;
    connected
        .map_err(|_| Status::deadline_exceeded("no connection"))?
        .map_err(|error| Status::unavailable(error.to_string()))
}

/// Watches a job after a sequence.
pub async fn watch(
    channel: Channel,
    job_id: &str,
    after_sequence: i64,
) -> Result<Streaming<JobEvent>, Status> {
    let request = WatchJobRequest {
        job_id: job_id.to_owned(),
        after_sequence,
    };
    let answer = timeout(PATIENCE, JobServiceClient::new(channel).watch_job(request)).await;
    let answer = answer.map_err(|_| Status::deadline_exceeded("no answer to WatchJob"))?;
    Ok(answer?.into_inner())
}

/// The next event that is no progress. A stream without one is an error: no proof
/// ends a job.
pub async fn next(stream: &mut Streaming<JobEvent>) -> Result<Seen, Status> {
    let next = async {
        loop {
            let event = stream.message().await?;
            let event = event.ok_or_else(|| Status::internal("the stream ended"))?;
            if event.sequence > 0 {
                return Ok(Seen::from(&event));
            }
        }
    };
    let next = timeout(PATIENCE, next).await;
    next.map_err(|_| Status::deadline_exceeded("no event"))?
}

/// A job's log from its beginning to a sequence, read anew.
pub async fn read(address: SocketAddr, job_id: &str, to: i64) -> Result<Log, Status> {
    let mut log = Log::default();
    let mut stream = watch(connect(address).await?, job_id, 0).await?;
    while log.last() < to {
        log.take(next(&mut stream).await?);
    }
    Ok(log)
}
