//! The deliveries of one search, enrichment or batch, and what faults do to them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use url::Url;

use super::drift::drift;
use super::faults::{Group, Strike};
use super::receipts::{Receipt, Receipts};
use super::reply::MAINTENANCE_PAGE;
use super::state::State;
use super::trickle::Course;
use super::webhook::{self, Post};
use crate::proto::endpoint::Endpoint;
use crate::proto::v1::FaultKind;

/// Resolves, with an error, once the first delivery was answered or will never be.
pub type FirstDelivery = oneshot::Receiver<()>;

/// Where the results of one work go.
pub struct Outbox {
    state: Arc<State>,
    endpoint: &'static Endpoint,
    url: Option<Url>,
    receipts: Arc<Receipts>,
    /// How many of the next deliveries another process has made.
    made: u64,
    /// Dropped once the first delivery was answered.
    first: Option<oneshot::Sender<()>>,
    /// Waits until the next delivery has gone.
    reordered: Option<Delivery>,
    /// Wait for the end.
    held: Vec<Delivery>,
}

/// A body with everything that decides how it goes.
struct Delivery {
    post: Post,
    times: u32,
    receipt: Receipt,
    _first: Option<oneshot::Sender<()>>,
}

impl Outbox {
    /// An outbox for work of which another process has made so many deliveries; without a
    /// URL nothing is delivered.
    pub fn new(
        state: &Arc<State>,
        work: &str,
        endpoint: &'static Endpoint,
        url: Option<Url>,
        made: u64,
    ) -> (Self, FirstDelivery) {
        let (first, delivered) = oneshot::channel();
        let outbox = Self {
            state: Arc::clone(state),
            endpoint,
            url,
            receipts: Receipts::new(state, work, made),
            made,
            first: Some(first),
            reordered: None,
            held: Vec::new(),
        };
        (outbox, delivered)
    }

    /// Whether another process has made the next delivery; if so, that is passed over.
    pub fn passes(&mut self) -> bool {
        let is_made = self.made > 0;
        self.made -= u64::from(is_made);
        is_made
    }

    /// Delivers a body, as faults will have it.
    pub async fn deliver(&mut self, body: Value) {
        // Whatever becomes of it: this is the first delivery.
        let first = self.first.take();
        if self.url.is_none() {
            return;
        }
        let strikes = self.state.strike(Group::Delivery, self.endpoint);
        let has = |kind| strikes.iter().any(|strike| strike.kind == kind);
        let receipt = self.receipts.begin();
        if has(FaultKind::Drop) {
            receipt.over();
            return;
        }
        let delivery = prepare(body, &strikes, receipt, first);
        if has(FaultKind::Burst) {
            self.held.push(delivery);
            return;
        }
        // The one after it goes first whatever strikes it: otherwise nothing would move.
        if has(FaultKind::Reorder) && self.reordered.is_none() {
            self.reordered = Some(delivery);
            return;
        }
        match strikes.iter().find(|s| s.kind == FaultKind::Delay) {
            Some(delay) => self.post_later(delivery, delay),
            None => self.post(delivery).await,
        }
        if let Some(overtaken) = self.reordered.take() {
            self.post(overtaken).await;
        }
    }

    /// Posts what was held back, all at once.
    pub async fn finish(mut self) {
        if let Some(last) = self.reordered.take() {
            self.post(last).await;
        }
        let mut burst = JoinSet::new();
        for mut delivery in std::mem::take(&mut self.held) {
            delivery.post.fresh = true;
            if let Some(url) = self.url.clone() {
                burst.spawn(post(Arc::clone(&self.state), url, delivery));
            }
        }
        while burst.join_next().await.is_some() {}
        self.receipts.end();
    }

    async fn post(&self, delivery: Delivery) {
        if let Some(url) = self.url.clone() {
            post(Arc::clone(&self.state), url, delivery).await;
        }
    }

    fn post_later(&self, delivery: Delivery, delay: &Strike) {
        let Some(url) = self.url.clone() else { return };
        let (state, duration) = (Arc::clone(&self.state), delay.duration);
        self.state.spawn(async move {
            tokio::time::sleep(duration).await;
            post(state, url, delivery).await;
        });
    }
}

async fn post(state: Arc<State>, url: Url, delivery: Delivery) {
    for _ in 0..delivery.times {
        webhook::deliver(&state, &url, delivery.post.clone()).await;
    }
    delivery.receipt.over();
}

/// What damages a body, and how it goes over the wire.
fn prepare(
    body: Value,
    strikes: &[Strike],
    receipt: Receipt,
    first: Option<oneshot::Sender<()>>,
) -> Delivery {
    let find = |kind| strikes.iter().find(|strike| strike.kind == kind);
    let mut body = body;
    if find(FaultKind::Drift).is_some() {
        drift(&mut body);
    }
    let mut bytes = match find(FaultKind::Html) {
        Some(_) => Bytes::from_static(MAINTENANCE_PAGE.as_bytes()),
        None => Bytes::from(body.to_string()),
    };
    if find(FaultKind::Truncate).is_some() {
        bytes.truncate(bytes.len() / 2);
    }
    let course = if find(FaultKind::Reset).is_some() {
        Course::Broken(std::time::Duration::ZERO)
    } else if let Some(stall) = find(FaultKind::Stall) {
        Course::Broken(stall.duration)
    } else if let Some(slow) = find(FaultKind::Slow) {
        Course::Slow(slow.duration)
    } else {
        Course::Straight
    };
    Delivery {
        post: Post {
            body: bytes,
            course,
            refused: find(FaultKind::Refuse).is_some(),
            fresh: false,
        },
        times: find(FaultKind::Duplicate).map_or(1, |strike| strike.times),
        receipt,
        _first: first,
    }
}
