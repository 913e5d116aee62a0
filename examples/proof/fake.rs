//! A Pronto that accepts every start, is at work until it is told to finish, and posts
//! nothing: the proofs post instead, so that they know what was sent and answered. How many
//! credits are left it does not tell until it is told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{LeadFilters, SearchLeadsRequest};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::Status;
use tonic::transport::Channel;

/// A running fake.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

/// What it knows.
#[derive(Default)]
struct State {
    /// Where results of the searches go.
    webhooks: Mutex<Vec<Uri>>,
    /// What it answers about every search, once that has finished.
    finished: Mutex<Option<String>>,
    /// Whether it was asked how many credits are left, and whether it tells.
    credits: watch::Sender<(bool, bool)>,
}

/// A job whose results the proof delivers.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The path of its callbacks.
    pub path: String,
}

impl Fake {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        tokio::spawn(serve(listener, state.clone()));
        Self { address, state }
    }

    /// Starts a job.
    pub async fn job(&self, channel: Channel) -> Result<Job, Status> {
        let filters = LeadFilters {
            keyword: Some("x".to_owned()),
            ..Default::default()
        };
        let request = SearchLeadsRequest {
            filters: Some(filters),
            ..Default::default()
        };
        let answer = LeadServiceClient::new(channel)
            .start_lead_search(request)
            .await?;
        let id = answer.into_inner().job.unwrap().id;
        let webhooks = self.state.webhooks.lock();
        let webhook = webhooks.iter().find(|uri| uri.path().contains(&id));
        let path = webhook.expect("the job's callback URL").path().to_owned();
        Ok(Job { id, path })
    }

    /// Says from now on that every search has finished, with a list of people.
    pub fn finish(&self, leads: &str) {
        let status = r#"{"search":{"status":"FINISHED"},"#;
        let finished = leads.replacen('{', status, 1);
        *self.state.finished.lock() = Some(finished);
    }

    /// Waits until it was asked how many credits are left.
    pub async fn asked_for_credits(&self) {
        let mut credits = self.state.credits.subscribe();
        credits.wait_for(|(asked, _)| *asked).await.unwrap();
    }

    /// Tells from now on how many credits are left.
    pub fn tell_credits(&self) {
        self.state.credits.send_modify(|(_, tells)| *tells = true);
    }

    /// Starts several jobs.
    pub async fn jobs(&self, channel: &Channel, count: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        for _ in 0..count {
            jobs.push(self.job(channel.clone()).await.unwrap());
        }
        jobs
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
    if request.uri().path() == "/credits" {
        state.credits.send_modify(|(asked, _)| *asked = true);
        let mut credits = state.credits.subscribe();
        credits.wait_for(|(_, tells)| *tells).await.unwrap();
        return json(200, r#"{"credits":7}"#.to_owned());
    }
    if request.method() == Method::GET {
        let ongoing = || r#"{"search":{"status":"ONGOING"},"leads":[]}"#.to_owned();
        let finished = state.finished.lock().clone();
        return json(200, finished.unwrap_or_else(ongoing));
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    if let Some(url) = body["webhook_url"].as_str() {
        state.webhooks.lock().push(url.parse().unwrap());
    }
    json(201, format!(r#"{{"id":"{}"}}"#, uuid::Uuid::now_v7()))
}

fn json(status: u16, body: String) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status);
    let answer = answer.header("content-type", "application/json");
    answer.body(Full::new(body.into())).unwrap()
}

/// The body of a callback about a person with a number, filled up to a size.
pub fn lead(number: u32, size: usize) -> String {
    let head = format!(
        r#"{{"status":"QUALIFIED","first_name":"n{number}","linkedin_url":"https://www.linkedin.com/in/n{number}","summary":""#
    );
    let filling = size.saturating_sub(head.len() + 2);
    format!("{head}{}\"}}", "x".repeat(filling))
}

/// The body of a callback that lists people.
pub fn leads(numbers: Range<u32>) -> String {
    let people: Vec<_> = numbers.map(|number| lead(number, 0)).collect();
    format!(r#"{{"leads":[{}]}}"#, people.join(","))
}
