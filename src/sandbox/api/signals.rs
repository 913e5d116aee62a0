//! SignalService.

use serde_json::{Value, json};

use super::accounts;
use super::{Answer, MAX_ACCOUNTS, NO_COMPANY, capped, default_name};
use crate::proto::endpoint::UpstreamRequest;
use crate::proto::json::Spelling;
use crate::proto::v1::{self, JobFunction, ListKind, PublishedDate};
use crate::proto::wire::WireEnum;
use crate::sandbox::call::{Call, check_rules, check_webhook_url};
use crate::sandbox::find::{Places, Titles, has_industry, has_size};
use crate::sandbox::render;
use crate::sandbox::reply::{Fault, Reply};
use crate::sandbox::searches::{self, NewSearch, Results};
use crate::sandbox::world::company::Company;
use crate::sandbox::world::hiring::Posting;
use crate::sandbox::world::rng;

/// People that a signal finds when no limit is given.
const SIGNAL_PEOPLE: usize = 25;

/// Industries whose companies hire for others: consulting, recruiting.
const GO_BETWEENS: &[u32] = &[11, 104];

/// POST /intents/accounts/hiring
pub async fn hiring(call: Call) -> Answer {
    let request: v1::SearchHiringAccountsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let mut found = companies_that_hire(&call, &request);
    found.truncate(capped(request.limit, MAX_ACCOUNTS));
    if found.is_empty() {
        let body = json!({"preview_count": 0, "message": "No results found"});
        return Ok(Reply::Json(http::StatusCode::OK, body));
    }
    let count = found.len();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: default_name("Hiring signal"),
        results: Results::Hiring(found),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: false,
        endless: false,
        custom: None,
    };
    let record = searches::start(&call, search).await;
    let body = json!({"preview_count": count, "message": null, "id": record.id});
    Ok(Reply::Json(http::StatusCode::OK, body))
}

fn companies_that_hire(
    call: &Call,
    request: &v1::SearchHiringAccountsRequest,
) -> Vec<(usize, Vec<u64>)> {
    let places = Places::new(&request.included_locations, &request.excluded_locations);
    let wanted = PostingQuery::new(request);
    let least = request
        .job_min_posted
        .and_then(|min| usize::try_from(min).ok())
        .unwrap_or(1);
    let fits = |company: &Company<'_>| {
        places.allow(company.city())
            && has_size(*company, &request.company_size)
            && has_industry(*company, &request.included_industries, &[])
            && !(request.exclude_consulting_recruiting()
                && GO_BETWEENS.contains(&company.industry().0))
    };
    let hiring = call.companies().filter(fits).map(|company| {
        let postings = company.postings();
        let matching = postings.iter().filter(|posting| wanted.fits(posting));
        (
            company.index(),
            matching.map(|posting| posting.number).collect::<Vec<u64>>(),
        )
    });
    hiring
        .filter(|(_, numbers)| numbers.len() >= least.max(1))
        .collect()
}

/// Which postings count.
struct PostingQuery {
    titles: Titles,
    excluded_titles: Titles,
    keywords: Titles,
    excluded_keywords: Titles,
    days: Option<u32>,
    internships: bool,
}

impl PostingQuery {
    fn new(request: &v1::SearchHiringAccountsRequest) -> Self {
        let date = request
            .published_date
            .and_then(|date| PublishedDate::try_from(date).ok());
        Self {
            titles: Titles::new(&request.selected_titles),
            excluded_titles: Titles::new(&request.excluded_titles),
            keywords: Titles::new(&request.selected_keywords),
            excluded_keywords: Titles::new(&request.excluded_keywords),
            days: date.and_then(days),
            internships: !request.exclude_internships(),
        }
    }

    fn fits(&self, posting: &Posting<'_>) -> bool {
        let title = || posting.title.clone();
        self.days.is_none_or(|days| posting.days_ago <= days)
            && (self.internships || !posting.internship)
            && self.titles.allow(title)
            && self.excluded_titles.spare(title)
            && self.keywords.allow(|| posting.description())
            && self.excluded_keywords.spare(|| posting.description())
    }
}

/// The number of days in `last_7_days` and `last_24_hours`.
fn days(date: PublishedDate) -> Option<u32> {
    let mut words = date.wire().split('_').skip(1);
    let number: u32 = words.next()?.parse().ok()?;
    Some(if words.next()? == "hours" {
        number.div_ceil(24)
    } else {
        number
    })
}

/// POST /intents/accounts/growth
pub async fn growth(call: Call) -> Answer {
    let request: v1::SearchGrowingAccountsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    refuse_unknown_keys(&request)?;
    check_rules(&request)?;
    let places = Places::new(&request.included_locations, &request.excluded_locations);
    let fits = |company: &Company<'_>| {
        places.allow(company.city())
            && has_size(*company, &request.company_size)
            && has_industry(*company, &request.included_industries, &[])
            && grows(*company, &request)
    };
    let fitting = call.companies().filter(fits);
    let found: Vec<usize> = fitting
        .take(capped(request.limit, MAX_ACCOUNTS))
        .map(|company| company.index())
        .collect();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: default_name("Growth signal"),
        results: Results::Accounts(found.clone()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: false,
        endless: false,
        custom: None,
    };
    let record = searches::start(&call, search).await;
    let companies = found
        .iter()
        .filter_map(|index| call.state.world.company(*index));
    let message =
        "Growth search started successfully. You will receive the results on your webhook shortly.";
    let url = render::sales_navigator_url("company", &record.search.name);
    let acceptance = super::account_acceptance(record.id, message, found.len(), companies);
    let acceptance = v1::Acceptance {
        account_url: Some(url),
        ..acceptance
    };
    Ok(Reply::message(&acceptance, Spelling::Observed))
}

fn refuse_unknown_keys(request: &v1::SearchGrowingAccountsRequest) -> Result<(), Fault> {
    let unknown: Vec<String> = request
        .additional_fields
        .iter()
        .flat_map(|kept| kept.fields.keys())
        .map(|key| format!("unknown parameter: {key}"))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Fault::Invalid(unknown))
    }
}

fn grows(company: Company<'_>, request: &v1::SearchGrowingAccountsRequest) -> bool {
    let within = |value: i64, min: Option<f64>, max: Option<f64>| {
        min.is_none_or(|min| value as f64 >= min) && max.is_none_or(|max| value as f64 <= max)
    };
    let Some(function) = request
        .department
        .and_then(|number| JobFunction::try_from(number).ok())
    else {
        let (min, max) = (
            request.min_headcount_growth_percentage,
            request.max_headcount_growth_percentage,
        );
        return within(company.growth(), min, max);
    };
    let (people, growth) = company.department(function);
    within(
        people,
        request.min_department_headcount.map(f64::from),
        request.max_department_headcount.map(f64::from),
    ) && within(
        growth,
        request.min_department_headcount_growth_percentage,
        request.max_department_headcount_growth_percentage,
    )
}

/// POST /intents/accounts/lookalikes
pub async fn lookalikes(call: Call) -> Answer {
    let request: v1::SearchLookalikeAccountsRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let urls = request
        .company_linkedin_urls
        .iter()
        .chain(&request.company_linkedin_url);
    let models: Vec<Company<'_>> = urls
        .filter_map(|url| call.state.world.company_by_url(url))
        .collect();
    if models.is_empty() {
        return Err(Fault::NotFound(NO_COMPANY));
    }
    let places = Places::new(&request.included_locations, &request.excluded_locations);
    let resembles = |company: &Company<'_>| {
        models
            .iter()
            .any(|model| model.industry() == company.industry())
            && models.iter().all(|model| model.index() != company.index())
            && has_size(*company, &request.company_size)
            && places.allow(company.city())
    };
    let fitting = call.companies().filter(resembles);
    let found: Vec<usize> = fitting
        .take(capped(request.limit, MAX_ACCOUNTS))
        .map(|company| company.index())
        .collect();
    let search = NewSearch {
        owner: call.owner.clone(),
        name: default_name("Lookalike search"),
        results: Results::Accounts(found.clone()),
        webhook,
        streaming: request.streaming.unwrap_or(false),
        scale: false,
        endless: false,
        custom: None,
    };
    accounts::start(
        &call,
        search,
        &found,
        "Lookalike search started successfully.",
    )
    .await
}

/// A signal about people whose body is not documented.
trait PeopleSignal: UpstreamRequest {
    /// Largest number of people, whether to stream, and where to.
    fn delivery(&self) -> (Option<i32>, bool, Option<&str>);
}

macro_rules! people_signals {
    ($($message:ident),* $(,)?) => {$(
        impl PeopleSignal for v1::$message {
            fn delivery(&self) -> (Option<i32>, bool, Option<&str>) {
                (self.limit, self.streaming(), self.webhook_url.as_deref())
            }
        }
    )*};
}

people_signals!(
    SearchPostEngagersRequest,
    SearchPostsRequest,
    SearchReactionsRequest,
    SearchCommentsRequest,
    FindNewHiresRequest,
);

/// POST /intents/leads/posts_engagers
pub async fn post_engagers(call: Call) -> Answer {
    by_chance::<v1::SearchPostEngagersRequest>(call).await
}

/// POST /intents/leads/posts
pub async fn posts(call: Call) -> Answer {
    by_chance::<v1::SearchPostsRequest>(call).await
}

/// POST /intents/leads/reactions
pub async fn reactions(call: Call) -> Answer {
    by_chance::<v1::SearchReactionsRequest>(call).await
}

/// POST /intents/leads/comments
pub async fn comments(call: Call) -> Answer {
    by_chance::<v1::SearchCommentsRequest>(call).await
}

/// What people posted, only LinkedIn knows: here the body selects by chance, without the
/// address of the webhook, which differs each time.
async fn by_chance<M: PeopleSignal>(call: Call) -> Answer {
    let all = call.state.world.people().count().max(1);
    let mut body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("webhook_url");
    }
    let start = rng::hash(&format!("{} {body}", call.endpoint.path)) as usize % all;
    // The step is odd and no multiple of five, so that people of many companies come.
    let people = (0..all).map(|number| (start + number * 97) % all).collect();
    people_signal::<M>(call, people).await
}

/// POST /intents/leads/find_new_hires
pub async fn new_hires(call: Call) -> Answer {
    let people = call
        .state
        .world
        .people()
        .filter(|person| person.months_in_company() <= 3);
    let people = people.map(|person| person.index()).collect();
    people_signal::<v1::FindNewHiresRequest>(call, people).await
}

async fn people_signal<M: PeopleSignal>(call: Call, mut people: Vec<usize>) -> Answer {
    let request: M = call.request()?;
    let (limit, streaming, url) = request.delivery();
    let webhook = check_webhook_url(url, true)?;
    check_rules(&request)?;
    people.truncate(limit.map_or(SIGNAL_PEOPLE, |limit| capped(Some(limit), usize::MAX)));
    start_people_signal(&call, people, webhook, streaming, false).await
}

/// POST /intents/leads/track_job_changes: never ends.
pub async fn job_changes(call: Call) -> Answer {
    let request: v1::TrackJobChangesRequest = call.request()?;
    let webhook = check_webhook_url(request.webhook_url.as_deref(), true)?;
    check_rules(&request)?;
    let members = {
        let lists = call.state.lists.lock();
        let list = lists.get(&request.lead_list_id);
        let list =
            list.filter(|list| list.kind == ListKind::Lead && list.is_visible_to(&call.owner));
        list.ok_or(Fault::NotFound("Lead list not found"))?
            .members
            .clone()
    };
    start_people_signal(&call, members, webhook, true, true).await
}

async fn start_people_signal(
    call: &Call,
    people: Vec<usize>,
    webhook: Option<url::Url>,
    streaming: bool,
    endless: bool,
) -> Answer {
    let search = NewSearch {
        owner: call.owner.clone(),
        name: default_name("Lead signal"),
        results: Results::Leads(people),
        webhook,
        streaming,
        scale: false,
        endless,
        custom: None,
    };
    let record = searches::start(call, search).await;
    Ok(Reply::Json(http::StatusCode::OK, json!({"id": record.id})))
}
