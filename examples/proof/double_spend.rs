//! A hundred clients send each request at once, under one id, while the server is
//! killed again and again. Pronto bills each id at most once, and all clients get the
//! same answer, or all learn that it is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pronto_grpc::proto::v1::account_service_client::AccountServiceClient;
use pronto_grpc::proto::v1::contact_service_client::ContactServiceClient;
use pronto_grpc::proto::v1::job_event::Event;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::{
    EnrichContactAsyncRequest, EnrichContactRequest, EnrichmentType, GetCompanyStackRequest,
    LeadFilters, SearchLeadsRequest, StartResponse,
};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::Form;
use crate::report::Report;
use crate::server::Place;
use crate::till::Till;

/// So many clients send the same request.
const DUPLICATES: usize = 100;

/// So many ids are under way at once.
const AT_ONCE: usize = 8;

/// The server is killed each time so much more was billed, while some answers are on
/// their way.
const KILL_AFTER: usize = 12;

/// Clients share so many connections, of which each carries a part of the calls.
const CONNECTIONS: usize = 16;

/// A client tries again after this time.
const PAUSE: Duration = Duration::from_millis(20);

/// No client waits longer for a call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let till = Till::start().await;
    let place = Place::calling(till.address, "60s");
    let ids: Vec<usize> = (0..form.pick(60, 200)).collect();
    let (calls, kills) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let clients = Clients::new(place.grpc(), calls.clone());
    let mut answers: BTreeMap<usize, Vec<Answer>> = BTreeMap::new();

    let sending = async {
        for (id, answer) in clients.send(&ids, DUPLICATES).await {
            answers.entry(id).or_default().push(answer);
        }
    };
    tokio::select! {
        () = kill_and_restart(&place, &till, &kills) => unreachable!("it goes on"),
        () = sending => {}
    }
    let server = place.start().await;
    // Once more, when nothing is under way any more.
    for (id, answer) in clients.send(&ids, 1).await {
        answers.entry(id).or_default().push(answer);
    }
    drop(server);

    let mut report = Report::default();
    report.figure("ids", ids.len());
    report.figure("duplicates", DUPLICATES);
    report.figure("calls", calls.load(Ordering::Relaxed));
    let kills = kills.into_inner();
    report.figure("kills", kills);
    report.hold(kills >= 3, || {
        "the server must be killed in the middle".to_owned()
    });
    // A kill leaves unknown what is under way.
    let lost = ids.iter().filter(|id| till.loses(**id)).count();
    judge(&mut report, &till, &ids, &answers, lost + kills * AT_ONCE);
    report
}

/// Kills the server whenever more was billed, and starts it again on the same data.
async fn kill_and_restart(place: &Place, till: &Till, kills: &AtomicUsize) {
    for next in (1..).map(|kill| kill * KILL_AFTER) {
        let server = place.start().await;
        till.billed(next).await;
        spawn_blocking(|| server.kill()).await.unwrap();
        kills.fetch_add(1, Ordering::Relaxed);
    }
}

fn judge(
    report: &mut Report,
    till: &Till,
    ids: &[usize],
    answers: &BTreeMap<usize, Vec<Answer>>,
    most_unknown: usize,
) {
    let counts: Vec<_> = ids.iter().map(|id| till.counts(&name(*id))).collect();
    let billed: usize = counts.iter().map(|counts| counts.billed).sum();
    let of = |id: &usize| answers.get(id).map(Vec::as_slice).unwrap_or_default();
    let different = |id: &&usize| of(id).iter().collect::<BTreeSet<_>>().len() > 1;
    let is_unknown = |id: &&usize| of(id).iter().all(|answer| answer.is_unknown);
    let lost = |id: &&usize| of(id).len() != DUPLICATES + 1;
    report.figure("billed", billed);
    report.figure(
        "refused",
        counts.iter().map(|counts| counts.refused).sum::<usize>(),
    );
    let unknown = ids.iter().filter(is_unknown).count();
    report.figure("unknown", unknown);
    report.hold(unknown <= most_unknown, || {
        format!("{unknown} are unknown, of {most_unknown} whose answers may be lost")
    });
    let is_paid = |id: &&usize| is_unknown(id) || till.counts(&name(**id)).billed == 1;
    let unpaid = ids.iter().filter(|id| !is_paid(id)).count();
    report.zero("answered_without_bill", unpaid);
    report.zero(
        "billed_twice",
        counts.iter().filter(|counts| counts.billed > 1).count(),
    );
    report.zero("unequal", ids.iter().filter(different).count());
    report.zero("unanswered", ids.iter().filter(lost).count());
    for id in ids.iter().filter(different) {
        let different: BTreeSet<_> = of(id).iter().collect();
        eprintln!("{}: {different:?}", name(*id));
    }
}

/// What a client learns in the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    /// Nobody knows whether it was carried out.
    is_unknown: bool,
    /// What it holds; the job, where there is one.
    text: String,
}

fn known(text: impl Into<String>) -> Answer {
    Answer {
        is_unknown: false,
        text: text.into(),
    }
}

fn unknown(text: impl Into<String>) -> Answer {
    Answer {
        is_unknown: true,
        text: text.into(),
    }
}

fn name(id: usize) -> String {
    format!("id-{id}")
}

/// Clients that send until they have an answer.
struct Clients {
    channels: Vec<Channel>,
    calls: Arc<AtomicUsize>,
}

impl Clients {
    /// They connect again whenever the server is back.
    fn new(address: SocketAddr, calls: Arc<AtomicUsize>) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            channels: (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect(),
            calls,
        }
    }

    /// Each of these ids so often at once, a few ids at a time.
    async fn send(&self, ids: &[usize], times: usize) -> Vec<(usize, Answer)> {
        let mut clients = JoinSet::new();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for id in ids {
            let place = Arc::new(room.clone().acquire_owned().await.unwrap());
            for (number, channel) in (0..times).zip(self.channels.iter().cycle()) {
                let (id, channel, calls) = (*id, channel.clone(), self.calls.clone());
                let place = place.clone();
                clients.spawn(async move {
                    let answer = insist(id, number, channel, &calls).await;
                    drop(place);
                    (id, answer)
                });
            }
        }
        clients.join_all().await
    }
}

/// Sends a request until there is an answer.
async fn insist(id: usize, number: usize, channel: Channel, calls: &AtomicUsize) -> Answer {
    loop {
        calls.fetch_add(1, Ordering::Relaxed);
        let error = match timeout(PATIENCE, send(id, number, channel.clone())).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => error,
            Err(_) => panic!("{}: nobody answers", name(id)),
        };
        let info = error.get_details_error_info();
        let reason = info.as_ref().map_or("", |info| info.reason.as_str());
        match reason {
            "OUTCOME_UNKNOWN" => {
                let job_id = info.and_then(|info| info.metadata.get("job_id").cloned());
                return unknown(job_id.unwrap_or_default());
            }
            // Refused, or the server is gone: it can be sent again.
            "INSUFFICIENT_CREDITS" | "RATE_LIMITED" | "" | "DRAINING" | "STARTING" => {
                sleep(PAUSE).await;
            }
            _ => panic!("{}: {error:?}", name(id)),
        }
    }
}

/// Sends a request once. A few operations take turns; where two RPCs take the same
/// request, clients use both.
async fn send(id: usize, number: usize, channel: Channel) -> Result<Answer, Status> {
    match id % 10 {
        0..=3 => enrich(id, channel).await,
        4..=7 => stack(id, channel).await,
        8 => start(id, channel).await,
        _ => search(id, number.is_multiple_of(2), channel).await,
    }
}

async fn enrich(id: usize, channel: Channel) -> Result<Answer, Status> {
    let request = EnrichContactRequest {
        first_name: name(id),
        last_name: "x".to_owned(),
        domain: Some("x.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        request_id: name(id),
        ..Default::default()
    };
    let answer = ContactServiceClient::new(channel)
        .enrich_contact(request)
        .await?;
    Ok(known(answer.into_inner().contact.unwrap().email()))
}

async fn stack(id: usize, channel: Channel) -> Result<Answer, Status> {
    let request = GetCompanyStackRequest {
        company_name: Some(name(id)),
        request_id: name(id),
        ..Default::default()
    };
    let answer = AccountServiceClient::new(channel)
        .get_company_stack(request)
        .await?;
    Ok(known(answer.into_inner().technologies.concat()))
}

async fn start(id: usize, channel: Channel) -> Result<Answer, Status> {
    let request = EnrichContactAsyncRequest {
        first_name: name(id),
        last_name: "x".to_owned(),
        domain: Some("x.test".to_owned()),
        enrichment_type: vec![EnrichmentType::Email.into()],
        request_id: name(id),
        ..Default::default()
    };
    let mut client = ContactServiceClient::new(channel);
    Ok(started(
        client.start_contact_enrichment(request).await?.into_inner(),
    ))
}

fn started(answer: StartResponse) -> Answer {
    let id = answer.acceptance.unwrap_or_default().id.unwrap_or_default();
    known(format!("{} {id}", answer.job.unwrap_or_default().id))
}

/// Starts a search, or starts and follows it.
async fn search(id: usize, follows: bool, channel: Channel) -> Result<Answer, Status> {
    let filters = LeadFilters {
        keyword: Some("x".to_owned()),
        ..Default::default()
    };
    let request = SearchLeadsRequest {
        name: Some(name(id)),
        filters: Some(filters),
        request_id: name(id),
        ..Default::default()
    };
    let mut client = LeadServiceClient::new(channel);
    if !follows {
        return Ok(started(
            client.start_lead_search(request).await?.into_inner(),
        ));
    }
    let mut events = client.search_leads(request).await?.into_inner();
    let first = events.message().await?;
    let first = first.ok_or_else(|| Status::new(Code::Unavailable, "the stream was cut"))?;
    match first.event {
        Some(Event::Started(opening)) => Ok(match opening.acceptance {
            Some(acceptance) => known(format!("{} {}", first.job_id, acceptance.id())),
            None => unknown(first.job_id),
        }),
        other => panic!("{}: {other:?}", name(id)),
    }
}
