//! The stream of a job of 200 events is cut at every sequence by a FIN, a reset, the
//! death of the client and the death of the server. A client that goes on after the
//! last sequence it saw has every event once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tokio::task::spawn_blocking;
use tonic::transport::Channel;

use crate::Form;
use crate::fake::{Fake, Job, lead};
use crate::http::{Sender, request};
use crate::link::{Cut, Link};
use crate::log::{self, Log, Seen, connect};
use crate::report::Report;
use crate::server::{Place, Server};

/// Events of a job. The first one is `started`, each other one a person.
const EVENTS: i64 = 200;

/// So many callbacks are on their way when the stream is cut.
const AHEAD: i64 = 3;

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    report.figure("events", EVENTS);
    let mut totals = Totals::default();
    let step = form.pick(10, 1);
    for (name, cutter, step) in [
        ("fin_cuts", Cutter::Wire(Cut::Fin), 1),
        ("reset_cuts", Cutter::Wire(Cut::Reset), 1),
        ("client_kills", Cutter::Client, 1),
        ("server_kills", Cutter::Server, step),
    ] {
        let cuts = Trial::new(cutter).await.run(step, &mut totals).await;
        report.figure(name, cuts);
    }
    report.zero("gaps", totals.gaps);
    report.zero("duplicates", totals.duplicates);
    report.zero("changed", totals.changed);
    report.zero("lost", totals.lost);
    report
}

#[derive(Default)]
struct Totals {
    gaps: usize,
    duplicates: usize,
    changed: usize,
    lost: usize,
}

/// What cuts the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cutter {
    /// The wire breaks.
    Wire(Cut),
    /// The client, a process of its own, is killed.
    Client,
    /// The server is killed.
    Server,
}

/// One job, and everything that cuts its stream in one way.
struct Trial {
    cutter: Cutter,
    _fake: Fake,
    place: Place,
    server: Option<Server>,
    channel: Channel,
    job: Job,
    sender: Sender,
    /// Events that the callbacks answered so far make, with `started`.
    posted: i64,
}

impl Trial {
    async fn new(cutter: Cutter) -> Self {
        let fake = Fake::start().await;
        let place = Place::new(&fake);
        let server = Some(place.start().await);
        let channel = connect(place.grpc()).await.unwrap();
        let job = fake.job(channel.clone()).await.unwrap();
        let sender = Sender::new(place.callbacks());
        Self {
            cutter,
            _fake: fake,
            place,
            server,
            channel,
            job,
            sender,
            posted: 1,
        }
    }

    /// Cuts while the events come, then while they are replayed.
    async fn run(mut self, step: i64, totals: &mut Totals) -> usize {
        let mut live = Log::default();
        let mut cuts = 0;
        for sequence in (1..=EVENTS).step_by(step as usize) {
            self.post_to(sequence).await;
            self.read_and_cut(&mut live, sequence).await;
            cuts += 1;
        }
        self.post_to(EVENTS).await;
        self.rest(&mut live).await;
        if self.cutter != Cutter::Server {
            cuts += self.replay(step, &live, totals).await;
        }
        let anew = log::read(self.place.grpc(), &self.job.id, EVENTS).await;
        totals.compare(&live, &anew.unwrap());
        cuts
    }

    /// Reads from the beginning to each sequence, and the rest after the cut.
    async fn replay(&mut self, step: i64, live: &Log, totals: &mut Totals) -> usize {
        let mut cuts = 0;
        for sequence in (1..=EVENTS).step_by(step as usize) {
            let mut log = Log::default();
            self.read_and_cut(&mut log, sequence).await;
            self.rest(&mut log).await;
            totals.compare(live, &log);
            cuts += 1;
        }
        cuts
    }

    /// Posts until a sequence is answered. One without an answer is sent again.
    async fn post_to(&mut self, sequence: i64) {
        while self.posted < sequence.min(EVENTS) {
            let number = self.posted as u32;
            let callback = request(&self.job.path, &lead(number, 300));
            match self.sender.post(&callback).await {
                Ok(200..300) => self.posted += 1,
                Ok(status) => panic!("a callback was answered {status}"),
                Err(_) => {}
            }
        }
    }

    /// Goes on after what the log has, up to a sequence, and is cut there while more
    /// callbacks come.
    async fn read_and_cut(&mut self, log: &mut Log, sequence: i64) {
        let after = log.last();
        let job = self.job.id.clone();
        match self.cutter {
            Cutter::Wire(how) => {
                let link = Link::to(self.place.grpc()).await;
                let mut stream = watch_through(&link, &job, after).await;
                read(&mut stream, log, sequence).await;
                let (posted, ()) = tokio::join!(self.post_ahead(sequence), link.cut(how));
                self.posted = posted;
            }
            Cutter::Client => {
                let client = Client::start(&self.place, &job, after, sequence);
                let (client, seen) = spawn_blocking(|| client.read()).await.unwrap();
                seen.into_iter().for_each(|seen| log.take(seen));
                let kill = spawn_blocking(|| client.kill());
                let (posted, killed) = tokio::join!(self.post_ahead(sequence), kill);
                self.posted = posted;
                killed.unwrap();
            }
            Cutter::Server => {
                let stream = log::watch(self.channel.clone(), &job, after).await;
                read(&mut stream.unwrap(), log, sequence).await;
                let server = self.server.take().unwrap();
                let kill = spawn_blocking(|| server.kill());
                let (posted, killed) = tokio::join!(self.post_ahead(sequence), kill);
                self.posted = posted;
                killed.unwrap();
                self.server = Some(self.place.start().await);
                self.channel = connect(self.place.grpc()).await.unwrap();
            }
        }
    }

    /// Posts what comes after a sequence, as far as that is answered.
    async fn post_ahead(&self, sequence: i64) -> i64 {
        let mut sender = Sender::new(self.place.callbacks());
        let mut posted = self.posted;
        while posted < (sequence + AHEAD).min(EVENTS) {
            let callback = request(&self.job.path, &lead(posted as u32, 300));
            match sender.post(&callback).await {
                Ok(200..300) => posted += 1,
                _ => break,
            }
        }
        posted
    }

    async fn rest(&self, log: &mut Log) {
        let channel = connect(self.place.grpc()).await.unwrap();
        let stream = log::watch(channel, &self.job.id, log.last()).await;
        read(&mut stream.unwrap(), log, EVENTS).await;
    }
}

impl Totals {
    fn compare(&mut self, live: &Log, other: &Log) {
        self.gaps += live.gaps + other.gaps;
        self.duplicates += live.duplicates + other.duplicates;
        let both = live.events().iter().zip(other.events());
        self.changed += both.filter(|(one, another)| one != another).count();
        let people = 1..EVENTS as u32;
        self.lost += people.filter(|number| !other.has(*number)).count();
    }
}

type Stream = tonic::Streaming<pronto_grpc::proto::v1::JobEvent>;

async fn watch_through(link: &Link, job_id: &str, after: i64) -> Stream {
    let channel = connect(link.address).await.unwrap();
    log::watch(channel, job_id, after).await.unwrap()
}

async fn read(stream: &mut Stream, log: &mut Log, to: i64) {
    while log.last() < to {
        log.take(log::next(stream).await.unwrap());
    }
}

// === the client that is killed ===

/// A watcher in a process of its own.
struct Client {
    child: Child,
}

impl Client {
    fn start(place: &Place, job_id: &str, after: i64, to: i64) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["client", &place.grpc().to_string(), job_id])
            .args([after.to_string(), to.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self {
            child: child.unwrap(),
        }
    }

    /// What it saw, up to the last event that it waits for.
    fn read(mut self) -> (Self, Vec<Seen>) {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let lines = lines.map_while(Result::ok);
        let seen = lines
            .take_while(|line| line != END)
            .map(|line| parse(&line));
        let seen = seen.collect();
        (self, seen)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the client says when it only waits for its end.
const END: &str = "end";

fn parse(line: &str) -> Seen {
    let mut fields = line.split(' ');
    let mut field = || fields.next().unwrap();
    Seen {
        sequence: field().parse().unwrap(),
        fingerprint: field().parse().unwrap(),
        number: field().parse().ok(),
    }
}

/// Watches in a process of its own: says what it sees up to a sequence, then stays
/// until it is killed.
pub async fn client(arguments: &[&str]) {
    let [address, job_id, after, to] = arguments else {
        panic!("client ADDRESS JOB AFTER TO")
    };
    let (mut last, to): (i64, i64) = (after.parse().unwrap(), to.parse().unwrap());
    let channel = connect(address.parse().unwrap()).await.unwrap();
    let mut stream = log::watch(channel, job_id, last).await.unwrap();
    let mut stdout = std::io::stdout();
    while last < to {
        let seen = log::next(&mut stream).await.unwrap();
        let number = seen
            .number
            .map_or("-".to_owned(), |number| number.to_string());
        writeln!(stdout, "{} {} {number}", seen.sequence, seen.fingerprint).unwrap();
        last = seen.sequence;
    }
    writeln!(stdout, "{END}").unwrap();
    // Its parent's death is its own.
    spawn_blocking(|| std::io::stdin().lines().count())
        .await
        .unwrap();
    drop(stream);
}
