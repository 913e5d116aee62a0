//! The companies and people that the sandbox knows: synthetic, and the same for
//! the same seed. Rows are compact and every text is derived when it is needed,
//! so that a world is made in milliseconds and fits in about a megabyte.

pub mod company;
pub mod hiring;
pub mod names;
pub mod person;
pub mod places;
pub mod rng;

use std::collections::HashMap;

use company::{Company, SizeBounds};
use person::Person;

/// All companies and people.
pub struct World {
    seed: u64,
    sizes: Vec<SizeBounds>,
    companies: Vec<company::Row>,
    people: Vec<person::Row>,
    /// For each company the number of its first person, and one past the last.
    first_person: Vec<u32>,
    by_slug: HashMap<String, u32>,
}

impl World {
    /// Makes a world of so many companies (at least one) and people.
    #[must_use]
    pub fn generate(seed: u64, companies: usize, people: usize) -> Self {
        let sizes = company::size_bounds();
        let rows: Vec<_> = (0..companies.max(1))
            .map(|index| company::Row::generate(seed, index, &sizes))
            .collect();
        let first_person = distribute(people, &rows);
        let mut world = Self {
            seed,
            sizes,
            companies: rows,
            people: Vec::new(),
            first_person,
            by_slug: HashMap::new(),
        };
        world.by_slug = world
            .companies()
            .map(|c| (c.slug(), c.index() as u32))
            .collect();
        world.people = world
            .companies()
            .flat_map(|company| company.people().map(move |index| (index, company)))
            .map(|(index, company)| person::Row::generate(seed, index, company))
            .collect();
        world
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// All companies.
    pub fn companies(&self) -> impl Iterator<Item = Company<'_>> {
        (0..self.companies.len()).map(|index| Company { world: self, index })
    }

    /// All people.
    pub fn people(&self) -> impl Iterator<Item = Person<'_>> {
        (0..self.people.len()).map(|index| Person { world: self, index })
    }

    /// The company with this number.
    #[must_use]
    pub fn company(&self, index: usize) -> Option<Company<'_>> {
        (index < self.companies.len()).then_some(Company { world: self, index })
    }

    /// The person with this number.
    #[must_use]
    pub fn person(&self, index: usize) -> Option<Person<'_>> {
        (index < self.people.len()).then_some(Person { world: self, index })
    }

    /// The company with this LinkedIn organization id (digits).
    #[must_use]
    pub fn company_by_id(&self, id: &str) -> Option<Company<'_>> {
        self.company(company::index_of_id(id.parse().ok()?)?)
    }

    /// The company whose LinkedIn page (regular or Sales Navigator) this is.
    #[must_use]
    pub fn company_by_url(&self, url: &str) -> Option<Company<'_>> {
        let page = last_segment(url)?;
        self.company_by_id(page)
            .or_else(|| self.company_by_slug(page))
    }

    /// The company with this name, with or without legal form.
    #[must_use]
    pub fn company_by_name(&self, name: &str) -> Option<Company<'_>> {
        let slug = names::slug(name, '-');
        let without_form = slug.rsplit_once('-').map_or("", |(rest, _)| rest);
        self.company_by_slug(&slug).or_else(|| {
            self.company_by_slug(without_form)
                .filter(|c| names::slug(&c.name(), '-') == slug)
        })
    }

    /// The company with this domain.
    #[must_use]
    pub fn company_by_domain(&self, domain: &str) -> Option<Company<'_>> {
        let domain = domain.trim().to_ascii_lowercase();
        let host = domain.split("://").last()?.split('/').next()?;
        let host = host.strip_prefix("www.").unwrap_or(host);
        self.company_by_slug(host.split('.').next()?)
            .filter(|company| company.domain() == host)
    }

    fn company_by_slug(&self, slug: &str) -> Option<Company<'_>> {
        self.company(*self.by_slug.get(slug)? as usize)
    }

    /// The person whose LinkedIn profile this is, by handle or member id.
    #[must_use]
    pub fn person_by_url(&self, url: &str) -> Option<Person<'_>> {
        let handle = last_segment(url)?;
        let person = self.person(person::index_of_handle(handle)?)?;
        let is_theirs = |url: String| last_segment(&url) == Some(handle);
        (is_theirs(person.vanity_url()) || is_theirs(person.member_url())).then_some(person)
    }
}

/// The last part of a URL's path; of a Sales Navigator URL the id before a comma.
fn last_segment(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    path.rsplit('/').next()?.split(',').next()
}

/// Divides people among companies by weight: the running totals.
fn distribute(people: usize, companies: &[company::Row]) -> Vec<u32> {
    let total: u64 = companies.iter().map(company::Row::weight).sum();
    let mut sum = 0;
    let mut firsts = vec![0];
    for company in companies {
        sum += company.weight();
        firsts.push((people as u64 * sum / total.max(1)) as u32);
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn same_seed_same_world() {
        let (a, b) = (World::generate(7, 50, 400), World::generate(7, 50, 400));
        let titles = |w: &World| {
            w.people()
                .map(|p| (p.full_name(), p.title()))
                .collect::<Vec<_>>()
        };
        assert_eq!(titles(&a), titles(&b));
        assert_ne!(titles(&a), titles(&World::generate(8, 50, 400)));
    }

    #[test]
    fn the_default_world_is_complete_and_distinct() {
        let world = World::generate(1, 2_000, 20_000);
        assert_eq!(world.people().count(), 20_000);
        let domains: HashSet<_> = world.companies().map(|c| c.domain()).collect();
        assert_eq!(domains.len(), 2_000);
        let profiles: HashSet<_> = world.people().map(|p| p.member_id()).collect();
        assert_eq!(profiles.len(), 20_000);
    }

    #[test]
    fn everybody_is_found_again() {
        let world = World::generate(3, 100, 500);
        for person in world.people() {
            for url in [person.vanity_url(), person.member_url()] {
                assert_eq!(
                    world.person_by_url(&url).map(|p| p.index()),
                    Some(person.index())
                );
            }
        }
        for company in world.companies() {
            let found = [
                world.company_by_url(&company.linkedin_url()),
                world.company_by_domain(&company.domain()),
                world.company_by_name(&company.name()),
            ];
            for found in found {
                assert_eq!(found.map(|c| c.index()), Some(company.index()));
            }
        }
        assert!(
            world
                .person_by_url("https://www.linkedin.com/in/nobody-1")
                .is_none()
        );
    }
}
