//! One script with one fault: a job is started, callbacks come one by one and all at
//! once, what is there is listed, a poll ends the job, and the server is restarted.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use pronto_grpc::proto::v1::job_service_client::JobServiceClient;
use pronto_grpc::proto::v1::{GetJobRequest, JobState, ListCallbacksRequest, ListJobsRequest};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::disk::{Case, Disk, Fault};
use super::outcome::Outcome;
use super::verify::{Watcher, verify};
use crate::fake::{Fake, Job, lead, leads};
use crate::http::{Sender, request};
use crate::log::connect;
use crate::server::{Place, Server};

/// Callbacks that come one after the other, and then all at once.
const ONE_BY_ONE: u32 = 10;
const AT_ONCE: u32 = 20;

/// People whom only polling brings.
pub const POLLED: std::ops::Range<u32> = 1_000..1_003;

/// How soon the server says that the store fails, or works again.
pub const HEALTH: Duration = Duration::from_secs(10);

/// Longer than anything takes that does not hang.
const HANGS: Duration = Duration::from_secs(40);

/// A pause between two looks.
pub const LOOK: Duration = Duration::from_millis(10);

/// A case that is being run.
pub struct Trial {
    case: Case,
    fake: Fake,
    /// Where its server runs.
    pub place: Place,
    disk: Disk,
    server: Server,
    /// Callbacks that were answered 2xx.
    pub acked: HashSet<u32>,
    next: u32,
    /// What came of it so far.
    pub outcome: Outcome,
}

/// The server could not be brought back, so the script cannot go on.
#[derive(Debug)]
pub struct Over;

impl Trial {
    /// Runs a case.
    pub async fn run(case: Case) -> Outcome {
        let fake = Fake::start().await;
        let place = Place::polling(&fake, "50ms");
        let disk = Disk::new(place.folder());
        disk.fail(case);
        let mut outcome = Outcome {
            cases: 1,
            ..Outcome::default()
        };
        let Some(server) = start(&place, &disk, case, &mut outcome).await else {
            return outcome;
        };
        let mut trial = Self {
            case,
            fake,
            place,
            disk,
            server,
            acked: HashSet::new(),
            next: 0,
            outcome,
        };
        let _ = trial.script().await;
        trial.outcome.acked = trial.acked.len();
        trial.outcome
    }

    async fn script(&mut self) -> Result<(), Over> {
        let job = self.start_job().await?;
        let watcher = Watcher::start(&self.place, &job);
        for _ in 0..ONE_BY_ONE {
            self.post(&job, 1).await?;
        }
        self.list(&job).await?;
        self.post(&job, AT_ONCE).await?;
        self.fake.finish(&leads(POLLED));
        self.wait_for_end(&job).await?;
        self.restart().await?;
        self.post(&job, 1).await?;

        self.outcome.operations = self.disk.count();
        self.outcome.failed = self.disk.failed();
        self.heal().await?;
        self.must_accept(&job).await;
        self.crash().await?;
        verify(self, &job, &watcher.stop()).await;
        Ok(())
    }

    /// Notes what is not as promised.
    pub fn broken(&mut self, what: impl std::fmt::Display) {
        self.outcome.broken.push(format!("{:?}: {what}", self.case));
    }

    // === steps ===

    async fn start_job(&mut self) -> Result<Job, Over> {
        loop {
            let channel = self.channel().await?;
            match timeout(HANGS, self.fake.job(channel)).await {
                Ok(Ok(job)) => return Ok(job),
                Ok(Err(_)) => self.recover(None).await?,
                Err(_) => {
                    self.broken("StartLeadSearch hangs");
                    return Err(Over);
                }
            }
        }
    }

    /// Posts callbacks at once, each number once.
    async fn post(&mut self, job: &Job, count: u32) -> Result<(), Over> {
        let mut senders = JoinSet::new();
        for number in self.next..self.next + count {
            let request = request(&job.path, &lead(number, 300));
            let mut sender = Sender::new(self.place.callbacks());
            senders.spawn(async move { (number, sender.post(&request).await) });
        }
        self.next += count;
        let mut failed = false;
        for (number, answer) in senders.join_all().await {
            match answer {
                Ok(200..300) => {
                    self.acked.insert(number);
                    continue;
                }
                Ok(503) => self.outcome.refused += 1,
                Ok(status) => self.broken(format!("callback {number} was answered {status}")),
                Err(_) if self.case.fault.is_deadly() => {}
                Err(error) => self.broken(format!("callback {number} has no answer: {error}")),
            }
            failed = true;
        }
        if failed || self.is_failing() {
            self.recover(Some(job)).await?;
        }
        Ok(())
    }

    /// Reads what is there. That may fail while the disk does, but not hang.
    async fn list(&mut self, job: &Job) -> Result<(), Over> {
        let mut jobs = JobServiceClient::new(self.channel().await?);
        let callbacks = ListCallbacksRequest {
            job_id: job.id.clone(),
            ..Default::default()
        };
        let listed = async {
            let _ = jobs.list_callbacks(callbacks).await;
            let _ = jobs.list_jobs(ListJobsRequest::default()).await;
        };
        if timeout(HANGS, listed).await.is_err() {
            self.broken("a list hangs");
        }
        Ok(())
    }

    /// Waits until polling has ended the job.
    async fn wait_for_end(&mut self, job: &Job) -> Result<(), Over> {
        let begin = Instant::now();
        loop {
            if self.is_failing() || self.server.ended().is_some() {
                self.recover(Some(job)).await?;
            }
            if let Some(state) = self.state(job).await?
                && state == JobState::Completed
            {
                return Ok(());
            }
            if begin.elapsed() > HANGS {
                let state = self.state(job).await?;
                self.broken(format!("polling does not end the job: {state:?}"));
                return Err(Over);
            }
            sleep(LOOK).await;
        }
    }

    async fn state(&mut self, job: &Job) -> Result<Option<JobState>, Over> {
        let mut jobs = JobServiceClient::new(self.channel().await?);
        let job_id = job.id.clone();
        let answer = timeout(HANGS, jobs.get_job(GetJobRequest { job_id })).await;
        let answer = answer.ok().and_then(Result::ok);
        Ok(answer
            .and_then(|answer| answer.into_inner().job)
            .map(|job| job.state()))
    }

    /// Ends the server as an operator does, and starts it again.
    async fn restart(&mut self) -> Result<(), Over> {
        let pid = self.server.id().to_string();
        let term = std::process::Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status();
        assert!(term.unwrap().success() || self.server.ended().is_some());
        let begin = Instant::now();
        while self.server.ended().is_none() {
            if begin.elapsed() > HANGS {
                self.broken("it does not end on SIGTERM");
                return Err(Over);
            }
            sleep(LOOK).await;
        }
        let status = self.server.ended().unwrap();
        if status.code().is_none() && !self.case.fault.is_deadly() {
            self.broken(format!("SIGTERM ended it with {status}"));
        }
        self.check_for_panic();
        self.start_again().await
    }

    // === faults ===

    /// A fault that stays is there.
    fn is_failing(&self) -> bool {
        self.case.stays && !self.disk.is_healed() && self.disk.failed() > 0
    }

    /// Something failed. Either the process died of the fault, and is started again;
    /// or it must say so, and go on when the disk works again.
    async fn recover(&mut self, job: Option<&Job>) -> Result<(), Over> {
        if self.is_dying() {
            let begin = Instant::now();
            while self.server.ended().is_none() && begin.elapsed() < HANGS {
                sleep(LOOK).await;
            }
        }
        if let Some(status) = self.server.ended() {
            if self.case.fault.is_deadly() {
                self.outcome.deaths += 1;
            } else {
                self.broken(format!("it ended with {status}"));
            }
            self.check_for_panic();
            return self.start_again().await;
        }
        if self.is_failing() {
            self.stay_down(job).await?;
            self.heal().await?;
        }
        Ok(())
    }

    /// While nothing can be stored, no callback is answered 2xx, and health says so.
    async fn stay_down(&mut self, job: Option<&Job>) -> Result<(), Over> {
        for _ in 0..3 {
            let Some(job) = job else { break };
            let number = self.next;
            self.next += 1;
            let callback = request(&job.path, &lead(number, 300));
            match Sender::new(self.place.callbacks()).post(&callback).await {
                Ok(503) => self.outcome.refused += 1,
                Ok(200..300) => {
                    self.acked.insert(number);
                    self.outcome.false_acks += 1;
                    self.broken("a callback was answered 2xx while nothing could be stored");
                }
                other => self.broken(format!("a callback while nothing can be stored: {other:?}")),
            }
        }
        self.health(ServingStatus::NotServing).await
    }

    /// The disk works again, and the server notices without a restart.
    async fn heal(&mut self) -> Result<(), Over> {
        self.disk.heal();
        if self.server.ended().is_some() {
            return Box::pin(self.recover(None)).await;
        }
        self.health(ServingStatus::Serving).await
    }

    /// Waits until health says what it should.
    async fn health(&mut self, wanted: ServingStatus) -> Result<(), Over> {
        let mut health = HealthClient::new(self.channel().await?);
        let becomes = async {
            loop {
                let answer = health.check(HealthCheckRequest::default()).await;
                if answer.is_ok_and(|answer| answer.get_ref().status() == wanted) {
                    return;
                }
                sleep(LOOK).await;
            }
        };
        if timeout(HEALTH, becomes).await.is_err() {
            self.outcome.health_wrong += 1;
            self.broken(format!("health does not become {}", wanted.as_str_name()));
        }
        Ok(())
    }

    /// With a disk that works, a callback is accepted.
    async fn must_accept(&mut self, job: &Job) {
        let number = self.next;
        self.next += 1;
        let callback = request(&job.path, &lead(number, 300));
        match Sender::new(self.place.callbacks()).post(&callback).await {
            Ok(200..300) => {
                self.acked.insert(number);
            }
            other => self.broken(format!(
                "the disk works again, but a callback got {other:?}"
            )),
        }
    }

    // === the process ===

    /// A connection to the server, which is started again if the fault killed it.
    pub async fn channel(&mut self) -> Result<Channel, Over> {
        loop {
            match connect(self.place.grpc()).await {
                Ok(channel) => return Ok(channel),
                Err(_) if self.server.ended().is_some() || self.is_dying() => {
                    Box::pin(self.recover(None)).await?;
                }
                Err(error) => {
                    self.broken(format!("it cannot be connected to: {error}"));
                    return Err(Over);
                }
            }
        }
    }

    /// The fault has struck that kills it, so it ends soon.
    fn is_dying(&self) -> bool {
        let is_first = self.case.fault.is_deadly() && self.outcome.deaths == 0;
        is_first && self.disk.failed() > 0
    }

    fn check_for_panic(&mut self) {
        let said = self.server.said();
        if said.contains("panicked") {
            self.broken(said);
        }
    }

    /// The power fails, and comes back with a disk that works.
    async fn crash(&mut self) -> Result<(), Over> {
        self.check_for_panic();
        self.server.kill_now();
        self.start_again().await
    }

    async fn start_again(&mut self) -> Result<(), Over> {
        if self.case.fault == Fault::Kill {
            self.disk.keep_unsynced();
        }
        match start(&self.place, &self.disk, self.case, &mut self.outcome).await {
            Some(server) => self.server = server,
            None => return Err(Over),
        }
        Ok(())
    }
}

/// Starts a server. Where the fault keeps it from starting it says so, and starts
/// without the fault.
async fn start(place: &Place, disk: &Disk, case: Case, outcome: &mut Outcome) -> Option<Server> {
    for _ in 0..2 {
        let mut command = place.command();
        disk.attach(&mut command, &place.data());
        let ended = match Server::start(command).await {
            Ok(server) => return Some(server),
            Err(ended) => ended,
        };
        // It may say that it cannot start; a signal ends it only where the fault does.
        let code = ended.status.and_then(|status| status.code());
        let is_refusal = code.is_some() && !ended.said.contains("panicked");
        let is_death = ended.status.is_some() && case.fault.is_deadly();
        if disk.failed() == 0 || !(is_refusal || is_death) {
            let broken = format!("{case:?}: it does not start: {ended:?}");
            outcome.broken.push(broken);
            return None;
        }
        match case.fault.is_deadly() {
            true => outcome.deaths += 1,
            false => outcome.refused_starts += 1,
        }
        if case.fault == Fault::Kill {
            disk.keep_unsynced();
        }
        disk.heal();
    }
    outcome
        .broken
        .push(format!("{case:?}: it does not start on a disk that works"));
    None
}
