//! Fifty callers want more than Pronto allows. The sandbox, which lets no period have
//! more than the limit, never answers 429, nearly all of each limit is used, and a
//! light caller waits no longer than its share beside heavy ones.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pronto_grpc::proto::endpoint::{Endpoint, endpoints};
use pronto_grpc::proto::v1::account_service_client::AccountServiceClient;
use pronto_grpc::proto::v1::contact_service_client::ContactServiceClient;
use pronto_grpc::proto::v1::lead_service_client::LeadServiceClient;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;
use pronto_grpc::proto::v1::{
    EnrichContactRequest, EnrichmentType, GetCompanyStackRequest, GetHeadcountRequest,
    GetSandboxCountersRequest, LeadFilters, PreviewAccountSearchRequest, PreviewLeadSearchRequest,
    RateCounters,
};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::Form;
use crate::log::connect;
use crate::report::{Report, ms};
use crate::server::Place;

/// Callers of each endpoint, each over a connection of its own.
const CALLERS: usize = 50;

/// Calls of the one heavy caller that are under way at once.
const HEAVY: usize = 200;

/// The smallest part of a limit that must be used.
const USED: f64 = 0.95;

/// The longest that a light caller may wait, in shares.
const SHARES: f64 = 2.0;

/// An endpoint of a class of limits.
#[derive(Clone, Copy)]
struct Class {
    name: &'static str,
    endpoint: &'static Endpoint,
    /// Calls of the light caller whose waits are measured.
    light_calls: u32,
}

/// The classes of the short form.
const QUICK: [Class; 3] = [
    Class {
        name: "1_per_s",
        endpoint: endpoints::PREVIEW_LEAD_SEARCH,
        light_calls: 5,
    },
    Class {
        name: "20_per_s",
        endpoint: endpoints::GET_COMPANY_STACK,
        light_calls: 60,
    },
    Class {
        name: "50_per_s",
        endpoint: endpoints::ENRICH_CONTACT,
        light_calls: 150,
    },
];

/// The class that takes minutes.
const SLOW: Class = Class {
    name: "2_per_min",
    endpoint: endpoints::GET_HEADCOUNT,
    light_calls: 4,
};

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let options = [
        "--sandbox-credits=100000000",
        "--sandbox-sync-latency=0s",
        "--poll-interval=60s",
    ];
    let place = Place::with_sandbox(options.map(str::to_owned));
    let _server = place.start().await;
    let world = Arc::new(World::explore(place.grpc()).await);

    let classes = form.pick(&QUICK[..], &[QUICK[0], QUICK[1], QUICK[2], SLOW]);
    many_callers(classes, form, &world, &mut report).await;
    light_beside_heavy(classes, &world, &mut report).await;
    let mut refused = 0;
    for (endpoint, rate) in world.rates().await {
        refused += rate.refused;
        report.hold(rate.refused == 0, || {
            format!("{endpoint}: {} times 429", rate.refused)
        });
    }
    report.figure("answered_429", refused);
    report.zero("failed_calls", world.failed.load(Ordering::Relaxed));
    report
}

/// Fifty callers of each class, all at once.
async fn many_callers(classes: &[Class], form: Form, world: &Arc<World>, report: &mut Report) {
    let mut crowd = JoinSet::new();
    for class in classes {
        for _ in 0..CALLERS {
            let (world, class) = (world.clone(), *class);
            let channel = connect(world.server).await.unwrap();
            crowd.spawn(async move {
                loop {
                    world.call(&channel, class).await;
                }
            });
        }
    }
    sleep(form.pick(Duration::from_secs(12), Duration::from_secs(400))).await;
    let rates = world.rates().await;
    crowd.shutdown().await;
    for class in classes {
        let rate = &rates[class.endpoint.rpc];
        let span = Duration::try_from(rate.span.unwrap()).unwrap();
        let allowed = allowed_per_second(class) * span.as_secs_f64();
        let used = (rate.accepted - 1) as f64 / allowed;
        let percent = format!("{:.1}", used * 100.0);
        report.figure(&format!("{}_used_percent", class.name), percent);
        report.hold(used >= USED, || {
            format!(
                "{} of {}: only {used:.3} is used",
                rate.accepted, class.name
            )
        });
    }
}

/// For each class, one heavy caller and one light one.
async fn light_beside_heavy(classes: &[Class], world: &Arc<World>, report: &mut Report) {
    let mut trials: Vec<(Class, JoinHandle<Vec<Duration>>)> = Vec::new();
    for class in classes {
        let (world, class) = (world.clone(), *class);
        trials.push((
            class,
            tokio::spawn(async move { waits(&world, class).await }),
        ));
    }
    for (class, waits) in trials {
        let waits = waits.await.unwrap();
        let mean = waits.iter().sum::<Duration>() / class.light_calls;
        // Half of the limit is its own: a turn comes whenever two requests are allowed.
        let share = Duration::from_secs_f64(2.0 / allowed_per_second(&class));
        let shares = mean.as_secs_f64() / share.as_secs_f64();
        report.figure(&format!("{}_light_wait_ms", class.name), ms(mean));
        report.figure(
            &format!("{}_light_shares", class.name),
            format!("{shares:.2}"),
        );
        report.hold(shares < SHARES, || {
            format!(
                "{}: a light caller waits for {shares:.2} shares",
                class.name
            )
        });
    }
}

/// How long a light caller waits for each of its calls beside a heavy one.
async fn waits(world: &Arc<World>, class: Class) -> Vec<Duration> {
    let heavy_channel = connect(world.server).await.unwrap();
    let channel = connect(world.server).await.unwrap();
    let mut heavy = JoinSet::new();
    for _ in 0..HEAVY {
        let (world, channel) = (world.clone(), heavy_channel.clone());
        heavy.spawn(async move {
            loop {
                world.call(&channel, class).await;
            }
        });
    }
    // Until the heavy caller has taken what was left of the limit, and waits.
    sleep(class.endpoint.rate.per).await;
    let mut waits = Vec::new();
    for _ in 0..class.light_calls {
        let begin = Instant::now();
        world.call(&channel, class).await;
        waits.push(begin.elapsed());
    }
    heavy.shutdown().await;
    waits
}

/// After which time the server wants to be called again, because too many wait.
fn later(status: &Status) -> Option<Duration> {
    let info = status.get_details_error_info()?;
    // Where Pronto answered, its limit was met, and the proof has failed.
    let is_ours = info.reason == "RATE_LIMITED" && !info.metadata.contains_key("http_status");
    let delay = status.get_details_retry_info()?.retry_delay;
    delay.filter(|_| is_ours)
}

fn allowed_per_second(class: &Class) -> f64 {
    let rate = &class.endpoint.rate;
    f64::from(rate.requests) / rate.per.as_secs_f64()
}

/// What there is to ask for.
struct World {
    server: SocketAddr,
    sandbox: Channel,
    company: Option<String>,
    calls: AtomicU64,
    failed: AtomicUsize,
}

impl World {
    async fn explore(server: SocketAddr) -> Self {
        let sandbox = connect(server).await.unwrap();
        let mut accounts = AccountServiceClient::new(sandbox.clone());
        let request = PreviewAccountSearchRequest::default();
        let preview = accounts.preview_account_search(request).await.unwrap();
        let first = preview.into_inner().preview.into_iter().next().unwrap();
        Self {
            server,
            sandbox,
            company: first.linkedin_url,
            calls: AtomicU64::new(0),
            failed: AtomicUsize::new(0),
        }
    }

    async fn rates(&self) -> HashMap<String, RateCounters> {
        let mut sandbox = SandboxServiceClient::new(self.sandbox.clone());
        let request = GetSandboxCountersRequest::default();
        let answer = sandbox.get_sandbox_counters(request).await.unwrap();
        answer.into_inner().counters.unwrap().rates
    }

    /// Makes a call; again when its turn is so far away that the server says when to come
    /// back.
    async fn call(&self, channel: &Channel, class: Class) {
        while let Err(status) = self.try_call(channel.clone(), class).await {
            let Some(wait) = later(&status) else {
                eprintln!("{}: {status:?}", class.name);
                self.failed.fetch_add(1, Ordering::Relaxed);
                return;
            };
            sleep(wait).await;
        }
    }

    async fn try_call(&self, channel: Channel, class: Class) -> Result<(), Status> {
        let company_linkedin_url = self.company.clone();
        if class.endpoint == endpoints::PREVIEW_LEAD_SEARCH {
            // Each another, because equal ones would share an answer.
            let number = self.calls.fetch_add(1, Ordering::Relaxed);
            let filters = LeadFilters {
                keyword: Some(format!("number {number}")),
                ..Default::default()
            };
            let request = PreviewLeadSearchRequest {
                filters: Some(filters),
                ..Default::default()
            };
            let mut leads = LeadServiceClient::new(channel);
            leads.preview_lead_search(request).await.map(drop)
        } else if class.endpoint == endpoints::GET_COMPANY_STACK {
            let request = GetCompanyStackRequest {
                company_linkedin_url,
                ..Default::default()
            };
            let mut accounts = AccountServiceClient::new(channel);
            accounts.get_company_stack(request).await.map(drop)
        } else if class.endpoint == endpoints::GET_HEADCOUNT {
            let request = GetHeadcountRequest {
                company_linkedin_url,
                ..Default::default()
            };
            let mut accounts = AccountServiceClient::new(channel);
            accounts.get_headcount(request).await.map(drop)
        } else {
            let request = EnrichContactRequest {
                first_name: "Nobody".to_owned(),
                last_name: "Known".to_owned(),
                enrichment_type: vec![EnrichmentType::Email.into()],
                company_name: Some("None".to_owned()),
                ..Default::default()
            };
            let mut contacts = ContactServiceClient::new(channel);
            contacts.enrich_contact(request).await.map(drop)
        }
    }
}
