//! AccountService.

use std::collections::HashMap;

use super::{
    Answer, MAX_ACCOUNTS, NO_COMPANY, PREVIEW, account_acceptance, capped, company, default_name,
};
use crate::proto::json::{self, JsonMessage, Spelling};
use crate::proto::v1;
use crate::proto::wire::WireEnum;
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::find::{Places, Titles};
use crate::sandbox::find_accounts::AccountQuery;
use crate::sandbox::render;
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::searches::{self, NewSearch, Results};
use crate::sandbox::state::new_id;
use crate::sandbox::world::company::Company;
use crate::sandbox::world::rng;

/// POST /accounts/search
pub async fn search(call: Call) -> Answer {
    let request: v1::SearchAccountsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let filters = request.filters.unwrap_or_default();
    let query = AccountQuery::new(&filters);
    let fitting = call.companies().filter(|company| query.fits(*company));
    let found: Vec<usize> = fitting
        .take(capped(request.limit, MAX_ACCOUNTS))
        .map(|company| company.index())
        .collect();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: request
            .name
            .unwrap_or_else(|| default_name("Account search")),
        results: Results::Accounts(found.clone()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: false,
        endless: false,
        custom: None,
    };
    start(
        &call,
        search,
        &found,
        "Account search started successfully.",
    )
    .await
}

/// Starts a search for companies, and answers with the first of them.
pub async fn start(call: &Call, search: NewSearch, found: &[usize], message: &str) -> Answer {
    let record = searches::start(call, search).await;
    let message = format!("{message} You will receive the results on your webhook shortly.");
    let companies = found
        .iter()
        .filter_map(|index| call.state.world.company(*index));
    let acceptance = account_acceptance(record.id, &message, found.len(), companies);
    Ok(Reply::message(&acceptance, Spelling::Observed))
}

/// POST /accounts/search/preview
pub async fn preview(call: Call) -> Answer {
    let request: v1::PreviewAccountSearchRequest = call.request()?;
    check_rules(&request)?;
    let filters = request.filters.unwrap_or_default();
    let query = AccountQuery::new(&filters);
    let companies: Vec<Company<'_>> = call
        .companies()
        .filter(|company| query.fits(*company))
        .collect();
    let answer = v1::PreviewAccountSearchResponse {
        total_count: Some(companies.len() as i64),
        preview: companies
            .iter()
            .take(PREVIEW)
            .map(|c| render::account_preview(*c))
            .collect(),
        ..Default::default()
    };
    let probe = v1::PreviewAccountSearchResponse {
        preview: vec![v1::AccountPreview::default()],
        ..Default::default()
    };
    Ok(with_empty_lists(&answer, &probe))
}

/// A message, with the lists that are there even when they are empty.
pub fn with_empty_lists<M: JsonMessage>(message: &M, probe: &M) -> Reply {
    let mut object = json::write(message, Spelling::Observed);
    for (key, empty) in render::empty_lists(probe, Spelling::Observed) {
        object.entry(key).or_insert(empty);
    }
    Reply::object(object)
}

/// POST /accounts/
pub async fn extract(call: Call) -> Answer {
    let request: v1::ExtractAccountsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), false)?;
    if request.search_url.trim().is_empty() {
        return Err(Fault::BadRequest("search_url is required".to_owned()));
    }
    check_rules(&request)?;
    // What a Sales Navigator URL means is LinkedIn's secret: here it selects by chance.
    let hash = rng::hash(&request.search_url) as usize;
    let all: Vec<usize> = call.companies().map(|company| company.index()).collect();
    let count = capped(request.limit, (10 + hash % 90).min(all.len()));
    let found: Vec<usize> = all
        .iter()
        .cycle()
        .skip(hash % all.len().max(1))
        .take(count)
        .copied()
        .collect();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: request
            .name
            .unwrap_or_else(|| default_name("Account search")),
        results: Results::Accounts(found.clone()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: false,
        endless: false,
        custom: request.custom,
    };
    start(
        &call,
        search,
        &found,
        "Account search started successfully.",
    )
    .await
}

/// POST /accounts/single_enrich
pub async fn enrich(call: Call) -> Answer {
    let request: v1::EnrichAccountRequest = call.request()?;
    let identifiers = [
        &request.company_linkedin_url,
        &request.name,
        &request.domain,
    ];
    require_one(&identifiers, "company_linkedin_url, name, domain")?;
    check_rules(&request)?;
    let found = company(
        &call,
        request.company_linkedin_url.as_ref(),
        None,
        request.domain.as_ref(),
        request.name.as_ref(),
    );
    let found = found.filter(|c| {
        request
            .country
            .as_deref()
            .is_none_or(|code| c.city().country().code == code)
    });
    let generation = call.state.form().generation;
    let company = render::company(found.ok_or(Fault::NotFound(NO_COMPANY))?, generation);
    Ok(Reply::message(&company, generation.spelling()))
}

/// 400 with the documented text when no identifier is given.
fn require_one(identifiers: &[&Option<String>], names: &str) -> Result<(), Fault> {
    let given = |text: &&Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    match identifiers.iter().any(given) {
        true => Ok(()),
        false => Err(Fault::BadRequest(format!(
            "Provide at least one of: {names}"
        ))),
    }
}

const STACK_IDENTIFIERS: &str = "company_domain, company_name, company_linkedin_url";

/// POST /accounts/company_stack
pub async fn stack(call: Call) -> Answer {
    let request: v1::GetCompanyStackRequest = call.request()?;
    let identifiers = [
        &request.company_domain,
        &request.company_name,
        &request.company_linkedin_url,
    ];
    require_one(&identifiers, STACK_IDENTIFIERS)?;
    check_rules(&request)?;
    let price = u64::from(call.endpoint.credits.request);
    call.state.check_credits(price)?;
    let found = company(
        &call,
        request.company_linkedin_url.as_ref(),
        None,
        request.company_domain.as_ref(),
        request.company_name.as_ref(),
    );
    let technologies = found
        .map(|company| company.technologies())
        .unwrap_or_default();
    // By request: also when nothing is found.
    call.bill(&new_id(), price);
    let probe = v1::GetCompanyStackResponse {
        technologies: vec![String::new()],
        technologies_with_confidence: vec![v1::Technology::default()],
        ..Default::default()
    };
    let answer = v1::GetCompanyStackResponse {
        technologies: technologies
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        technologies_with_confidence: technologies.into_iter().map(technology).collect(),
        ..Default::default()
    };
    Ok(with_empty_lists(&answer, &probe))
}

fn technology((name, confidence): (&str, f64)) -> v1::Technology {
    v1::Technology {
        name: Some(name.to_owned()),
        confidence: Some(confidence),
        ..Default::default()
    }
}

/// POST /accounts/company_hiring
pub async fn hiring(call: Call) -> Answer {
    let request: v1::ListCompanyJobPostingsRequest = call.request()?;
    let identifiers = [
        &request.company_domain,
        &request.company_name,
        &request.company_linkedin_url,
    ];
    require_one(&identifiers, STACK_IDENTIFIERS)?;
    check_rules(&request)?;
    let price = u64::from(call.endpoint.credits.request);
    call.state.check_credits(price)?;
    let found = company(
        &call,
        request.company_linkedin_url.as_ref(),
        None,
        request.company_domain.as_ref(),
        request.company_name.as_ref(),
    );
    let mut postings = found.map(|company| company.postings()).unwrap_or_default();
    let recent = request
        .posted_within_days
        .and_then(|days| u32::try_from(days).ok());
    postings.retain(|posting| recent.is_none_or(|days| posting.days_ago <= days));
    call.bill(&new_id(), price);
    let answer = v1::ListCompanyJobPostingsResponse {
        total_jobs: Some(postings.len() as i64),
        jobs: postings.iter().map(render::job_posting).collect(),
        ..Default::default()
    };
    let probe = v1::ListCompanyJobPostingsResponse {
        jobs: vec![v1::JobPosting::default()],
        ..Default::default()
    };
    Ok(with_empty_lists(&answer, &probe))
}

/// POST /accounts/headcount
pub async fn headcount(call: Call) -> Answer {
    let request: v1::GetHeadcountRequest = call.request()?;
    let identifiers = [&request.company_linkedin_id, &request.company_linkedin_url];
    require_one(&identifiers, "company_linkedin_id, company_linkedin_url")?;
    check_rules(&request)?;
    let (url, id) = (
        request.company_linkedin_url.as_ref(),
        request.company_linkedin_id.as_ref(),
    );
    let company = company(&call, url, id, None, None).ok_or(Fault::NotFound(NO_COMPANY))?;
    let wanted = |function: &v1::JobFunction| {
        request.departments.is_empty() || request.departments.contains(&i32::from(*function))
    };
    let departments: HashMap<String, v1::DepartmentHeadcount> = v1::JobFunction::all()
        .filter(wanted)
        .map(|function| (function.label().to_owned(), department(company, function)))
        .collect();
    let answer = v1::GetHeadcountResponse {
        departments,
        ..Default::default()
    };
    Ok(Reply::message(&answer, Spelling::Observed))
}

fn department(company: Company<'_>, function: v1::JobFunction) -> v1::DepartmentHeadcount {
    let (people, growth) = company.department(function);
    let over = |months: i64| Some(evolution(people, growth * months / 12));
    v1::DepartmentHeadcount {
        three_months_evolution: over(3),
        six_months_evolution: over(6),
        twelve_months_evolution: over(12),
        ..Default::default()
    }
}

/// The growth that led to so many people, in whole percent of the start.
fn evolution(people: i64, growth: i64) -> v1::HeadcountEvolution {
    let base = people * 100 / (100 + growth).max(1);
    let gain = people - base;
    v1::HeadcountEvolution {
        base_headcount: Some(base),
        current_headcount: Some(people),
        headcount_gain: Some(gain),
        headcount_gain_percentage: Some(if base == 0 { 0 } else { gain * 100 / base }),
        ..Default::default()
    }
}

/// POST /accounts/count_profiles
pub async fn count_profiles(call: Call) -> Answer {
    let request: v1::CountProfilesRequest = call.request()?;
    let identifiers = [&request.company_linkedin_id, &request.company_linkedin_url];
    require_one(&identifiers, "company_linkedin_id, company_linkedin_url")?;
    check_rules(&request)?;
    let (url, id) = (
        request.company_linkedin_url.as_ref(),
        request.company_linkedin_id.as_ref(),
    );
    let company = company(&call, url, id, None, None).ok_or(Fault::NotFound(NO_COMPANY))?;
    let included = Titles::new(&request.title_to_include);
    let excluded = Titles::new(&request.title_to_exclude);
    let places = Places::new(&request.included_locations, &request.excluded_locations);
    let people = company
        .people()
        .filter_map(|index| company.colleague(index));
    let fitting = people.filter(|person| {
        places.allow(person.city())
            && included.allow(|| person.title())
            && excluded.spare(|| person.title())
    });
    let answer = v1::CountProfilesResponse {
        total: Some(fitting.count() as i64),
        title_to_include: request.title_to_include,
        title_to_exclude: request.title_to_exclude,
        included_locations: request.included_locations,
        excluded_locations: request.excluded_locations,
        ..Default::default()
    };
    let one = || vec![String::new()];
    let probe = v1::CountProfilesResponse {
        title_to_include: one(),
        title_to_exclude: one(),
        included_locations: one(),
        excluded_locations: one(),
        ..Default::default()
    };
    Ok(with_empty_lists(&answer, &probe))
}
