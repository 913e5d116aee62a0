//! A sandbox that goes on where another process was.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::config::SandboxConfig;
use super::journal::{Beginning, FORMAT, Journal, JournalError, Kept, Past, Task, WorldName};
use super::searches;
use super::state::State;
use super::{bulk, contacts, lists, settings};
use crate::proto::canonical;
use crate::proto::v1::SandboxSettings;

/// Lets a state that is new note what it does in a file, and brings back what that tells.
///
/// # Errors
///
/// When the file cannot be used.
pub fn open(state: &mut State, config: &SandboxConfig, file: &Path) -> Result<(), JournalError> {
    let beginning = Beginning {
        format: FORMAT,
        world: WorldName {
            seed: config.seed,
            companies: config.companies,
            people: config.people,
        },
        settings: settings::object(&state.switches.read()),
    };
    let (journal, past) = Journal::open(file, beginning)?;
    state.journal = journal;
    bring_back(state, past).map_err(|reason| JournalError::Settings {
        file: file.to_owned(),
        reason,
    })
}

fn bring_back(state: &State, past: Past) -> Result<(), String> {
    bring_settings_back(state, &past)?;
    state.bring_back_turn(past.turn);
    state.lists.lock().extend(past.lists);
    for bill in past.bills.values() {
        state.ledger.bill(bill);
    }
    for kept in past.works.into_values() {
        bring_work_back(state, &kept);
        if kept.is_under_way() {
            state.rest(kept);
        }
    }
    Ok(())
}

fn bring_settings_back(state: &State, past: &Past) -> Result<(), String> {
    let told = Value::Object(past.settings.clone());
    let mut switches = state.switches.write();
    let set = canonical::read::<SandboxSettings>(&told)
        .and_then(|read| settings::apply(&mut switches, &read.message, &read.fields));
    set.map_err(|violations| {
        let said = violations
            .into_iter()
            .map(|violation| format!("{}: {}", violation.field, violation.description));
        said.collect::<Vec<_>>().join("; ")
    })?;
    switches.faults.count_from(&past.faults);
    Ok(())
}

fn bring_work_back(state: &State, kept: &Kept) {
    let (id, endpoint) = (&kept.work.id, kept.work.endpoint);
    let webhook = kept.work.task.webhook();
    match &kept.work.task {
        Task::Search { search, .. } => {
            state.ledger.start(id, endpoint, webhook);
            searches::bring_back(state, kept, search);
        }
        Task::Contacts(new) => {
            state.ledger.start(id, endpoint, webhook);
            contacts::bring_back(state, kept, new);
        }
        Task::Items(new) => {
            state.ledger.start(id, endpoint, webhook);
            bulk::bring_back(state, kept, new);
        }
        // Its list is among the lists.
        Task::Import { .. } => {}
    }
}

/// Goes on with some work.
pub fn go_on(state: &Arc<State>, kept: Kept) {
    let (id, endpoint) = (&kept.work.id, kept.work.endpoint);
    let so_far = (kept.found, kept.delivered);
    let first_delivery = match kept.work.task {
        Task::Search { failure, .. } => {
            let record = state.searches.lock().get(id).cloned();
            let Some(record) = record else { return };
            searches::go_on(state, endpoint, record, failure, kept.delivered)
        }
        Task::Contacts(new) => contacts::go_on(state, endpoint, id, new, so_far),
        Task::Items(new) => bulk::go_on(state, endpoint, id, new, so_far),
        Task::Import { webhook } => lists::go_on(state, endpoint, id, webhook, kept.delivered),
    };
    // Nobody waits for it: the request that started the work is over.
    drop(first_delivery);
}
