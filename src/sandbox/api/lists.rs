//! ListService.

use http::StatusCode;
use serde_json::{Value, json};

use super::Answer;
use crate::proto::json::{self, Spelling};
use crate::proto::v1::{self, ListKind, ListStatus};
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::journal::{Entry, Task, Work};
use crate::sandbox::lists::{self, ListRecord, detail, linkedin_id};
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::state::{new_id, now};

const NO_LIST: &str = "List not found";

/// GET /lists: a bare array.
pub async fn list(call: Call) -> Answer {
    let lists = call.state.lists.lock();
    let visible = lists
        .values()
        .filter(|list| list.is_visible_to(&call.owner));
    let items = visible.map(|list| Value::Object(json::write(&list.summary(), Spelling::Observed)));
    Ok(Reply::Json(StatusCode::OK, items.collect()))
}

/// POST /lists: with companies, or empty of a kind.
pub async fn create(call: Call) -> Answer {
    let request: v1::CreateListRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    check_rules(&request)?;
    let members = companies(&call, &request.companies);
    let imports = !request.companies.is_empty();
    let kind = request.kind.and_then(|kind| ListKind::try_from(kind).ok());
    let record = ListRecord {
        owner: Some(call.owner.clone()),
        id: new_id(),
        name: request.name,
        kind: kind.filter(|_| !imports).unwrap_or(ListKind::Account),
        linkedin_id: linkedin_id(call.state.lists.lock().len()),
        created_at: now(),
        updated_at: now(),
        status: if imports {
            ListStatus::Pending
        } else {
            ListStatus::Completed
        },
        members,
    };
    let (state, endpoint) = (&call.state, call.endpoint);
    if !imports {
        lists::add(state, &record);
        let summary = json::write(&record.summary(), Spelling::Observed);
        return Ok(Reply::object(summary).with_status(StatusCode::CREATED));
    }
    let task = Task::Import {
        webhook: webhook.clone(),
    };
    let work = Work::new(&record.id, endpoint, task);
    // First: a list whose import is not known would wait for it forever.
    state.journal.note(|| Entry::Started(work));
    lists::add(state, &record);
    let import = || lists::go_on(state, endpoint, &record.id, webhook, 0);
    state.begin(endpoint, import).await;
    let linkedin_id = record.linkedin_id.to_string();
    let body = json!({"id": record.id, "linkedin_id": linkedin_id, "type": "companies"});
    Ok(Reply::Json(StatusCode::CREATED, body))
}

/// The companies of the world among those named; LinkedIn has no others.
fn companies(call: &Call, named: &[v1::CompanyToList]) -> Vec<usize> {
    let find = |company: &v1::CompanyToList| {
        let (url, domain) = (company.linkedin_url.as_ref(), company.domain.as_ref());
        super::company(call, url, None, domain, Some(&company.name)).map(|company| company.index())
    };
    named.iter().filter_map(find).collect()
}

/// GET /lists/{id}
pub async fn get(call: Call) -> Answer {
    let lists = call.state.lists.lock();
    let list = lists
        .get(&call.id)
        .filter(|list| list.is_visible_to(&call.owner));
    Ok(Reply::object(detail(list.ok_or(Fault::NotFound(NO_LIST))?)))
}

/// PUT /lists/{id}
pub async fn update(call: Call) -> Answer {
    let request: v1::UpdateListRequest = call.request()?;
    let members = companies(&call, &request.companies);
    let mut lists = call.state.lists.lock();
    let list = lists
        .get_mut(&call.id)
        .filter(|list| list.is_visible_to(&call.owner));
    let list = list.ok_or(Fault::NotFound(NO_LIST))?;
    if let Some(name) = request.name {
        list.name = name;
    }
    let added: Vec<usize> = members
        .into_iter()
        .filter(|index| !list.members.contains(index))
        .collect();
    list.members.extend(added);
    list.updated_at = now();
    call.state.journal.note(|| Entry::Listed(list.clone()));
    Ok(Reply::object(detail(list)))
}
