//! Calls Pronto: what is asked goes through what is shared, limited and repeated.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::exchange::{Exchange, Outgoing, overrun};
use super::limits::{LONGEST_WAIT, LimitOptions, Limits, LimitsSnapshot};
use super::retry::{Attempts, Budget, Cause};
use super::sharing::{Answer, Sharing};
use super::{Caller, Credential, DriftLog, Failure};
use crate::metrics;
use crate::proto::endpoint::{Endpoint, UnaryRequest, UpstreamRequest};
use crate::trace;

pub use super::exchange::read_answer;

/// Where Pronto's two hosts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrls {
    /// The main host.
    pub main: Url,
    /// The host of synchronous enrichment.
    pub synchronous: Url,
}

/// How to call Pronto.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where.
    pub base_urls: BaseUrls,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a call to the main host may take.
    pub request_timeout: Duration,
    /// How long a call to the synchronous host may take.
    pub synchronous_timeout: Duration,
    /// The largest answer, in bytes.
    pub max_answer_size: usize,
    /// How much may be sent.
    pub limits: LimitOptions,
    /// Whether answers are kept for later calls, where the proto allows that.
    pub answer_cache: bool,
    /// Whether Pronto is told which trace a request belongs to.
    pub propagate_trace_context: bool,
    /// Where it is noted what Pronto sends that is not known.
    pub drift: DriftLog,
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// An answer without fields.
const NOTHING: Bytes = Bytes::from_static(b"{}");

/// Calls Pronto.
#[derive(Clone, Debug)]
pub struct Client {
    exchange: Arc<Exchange>,
    limits: Arc<Limits>,
    budget: Arc<Budget>,
    sharing: Arc<Sharing>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(options: ClientOptions) -> Result<Self, SetupError> {
        Ok(Self {
            limits: Arc::new(Limits::new(&options.limits)),
            sharing: Arc::new(Sharing::new(options.answer_cache)),
            budget: Arc::default(),
            exchange: Arc::new(Exchange::new(options)?),
        })
    }

    /// How long a call to the main host may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.exchange.request_timeout()
    }

    /// What Pronto sent that is not known.
    #[must_use]
    pub fn drift(&self) -> &DriftLog {
        self.exchange.drift()
    }

    /// How much of a credential's limits is used.
    #[must_use]
    pub fn limits(&self, credential: &Credential) -> LimitsSnapshot {
        self.limits.snapshot(credential)
    }

    /// Refuses everybody who waits for a turn, now and from now on.
    pub fn close(&self) {
        self.limits.close();
    }

    /// Sends a request that Pronto answers at once.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn call<R: UnaryRequest>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<R::Answer, Failure> {
        let body = self.send(caller, request).await?;
        read_answer(R::ENDPOINT, &body)
    }

    /// Sends a caller's request and returns the body of the answer, which is a success.
    ///
    /// The caller's deadline ends waiting, a request of which nothing was sent, and one
    /// that can be repeated. A request that was sent and cannot be repeated goes on until
    /// Pronto answers, for as long as this future is kept.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn send<R: UpstreamRequest>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<Bytes, Failure> {
        let outgoing = Outgoing::new(&caller.credential, request);
        match &R::ENDPOINT.sharing {
            Some(sharing) => self.share(caller, outgoing, sharing.fresh).await,
            None => {
                let _change = self.sharing.change(&caller.credential.name);
                self.repeat(caller, &outgoing).await
            }
        }
    }

    /// Sends a request for which no caller waits: it gives way to theirs, but not for
    /// longer than `patience`. It is not repeated; whoever polls asks again anyway.
    ///
    /// # Errors
    ///
    /// Whatever keeps the answer from arriving.
    pub async fn poll<R: UpstreamRequest>(
        &self,
        credential: &Credential,
        request: &R,
        patience: Duration,
    ) -> Result<Bytes, Failure> {
        let outgoing = Outgoing::new(credential, request);
        let pass = self.limits.enter_to_poll(credential, R::ENDPOINT, patience);
        let sent = self.exchange.send(pass.await?, &outgoing, None).await;
        sent.map_err(|failed| failed.failure)
    }

    /// Asks together with everybody who asks the same.
    async fn share(
        &self,
        caller: &Caller,
        outgoing: Outgoing,
        fresh: Duration,
    ) -> Result<Bytes, Failure> {
        let endpoint = outgoing.endpoint;
        let answer = self.sharing.ask(outgoing.question(), fresh, || {
            self.limits.check(caller, endpoint)?;
            let client = self.clone();
            // It may go on for others when this caller's deadline has passed.
            let caller = Caller {
                deadline: None,
                ..caller.clone()
            };
            // It belongs to the trace of the first who asked, whoever waits for it.
            Ok(trace::carry(async move {
                client.repeat(&caller, &outgoing).await
            }))
        })?;
        in_time(endpoint, caller.deadline, answer).await
    }

    /// Sends a request, and sends it again where that is safe.
    async fn repeat(&self, caller: &Caller, outgoing: &Outgoing) -> Result<Bytes, Failure> {
        let endpoint = outgoing.endpoint;
        let mut attempts = Attempts::default();
        let end = Instant::now() + LONGEST_WAIT;
        loop {
            let pass = self.limits.enter(caller, endpoint, end).await?;
            let deadline = caller.deadline();
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(overrun(endpoint));
            }
            match attempts.is_first() {
                true => self.budget.deposit(),
                false => metrics::upstream_retried(endpoint),
            }
            let sent = self.exchange.send(pass, outgoing, deadline).await;
            let failed = match sent {
                Ok(body) => return Ok(body),
                Err(failed) if attempts.has_deleted(&failed) => return Ok(NOTHING),
                Err(failed) => failed,
            };
            let period = self.limits.allowance(endpoint).per;
            match attempts.next(&failed, period, deadline, &self.budget) {
                // It waits with all others until its limit is open again.
                Some(_) if failed.cause == Cause::Answered(429) => {}
                Some(pause) => tokio::select! {
                    () = sleep(pause) => {}
                    () = caller.left() => return Err(failed.failure),
                    () = self.limits.closed() => return Err(failed.failure),
                },
                None => return Err(failed.failure),
            }
        }
    }
}

/// Waits for an answer that others may wait for, too.
async fn in_time(
    endpoint: &'static Endpoint,
    deadline: Option<Instant>,
    answer: Answer,
) -> Result<Bytes, Failure> {
    let Some(deadline) = deadline else {
        return answer.await;
    };
    let answer = timeout_at(deadline, answer).await;
    answer.unwrap_or_else(|_| Err(overrun(endpoint)))
}
