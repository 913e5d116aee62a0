//! Identical calls share an answer.
//!
//! Calls that wait at the same time share one request, which goes on while any of them
//! waits. Where data changes seldom, the answer is also kept for a while. Whoever
//! changes something sees the change: what was asked before it is not given to calls
//! after it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, ready};
use lru::LruCache;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Failure;
use crate::metrics;

/// At most so many answers are kept.
const MAX_ANSWERS: usize = 1_000;

/// At most so many bytes of them, together with what was asked.
const MAX_BYTES: usize = 16 << 20;

/// An answer that takes a larger part of this is not kept.
const MAX_ANSWER: usize = MAX_BYTES / 16;

/// What a call asks, and for whom. Equal ones have the same answer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name of the credential.
    pub credential: String,
    /// The endpoint's RPC.
    pub rpc: &'static str,
    /// The path.
    pub path: String,
    /// The parameters or the body.
    pub content: Bytes,
}

/// Whom it is about is not for a log.
impl fmt::Debug for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Question({})", self.rpc)
    }
}

/// What a request brought.
pub type Outcome = Result<Bytes, Failure>;

/// What a call waits for. The request goes on while somebody holds it.
pub type Answer = Shared<BoxFuture<'static, Outcome>>;

/// The requests under way and the answers kept.
#[derive(Debug)]
pub struct Sharing {
    is_kept: bool,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    flights: HashMap<Question, (u64, WeakShared<BoxFuture<'static, Outcome>>)>,
    last_id: u64,
    kept: LruCache<Question, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    answer: Bytes,
    until: Instant,
}

/// Something of a credential changes, until this is dropped.
#[derive(Debug)]
pub struct Change {
    sharing: Arc<Sharing>,
    credential: String,
}

/// A request under way. The table forgets it when this is dropped.
struct Airborne {
    sharing: Arc<Sharing>,
    question: Question,
    id: u64,
}

impl Sharing {
    /// Nothing is shared yet. Without `is_kept` answers are given only to calls that
    /// wait for them.
    #[must_use]
    pub fn new(is_kept: bool) -> Self {
        let max = NonZeroUsize::new(MAX_ANSWERS).unwrap_or(NonZeroUsize::MIN);
        Self {
            is_kept,
            table: Mutex::new(Table {
                flights: HashMap::new(),
                last_id: 0,
                kept: LruCache::new(max),
                bytes: 0,
            }),
        }
    }

    /// Something of this credential changes: what was asked before, and what is asked
    /// until the change is dropped, is not given to calls after it.
    pub fn change(self: &Arc<Self>, credential: &str) -> Change {
        self.table.lock().forget(credential);
        Change {
            sharing: self.clone(),
            credential: credential.to_owned(),
        }
    }

    /// The answer to a question: one that is kept, that of a request under way, or that
    /// of a new request, which others can join and whose answer is fresh for so long.
    ///
    /// # Errors
    ///
    /// When there is no new request although one is needed.
    pub fn ask<E, F>(
        self: &Arc<Self>,
        question: Question,
        fresh: Duration,
        request: impl FnOnce() -> Result<F, E>,
    ) -> Result<Answer, E>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut table = self.table.lock();
        if let Some(answer) = table.fresh(&question) {
            metrics::upstream_shared(question.rpc, "cache");
            return Ok(ready(Ok(answer)).boxed().shared());
        }
        let flight = table.flights.get(&question);
        if let Some(flight) = flight.and_then(|(_, flight)| flight.upgrade()) {
            metrics::upstream_shared(question.rpc, "flight");
            return Ok(flight);
        }
        let request = request()?;
        table.last_id += 1;
        let id = table.last_id;
        let airborne = Airborne {
            sharing: self.clone(),
            question: question.clone(),
            id,
        };
        let fresh = if self.is_kept { fresh } else { Duration::ZERO };
        let flight = async move {
            let outcome = request.await;
            airborne.land(&outcome, fresh);
            outcome
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            table.flights.insert(question, (id, weak));
        }
        Ok(flight)
    }
}

impl Airborne {
    /// Keeps the answer, unless something changed since it was asked for.
    fn land(&self, outcome: &Outcome, fresh: Duration) {
        let Ok(answer) = outcome else { return };
        if fresh.is_zero() {
            return;
        }
        let mut table = self.sharing.table.lock();
        if table.is_airborne(&self.question, self.id) {
            let kept = Kept {
                answer: answer.clone(),
                until: Instant::now() + fresh,
            };
            table.keep(self.question.clone(), kept);
        }
    }
}

impl Drop for Airborne {
    fn drop(&mut self) {
        let mut table = self.sharing.table.lock();
        if table.is_airborne(&self.question, self.id) {
            table.flights.remove(&self.question);
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.sharing.table.lock().forget(&self.credential);
    }
}

impl Table {
    fn is_airborne(&self, question: &Question, id: u64) -> bool {
        let flight = self.flights.get(question);
        flight.is_some_and(|(known, _)| *known == id)
    }

    /// An answer that is kept, while it is fresh.
    fn fresh(&mut self, question: &Question) -> Option<Bytes> {
        let kept = self.kept.get(question)?;
        if kept.until > Instant::now() {
            return Some(kept.answer.clone());
        }
        self.drop_kept(question);
        None
    }

    fn forget(&mut self, credential: &str) {
        self.flights
            .retain(|question, _| question.credential != credential);
        let kept = self.kept.iter().map(|(question, _)| question);
        let old: Vec<_> = kept
            .filter(|question| question.credential == credential)
            .cloned()
            .collect();
        for question in old {
            self.drop_kept(&question);
        }
    }

    fn keep(&mut self, question: Question, kept: Kept) {
        let size = size(&question, &kept);
        if size > MAX_ANSWER {
            return;
        }
        self.bytes += size;
        if let Some((question, kept)) = self.kept.push(question, kept) {
            self.bytes -= self::size(&question, &kept);
        }
        while self.bytes > MAX_BYTES {
            let Some((question, kept)) = self.kept.pop_lru() else {
                return;
            };
            self.bytes -= self::size(&question, &kept);
        }
    }

    fn drop_kept(&mut self, question: &Question) {
        if let Some((question, kept)) = self.kept.pop_entry(question) {
            self.bytes -= size(&question, &kept);
        }
    }
}

fn size(question: &Question, kept: &Kept) -> usize {
    question.path.len() + question.content.len() + kept.answer.len()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::advance;

    use super::*;

    const FRESH: Duration = Duration::from_secs(60);

    async fn ask(sharing: &Arc<Sharing>, path: usize, answer: usize) -> usize {
        let question = Question {
            credential: "a".to_owned(),
            rpc: "rpc",
            path: path.to_string(),
            content: Bytes::new(),
        };
        let request = || Ok::<_, Infallible>(async move { Ok(vec![0; answer].into()) });
        let Ok(answer) = sharing.ask(question, FRESH, request);
        answer.await.unwrap().len()
    }

    fn kept(sharing: &Sharing) -> (usize, usize) {
        let table = sharing.table.lock();
        let sizes = table
            .kept
            .iter()
            .map(|(question, kept)| size(question, kept));
        assert_eq!(table.bytes, sizes.sum::<usize>());
        assert!(table.flights.is_empty());
        (table.kept.len(), table.bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn few_answers_and_few_bytes_are_kept() {
        let sharing = Arc::new(Sharing::new(true));
        for path in 0..MAX_ANSWERS + 100 {
            ask(&sharing, path, 10).await;
        }
        assert_eq!(kept(&sharing).0, MAX_ANSWERS);
        for path in 0..100 {
            ask(&sharing, 10_000 + path, MAX_ANSWER / 2).await;
        }
        assert!(kept(&sharing).1 <= MAX_BYTES && kept(&sharing).0 > 20);
        drop(sharing.change("a"));
        assert_eq!(kept(&sharing), (0, 0));
        ask(&sharing, 1, MAX_ANSWER + 1).await;
        assert_eq!(kept(&sharing), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_again_while_it_is_fresh() {
        let sharing = Arc::new(Sharing::new(true));
        assert_eq!(ask(&sharing, 1, 10).await, 10);
        advance(FRESH / 2).await;
        assert_eq!(ask(&sharing, 1, 20).await, 10);
        advance(FRESH / 2).await;
        assert_eq!(ask(&sharing, 1, 30).await, 30);
    }
}
