//! A body in memory, within a budget that it shares with others.
//!
//! A body takes its whole share before the first byte is read. In steps, many
//! half-read bodies could hold all of the budget and wait for each other.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::CallbackLimits;

/// What a share of the budget is counted in, in bytes.
const UNIT: usize = 1 << 10;

/// How many bytes of bodies may be in memory.
pub struct Budget {
    units: Semaphore,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            units: Semaphore::new(units),
        }
    }

    async fn reserve(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let units = units(bytes);
        // It is never closed.
        self.units
            .acquire_many(units)
            .await
            .map_err(|_| Refusal::NoRoom)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is larger than the largest body.
    TooLarge,
    /// Other bodies held the memory for too long.
    NoRoom,
    /// It did not come in time.
    Slow,
    /// It broke off, or its encoding is wrong.
    Broken,
}

/// A body that was read, and its share of the budget.
pub struct Held<'a> {
    /// The whole body.
    pub bytes: Bytes,
    _share: SemaphorePermit<'a>,
}

/// The body of a request.
pub struct Body {
    incoming: Incoming,
    is_read: bool,
}

impl Body {
    /// A body of which nothing is read yet.
    pub fn new(incoming: Incoming) -> Self {
        Self {
            is_read: incoming.is_end_stream(),
            incoming,
        }
    }

    /// Whether nothing of it is left.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// When it is too large, too slow or broken, or there is no room for it.
    pub async fn read<'a>(
        &mut self,
        limits: &CallbackLimits,
        budget: &'a Budget,
    ) -> Result<Held<'a>, Refusal> {
        // Chunks do not say how many will come.
        let declared = self.incoming.size_hint().exact();
        let most = declared.map_or(Ok(limits.max_body_size), |length| {
            usize::try_from(length)
                .ok()
                .filter(|length| *length <= limits.max_body_size)
                .ok_or(Refusal::TooLarge)
        })?;
        let deadline = Instant::now() + limits.body_timeout;
        let mut share = timeout_at(deadline, budget.reserve(most))
            .await
            .unwrap_or(Err(Refusal::NoRoom))?;
        let bytes = timeout_at(deadline, self.collect(most))
            .await
            .unwrap_or(Err(Refusal::Slow))?;
        let surplus = share.num_permits() - units(bytes.len()) as usize;
        drop(share.split(surplus));
        Ok(Held {
            bytes,
            _share: share,
        })
    }

    async fn collect(&mut self, most: usize) -> Result<Bytes, Refusal> {
        let mut whole = Bytes::new();
        let mut parts = BytesMut::new();
        while let Some(frame) = self.incoming.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else {
                continue;
            };
            if data.len() > most - whole.len() - parts.len() {
                return Err(Refusal::TooLarge);
            }
            // Most bodies come in one piece, which needs no copy.
            if whole.is_empty() && parts.is_empty() {
                whole = data;
            } else {
                let rest = self.incoming.size_hint().lower();
                parts.reserve(whole.len() + data.len() + usize::try_from(rest).unwrap_or(0));
                parts.extend_from_slice(&std::mem::take(&mut whole));
                parts.extend_from_slice(&data);
            }
        }
        self.is_read = true;
        Ok(match parts.is_empty() {
            true => whole,
            false => parts.freeze(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::mpsc;

    use super::super::TEST_LIMITS;
    use super::*;

    /// Reads the body of a request of which all of this has come.
    async fn read(request: &str, budget: &Budget) -> Result<Bytes, Refusal> {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(request.as_bytes()).await.unwrap();
        let (sender, mut outcome) = mpsc::unbounded_channel();
        let service = service_fn(|request: http::Request<Incoming>| async {
            let mut body = Body::new(request.into_body());
            let held = body.read(&TEST_LIMITS, budget).await.map(|held| held.bytes);
            assert_eq!(body.is_read(), held.is_ok());
            sender.send(held).unwrap();
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        });
        let serving = http1::Builder::new()
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(server), service);
        tokio::select! {
            outcome = outcome.recv() => outcome.unwrap(),
            // It may close together with its answer.
            _ = serving => outcome.try_recv().expect("an outcome"),
        }
    }

    const CHUNKED: &str =
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    const DECLARED: &str = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_its_share_before_it_is_read() {
        let budget = Budget::new(4096);
        let held = budget.reserve(3072).await.unwrap();
        assert_eq!(read(DECLARED, &budget).await.unwrap(), "hi");
        // It may become as large as any.
        assert_eq!(read(CHUNKED, &budget).await, Err(Refusal::NoRoom));
        let rest = budget.reserve(1024).await.unwrap();
        assert_eq!(read(DECLARED, &budget).await, Err(Refusal::NoRoom));
        drop((held, rest));
        assert_eq!(read(CHUNKED, &budget).await.unwrap(), "hi");
        // Nothing was kept.
        assert_eq!(budget.units.available_permits(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_waits_gets_the_room_of_one_that_goes() {
        let budget = Budget::new(4096);
        let held = budget.reserve(4096).await.unwrap();
        let release = async {
            tokio::task::yield_now().await;
            drop(held);
        };
        let (body, ()) = tokio::join!(read(CHUNKED, &budget), release);
        assert_eq!(body.unwrap(), "hi");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_slow() {
        let budget = Budget::new(4096);
        let partial = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi";
        assert_eq!(read(partial, &budget).await, Err(Refusal::Slow));
        assert_eq!(budget.units.available_permits(), 4);
    }
}
