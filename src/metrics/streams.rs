//! Streams that follow jobs, and how far behind their clients are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use metrics::gauge;
use parking_lot::Mutex;

use super::Metric;

const OPEN: &str = "pronto_grpc_streams";
const LAG: &str = "pronto_grpc_stream_lag_events";
const MAX_LAG: &str = "pronto_grpc_stream_max_lag_events";

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(OPEN, &[], "Streams that follow a job."),
    Metric::gauge(
        LAG,
        &[],
        "Events that are recorded and that streams have not taken, over all streams.",
    ),
    Metric::gauge(
        MAX_LAG,
        &[],
        "Events that are recorded and that the slowest stream has not taken.",
    ),
];

/// The streams of this process.
static STREAMS: LazyLock<Mutex<Streams>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Streams {
    next: u64,
    open: HashMap<u64, Arc<Place>>,
    /// How long the logs of followed jobs are.
    logs: HashMap<String, Log>,
}

struct Log {
    last_sequence: Arc<AtomicI64>,
    streams: u64,
}

/// Where a stream is.
struct Place {
    taken: AtomicI64,
    last_sequence: Arc<AtomicI64>,
}

/// A stream that is open; dropped when it ends.
pub struct OpenStream {
    number: u64,
    job_id: String,
    place: Arc<Place>,
}

/// A stream opened, after a sequence of a job.
#[must_use]
pub fn open(job_id: &str, after: i64) -> OpenStream {
    let mut streams = STREAMS.lock();
    streams.next += 1;
    let number = streams.next;
    let log = streams
        .logs
        .entry(job_id.to_owned())
        .or_insert_with(|| Log {
            last_sequence: Arc::new(AtomicI64::new(after)),
            streams: 0,
        });
    log.streams += 1;
    let place = Arc::new(Place {
        taken: AtomicI64::new(after),
        last_sequence: log.last_sequence.clone(),
    });
    streams.open.insert(number, place.clone());
    OpenStream {
        number,
        job_id: job_id.to_owned(),
        place,
    }
}

impl OpenStream {
    /// The client was given everything up to a sequence.
    pub fn took(&self, sequence: i64) {
        self.place.taken.fetch_max(sequence, Ordering::Relaxed);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = STREAMS.lock();
        streams.open.remove(&self.number);
        if let Some(log) = streams.logs.get_mut(&self.job_id) {
            log.streams -= 1;
            if log.streams == 0 {
                streams.logs.remove(&self.job_id);
            }
        }
    }
}

/// The log of a job reaches to this sequence.
pub fn recorded(job_id: &str, last_sequence: i64) {
    if let Some(log) = STREAMS.lock().logs.get(job_id) {
        log.last_sequence
            .fetch_max(last_sequence, Ordering::Relaxed);
    }
}

/// Measures all streams, for who reads the metrics now.
pub fn measure() {
    let streams = STREAMS.lock();
    let (mut sum, mut most) = (0_i64, 0_i64);
    for place in streams.open.values() {
        let lag = place.lag();
        sum = sum.saturating_add(lag);
        most = most.max(lag);
    }
    gauge!(OPEN).set(streams.open.len() as f64);
    gauge!(LAG).set(sum as f64);
    gauge!(MAX_LAG).set(most as f64);
}

impl Place {
    fn lag(&self) -> i64 {
        let last_sequence = self.last_sequence.load(Ordering::Relaxed);
        (last_sequence - self.taken.load(Ordering::Relaxed)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_behind_by_what_is_recorded_and_not_taken() {
        let job = "a job of this test";
        let slow = open(job, 0);
        recorded(job, 5);
        let fast = open(job, 4);
        assert_eq!((slow.place.lag(), fast.place.lag()), (5, 1));
        slow.took(2);
        fast.took(5);
        // What is older than what was taken takes nothing back.
        slow.took(1);
        assert_eq!((slow.place.lag(), fast.place.lag()), (3, 0));
        drop(slow);
        recorded(job, 7);
        assert_eq!(fast.place.lag(), 2);
        drop(fast);
        assert!(!STREAMS.lock().logs.contains_key(job));
    }
}
