//! What the receiver of callbacks does with connections, good and bad.

mod crowd;
mod timing;

use std::time::Duration;

use pronto_grpc::callback::CallbackLimits;
use pronto_grpc::proto::v1::ListCallbacksRequest;
use tempfile::TempDir;

use super::callbacks::{endless, lead};
use crate::harness::raw::Raw;
use crate::harness::{PATIENCE, Setup, TestServer, search};

/// Short, for what a test waits for; everything else takes as long as it needs.
const SHORT: Duration = Duration::from_millis(200);

/// A server with a job, and where its callbacks go.
struct Receiver {
    server: TestServer,
    job_id: String,
    path: String,
    _data: TempDir,
}

impl Receiver {
    async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A receiver that waits for as long as a test does, unless it says otherwise.
    async fn with(change: impl FnOnce(&mut CallbackLimits)) -> Self {
        let mut fake = endless().await;
        let data = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(fake.address, data.path());
        setup.callbacks.header_timeout = PATIENCE * 2;
        setup.callbacks.body_timeout = PATIENCE * 2;
        setup.callbacks.idle_timeout = PATIENCE * 2;
        change(&mut setup.callbacks);
        let server = setup.start().await;
        let answer = server.leads().start_lead_search(search()).await;
        let job_id = answer.unwrap().into_inner().job.unwrap().id;
        let asked = fake.asked.recv().await.unwrap().body;
        let url: url::Url = asked["webhook_url"].as_str().unwrap().parse().unwrap();
        Self {
            server,
            job_id,
            path: url.path().to_owned(),
            _data: data,
        }
    }

    async fn connect(&self) -> Raw {
        Raw::connect(self.server.callbacks).await
    }

    /// A callback.
    fn post(&self, body: &str) -> String {
        self.header(body.len()) + body
    }

    /// The header of a callback with a body of this length.
    fn header(&self, length: usize) -> String {
        let path = &self.path;
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
    }

    /// The bodies that were stored.
    async fn stored(&self) -> Vec<String> {
        let request = ListCallbacksRequest {
            job_id: self.job_id.clone(),
            ..Default::default()
        };
        let answer = self.server.jobs().list_callbacks(request).await.unwrap();
        let callbacks = answer.into_inner().callbacks.into_iter();
        let bodies = callbacks.map(|callback| String::from_utf8(callback.body).unwrap());
        bodies.collect()
    }
}

#[tokio::test]
async fn one_connection_brings_many_callbacks() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    for name in ["ada", "bob", "cyd"] {
        connection.send(receiver.post(&lead(name))).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 204);
        assert!(!answer.has("connection: close"), "{answer:?}");
    }
    assert_eq!(
        receiver.stored().await,
        ["ada", "bob", "cyd"].map(lead).to_vec()
    );
}

/// Neither the answer nor what it waits for tells whether the job is there.
#[tokio::test]
async fn a_wrong_secret_looks_like_an_unknown_job() {
    let receiver = Receiver::start().await;
    let (known, _) = receiver.path.rsplit_once('/').unwrap();
    let unknown = format!("/callbacks/{}", uuid::Uuid::now_v7());
    let mut answers = Vec::new();
    for job in [known, &unknown] {
        let mut connection = receiver.connect().await;
        let path = format!("{job}/{}", "A".repeat(43));
        let header = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
        connection.send(header).await;
        assert!(
            connection.is_quiet_for(SHORT).await,
            "it waits for the body"
        );
        connection.send("{}").await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 404);
        answers.push(answer.without("date"));
        connection.closed().await;
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(receiver.stored().await, [""; 0]);
}

#[tokio::test]
async fn requests_may_come_before_the_answers_of_those_before() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    let bodies = ["ada", "bob", "cyd"].map(lead);
    let requests: String = bodies.iter().map(|body| receiver.post(body)).collect();
    // The last one in two pieces, the first of which comes with the others.
    let (most, rest) = requests.split_at(requests.len() - 100);
    connection.send(most).await;
    assert_eq!(connection.answer().await.status, 204);
    assert_eq!(connection.answer().await.status, 204);
    connection.send(rest).await;
    assert_eq!(connection.answer().await.status, 204);
    assert_eq!(receiver.stored().await, bodies.to_vec());
}

#[tokio::test]
async fn a_body_in_chunks_is_stored_as_a_whole() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    let path = &receiver.path;
    connection
        .send(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{{\"a\"\r\n"
        ))
        .await;
    connection.send("3\r\n:1}\r\n0\r\n\r\n").await;
    assert_eq!(connection.answer().await.status, 204);
    connection.send(receiver.post("{}")).await;
    assert_eq!(connection.answer().await.status, 204);
    assert_eq!(receiver.stored().await, ["{\"a\":1}", "{}"]);
}

#[tokio::test]
async fn a_body_that_will_be_too_large_is_refused_unread() {
    let receiver = Receiver::with(|limits| limits.max_body_size = 1000).await;
    let mut connection = receiver.connect().await;
    connection.send(receiver.header(1001)).await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 413);
    assert!(answer.has("connection: close"), "{answer:?}");
    connection.closed().await;

    // One that asks first is not told to go on.
    let mut connection = receiver.connect().await;
    let header = receiver.header(1001);
    let header = header.replace("Host", "Expect: 100-continue\r\nHost");
    connection.send(header).await;
    assert_eq!(connection.answer().await.status, 413);

    // Chunks do not tell before they have come.
    let mut connection = receiver.connect().await;
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n",
        receiver.path,
        "x".repeat(1001)
    );
    connection.send(chunked).await;
    assert_eq!(connection.answer().await.status, 413);
    assert!(receiver.stored().await.is_empty());

    let mut connection = receiver.connect().await;
    connection.send(receiver.post(&" ".repeat(1000))).await;
    assert_eq!(connection.answer().await.status, 204);
}

#[tokio::test]
async fn a_header_without_measure_is_refused() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    let header = receiver.header(2);
    let line = format!("X: {}\r\nHost", "x".repeat(20 << 10));
    connection.send(header.replace("Host", &line)).await;
    assert_eq!(connection.answer().await.status, 431);
    connection.closed().await;
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    let header = receiver.header(2);
    let header = header.replace("Host", "Expect: 100-continue\r\nHost");
    connection.send(header).await;
    assert_eq!(connection.answer().await.status, 100);
    connection.send("{}").await;
    assert_eq!(connection.answer().await.status, 204);
}

#[tokio::test]
async fn a_stranger_is_answered_unread_and_left() {
    let receiver = Receiver::start().await;
    let wrong = format!("POST {}x HTTP/1.1\r\nHost: x\r\n", receiver.path);
    for path in [wrong.as_str(), "PUT /anything HTTP/1.1\r\nHost: x\r\n"] {
        let mut connection = receiver.connect().await;
        connection
            .send(format!("{path}Content-Length: 100\r\n\r\n"))
            .await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 404);
        assert!(answer.has("connection: close"), "{answer:?}");
        connection.closed().await;
    }
    // The answer also reaches one that sends before it listens.
    let length = 4 << 20;
    let mut connection = receiver.connect().await;
    connection
        .send(format!("{wrong}Content-Length: {length}\r\n\r\n"))
        .await;
    connection.send(" ".repeat(length)).await;
    assert_eq!(connection.answer().await.status, 404);
    connection.closed().await;
}

#[tokio::test]
async fn other_methods_are_told_which_one_is_right() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    for method in ["GET", "HEAD", "DELETE"] {
        let path = &receiver.path;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        connection.send(request).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 405);
        assert!(answer.has("allow: post"), "{answer:?}");
    }
    connection.send(receiver.post("{}")).await;
    assert_eq!(connection.answer().await.status, 204);
}

#[tokio::test]
async fn a_sender_may_ask_for_the_end_of_the_connection() {
    let receiver = Receiver::start().await;
    let http_1_0 = receiver.post("{}").replace("HTTP/1.1", "HTTP/1.0");
    let close = receiver.post("{}");
    let close = close.replace("Host", "Connection: close\r\nHost");
    for request in [http_1_0, close] {
        let mut connection = receiver.connect().await;
        connection.send(request).await;
        assert_eq!(connection.answer().await.status, 204);
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_sender_that_closes_its_side_still_gets_its_answer() {
    let receiver = Receiver::start().await;
    let mut connection = receiver.connect().await;
    connection.send(receiver.post("{}")).await;
    connection.end_sending().await;
    assert_eq!(connection.answer().await.status, 204);
    connection.closed().await;
}

#[tokio::test]
async fn the_end_waits_for_requests_and_not_for_idle_connections() {
    let receiver = Receiver::start().await;
    let mut idle = receiver.connect().await;
    idle.send(receiver.post("{}")).await;
    assert_eq!(idle.answer().await.status, 204);
    let mut silent = receiver.connect().await;
    let mut working = receiver.connect().await;
    working.send(receiver.header(2) + "{").await;

    let address = receiver.server.callbacks;
    let end = tokio::spawn(receiver.server.stop());
    idle.closed().await;
    silent.closed().await;
    working.send("}").await;
    let answer = working.answer().await;
    assert_eq!(answer.status, 204);
    assert!(answer.has("connection: close"), "{answer:?}");
    working.closed().await;
    end.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
