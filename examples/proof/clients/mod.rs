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
mod witness;

use std::time::Instant;

use columns::{COLUMNS, Column};
use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::Form;
use crate::report::Report;

/// So many clients play a scenario at once. Most of it is waiting, but two cores do not
/// bear eight programs that start.
fn at_once(scenario: &str) -> usize {
    match scenario {
        // Nothing but waiting, for 40 s.
        "keepalive" => COLUMNS.len(),
        _ => 3,
    }
}

/// The scenarios, in the order of the matrix.
const SCENARIOS: &[&str] = &[
    "search",
    "enrich",
    "refusals",
    "page",
    "unary",
    "streaming",
    "deadline",
    "cancellation",
    "metadata",
    "large",
    "compression",
    "errors",
    "health",
    "reflection",
    "unix",
    "tls",
    "retry",
    "keepalive",
    "disconnects",
    "restarts",
    "silence",
];

/// How often a stream was cut, or why the scenario failed.
type Outcome = Result<usize, String>;

async fn play(scenario: &'static str, column: &Column) -> Outcome {
    match scenario {
        "search" => examples::search(column).await?,
        "enrich" => examples::enrich(column).await?,
        "refusals" => calls::refusals(column, scenario).await?,
        "cancellation" => calls::cancellation(column, scenario).await?,
        "metadata" => calls::two_keys(column, scenario).await?,
        "compression" => calls::compression(column, scenario).await?,
        "unix" => calls::unix(column, scenario).await?,
        "tls" => tls::tls(column).await?,
        "retry" => calls::retry(column, scenario).await?,
        "keepalive" => calls::keepalive(column).await?,
        "disconnects" => return follow::disconnects(column).await,
        "restarts" => follow::restarts(column).await?,
        "silence" => follow::silence(column).await?,
        _ => calls::plain(column, scenario).await?,
    }
    Ok(0)
}

/// Runs the proof.
pub async fn run(form: Form) -> Report {
    let mut report = Report::default();
    let rounds = form.pick(1, 5);
    let columns = chosen("CLIENTS", COLUMNS, |column| column.name);
    let rows = chosen("SCENARIOS", SCENARIOS, |scenario| scenario);
    let (mut passed, mut failed) = (0, 0);
    let mut disconnects = Vec::new();
    print_row("", columns.iter().map(|column| column.name));
    for &&row in &rows {
        let cells = columns.iter().map(|column| cell(row, column, rounds));
        let cells: Vec<_> = iter(cells).buffered(at_once(row)).collect().await;
        print_row(row, cells.iter().map(|cell| &*cell.shown));
        for (cell, column) in cells.iter().zip(&columns) {
            match &cell.played {
                None => {}
                Some(Ok(cuts)) => {
                    passed += 1;
                    disconnects.extend((*cuts > 0).then_some(*cuts));
                }
                Some(Err(why)) => {
                    failed += 1;
                    report.hold(false, || format!("{} {row}: {why}", column.name));
                }
            }
        }
    }
    report.figure("clients", columns.len());
    report.figure("scenarios", rows.len());
    let least = disconnects.into_iter().min().unwrap_or(0);
    report.figure("least_disconnects", least);
    report.figure("passed", passed);
    report.zero("failed", failed);
    report
}

/// A cell of the matrix.
struct Cell {
    shown: String,
    /// None where the client does not have the scenario.
    played: Option<Outcome>,
}

async fn cell(scenario: &'static str, column: &Column, rounds: usize) -> Cell {
    if !column.has(scenario) {
        let (shown, played) = ("-".to_owned(), None);
        return Cell { shown, played };
    }
    let begin = Instant::now();
    let mut played = Ok(0);
    for _ in 0..rounds {
        played = play(scenario, column).await;
        if played.is_err() {
            break;
        }
    }
    let shown = match &played {
        Ok(_) => format!("pass {:.1}s", begin.elapsed().as_secs_f32()),
        Err(_) => "FAIL".to_owned(),
    };
    let played = Some(played);
    Cell { shown, played }
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
    let cells: Vec<_> = cells.map(|cell| format!("{cell:<12}")).collect();
    println!("{head:<14}{}", cells.join(""));
}
