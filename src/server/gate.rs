//! The gate before the services: what is served while the server starts, and what is
//! refused while it ends.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use crate::proto::method::Kind;
use crate::rpc::status;

/// The paths of the health service, which answers from the start.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// The gate.
#[derive(Clone)]
pub struct Gate {
    health: Routes,
    services: Arc<OnceLock<Routes>>,
    /// No stream begins any more.
    draining: CancellationToken,
}

impl Gate {
    /// A gate that lets only questions about the health pass.
    pub fn new(health: Routes, draining: CancellationToken) -> Self {
        Self {
            health: health.prepare(),
            services: Arc::default(),
            draining,
        }
    }

    /// Opens it, once.
    pub fn open(&self, services: Routes) {
        let _ = self.services.set(services.prepare());
    }

    fn pass(&self, path: &str) -> Result<Routes, Status> {
        if path.starts_with(HEALTH) {
            return Ok(self.health.clone());
        }
        if self.draining.is_cancelled() && Kind::of(path) == Some(Kind::Stream) {
            return Err(status::draining());
        }
        self.services.get().cloned().ok_or_else(status::starting)
    }
}

impl Service<Request<Body>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<
        <Routes as Service<Request<Body>>>::Future,
        Ready<Result<Response<Body>, Infallible>>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // That of the services is always ready, too.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.pass(request.uri().path()) {
            Ok(mut services) => Either::Left(services.call(request)),
            Err(refused) => Either::Right(ready(Ok(refused.into_http()))),
        }
    }
}
