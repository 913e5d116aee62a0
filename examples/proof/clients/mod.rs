//! The clients of `clients/`, each in every scenario that it has: calls, examples whose
//! server is killed in the middle of a stream, and streams that are cut a hundred times.
//! Prints the matrix. `clients/*/check` builds what runs here.
//!
//! The variables `CLIENTS` and `SCENARIOS` (names with `,` between them) choose.

mod calls;
mod columns;
mod examples;
mod follow;
mod frames;
mod program;
mod stage;
mod tls;
mod truth;
mod wire;

use std::pin::Pin;
use std::time::Instant;

use columns::{COLUMNS, Column};

use crate::Form;
use crate::report::Report;

type Played<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// A scenario: a row of the matrix.
struct Scenario {
    name: &'static str,
    play: for<'a> fn(&'a Column, &'static str) -> Played<'a>,
}

/// The scenarios, in the order of the matrix.
const SCENARIOS: &[Scenario] = &[
    scenario("search", |column, _| Box::pin(examples::search(column))),
    scenario("enrich", |column, _| Box::pin(examples::enrich(column))),
    scenario("refusals", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("unary", |column, name| Box::pin(calls::plain(column, name))),
    scenario("streaming", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("deadline", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("cancellation", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("metadata", |column, name| {
        Box::pin(calls::two_keys(column, name))
    }),
    scenario("large", |column, name| Box::pin(calls::plain(column, name))),
    scenario("compression", |column, name| {
        Box::pin(calls::compression(column, name))
    }),
    scenario("errors", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("health", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("reflection", |column, name| {
        Box::pin(calls::plain(column, name))
    }),
    scenario("unix", |column, name| Box::pin(calls::plain(column, name))),
    scenario("tls", |column, _| Box::pin(tls::tls(column))),
    scenario("retry", |column, name| Box::pin(calls::retry(column, name))),
    scenario("disconnects", |column, _| {
        Box::pin(follow::disconnects(column))
    }),
    scenario("restarts", |column, _| Box::pin(follow::restarts(column))),
    scenario("silence", |column, _| Box::pin(follow::silence(column))),
];

const fn scenario(
    name: &'static str,
    play: for<'a> fn(&'a Column, &'static str) -> Played<'a>,
) -> Scenario {
    Scenario { name, play }
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let rounds = form.pick(1, 5);
    let columns = chosen("CLIENTS", COLUMNS, |column| column.name);
    let rows = chosen("SCENARIOS", SCENARIOS, |scenario| scenario.name);
    let (mut passed, mut failed) = (0, 0);
    print_row("", columns.iter().map(|column| column.name));
    for row in &rows {
        let mut cells = Vec::new();
        for column in &columns {
            if !column.has(row.name) {
                cells.push("-".to_owned());
                continue;
            }
            let begin = Instant::now();
            let played = play(row, column, rounds).await;
            let seconds = begin.elapsed().as_secs_f32();
            cells.push(match &played {
                Ok(()) => format!("pass {seconds:.1}s"),
                Err(_) => "FAIL".to_owned(),
            });
            passed += usize::from(played.is_ok());
            failed += usize::from(played.is_err());
            let why = played.err().unwrap_or_default();
            report.hold(why.is_empty(), || {
                format!("{} {}: {why}", column.name, row.name)
            });
        }
        print_row(row.name, cells.iter().map(String::as_str));
    }
    report.figure("clients", columns.len());
    report.figure("scenarios", rows.len());
    report.figure("disconnects_each", follow::DISCONNECTS);
    report.figure("passed", passed);
    report.zero("failed", failed);
    report
}

async fn play(row: &Scenario, column: &Column, rounds: usize) -> Result<(), String> {
    for _ in 0..rounds {
        (row.play)(column, row.name).await?;
    }
    Ok(())
}

/// Those that a variable names, or all.
fn chosen<T>(variable: &str, all: &'static [T], name: fn(&T) -> &str) -> Vec<&'static T> {
    let names = std::env::var(variable).unwrap_or_default();
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    let known = |wanted: &&str| all.iter().any(|one| name(one) == *wanted);
    let unknown = names.iter().find(|wanted| !known(wanted));
    assert!(unknown.is_none(), "{variable}: {unknown:?} is not known");
    all.iter()
        .filter(|one| names.is_empty() || names.contains(&name(one)))
        .collect()
}

fn print_row<'a>(head: &str, cells: impl Iterator<Item = &'a str>) {
    let cells: Vec<_> = cells.map(|cell| format!("{cell:<11}")).collect();
    println!("{head:<14}{}", cells.join(""));
}
