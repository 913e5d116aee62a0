//! Scenarios of calls: the client knows by itself what has to come.

use std::time::Duration;

use pronto_grpc::proto::v1::GetSandboxCountersRequest;
use pronto_grpc::proto::v1::sandbox_service_client::SandboxServiceClient;

use super::columns::Column;
use super::program::Program;
use super::stage::Stage;
use super::wire::{Rule, Wire};
use super::witness::saw;

/// With 1 MiB of equal bytes sent and received.
const MOST_COMPRESSED: u64 = 200_000;

/// The client calls a server, and judges what comes.
pub async fn plain(column: &Column, scenario: &str) -> Result<(), String> {
    let stage = Stage::new().await;
    let program = Program::start(column, &[scenario.to_owned()], &stage.environment());
    program.success().await?;
    saw(stage.server(), scenario).await
}

/// As [`plain`], with a Pronto that knows two keys.
pub async fn two_keys(column: &Column, scenario: &str) -> Result<(), String> {
    let (stage, _sandbox) = Stage::beside_pronto(Duration::from_millis(1)).await;
    let program = Program::start(column, &[scenario.to_owned()], &stage.environment());
    program.success().await?;
    saw(stage.server(), scenario).await
}

/// As [`plain`], where nobody listens but at the Unix socket.
pub async fn unix(column: &Column, scenario: &str) -> Result<(), String> {
    let stage = Stage::new().await;
    let environment = stage.environment_through(([127, 0, 0, 1], 1).into());
    let program = Program::start(column, &[scenario.to_owned()], &environment);
    program.success().await?;
    saw(stage.server(), scenario).await
}

/// Who leaves a stream ends the call at the server, and not only with its connection or
/// its process.
pub async fn cancellation(column: &Column, scenario: &str) -> Result<(), String> {
    let stage = Stage::new().await;
    let mut program = Program::start(column, &[scenario.to_owned()], &stage.environment());
    if program.line().await?.is_none() {
        program.success().await?;
        return Err("it did not say that it left".to_owned());
    }
    saw(stage.server(), scenario).await?;
    program.success().await.map(drop)
}

/// The example says what was refused, and why.
pub async fn refusals(column: &Column, scenario: &str) -> Result<(), String> {
    let stage = Stage::new().await;
    let program = Program::start(column, &[scenario.to_owned()], &stage.environment());
    let lines = program.success().await?;
    for begin in [
        "budget: ",
        "invalid: filters.included_locations[0]: ",
        "invalid: limit: ",
    ] {
        if !lines.iter().any(|line| line.starts_with(begin)) {
            return Err(format!("no line begins with {begin:?}: {lines:?}"));
        }
    }
    match lines.last() {
        Some(last) if pause(last).is_some_and(|seconds| seconds > 0.0) => {
            saw(stage.server(), scenario).await
        }
        last => Err(format!("the last line is {last:?}")),
    }
}

/// The seconds for which an example was told to wait.
fn pause(line: &str) -> Option<f64> {
    let pause = line.strip_prefix("rate limited: try again in ")?;
    pause.strip_suffix(" s")?.parse().ok()
}

/// What is compressed both ways is small on the wire.
pub async fn compression(column: &Column, scenario: &str) -> Result<(), String> {
    let stage = Stage::new().await;
    let wire = Wire::to(stage.place.grpc(), Rule::Whole).await;
    let environment = stage.environment_through(wire.address);
    let program = Program::start(column, &[scenario.to_owned()], &environment);
    program.success().await?;
    match wire.bytes() {
        ..MOST_COMPRESSED => saw(stage.server(), scenario).await,
        bytes => Err(format!("{bytes} bytes on the wire are not compressed")),
    }
}

/// A connection dies in silence under a call without a deadline: keepalive notices, and
/// the call is repeated on another one.
pub async fn keepalive(column: &Column) -> Result<(), String> {
    let stage = Stage::new().await;
    let wire = Wire::to(stage.place.grpc(), Rule::Mute).await;
    let environment = stage.environment_through(wire.address);
    let program = Program::start(column, &["unary".to_owned()], &environment);
    program.success().await?;
    match wire.broken() {
        1 => saw(stage.server(), "unary").await,
        _ => Err("the client did not meet the silent connection".to_owned()),
    }
}

/// Answers are lost on two of three connections: what may be repeated succeeds, and what
/// is charged is charged once for each call.
pub async fn retry(column: &Column, scenario: &str) -> Result<(), String> {
    const CHARGED: &str = "pronto.v1.ContactService/EnrichContact";
    let stage = Stage::new().await;
    let wire = Wire::to(stage.place.grpc(), Rule::NoAnswer).await;
    let environment = stage.environment_through(wire.address);
    let program = Program::start(column, &[scenario.to_owned()], &environment);
    program.success().await?;
    let mut sandbox = SandboxServiceClient::new(stage.channel().await);
    let request = GetSandboxCountersRequest { when_idle: true };
    let answer = sandbox.get_sandbox_counters(request).await.unwrap();
    let counters = answer.into_inner().counters.unwrap_or_default();
    match (counters.requests.get(CHARGED), wire.broken()) {
        (_, 0..5) => Err("the client did not meet broken connections".to_owned()),
        (Some(2), _) => Ok(()),
        (count, _) => Err(format!("two calls were charged {count:?} times")),
    }
}
