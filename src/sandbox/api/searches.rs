//! SearchService.

use http::StatusCode;

use super::Answer;
use super::accounts::with_empty_lists;
use crate::proto::json;
use crate::proto::v1::{self, Qualification};
use crate::proto::wire::WireEnum;
use crate::sandbox::call::Call;
use crate::sandbox::journal::{Entry, Mark};
use crate::sandbox::render::is_qualified;
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::searches::{Results, SearchRecord, accounts, leads, with_lists};
use crate::sandbox::world::person::Person;

const NO_SEARCH: &str = "Search not found";

/// GET /searches
pub async fn list(call: Call) -> Answer {
    let searches = call.state.searches.lock();
    let own = searches
        .values()
        .rev()
        .filter(|record| record.search.owner == call.owner);
    let searches: Vec<v1::Search> = own.map(summary).collect();
    let probe = v1::ListSearchesResponse {
        searches: vec![v1::Search::default()],
        ..Default::default()
    };
    Ok(with_empty_lists(
        &v1::ListSearchesResponse {
            searches,
            ..Default::default()
        },
        &probe,
    ))
}

fn summary(record: &SearchRecord) -> v1::Search {
    let leads_count = match record.search.results {
        Results::Leads(_) => Some(record.found as i64),
        Results::Accounts(_) | Results::Hiring(_) => None,
    };
    v1::Search {
        leads_count,
        ..record.describe()
    }
}

/// GET /searches/{id}
pub async fn get(call: Call) -> Answer {
    let record = find(&call)?;
    let switches = call.state.form();
    let wanted = qualification(&call);
    let fits = |person: Person<'_>| wanted.is_none_or(|wanted| is_qualified(person) == wanted);
    let answer = v1::GetSearchResponse {
        search: Some(record.describe()),
        leads: leads(&call.state, &record, &switches, fits),
        accounts: accounts(&call.state, &record, &switches, 0..record.found),
        ..Default::default()
    };
    let mut probe = v1::GetSearchResponse::default();
    match record.search.results {
        Results::Leads(_) => probe.leads.push(v1::LeadResult::default()),
        Results::Accounts(_) | Results::Hiring(_) => {
            probe.accounts.push(v1::AccountResult::default());
        }
    }
    let object = json::write(&answer, switches.generation.spelling());
    Ok(Reply::object(with_lists(object, &probe, &switches)))
}

/// The qualification that is asked for. The parameter's name is not known:
/// its value tells.
fn qualification(call: &Call) -> Option<bool> {
    let is = |text: &String, value: Qualification| text.eq_ignore_ascii_case(value.wire());
    call.query.iter().find_map(|text| match () {
        () if is(text, Qualification::Qualified) => Some(true),
        () if is(text, Qualification::Disqualified) => Some(false),
        () => None,
    })
}

/// DELETE /searches/{id}: ends the search, too.
pub async fn delete(call: Call) -> Answer {
    let record = find(&call)?;
    call.state.searches.lock().remove(&record.id);
    call.state.ledger.finish(&record.id);
    let journal = &call.state.journal;
    journal.note(|| Entry::Deleted(Mark::now(&record.id)));
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

fn find(call: &Call) -> Result<SearchRecord, Fault> {
    let searches = call.state.searches.lock();
    let record = searches
        .get(&call.id)
        .filter(|record| record.search.owner == call.owner);
    record.cloned().ok_or(Fault::NotFound(NO_SEARCH))
}
