//! The events of a job, as a client sees them: a cursor over the log. Live and
//! replay are the same code.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_stream::Stream;

use super::model::{StoredEvent, StoredJob};
use super::service::{Jobs, Shared};
use super::store::StoreError;
use crate::deadline::{Alarm, Deadline};
use crate::jitter::{about, up_to};
use crate::metrics::streams::{self, OpenStream};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::{JobEvent, JobProgress, JobState};
use crate::trace;

/// At most so many events wait for a slow client.
const BUFFER: usize = 32;

/// They have so many bytes together; a larger one waits alone.
const BUFFER_BYTES: usize = 64 << 10;

/// So many events are read at once.
const PAGE: usize = 128;

/// Why a stream ends without `completed`.
#[derive(Debug)]
pub enum StreamEnd {
    /// The job failed, or was cancelled.
    Job(Box<StoredJob>),
    /// The server is shutting down.
    Draining {
        /// The job.
        job_id: String,
        /// The last sequence that was sent.
        last_sequence: i64,
    },
    /// It is as old as streams become.
    TooOld {
        /// The job.
        job_id: String,
        /// The last sequence that was sent.
        last_sequence: i64,
    },
    /// The caller's deadline has passed.
    Deadline {
        /// The job.
        job_id: String,
        /// The last sequence that was sent.
        last_sequence: i64,
    },
    /// The next events are no longer kept.
    Expired {
        /// The job.
        job_id: String,
        /// The oldest sequence that is kept.
        oldest_sequence: i64,
    },
    /// The store failed.
    Store(StoreError),
}

/// The events of a job. The end comes behind the last event that was taken over,
/// however slowly the client reads; only a deadline does not wait for that.
pub struct Events {
    job_id: String,
    /// The last event that was given.
    sequence: i64,
    events: mpsc::Receiver<Buffered>,
    end: Arc<Mutex<Option<StreamEnd>>>,
    alarm: Option<Alarm>,
    measured: OpenStream,
}

/// An event and its room in the buffer, which has places for many of them and is often
/// empty: an event is large, so it stands elsewhere.
type Buffered = (Box<JobEvent>, OwnedSemaphorePermit);

impl Events {
    /// The end, if the deadline has passed: just once.
    fn overrun(&mut self, context: &mut Context<'_>) -> Option<StreamEnd> {
        self.alarm.take_if(|alarm| alarm.rings(context))?;
        Some(StreamEnd::Deadline {
            job_id: self.job_id.clone(),
            last_sequence: self.sequence,
        })
    }
}

impl Stream for Events {
    type Item = Result<JobEvent, StreamEnd>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(end) = self.overrun(context) {
            return Poll::Ready(Some(Err(end)));
        }
        match ready!(self.events.poll_recv(context)) {
            Some((event, _room)) => {
                self.sequence = self.sequence.max(event.sequence);
                self.measured.took(self.sequence);
                Poll::Ready(Some(Ok(*event)))
            }
            None => Poll::Ready(self.end.lock().take().map(Err)),
        }
    }
}

impl Jobs {
    /// From now on streams end, each at a random moment within the time for that. Returns
    /// when all have ended.
    pub async fn drain(&self) {
        self.shared.draining.cancel();
        self.shared.streams.close();
        self.shared.streams.wait().await;
    }

    /// Follows a job after a sequence. Ends after the last event of a job that
    /// has ended, or when a deadline passes. Costs nothing once the receiver is gone.
    #[must_use]
    pub fn follow(&self, job_id: String, after: i64, deadline: Option<Instant>) -> Events {
        let (sender, events) = mpsc::channel(BUFFER);
        let end = Arc::new(Mutex::new(None));
        let cursor = Cursor {
            woken: self.shared.wakes.subscribe(&job_id),
            shared: self.shared.clone(),
            job_id: job_id.clone(),
            sequence: after,
            sender,
            room: Arc::new(Semaphore::new(BUFFER_BYTES)),
            next_progress: Instant::now() + self.shared.options.progress_interval,
            is_named: false,
        };
        let following = trace::carry(cursor.run(end.clone()));
        self.shared.streams.spawn(following);
        Events {
            measured: streams::open(&job_id, after),
            job_id,
            sequence: after,
            events,
            end,
            alarm: deadline.map(|at| Alarm::new(Deadline(at))),
        }
    }
}

struct Cursor {
    shared: Arc<Shared>,
    job_id: String,
    /// The last event that the stream took over.
    sequence: i64,
    woken: watch::Receiver<()>,
    sender: mpsc::Sender<Buffered>,
    /// What is free of the buffer, in bytes.
    room: Arc<Semaphore>,
    next_progress: Instant,
    /// Whether the log knows which job is followed. A span keeps all that it is told.
    is_named: bool,
}

/// The client is gone.
struct Gone;

impl Cursor {
    /// Runs until the job has ended, the client is gone, the stream is too old or the
    /// server ends. The channel closes after that, and then the client reads `end`.
    async fn run(mut self, end: Arc<Mutex<Option<StreamEnd>>>) {
        let sender = self.sender.clone();
        let shared = self.shared.clone();
        let ended = tokio::select! {
            () = sender.closed() => None,
            followed = self.follow() => followed.ok().and_then(Result::err),
            () = drained(&shared) => Some(StreamEnd::Draining {
                job_id: self.job_id.clone(),
                last_sequence: self.sequence,
            }),
            () = old_age(&shared) => Some(StreamEnd::TooOld {
                job_id: self.job_id.clone(),
                last_sequence: self.sequence,
            }),
        };
        *end.lock() = ended;
    }

    async fn follow(&mut self) -> Result<Result<(), StreamEnd>, Gone> {
        loop {
            self.woken.mark_unchanged();
            let (job, events) = match self.read().await {
                Ok(read) => read,
                Err(error) => return Ok(Err(StreamEnd::Store(error))),
            };
            streams::recorded(&job.id, job.last_sequence);
            if !std::mem::replace(&mut self.is_named, true) {
                trace::follows(&job.id, job.origin);
            }
            // Events may have gone between the two reads, too.
            let oldest = events.first().map_or(job.first_sequence, |e| e.sequence);
            if self.sequence < job.last_sequence && self.sequence + 1 < oldest {
                return Ok(Err(StreamEnd::Expired {
                    job_id: job.id,
                    oldest_sequence: oldest,
                }));
            }
            for stored in events {
                match decoded(&self.job_id, stored) {
                    Ok(event) => self.send(event).await?,
                    Err(error) => return Ok(Err(StreamEnd::Store(error))),
                }
            }
            self.send_progress(&job).await?;
            if self.sequence < job.last_sequence {
                continue;
            }
            match job.state {
                JobState::Failed | JobState::Cancelled => {
                    return Ok(Err(StreamEnd::Job(Box::new(job))));
                }
                _ if job.has_ended() => return Ok(Ok(())),
                _ => self.wait().await,
            }
        }
    }

    /// The job first: an event that it counts is then in the log.
    async fn read(&self) -> Result<(StoredJob, Vec<StoredEvent>), StoreError> {
        let job = self.shared.store.job(&self.job_id).await?;
        let job = job.ok_or_else(|| StoreError::NoSuchJob(self.job_id.clone()))?;
        let events = match self.sequence < job.last_sequence {
            true => {
                self.shared
                    .store
                    .events(&self.job_id, self.sequence, PAGE)
                    .await?
            }
            false => Vec::new(),
        };
        Ok((job, events))
    }

    async fn send(&mut self, event: Box<JobEvent>) -> Result<(), Gone> {
        let sequence = event.sequence;
        let bytes = event.encoded_len().min(BUFFER_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(bytes).await;
        let room = room.map_err(|_| Gone)?;
        self.sender.send((event, room)).await.map_err(|_| Gone)?;
        self.sequence = self.sequence.max(sequence);
        Ok(())
    }

    async fn send_progress(&mut self, job: &StoredJob) -> Result<(), Gone> {
        if job.has_ended() || Instant::now() < self.next_progress {
            return Ok(());
        }
        self.next_progress = Instant::now() + self.shared.options.progress_interval;
        let progress = JobProgress {
            last_sequence: job.last_sequence,
            counts: Some(job.counts()),
        };
        let event = JobEvent {
            job_id: self.job_id.clone(),
            sequence: 0,
            event_time: Some(std::time::SystemTime::now().into()),
            event: Some(Event::Progress(progress)),
        };
        self.send(Box::new(event)).await
    }

    /// Waits until something is new, or progress is due.
    async fn wait(&mut self) {
        let _ = timeout_at(self.next_progress, self.woken.changed()).await;
    }
}

/// When a stream has to end because the server does.
async fn drained(shared: &Shared) {
    shared.draining.cancelled().await;
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        () = sleep(up_to(shared.options.drain_spread)) => {}
    }
}

/// When a stream that begins now is too old.
async fn old_age(shared: &Shared) {
    match shared.options.max_stream_age {
        Some(age) => sleep(about(age)).await,
        None => std::future::pending().await,
    }
}

fn decoded(job_id: &str, stored: StoredEvent) -> Result<Box<JobEvent>, StoreError> {
    let event = JobEvent::decode(stored.payload.as_slice())
        .map_err(|error| StoreError::Engine(format!("event {}: {error}", stored.sequence)))?;
    Ok(Box::new(JobEvent {
        job_id: job_id.to_owned(),
        sequence: stored.sequence,
        event_time: Some(stored.time.into()),
        ..event
    }))
}
