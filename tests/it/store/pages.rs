//! Pages that are read from a store, against the model.

use std::time::SystemTime;

use pronto_grpc::jobs::model::{JobPage, StoredJob};
use pronto_grpc::jobs::store::{Store, StoreError};

use super::accounts::read_part;
use super::compare::{Mismatch, same};
use super::content::credential;
use super::model::Model;
use super::script::Page;
use super::snapshot::{deliveries, events, finished, jobs_of};

/// Reads pages, as a script says, and compares them.
pub async fn read_pages(
    store: &dyn Store,
    model: &Model,
    page: Page,
    times: &[SystemTime],
) -> Result<(), Mismatch> {
    let failed = |error: StoreError| error.to_string();
    let name = model.name(page.job);
    let limit = page.limit.max(1);
    let job = model.jobs.get(&name);

    let walked = events(store, &name, limit).await.map_err(failed)?;
    same(
        "events in pages",
        walked.len(),
        job.map_or(0, |job| job.events.len()),
    )?;
    let walked = deliveries(store, &name, limit).await.map_err(failed)?;
    same(
        "deliveries in pages",
        walked.len(),
        job.map_or(0, |job| job.deliveries.len()),
    )?;

    let after = page.after as i64;
    let expected: Vec<i64> = job.map_or_else(Vec::new, |job| {
        let sequences = job.events.iter().map(|(sequence, _, _)| *sequence);
        sequences.filter(|sequence| *sequence > after).collect()
    });
    let read = store
        .events(&name, after, page.limit)
        .await
        .map_err(failed)?;
    let bytes = job.map_or(0, |job| job.events.iter().map(|event| event.2.len()).sum());
    let sequences = read.iter().map(|event| event.sequence).collect();
    is_page("a page of events", sequences, expected, page.limit, bytes)?;

    let all = page_of_jobs(page, None);
    let listed = store.jobs(all.clone()).await.map_err(failed)?;
    let in_state = |job: &StoredJob| all.states.is_empty() || all.states.contains(&job.state);
    let mut expected = jobs_of(model, 0);
    expected.retain(in_state);
    same(
        "a page of jobs",
        &listed[..],
        &expected[..expected.len().min(page.limit)],
    )?;
    if let Some(last) = listed.last() {
        let next = page_of_jobs(page, Some((last.created, last.id.clone())));
        let next = store.jobs(next).await.map_err(failed)?;
        let rest = &expected[listed.len()..];
        same(
            "the next page of jobs",
            &next[..],
            &rest[..rest.len().min(page.limit)],
        )?;
    }

    let before = times[times.len().saturating_sub(page.after + 1)];
    let read = store
        .finished_jobs(before, page.limit)
        .await
        .map_err(failed)?;
    finished(&read, model, before, page.limit)?;
    read_part(store, model, &name, before).await
}

/// A page holds the first ones, and fewer than it may only where they are large.
fn is_page(
    what: &str,
    actual: Vec<i64>,
    mut expected: Vec<i64>,
    limit: usize,
    bytes: usize,
) -> Result<(), Mismatch> {
    expected.truncate(limit);
    if bytes > LARGE && !actual.is_empty() {
        expected.truncate(actual.len());
    }
    same(what, actual, expected)
}

/// What is smaller fits a page.
const LARGE: usize = 300_000;

fn page_of_jobs(page: Page, before: Option<(SystemTime, String)>) -> JobPage {
    let state = page.state.try_into().ok();
    JobPage {
        credential: credential(0),
        states: state.filter(|_| page.state != 0).into_iter().collect(),
        before,
        limit: page.limit,
    }
}
