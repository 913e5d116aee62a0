//! What the enrichment of a contact finds.
//!
//! People of the world have their data. For anybody else something is found or
//! not found by chance, which is the same for the same contact and seed; for
//! nobody called `Nobody` anything is found.

use serde::{Deserialize, Serialize};

use super::journal::forms;
use super::world::World;
use super::world::names;
use super::world::person::Person;
use super::world::places::{self, CITY_COUNT, Country};
use super::world::rng::{self, Rng};
use crate::proto::endpoint::Credits;
use crate::proto::v1::EnrichmentType;

/// Whom to look for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Identity {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// LinkedIn profile.
    pub linkedin_url: Option<String>,
    /// Domain of the company's website.
    pub domain: Option<String>,
    /// Name of the company.
    pub company_name: Option<String>,
}

/// What to look for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// The kinds.
    #[serde(with = "forms::wires")]
    pub kinds: Vec<EnrichmentType>,
    /// Only phone numbers of these countries; of all when empty.
    pub countries: Vec<String>,
}

impl Wanted {
    /// Whether a kind is looked for.
    #[must_use]
    pub fn has(&self, kind: EnrichmentType) -> bool {
        self.kinds.contains(&kind)
    }

    /// What it costs to find one of each kind.
    #[must_use]
    pub fn price(&self, credits: &Credits) -> u64 {
        let price = |kind: &EnrichmentType| match kind {
            EnrichmentType::Email => credits.email,
            EnrichmentType::Phone => credits.phone_number,
            EnrichmentType::PersonalEmail => credits.personal_email,
            EnrichmentType::Unspecified => 0,
        };
        self.kinds.iter().map(price).map(u64::from).sum()
    }
}

/// An address and its status.
pub type Email = (String, &'static str);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Professional email.
    pub email: Option<Email>,
    /// Phone numbers in E.164 form.
    pub phones: Vec<String>,
    /// Personal email.
    pub personal_email: Option<Email>,
}

impl Findings {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What they cost.
    #[must_use]
    pub fn price(&self, credits: &Credits) -> u64 {
        let count = |found: bool, price: u32| if found { u64::from(price) } else { 0 };
        count(self.email.is_some(), credits.email)
            + count(self.personal_email.is_some(), credits.personal_email)
            + self.phones.len() as u64 * u64::from(credits.phone_number)
    }
}

/// Looks for a contact's data.
#[must_use]
pub fn find(world: &World, identity: &Identity, wanted: &Wanted) -> Findings {
    let person = known(world, identity);
    if person.is_none() && identity.last_name.eq_ignore_ascii_case("nobody") {
        return Findings::default();
    }
    // One generator for each kind: what is found does not depend on what else is wanted.
    let chance = |kind: EnrichmentType| match person {
        Some(person) => person.rng(20 + kind as u64),
        None => Rng::new(world.seed(), rng::hash(&describe(identity, kind))),
    };
    let mut findings = Findings::default();
    if wanted.has(EnrichmentType::Email) {
        findings.email = email(chance(EnrichmentType::Email), person, identity);
    }
    if wanted.has(EnrichmentType::Phone) {
        findings.phones = phones(chance(EnrichmentType::Phone), person, &wanted.countries);
    }
    if wanted.has(EnrichmentType::PersonalEmail) {
        findings.personal_email = personal_email(chance(EnrichmentType::PersonalEmail), identity);
    }
    findings
}

fn describe(identity: &Identity, kind: EnrichmentType) -> String {
    let Identity {
        first_name,
        last_name,
        linkedin_url,
        domain,
        company_name,
    } = identity;
    format!("{kind:?}|{first_name}|{last_name}|{linkedin_url:?}|{domain:?}|{company_name:?}")
        .to_lowercase()
}

fn known<'w>(world: &'w World, identity: &Identity) -> Option<Person<'w>> {
    if let Some(url) = &identity.linkedin_url {
        return world.person_by_url(url);
    }
    let by_domain = identity
        .domain
        .as_deref()
        .and_then(|domain| world.company_by_domain(domain));
    let company = by_domain.or_else(|| {
        identity
            .company_name
            .as_deref()
            .and_then(|name| world.company_by_name(name))
    })?;
    let same = |a: &str, b: &str| names::slug(a, '-') == names::slug(b, '-');
    let mut people = company.people().filter_map(|index| world.person(index));
    people.find(|person| {
        same(person.first_name(), &identity.first_name)
            && same(person.last_name(), &identity.last_name)
    })
}

fn email(mut rng: Rng, person: Option<Person<'_>>, identity: &Identity) -> Option<Email> {
    if !rng.percent(80) {
        return None;
    }
    let status = if rng.percent(80) {
        "deliverable"
    } else {
        "catch-all"
    };
    if let Some(person) = person {
        return Some((person.email(), status));
    }
    let of_name = |name: &String| format!("{}.example", names::slug(name, '-'));
    let domain = identity
        .domain
        .clone()
        .or_else(|| identity.company_name.as_ref().map(of_name))?;
    Some((format!("{}@{domain}", local_part(identity)), status))
}

fn local_part(identity: &Identity) -> String {
    names::slug(
        &format!("{} {}", identity.first_name, identity.last_name),
        '.',
    )
}

fn personal_email(mut rng: Rng, identity: &Identity) -> Option<Email> {
    if !rng.percent(50) {
        return None;
    }
    let status = if rng.percent(85) {
        "valid"
    } else {
        "catch-all"
    };
    Some((
        format!(
            "{}{}@mail.example",
            local_part(identity),
            rng.between(1, 99)
        ),
        status,
    ))
}

fn phones(mut rng: Rng, person: Option<Person<'_>>, countries: &[String]) -> Vec<String> {
    let home = match person {
        Some(person) => person.city().country(),
        None => places::city_at(rng.below(CITY_COUNT) as u8).country(),
    };
    let count = rng.below(6);
    let mut numbers: Vec<String> = Vec::new();
    for _ in 0..count {
        // Now and then a number from abroad, which countries exist to avoid.
        let abroad = places::city_at(rng.below(CITY_COUNT) as u8).country();
        let country = if rng.percent(15) { abroad } else { home };
        let number = phone_number(&mut rng, country);
        let wanted = countries.is_empty() || countries.iter().any(|code| code == country.code);
        if wanted && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// A phone number of a country.
pub fn phone_number(rng: &mut Rng, country: &Country) -> String {
    let digit = |c: char, rng: &mut Rng| match c {
        '#' => char::from(b'0' + rng.below(10) as u8),
        c => c,
    };
    country.phone.chars().map(|c| digit(c, rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Wanted {
        let kinds = vec![
            EnrichmentType::Email,
            EnrichmentType::Phone,
            EnrichmentType::PersonalEmail,
        ];
        Wanted {
            kinds,
            countries: Vec::new(),
        }
    }

    #[test]
    fn some_have_data_some_have_none_and_nobody_never() {
        let world = World::generate(1, 50, 500);
        let find_all = |last_name: String| {
            let first_name = "Ada".to_owned();
            let domain = Some("acme.example".to_owned());
            find(
                &world,
                &Identity {
                    first_name,
                    last_name,
                    domain,
                    ..Default::default()
                },
                &everything(),
            )
        };
        let all: Vec<_> = (0..200)
            .map(|number| find_all(format!("L{number}")))
            .collect();
        for count in 0..=5 {
            assert!(
                all.iter().any(|found| found.phones.len() == count),
                "{count} phones"
            );
        }
        assert!(all.iter().any(|found| found.email.is_none()));
        assert!(find_all("Nobody".to_owned()).is_empty());
        assert_eq!(find_all("L1".to_owned()), all[1]);
    }

    #[test]
    fn a_profile_and_its_name_at_its_company_are_the_same_person() {
        let world = World::generate(1, 50, 500);
        let person = world.person(42).expect("a person");
        let email = Wanted {
            kinds: vec![EnrichmentType::Email],
            countries: Vec::new(),
        };
        let by_url = Identity {
            linkedin_url: Some(person.vanity_url()),
            ..Default::default()
        };
        let by_name = Identity {
            first_name: person.first_name().to_owned(),
            last_name: person.last_name().to_owned(),
            domain: Some(person.company().domain()),
            ..Default::default()
        };
        assert_eq!(
            find(&world, &by_url, &email),
            find(&world, &by_name, &email)
        );
    }
}
