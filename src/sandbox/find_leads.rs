//! Searches for people by filters.

use std::collections::HashSet;

use super::find::{Keywords, Places, Titles, allows, has_industry, has_size};
use super::render::connection_degree;
use super::state::State;
use super::world::company::Company;
use super::world::person::{Person, tenure};
use crate::proto::v1::{LeadFilters, ListKind, Relationship};

/// Filters, prepared for many people.
pub struct LeadQuery<'f> {
    filters: &'f LeadFilters,
    keywords: Keywords,
    titles: Titles,
    excluded_titles: Titles,
    past_titles: Titles,
    excluded_past_titles: Titles,
    places: Places,
    headquarters: Places,
    companies: Lists,
    people: Lists,
}

/// Members of lists to include, if any are named, and to exclude.
struct Lists {
    included: Option<HashSet<usize>>,
    excluded: HashSet<usize>,
}

impl Lists {
    fn new(
        state: &State,
        owner: &str,
        kind: ListKind,
        included: &[String],
        excluded: &[String],
    ) -> Self {
        let members = |ids: &[String]| -> HashSet<usize> {
            let lists = state.lists.lock();
            let named = lists.values().filter(|list| {
                let id = list.linkedin_id.to_string();
                list.kind == kind && list.is_visible_to(owner) && ids.contains(&id)
            });
            named
                .flat_map(|list| list.members.iter().copied())
                .collect()
        };
        Self {
            included: (!included.is_empty()).then(|| members(included)),
            excluded: members(excluded),
        }
    }

    fn allow(&self, index: usize) -> bool {
        self.included
            .as_ref()
            .is_none_or(|included| included.contains(&index))
            && !self.excluded.contains(&index)
    }
}

impl<'f> LeadQuery<'f> {
    /// Prepares filters. Lists are those that their owner may see.
    #[must_use]
    pub fn new(state: &State, owner: &str, f: &'f LeadFilters) -> Self {
        let (accounts, leads) = (ListKind::Account, ListKind::Lead);
        Self {
            filters: f,
            keywords: Keywords::new(f.keyword.as_deref()),
            titles: Titles::new(&f.job_titles),
            excluded_titles: Titles::new(&f.excluded_job_titles),
            past_titles: Titles::new(&f.past_titles),
            excluded_past_titles: Titles::new(&f.excluded_past_titles),
            places: Places::new(&f.included_locations, &f.excluded_locations),
            headquarters: Places::new(&f.company_headquarters, &[]),
            companies: Lists::new(
                state,
                owner,
                accounts,
                &f.included_account_lists,
                &f.excluded_account_lists,
            ),
            people: Lists::new(
                state,
                owner,
                leads,
                &f.included_lead_lists,
                &f.excluded_lead_lists,
            ),
        }
    }

    /// Whether a person fits. Cheap filters come first: titles are derived.
    #[must_use]
    pub fn fits(&self, person: Person<'_>) -> bool {
        self.fits_position(person)
            && self.fits_company(person.company())
            && self.fits_past(person)
            && self.people.allow(person.index())
            && self.fits_linkedin(person)
            && self.titles.allow(|| person.title())
            && self.excluded_titles.spare(|| person.title())
            && self.keywords.allow(|| describe(person))
    }

    fn fits_position(&self, person: Person<'_>) -> bool {
        let f = self.filters;
        let experience = person.years_of_experience() * 12;
        allows(&f.functions, person.function())
            && allows(&f.seniority_levels, person.seniority())
            && allows(&f.years_of_experience, tenure(experience))
            && allows(
                &f.years_at_current_company,
                tenure(person.months_in_company()),
            )
            && allows(
                &f.years_in_current_position,
                tenure(person.months_in_position()),
            )
            && (f.recently_changed_jobs.is_empty() || person.changed_jobs_recently())
            && self.places.allow(person.city())
    }

    fn fits_company(&self, company: Company<'_>) -> bool {
        let f = self.filters;
        let id = company.linkedin_id().to_string();
        has_size(company, &f.company_size)
            && allows(&f.company_type, company.kind())
            && has_industry(company, &f.included_industries, &f.excluded_industries)
            && (f.included_companies.is_empty() || f.included_companies.contains(&id))
            && !f.excluded_companies.contains(&id)
            && self.headquarters.allow(company.city())
            && self.companies.allow(company.index())
    }

    fn fits_past(&self, person: Person<'_>) -> bool {
        let companies = &self.filters.past_companies;
        (companies.is_empty()
            || companies.contains(&person.past_company().linkedin_id().to_string()))
            && self.past_titles.allow(|| person.past_title())
            && self.excluded_past_titles.spare(|| person.past_title())
    }

    /// What only LinkedIn knows, drawn by chance for each person.
    fn fits_linkedin(&self, person: Person<'_>) -> bool {
        let f = self.filters;
        let mut rng = person.rng(8);
        let mut applies = |wanted: Option<bool>, percent| {
            let is_so = rng.percent(percent);
            !wanted.unwrap_or(false) || is_so
        };
        let flags = [
            applies(f.follows_your_company, 5),
            applies(f.viewed_your_profile, 2),
            applies(f.with_shared_experiences, 10),
            applies(f.posted_on_linkedin, 35),
            applies(f.past_colleague, 2),
            applies(f.connections_of_profile.as_ref().map(|_| true), 4),
        ];
        flags.iter().all(|flag| *flag)
            && (f.relationship.is_empty() || is_related(person, &f.relationship))
    }
}

fn is_related(person: Person<'_>, relationships: &[i32]) -> bool {
    let degree = match connection_degree(person) {
        1 => Relationship::FirstDegree,
        2 => Relationship::SecondDegree,
        _ => Relationship::ThirdDegreeAndBeyond,
    };
    let in_a_group =
        relationships.contains(&Relationship::GroupMembers.into()) && person.rng(9).percent(5);
    in_a_group || relationships.contains(&degree.into())
}

fn describe(person: Person<'_>) -> String {
    let company = person.company();
    let (_, industry) = company.industry();
    format!(
        "{} {} {} {industry} {}",
        person.full_name(),
        person.title(),
        company.name(),
        person.city().text()
    )
}
