//! One connection, from its first request to its last.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::Receiver;
use super::places::Place;
use super::request::{self, Answer};
use super::socket::Socket;
use super::watch::{Next, SharedWatch, Watch};

/// The largest header, in bytes: more than proxies pass on, and little enough for
/// ten thousand that never come to an end.
const MAX_HEADER: usize = 16 << 10;

/// The most of a body that is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Serves the requests of a connection until its peer or its watch ends it.
pub async fn run(stream: TcpStream, place: Place, receiver: Arc<Receiver>) {
    // An answer is one small packet that nothing follows. A socket that cannot be
    // told so still works.
    let _ = stream.set_nodelay(true);
    let watch = Arc::new(Mutex::new(Watch::new(place, receiver.limits)));
    let service = service_fn(|request| {
        let answer = answer(request, receiver.clone(), watch.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let serving = http1::Builder::new()
        // The watch takes the time.
        .header_read_timeout(None)
        // A peer that has sent its request and closes its side still gets an answer,
        // and what it sent is stored.
        .half_close(true)
        .max_header_size(MAX_HEADER)
        .max_buf_size(BUFFER)
        .serve_connection(Socket::new(stream, watch.clone()), service);
    let mut serving = pin!(serving);
    let ended = poll_fn(|context| {
        loop {
            if let Poll::Ready(outcome) = serving.as_mut().poll(context) {
                return Poll::Ready(outcome.map_err(|error| error.to_string()));
            }
            let next = watch.lock().next(context);
            match next {
                Next::Wait => return Poll::Pending,
                Next::ServeAgain => {}
                Next::Close(why) => return Poll::Ready(Err(why.to_owned())),
            }
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(error, "A callback connection was closed.");
    }
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
    receiver: Arc<Receiver>,
    watch: SharedWatch,
) -> Answer {
    watch.lock().begin_request();
    let (mut answer, is_kept) = request::answer(request, &receiver).await;
    watch.lock().end_request(answer.status().is_success());
    if !is_kept || receiver.places.is_ending() {
        request::close_after(&mut answer);
    }
    answer
}
