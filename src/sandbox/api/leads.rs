//! LeadService.

use http::StatusCode;
use serde_json::json;

use super::accounts::with_empty_lists;
use super::{
    Answer, MAX_LEADS, NO_COMPANY, NO_PROFILE, PREVIEW, START_PREVIEW, capped, company,
    default_name,
};
use crate::proto::json::{Spelling, structs};
use crate::proto::v1::{self, Generation, LeadFilters};
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::find_leads::LeadQuery;
use crate::sandbox::render::{self, LeadStyle};
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::searches::{self, NewSearch, Results, SearchRecord};
use crate::sandbox::workspace;
use crate::sandbox::world::person::Person;
use crate::sandbox::world::rng;

/// POST /leads/advanced_search
pub async fn search(call: Call) -> Answer {
    let request: v1::SearchLeadsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    let filters = request.filters.clone().unwrap_or_default();
    require_filter(&filters)?;
    check_rules(&request)?;
    let fitting = fitting(&call, &filters);
    let total = fitting.len();
    let found: Vec<usize> = fitting
        .iter()
        .take(capped(request.limit, MAX_LEADS))
        .map(|person| person.index())
        .collect();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: request.name.unwrap_or_else(|| default_name("Lead search")),
        results: Results::Leads(found),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: request.scale.unwrap_or(false),
        endless: false,
        custom: request.custom,
    };
    let first = fitting
        .iter()
        .take(START_PREVIEW)
        .map(|person| result_preview(*person))
        .collect();
    let record = searches::start(&call, search).await;
    let answer = v1::Acceptance {
        total: Some(total as i64),
        preview: first,
        ..acceptance(&record)
    };
    Ok(Reply::message(&answer, Spelling::Observed).with_status(StatusCode::CREATED))
}

/// 400 when there is neither a filter nor a keyword; a flag that is false is none.
fn require_filter(filters: &LeadFilters) -> Result<(), Fault> {
    let flags = [
        filters.follows_your_company,
        filters.viewed_your_profile,
        filters.with_shared_experiences,
        filters.posted_on_linkedin,
        filters.past_colleague,
    ];
    let unset = LeadFilters {
        follows_your_company: None,
        viewed_your_profile: None,
        with_shared_experiences: None,
        posted_on_linkedin: None,
        past_colleague: None,
        live: None,
        additional_fields: None,
        ..filters.clone()
    };
    if unset != LeadFilters::default() || flags.contains(&Some(true)) {
        return Ok(());
    }
    Err(Fault::BadRequest(
        "Provide at least one filter or keyword".to_owned(),
    ))
}

fn fitting<'c>(call: &'c Call, filters: &LeadFilters) -> Vec<Person<'c>> {
    let query = LeadQuery::new(&call.state, &call.owner, filters);
    call.people().filter(|person| query.fits(*person)).collect()
}

fn acceptance(record: &SearchRecord) -> v1::Acceptance {
    v1::Acceptance {
        id: Some(record.id.clone()),
        search_name: Some(record.search.name.clone()),
        search_url: Some(render::sales_navigator_url("people", &record.search.name)),
        created_at: Some(record.created_at),
        custom: record.search.custom.clone(),
        ..Default::default()
    }
}

fn result_preview(person: Person<'_>) -> v1::ResultPreview {
    let preview = render::lead_preview(person);
    v1::ResultPreview {
        full_name: preview.full_name,
        headline: preview.headline,
        current_company: preview.current_company,
        current_title: preview.current_title,
        linkedin_id: preview.linkedin_id,
        profile_url: preview.profile_url,
        ..Default::default()
    }
}

/// POST /leads/advanced_search/preview
pub async fn preview(call: Call) -> Answer {
    let request: v1::PreviewLeadSearchRequest = call.request()?;
    let filters = request.filters.clone().unwrap_or_default();
    require_filter(&filters)?;
    check_rules(&request)?;
    let fitting = fitting(&call, &filters);
    let answer = v1::PreviewLeadSearchResponse {
        total_count: Some(fitting.len() as i64),
        preview: fitting
            .iter()
            .take(PREVIEW)
            .map(|p| render::lead_preview(*p))
            .collect(),
        ..Default::default()
    };
    let probe = v1::PreviewLeadSearchResponse {
        preview: vec![v1::LeadPreview::default()],
        ..Default::default()
    };
    Ok(with_empty_lists(&answer, &probe))
}

/// POST /leads/search
pub async fn find_at_company(call: Call) -> Answer {
    let request: v1::FindCompanyLeadsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    require_people_filter(&request)?;
    check_rules(&request)?;
    let (url, id) = (
        request.company_linkedin_url.as_ref(),
        request.company_linkedin_id.as_ref(),
    );
    let company = company(&call, url, id, None, None).ok_or(Fault::NotFound(NO_COMPANY))?;
    let mut filters = LeadFilters {
        job_titles: request.job_titles.clone(),
        excluded_job_titles: request.excluded_job_titles.clone(),
        included_locations: request.included_locations.clone(),
        excluded_locations: request.excluded_locations.clone(),
        functions: request.functions.clone(),
        seniority_levels: request.seniority_levels.clone(),
        ..Default::default()
    };
    if let Some(id) = &request.persona_id {
        let persona = workspace::persona(&call.state.world, id);
        let persona = persona.ok_or(Fault::NotFound("Persona not found"))?;
        filters.job_titles = persona.included_titles();
        filters.excluded_job_titles = persona.excluded_titles();
    }
    let query = LeadQuery::new(&call.state, &call.owner, &filters);
    let people = company
        .people()
        .filter_map(|index| company.colleague(index));
    let found = people
        .filter(|person| query.fits(*person))
        .map(|person| person.index());
    let search = NewSearch {
        owner: call.owner.clone(),
        name: request.name.unwrap_or_else(|| default_name("Lead search")),
        results: Results::Leads(found.take(capped(request.limit, MAX_LEADS)).collect()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: request.scale.unwrap_or(false),
        endless: false,
        custom: request.custom,
    };
    let record = searches::start(&call, search).await;
    Ok(Reply::message(&acceptance(&record), Spelling::Observed))
}

/// 400 when the company or every filter on people is missing.
fn require_people_filter(request: &v1::FindCompanyLeadsRequest) -> Result<(), Fault> {
    let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    if !has(&request.company_linkedin_id) && !has(&request.company_linkedin_url) {
        let message = "Provide at least one of: company_linkedin_id, company_linkedin_url";
        return Err(Fault::BadRequest(message.to_owned()));
    }
    let filtered = !request.job_titles.is_empty()
        || !request.excluded_job_titles.is_empty()
        || !request.functions.is_empty()
        || !request.seniority_levels.is_empty()
        || !request.included_locations.is_empty()
        || !request.excluded_locations.is_empty()
        || has(&request.persona_id);
    match filtered {
        true => Ok(()),
        false => Err(Fault::BadRequest(
            "Provide at least one people filter".to_owned(),
        )),
    }
}

/// POST /leads
pub async fn extract(call: Call) -> Answer {
    let request: v1::ExtractLeadsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    for (name, value) in [("search_url", &request.search_url), ("name", &request.name)] {
        if value.trim().is_empty() {
            return Err(Fault::BadRequest(format!("{name} is required")));
        }
    }
    check_rules(&request)?;
    // What a Sales Navigator URL means is LinkedIn's secret: here it selects by chance.
    let hash = rng::hash(&request.search_url) as usize;
    let all = call.state.world.people().count();
    let count = capped(request.limit, (10 + hash % 90).min(all));
    let found = (0..count).map(|offset| (hash % all.max(1) + offset) % all.max(1));
    let search = NewSearch {
        owner: call.owner.clone(),
        name: request.name,
        results: Results::Leads(found.collect()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: request.scale.unwrap_or(false),
        endless: false,
        custom: request.custom,
    };
    let record = searches::start(&call, search).await;
    Ok(Reply::Json(
        StatusCode::ACCEPTED,
        json!({"id": record.id, "status": "processing"}),
    ))
}

/// POST /leads/single_enrich
pub async fn enrich(call: Call) -> Answer {
    let request: v1::EnrichLeadRequest = call.request()?;
    check_rules(&request)?;
    let person = call.state.world.person_by_url(&request.linkedin_url);
    let person = person.ok_or(Fault::NotFound(NO_PROFILE))?;
    // Users read the documented keys here, in one level, and one more.
    let style = LeadStyle {
        generation: Generation::Documented,
        scale: false,
        flat: true,
    };
    let mut result = render::flat_lead(person, style, None);
    let position = v1::Lead {
        current_position: Some(v1::CurrentPosition {
            company_name: Some(person.company().name()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let position = crate::proto::json::write(&position, Spelling::Documented);
    if let Some(fields) = &mut result.additional_fields {
        fields.fields.extend(structs::from_map(&position).fields);
    }
    Ok(Reply::message(&result, Spelling::Documented))
}
