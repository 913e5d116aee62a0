//! Peers that mean harm: what the server does about each of them, and what callers
//! who mean well notice of it.
//!
//! * [`frames`]: a peer that speaks HTTP/2 frame by frame.
//! * [`floods`]: attacks with such frames; [`slow`]: peers that say nothing, or hardly
//!   anything; [`bombs`]: bodies for the callback listener; [`guess`]: guessing where
//!   callbacks go.
//! * [`good`]: callers who mean well.

mod bombs;
mod floods;
mod frames;
mod good;
mod guess;
mod slow;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Form;
use crate::fake::{Fake, Job};
use crate::log::connect;
use crate::report::{Report, quantile};
use crate::server::{Place, Server};
use bombs::Bomb;
use floods::{FRAMES, Flood};
use good::Good;

/// So long callers are measured at a time, in calm and under attack in turn.
const ROUND: Duration = Duration::from_secs(1);

/// So long an attack is under way before callers are measured: two hundred calls that are
/// opened at once are work, and what is judged is what comes of holding them.
const BEGINS: Duration = Duration::from_millis(200);

/// The 99th percentile under attack, as a multiple of that in calm.
const MOST: f64 = 2.0;

/// What callers may always wait: below, the scheduler of a small machine decides, which
/// attackers, callers and the server share. In the long form, and in the short one, which
/// runs on machines that others share, too.
const UNNOTICED: Duration = Duration::from_millis(5);
const UNNOTICED_SHARED: Duration = Duration::from_millis(10);

/// A machine that others share is slow by chance, a server that lets callers wait is so each
/// time: in the short form what is unfair is measured again, at most so often in all.
const TRIES_SHARED: usize = 3;

/// Attackers at once, and frames that all of them send in a second.
const ATTACKERS: usize = 4;
const PER_SECOND: usize = 10_000;

/// Slow peers of each kind.
const SLOW_PEERS: usize = 25;

/// Streams whose client never takes anything, and what each may cost.
const STUCK: u32 = 200;
const STUCK_KIB: u64 = 30;

/// CPU time for ten thousand frames.
const FRAMES_CPU: Duration = Duration::from_millis(200);

/// What the server may grow by under any attack: one body of 8 MiB with 600,000 keys that no
/// field takes, which only Pronto can post, is most of it, and one is decoded at a time.
const GROWTH_KIB: u64 = 192 << 10;

/// How much the answers to guesses may differ in time.
const DIFFERENCE: f64 = 0.05;

/// What is attacked.
#[derive(Clone)]
struct Targets {
    grpc: SocketAddr,
    callbacks: SocketAddr,
    admin: SocketAddr,
    /// A job whose callback URL the attackers know.
    job: Job,
    /// A job that they may watch.
    quiet: Job,
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let fake = Fake::start().await;
    let place = Place::new(&fake).with_admin();
    let mut server = place.start().await;
    let channel = connect(place.grpc()).await.unwrap();
    let jobs = fake.jobs(&channel, 3).await;
    let [good_job, job, quiet] = jobs.try_into().unwrap();
    let targets = Targets {
        grpc: place.grpc(),
        callbacks: place.callbacks(),
        admin: place.admin(),
        job,
        quiet,
    };
    let bombs = bombs::all();
    server.forget_peak();
    let begun = server.memory().resident;

    floods(&targets, &server, &mut report).await;
    slow_peers(&targets, &mut report).await;
    throw_all(&targets, &server, &bombs, &mut report).await;
    guesses(form, &targets, &mut report).await;
    notice(form, &targets, good_job, bombs, &mut report).await;

    let growth = server.memory().peak.saturating_sub(begun);
    report.figure("rss_growth_kib", growth);
    report.hold(growth < GROWTH_KIB, || {
        format!("the server grew by {growth} KiB, not less than {GROWTH_KIB}")
    });
    let ended = server.ended();
    report.hold(ended.is_none(), || format!("the server ended: {ended:?}"));
    let said = server.said();
    report.hold(said.is_empty(), || format!("the server said {said}"));
    report
}

// === what the server does ===

async fn floods(targets: &Targets, server: &Server, report: &mut Report) {
    for (flood, name) in Flood::ALL {
        let ticks = server.ticks();
        let (mut frames, mut most) = (0, 0);
        // Who is given up comes again, until so many frames were sent.
        while frames < FRAMES {
            let ended = flood.run(targets.grpc, FRAMES - frames, usize::MAX).await;
            frames += ended.frames.max(1);
            most = most.max(ended.taken);
            let is_checked = flood.limit().is_some_and(|limit| ended.frames >= limit);
            report.hold(!is_checked || ended.is_over, || {
                format!("{name}: not cut after {} frames", ended.frames)
            });
            if ended.is_blocked {
                break;
            }
        }
        // What was sent last may still be worked on.
        sleep(Duration::from_millis(300)).await;
        report.figure(&format!("{name}_frames"), most);
        let is_cut = flood.limit().is_none_or(|limit| most < limit);
        report.hold(is_cut, || {
            format!("{name}: {most} frames on one connection")
        });
        let cpu = Duration::from_millis(10 * (server.ticks() - ticks));
        let cpu = cpu.mul_f64(FRAMES as f64 / frames as f64);
        report.figure(&format!("{name}_cpu_ms"), cpu.as_millis());
        report.hold(cpu < FRAMES_CPU, || {
            format!("{name}: {cpu:?} for 10,000 frames")
        });
    }
    let wrong = [
        floods::too_many_streams(targets.grpc).await,
        floods::huge_header(targets.grpc).await,
        floods::large_message(targets.grpc).await,
    ];
    for wrong in wrong.into_iter().flatten() {
        report.hold(false, || wrong);
    }
    stuck_streams(targets, server, report).await;
}

/// Streams without window cost little, and stay as they are.
async fn stuck_streams(targets: &Targets, server: &Server, report: &mut Report) {
    let before = server.memory().resident;
    let peer = floods::zero_window(targets.grpc, &targets.quiet.id, STUCK).await;
    sleep(Duration::from_secs(1)).await;
    let growth = server.memory().resident.saturating_sub(before);
    drop(peer);
    let each = growth / u64::from(STUCK);
    report.figure("stuck_stream_kib", each);
    report.hold(each < STUCK_KIB, || {
        format!("a stuck stream takes {each} KiB")
    });
}

async fn slow_peers(targets: &Targets, report: &mut Report) {
    let mut peers = JoinSet::new();
    for kind in slow::kinds(targets) {
        peers.spawn(async move { (kind.name, kind.limit, kind.cut_after().await) });
    }
    for (name, limit, cut) in peers.join_all().await {
        match cut {
            Some(after) => {
                report.figure(&format!("{name}_s"), format!("{:.1}", after.as_secs_f64()))
            }
            None => report.hold(false, || format!("{name}: not cut within {limit:?}")),
        }
    }
}

async fn throw_all(targets: &Targets, server: &Server, bombs: &[Bomb], report: &mut Report) {
    for bomb in bombs {
        let before = server.memory().resident;
        server.forget_peak();
        let status = bomb.throw(targets.callbacks, &targets.job.path).await;
        // It is decoded later, and costs memory then.
        sleep(Duration::from_secs(1)).await;
        let growth = server.memory().peak.saturating_sub(before);
        report.figure(&format!("{}_kib", bomb.name), growth);
        report.hold(
            status.is_some_and(|status| bomb.right.contains(&status)),
            || format!("{}: answered {status:?}, not {:?}", bomb.name, bomb.right),
        );
    }
}

async fn guesses(form: Form, targets: &Targets, report: &mut Report) {
    let mut told = guess::guess(targets.callbacks, &targets.job, form.pick(2_000, 10_000)).await;
    let difference = told.difference();
    report.figure(
        "guess_difference_percent",
        format!("{:.1}", 100.0 * difference),
    );
    report.hold(difference < DIFFERENCE, || {
        format!(
            "guesses at a job that is there differ by {:.1} %",
            100.0 * difference
        )
    });
    let answers = told.answers;
    report.hold(answers.len() == 1, || {
        format!("guesses are told apart: {answers:?}")
    });
    let is_unknown = answers
        .iter()
        .all(|answer| answer.starts_with("http/1.1 404"));
    report.hold(is_unknown, || format!("guesses are answered {answers:?}"));
}

// === what callers notice ===

/// An attack that goes on until it is dropped.
type Attack = JoinSet<()>;

async fn notice(
    form: Form,
    targets: &Targets,
    good_job: Job,
    bombs: Vec<Bomb>,
    report: &mut Report,
) {
    let bombs: &'static [Bomb] = bombs.leak();
    let mut good = Good::start(targets, good_job).await;
    // Connections are made, and code is loaded.
    good.round(targets, ROUND).await;
    let floods = Flood::ALL.map(|(_, name)| name);
    let names = floods
        .into_iter()
        .chain(["streams", "zero_window", "slow", "bombs", "guesses"]);
    for name in names {
        let unnoticed = form.pick(UNNOTICED_SHARED, UNNOTICED);
        for left in (0..form.pick(TRIES_SHARED, 1)).rev() {
            let waits = alternate(form, name, targets, bombs, &mut good, report).await;
            if left == 0 || waits.iter().all(|waits| waits.is_fair(unnoticed)) {
                judge(name, &waits, unnoticed, report);
                break;
            }
        }
    }
}

/// The median of the rounds' 99th percentiles, of callers of one kind.
struct Waits {
    calm: Duration,
    attacked: Duration,
}

impl Waits {
    fn ratio(&self) -> f64 {
        self.attacked.as_secs_f64() / self.calm.as_secs_f64()
    }

    fn is_fair(&self, unnoticed: Duration) -> bool {
        self.ratio() < MOST || self.attacked < unnoticed
    }
}

/// Rounds in calm and under an attack, in turn.
async fn alternate(
    form: Form,
    name: &'static str,
    targets: &Targets,
    bombs: &'static [Bomb],
    good: &mut Good,
    report: &mut Report,
) -> [Waits; 3] {
    let (mut calm, mut attacked) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for _ in 0..form.pick(5, 9) {
        let mut waits = good.round(targets, ROUND).await;
        report.hold(waits.failures.is_empty(), || {
            format!("calm: {:?}", waits.failures)
        });
        push(&mut calm, waits.p99());
        let attack = begin(name, targets, bombs);
        sleep(BEGINS).await;
        let mut waits = good.round(targets, ROUND).await;
        drop(attack);
        report.hold(waits.failures.is_empty(), || {
            format!("{name}: {:?}", waits.failures)
        });
        push(&mut attacked, waits.p99());
        // What is under way, such as a body that is decoded, ends.
        sleep(Duration::from_millis(200)).await;
    }
    let median = |rounds: &mut Vec<Duration>| quantile(rounds, 0.5);
    [0, 1, 2].map(|kind| Waits {
        calm: median(&mut calm[kind]),
        attacked: median(&mut attacked[kind]),
    })
}

fn push(to: &mut [Vec<Duration>; 3], p99: [Duration; 3]) {
    to.iter_mut().zip(p99).for_each(|(to, p99)| to.push(p99));
}

/// The figure is the worst of the three.
fn judge(name: &str, waits: &[Waits; 3], unnoticed: Duration, report: &mut Report) {
    for (what, waits) in ["calls", "callbacks", "events"].iter().zip(waits) {
        report.hold(waits.is_fair(unnoticed), || {
            let Waits { calm, attacked } = waits;
            format!("{name}: p99 of {what} is {attacked:?}, in calm {calm:?}")
        });
    }
    let worst = waits.iter().map(Waits::ratio).fold(0.0, f64::max);
    report.figure(&format!("{name}_ratio"), format!("{worst:.2}"));
}

fn begin(name: &'static str, targets: &Targets, bombs: &'static [Bomb]) -> Attack {
    let mut attack = Attack::new();
    if let Some((flood, _)) = Flood::ALL.into_iter().find(|(_, known)| *known == name) {
        for _ in 0..ATTACKERS {
            let address = targets.grpc;
            attack.spawn(async move {
                loop {
                    let begin = Instant::now();
                    let rate = PER_SECOND / ATTACKERS;
                    let ended = flood.run(address, FRAMES, rate).await;
                    let due = Duration::from_secs_f64(ended.frames as f64 / rate as f64);
                    sleep(
                        due.saturating_sub(begin.elapsed())
                            .max(Duration::from_millis(20)),
                    )
                    .await;
                }
            });
        }
        return attack;
    }
    let targets = targets.clone();
    attack.spawn(async move {
        match name {
            "streams" => loop {
                floods::too_many_streams(targets.grpc).await;
                sleep(Duration::from_millis(50)).await;
            },
            "zero_window" => {
                let _peer = floods::zero_window(targets.grpc, &targets.quiet.id, STUCK).await;
                std::future::pending().await
            }
            "slow" => {
                let _peers = slow::crowd(&targets, SLOW_PEERS);
                std::future::pending().await
            }
            "bombs" => loop {
                for bomb in bombs {
                    let path = guess::path(&uuid::Uuid::now_v7().to_string());
                    bomb.throw(targets.callbacks, &path).await;
                }
            },
            _ => loop {
                guess::guess(targets.callbacks, &targets.job, 100).await;
            },
        }
    });
    attack
}
