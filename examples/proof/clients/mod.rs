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
use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::Form;
use crate::report::Report;

/// Most of a scenario is waiting, but two cores do not bear eight programs that start.
const AT_ONCE: usize = 3;

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
        let cells = columns.iter().map(|column| cell(row, column, rounds));
        let cells: Vec<_> = iter(cells).buffered(AT_ONCE).collect().await;
        print_row(row.name, cells.iter().map(|cell| &*cell.shown));
        for (cell, column) in cells.iter().zip(&columns) {
            let Some(played) = &cell.played else { continue };
            passed += usize::from(played.is_ok());
            failed += usize::from(played.is_err());
            let why = played.as_ref().err();
            report.hold(why.is_none(), || {
                let why = why.map_or("", String::as_str);
                format!("{} {}: {why}", column.name, row.name)
            });
        }
    }
    report.figure("clients", columns.len());
    report.figure("scenarios", rows.len());
    report.figure("disconnects_each", follow::DISCONNECTS);
    report.figure("passed", passed);
    report.zero("failed", failed);
    report
}

/// A cell of the matrix.
struct Cell {
    shown: String,
    /// None where the client does not have the scenario.
    played: Option<Result<(), String>>,
}

async fn cell(row: &Scenario, column: &Column, rounds: usize) -> Cell {
    if !column.has(row.name) {
        let (shown, played) = ("-".to_owned(), None);
        return Cell { shown, played };
    }
    let begin = Instant::now();
    let played = play(row, column, rounds).await;
    let shown = match &played {
        Ok(()) => format!("pass {:.1}s", begin.elapsed().as_secs_f32()),
        Err(_) => "FAIL".to_owned(),
    };
    let played = Some(played);
    Cell { shown, played }
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
