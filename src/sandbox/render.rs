//! The world as Pronto's messages.

use prost_types::Struct;

use super::state::day;
use super::world::company::Company;
use super::world::hiring::Posting;
use super::world::names;
use super::world::person::Person;
use crate::proto::json::{self, JsonMessage, Object, Spelling, structs};
use crate::proto::v1::{self, Generation};
use crate::proto::wire::WireEnum;

/// How leads are described.
#[derive(Clone, Copy, Debug)]
pub struct LeadStyle {
    /// Which fields and keys.
    pub generation: Generation,
    /// Without connections, headline and readable handle.
    pub scale: bool,
    /// With the fields that a flat result adds.
    pub flat: bool,
}

fn text(text: impl Into<String>) -> Option<String> {
    Some(text.into())
}

/// The lists that a message always has, empty: to be merged below its fields.
pub fn empty_lists<M: JsonMessage>(probe: &M, spelling: Spelling) -> Object {
    let keys = json::write(probe, spelling).into_iter().map(|(key, _)| key);
    keys.map(|key| (key, serde_json::Value::Array(Vec::new())))
        .collect()
}

/// A person.
pub fn lead(person: Person<'_>, style: LeadStyle) -> v1::Lead {
    let spelling = style.generation.spelling();
    let always = v1::Lead {
        rejection_reasons: vec![String::new()],
        phones: vec![v1::PhoneNumber::default()],
        ..Default::default()
    };
    let mut lead = v1::Lead {
        first_name: text(person.first_name()),
        last_name: text(person.last_name()),
        title: text(person.title()),
        linkedin_url: Some(profile_url(person, style.scale)),
        profile_image_url: text(format!(
            "https://media.example/people/{}.jpg",
            person.member_id()
        )),
        years_in_position: Some((person.months_in_position() / 12).into()),
        months_in_position: Some((person.months_in_position() % 12).into()),
        years_in_company: Some((person.months_in_company() / 12).into()),
        months_in_company: Some((person.months_in_company() % 12).into()),
        additional_fields: Some(structs::from_map(&empty_lists(&always, spelling))),
        ..Default::default()
    };
    qualify(&mut lead, person);
    add_contact_data(&mut lead, person, style.generation);
    if !style.scale {
        lead.headline = text(format!(
            "{} at {}",
            person.title(),
            person.company().cleaned_name()
        ));
        lead.connections_count = Some(person.rng(3).between(40, 3_000) as i32);
    }
    match style.generation {
        Generation::Documented => add_documented(&mut lead, person),
        _ => add_observed(&mut lead, person, style.flat),
    }
    lead
}

/// The LinkedIn URL that results carry.
#[must_use]
pub fn profile_url(person: Person<'_>, scale: bool) -> String {
    if scale {
        person.member_url()
    } else {
        person.vanity_url()
    }
}

fn qualify(lead: &mut v1::Lead, person: Person<'_>) {
    let qualified = is_qualified(person);
    let status = match qualified {
        true => v1::Qualification::Qualified,
        false => v1::Qualification::Disqualified,
    };
    lead.status = text(status.wire());
    if !qualified {
        lead.rejection_reasons = vec!["Current position could not be confirmed".to_owned()];
    }
}

/// Whether the person fits every search that finds them; one in ten does not.
#[must_use]
pub fn is_qualified(person: Person<'_>) -> bool {
    !person.rng(4).percent(10)
}

/// What searches know of email and phone without an enrichment: often nothing.
fn add_contact_data(lead: &mut v1::Lead, person: Person<'_>, generation: Generation) {
    let mut rng = person.rng(5);
    let mut unknown = v1::Lead {
        gender: text(""),
        ..Default::default()
    };
    if rng.percent(60) {
        lead.gender = unknown
            .gender
            .take()
            .map(|_| (*rng.pick(&["female", "male"])).to_owned());
    }
    if rng.percent(40) {
        lead.email = Some(person.email());
        lead.email_status = text("deliverable");
    } else {
        (unknown.email, unknown.email_status) = (text(""), text(""));
    }
    if rng.percent(10) {
        let number = super::enrichment::phone_number(&mut rng, person.city().country());
        let number = v1::PhoneNumber {
            number: Some(number),
            ..Default::default()
        };
        lead.phones = vec![match generation {
            Generation::Documented => number,
            _ => v1::PhoneNumber {
                status: text("valid"),
                provider: text("sandbox"),
                phone_type: text("mobile"),
                ..number
            },
        }];
    }
    lead.null_fields = json::write(&unknown, generation.spelling())
        .into_iter()
        .map(|(k, _)| k)
        .collect();
}

fn add_observed(lead: &mut v1::Lead, person: Person<'_>, flat: bool) {
    lead.location = Some(person.city().text());
    lead.linkedin_id_url = Some(person.member_url());
    if flat {
        lead.full_name = Some(person.full_name());
        lead.linkedin_id = Some(person.member_id());
    }
}

fn add_documented(lead: &mut v1::Lead, person: Person<'_>) {
    let mut rng = person.rng(6);
    lead.full_name = Some(person.full_name());
    lead.title_description = text(format!("{} in {}", person.title(), person.city().name));
    lead.summary = text(format!(
        "{} years of experience.",
        person.years_of_experience()
    ));
    lead.sales_navigator_profile_url = text(format!(
        "https://www.linkedin.com/sales/lead/{},NAME_SEARCH",
        person.member_id()
    ));
    lead.is_premium_linkedin = Some(rng.percent(30));
    lead.is_open_profile_linkedin = Some(rng.percent(15));
    lead.is_open_to_work_linkedin = Some(rng.percent(5));
    lead.connection_degree = Some(connection_degree(person));
    lead.current_positions_count = Some(1);
}

/// Degree of connection to the account of the key.
#[must_use]
pub fn connection_degree(person: Person<'_>) -> i32 {
    match person.rng(7).below(100) {
        0..3 => 1,
        3..25 => 2,
        _ => 3,
    }
}

/// A company.
pub fn company(company: Company<'_>, generation: Generation) -> v1::Company {
    let (_, industry) = company.industry();
    v1::Company {
        name: Some(company.name()),
        cleaned_name: Some(company.cleaned_name()),
        website: Some(format!("https://www.{}", company.domain())),
        location: Some(company.city().text()),
        industry: text(industry),
        headquarters: Some(headquarters(company, generation)),
        description: Some(company.description()),
        linkedin_url: Some(company.linkedin_url()),
        linkedin_id: (generation != Generation::Documented)
            .then(|| company.linkedin_id().to_string()),
        employee_range: text(company.size().wire()),
        company_profile_picture: text(format!(
            "https://media.example/companies/{}.png",
            company.slug()
        )),
        ..Default::default()
    }
}

fn headquarters(company: Company<'_>, generation: Generation) -> v1::Headquarters {
    let city = company.city();
    if generation == Generation::Documented {
        return v1::Headquarters {
            text: Some(city.text()),
            ..Default::default()
        };
    }
    v1::Headquarters {
        city: text(city.name),
        line1: text(format!("{} Market Street", company.rng(4).between(1, 200))),
        country: text(city.country().code),
        postal_code: text(city.postal_code),
        geographic_area: text(city.area),
        ..Default::default()
    }
}

/// A person with their company, nested.
pub fn nested_lead(person: Person<'_>, style: LeadStyle, custom: Option<Struct>) -> v1::LeadResult {
    v1::LeadResult {
        lead: Some(lead(person, style)),
        company: Some(company(person.company(), style.generation)),
        custom,
        ..Default::default()
    }
}

/// A person in one level, with the name of the company.
pub fn flat_lead(person: Person<'_>, style: LeadStyle, custom: Option<Struct>) -> v1::LeadResult {
    let style = LeadStyle {
        flat: true,
        ..style
    };
    let name = v1::AccountPreview {
        company_name: Some(person.company().name()),
        ..Default::default()
    };
    let mut object = json::write(&lead(person, style), style.generation.spelling());
    object.extend(json::write(&name, Spelling::Observed));
    v1::LeadResult {
        custom,
        additional_fields: Some(structs::from_map(&object)),
        ..Default::default()
    }
}

/// A company as a result: its fields in one level.
pub fn account_result(company: v1::Company, generation: Generation) -> v1::AccountResult {
    let object = json::write(&company, generation.spelling());
    v1::AccountResult {
        additional_fields: Some(structs::from_map(&object)),
        ..Default::default()
    }
}

/// A company in a preview.
pub fn account_preview(company: Company<'_>) -> v1::AccountPreview {
    v1::AccountPreview {
        company_name: Some(company.name()),
        industry: text(company.industry().1),
        linkedin_id: Some(company.linkedin_id().to_string()),
        linkedin_url: Some(company.linkedin_url()),
        ..Default::default()
    }
}

/// A person in a preview. Its URL is not one of those that results have.
pub fn lead_preview(person: Person<'_>) -> v1::LeadPreview {
    let urn = format!(
        "urn:li:fs_salesProfile:({},NAME_SEARCH,{:05x})",
        person.member_id(),
        person.index()
    );
    v1::LeadPreview {
        full_name: Some(person.full_name()),
        headline: Some(format!(
            "{} at {}",
            person.title(),
            person.company().cleaned_name()
        )),
        current_company: Some(person.company().name()),
        current_title: Some(person.title()),
        linkedin_id: Some(person.company().linkedin_id().to_string()),
        profile_url: Some(format!("https://www.linkedin.com/in/{urn}")),
        ..Default::default()
    }
}

/// A job posting.
pub fn job_posting(posting: &Posting<'_>) -> v1::JobPosting {
    let company = posting.company;
    let recruiter = company
        .people()
        .next()
        .and_then(|index| company.colleague(index));
    v1::JobPosting {
        job_title: Some(posting.title.clone()),
        job_url: Some(format!(
            "https://jobs.example/{}/{}",
            company.slug(),
            posting.number
        )),
        job_location: Some(posting.city().text()),
        employment_statuses: vec![
            if posting.internship {
                "internship"
            } else {
                "full_time"
            }
            .to_owned(),
        ],
        date_posted: Some(day(posting.days_ago)),
        description: Some(posting.description()),
        hiring_team: recruiter.map(hiring_team_member).into_iter().collect(),
        company: Some(v1::HiringCompany {
            name: Some(company.name()),
            domain: Some(company.domain()),
            linkedin_url: Some(company.linkedin_url()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn hiring_team_member(person: Person<'_>) -> v1::HiringTeamMember {
    v1::HiringTeamMember {
        name: Some(person.full_name()),
        title: Some(person.title()),
        linkedin_url: Some(person.vanity_url()),
        ..Default::default()
    }
}

/// A Sales Navigator search that stands for filters.
#[must_use]
pub fn sales_navigator_url(kind: &str, name: &str) -> String {
    format!(
        "https://www.linkedin.com/sales/search/{kind}?query=({})",
        names::slug(name, '-')
    )
}
