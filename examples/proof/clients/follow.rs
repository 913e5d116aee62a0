//! Scenarios of streams that are cut and resume: what the client prints has to be the
//! whole log, each event once.

use std::time::Duration;

use tokio::time::timeout;

use super::columns::Column;
use super::program::{Environment, Program};
use super::stage::Stage;
use super::truth::{compare, followed, log, start_search};
use super::wire::{Rule, Wire};
use super::witness::saw;

/// The fewest connections of a client that must break.
const DISCONNECTS: usize = 100;

/// People of a search that is cut so often.
const MANY: i32 = 2_000;

/// By then keepalive has found out that a connection is dead, and nothing is proved.
const UNNOTICED: Duration = Duration::from_secs(35);

/// A wire that hardly ever breaks is no trial.
const ROUNDS: usize = 20;

/// People of a search during which the server ends several times.
const SOME: i32 = 240;

/// The connection breaks again and again, with a FIN or a reset, wherever it is. The job
/// is followed anew, by turns from its beginning and from its middle, until that has
/// happened often enough. Says how often.
pub async fn disconnects(column: &Column) -> Result<usize, String> {
    let (stage, _sandbox) = Stage::beside_pronto(Duration::from_millis(1)).await;
    let wire = Wire::to(stage.place.grpc(), Rule::Cut).await;
    let environment = stage.environment_through(wire.address);
    let job = start_search(stage.channel().await, MANY).await;
    for round in 0..ROUNDS {
        let after = round % 2 * (MANY as usize / 2);
        let program = follow(column, &job, after, &environment);
        judge(&stage, &job, after, program.success().await?).await?;
        if wire.broken() >= DISCONNECTS {
            return judge_haste(&stage, wire.broken());
        }
    }
    Err(format!("the stream was cut {} times only", wire.broken()))
}

/// A client that calls far more often than its stream breaks does not wait in between.
fn judge_haste(stage: &Stage, broken: usize) -> Result<usize, String> {
    const WATCH: &str = "pronto.v1.JobService/WatchJob";
    let ends = ["OK", "CANCELLED", "UNKNOWN", "UNAVAILABLE"];
    let calls = ends.map(|code| stage.server().calls(WATCH, code));
    match calls.iter().sum::<usize>() {
        calls if calls > 2 * broken => Err(format!("{calls} calls for {broken} disconnects")),
        _ => Ok(broken),
    }
}

/// The server is killed and restarted, and told to end and restarted, while events come.
/// In between streams end because they are too old.
pub async fn restarts(column: &Column) -> Result<(), String> {
    const PART: usize = SOME as usize / 8;
    let (pace, age) = (Duration::from_millis(20), "--max-stream-age=1s");
    let (mut stage, _sandbox) = Stage::beside_pronto_with(pace, &[age]).await;
    let job = start_search(stage.channel().await, SOME).await;
    let mut program = follow(column, &job, 0, &stage.environment());
    let mut lines = Vec::new();
    for end in 0..5 {
        lines.extend(program.lines(PART).await?);
        match end % 2 {
            0 => stage.crash().await,
            _ => stage.restart().await,
        }
    }
    lines.extend(program.success().await?);
    saw(stage.server(), "restarts").await?;
    judge(&stage, &job, 0, lines).await
}

/// The connection carries nothing more and stays open, as behind a dead NAT: the client
/// has to notice by itself.
pub async fn silence(column: &Column) -> Result<(), String> {
    let (stage, _sandbox) = Stage::beside_pronto(Duration::from_millis(1)).await;
    let (times, after) = (2, 8_000);
    let rule = Rule::Silent { times, after };
    let wire = Wire::to(stage.place.grpc(), rule).await;
    let job = start_search(stage.channel().await, SOME).await;
    let mut environment = stage.environment_through(wire.address);
    environment.push(("FOLLOW_IDLE_SECONDS", "2".to_owned()));
    let program = follow(column, &job, 0, &environment);
    let lines = timeout(UNNOTICED, program.success()).await;
    let lines = lines.map_err(|_| "only keepalive noticed the silence".to_owned())?;
    judge(&stage, &job, 0, lines?).await?;
    match wire.broken() == times {
        true => Ok(()),
        false => Err(format!("only {} connections fell silent", wire.broken())),
    }
}

fn follow(column: &Column, job: &str, after: usize, environment: &Environment) -> Program {
    let arguments = ["follow".to_owned(), job.to_owned(), after.to_string()];
    Program::start(column, &arguments, environment)
}

/// What is printed has to be the log behind a sequence.
async fn judge(stage: &Stage, job: &str, after: usize, lines: Vec<String>) -> Result<(), String> {
    let log = log(stage.channel().await, job).await;
    compare(&lines, &followed(&log)[after..])
}
