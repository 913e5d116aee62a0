//! A Pronto that bills: it counts for each name how often it carried out something.
//! Answers take a while, some are lost, and some requests are refused the first time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

/// Of so many names the answer to the first request is lost for one.
const LOST: usize = 16;

/// The remainder of these names.
const LOSES: usize = 5;

/// Of so many names the first request is refused for one.
const REFUSED: usize = 10;

/// A running till.
pub struct Till {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    counts: Mutex<HashMap<String, Counts>>,
    /// How much was billed altogether.
    billed: watch::Sender<usize>,
}

/// What happened under a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// So often something was carried out.
    pub billed: usize,
    /// So often it was refused.
    pub refused: usize,
}

impl Till {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            counts: Mutex::default(),
            billed: watch::channel(0).0,
        });
        tokio::spawn(serve(listener, state.clone()));
        Self { address, state }
    }

    /// What happened under a name.
    pub fn counts(&self, name: &str) -> Counts {
        self.state
            .counts
            .lock()
            .get(name)
            .copied()
            .unwrap_or_default()
    }

    /// Whether answers to the request with a number are lost.
    pub fn loses(&self, number: usize) -> bool {
        number % LOST == LOSES
    }

    /// Waits until so much was billed altogether.
    pub async fn billed(&self, count: usize) {
        let mut billed = self.state.billed.subscribe();
        billed.wait_for(|billed| *billed >= count).await.unwrap();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answer(request, &state).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    if request.method() == Method::GET {
        return reply(200, json!({"searches": [], "status": "pending"}));
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let name = name(&body);
    let number: usize = name.trim_start_matches("id-").parse().unwrap();
    {
        let mut counts = state.counts.lock();
        let counts = counts.entry(name).or_default();
        if number % REFUSED == 3 && counts.refused == 0 {
            counts.refused += 1;
            return reply(402, json!({"message": "not yet"}));
        }
        counts.billed += 1;
    }
    state.billed.send_modify(|billed| *billed += 1);
    sleep(Duration::from_millis((number % 5) as u64 * 20)).await;
    if number % LOST == LOSES {
        return reply(502, Value::Null);
    }
    // No two answers are equal.
    let nonce = uuid::Uuid::now_v7().to_string();
    let email = format!("{nonce}@x.test");
    reply(
        200,
        json!({"id": nonce, "email": email, "technologies": [nonce], "status": "success"}),
    )
}

/// The name under which a request is made.
fn name(body: &Value) -> String {
    let fields = ["firstname", "company_name", "name"];
    let name = fields.iter().find_map(|field| body[*field].as_str());
    name.expect("a name").to_owned()
}

fn reply(status: u16, body: Value) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status);
    let answer = answer.header("content-type", "application/json");
    answer.body(Full::new(body.to_string().into())).unwrap()
}
