//! People: a compact row each, from which everything else is derived.

use super::World;
use super::company::Company;
use super::names::{self, CHIEFS, FIRST, JOBS, LAST};
use super::places::{self, CITY_COUNT, City};
use super::rng::Rng;
use crate::proto::v1::{JobFunction, SeniorityLevel, Tenure};
use crate::proto::wire::WireEnum;

/// What is kept of a person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    seed: u64,
    company: u32,
    past_company: u32,
    first: u8,
    last: u8,
    function: u8,
    seniority: u8,
    city: u8,
    years_of_experience: u8,
    months_in_position: u16,
    months_in_company: u16,
}

impl Row {
    /// The person with this number, who works at a company.
    pub(super) fn generate(seed: u64, index: usize, company: Company<'_>) -> Self {
        let mut rng = Rng::new(seed, 0x5eed_0000_0000 + index as u64);
        let months_in_company = rng.between(1, 24) * rng.between(1, 9);
        let months_in_position = rng.between(1, months_in_company);
        let at_home = rng.percent(80);
        Self {
            seed: rng.bits(),
            company: company.index() as u32,
            past_company: rng.below(company.world.companies.len()) as u32,
            first: rng.below(FIRST.len()) as u8,
            last: rng.below(LAST.len()) as u8,
            function: 1 + rng.below(JobFunction::TABLE.len()) as u8,
            seniority: weighted_seniority(&mut rng) as u8,
            city: if at_home {
                company.city_index()
            } else {
                rng.below(CITY_COUNT) as u8
            },
            years_of_experience: (months_in_company / 12 + rng.between(0, 15)) as u8,
            months_in_position: months_in_position as u16,
            months_in_company: months_in_company as u16,
        }
    }
}

/// Few lead, most do.
fn weighted_seniority(rng: &mut Rng) -> SeniorityLevel {
    const CUMULATED: [(usize, SeniorityLevel); 10] = [
        (4, SeniorityLevel::InTraining),
        (30, SeniorityLevel::EntryLevel),
        (58, SeniorityLevel::Senior),
        (63, SeniorityLevel::Strategic),
        (71, SeniorityLevel::EntryLevelManager),
        (81, SeniorityLevel::ExperiencedManager),
        (89, SeniorityLevel::Director),
        (94, SeniorityLevel::VicePresident),
        (98, SeniorityLevel::Cxo),
        (100, SeniorityLevel::OwnerPartner),
    ];
    let roll = rng.below(100);
    let level = CUMULATED.iter().find(|(upper, _)| roll < *upper);
    level.map_or(SeniorityLevel::Senior, |(_, level)| *level)
}

/// A person of the world.
#[derive(Clone, Copy)]
pub struct Person<'w> {
    pub(super) world: &'w World,
    pub(super) index: usize,
}

impl<'w> Person<'w> {
    /// Their number in the world.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    fn row(&self) -> &'w Row {
        &self.world.people[self.index]
    }

    /// Numbers of their own for one aspect of them.
    #[must_use]
    pub fn rng(&self, aspect: u64) -> Rng {
        Rng::new(self.row().seed, aspect)
    }

    /// First name.
    #[must_use]
    pub fn first_name(&self) -> &'static str {
        FIRST[usize::from(self.row().first)]
    }

    /// Last name.
    #[must_use]
    pub fn last_name(&self) -> &'static str {
        LAST[usize::from(self.row().last)]
    }

    /// First and last name.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name(), self.last_name())
    }

    /// Function.
    #[must_use]
    pub fn function(&self) -> JobFunction {
        JobFunction::try_from(i32::from(self.row().function)).unwrap_or_default()
    }

    /// Seniority.
    #[must_use]
    pub fn seniority(&self) -> SeniorityLevel {
        SeniorityLevel::try_from(i32::from(self.row().seniority)).unwrap_or_default()
    }

    /// Title of the current position.
    #[must_use]
    pub fn title(&self) -> String {
        title(self.function(), self.seniority(), self.row().seed)
    }

    /// Title of the position before, one step below.
    #[must_use]
    pub fn past_title(&self) -> String {
        let below = SeniorityLevel::try_from(i32::from(self.row().seniority) - 1)
            .ok()
            .filter(|level| *level != SeniorityLevel::Unspecified)
            .unwrap_or(SeniorityLevel::InTraining);
        title(self.function(), below, self.row().seed)
    }

    /// Where they work now.
    #[must_use]
    pub fn company(&self) -> Company<'w> {
        Company {
            world: self.world,
            index: self.row().company as usize,
        }
    }

    /// Where they worked before.
    #[must_use]
    pub fn past_company(&self) -> Company<'w> {
        Company {
            world: self.world,
            index: self.row().past_company as usize,
        }
    }

    /// Where they are.
    #[must_use]
    pub fn city(&self) -> &'static City {
        places::city_at(self.row().city)
    }

    /// Months in the current position.
    #[must_use]
    pub fn months_in_position(&self) -> u16 {
        self.row().months_in_position
    }

    /// Months at the current company.
    #[must_use]
    pub fn months_in_company(&self) -> u16 {
        self.row().months_in_company
    }

    /// Full years of experience.
    #[must_use]
    pub fn years_of_experience(&self) -> u16 {
        self.row().years_of_experience.into()
    }

    /// Whether the current position is new.
    #[must_use]
    pub fn changed_jobs_recently(&self) -> bool {
        self.months_in_position() <= 3
    }

    /// LinkedIn profile with a readable handle.
    #[must_use]
    pub fn vanity_url(&self) -> String {
        let names = names::slug(&self.full_name(), '-');
        format!("https://www.linkedin.com/in/{names}-{:x}", self.index)
    }

    /// LinkedIn member id.
    #[must_use]
    pub fn member_id(&self) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut rng = self.rng(1);
        let mut id = String::from(MEMBER_PREFIX);
        for place in (0..MEMBER_INDEX).rev() {
            id.push(char::from(DIGITS[(self.index >> (4 * place)) & 0xf]));
        }
        for _ in 0..MEMBER_TAIL {
            id.push(char::from(*rng.pick(DIGITS)));
        }
        id
    }

    /// LinkedIn profile by member id.
    #[must_use]
    pub fn member_url(&self) -> String {
        format!("https://www.linkedin.com/in/{}", self.member_id())
    }

    /// Professional email.
    #[must_use]
    pub fn email(&self) -> String {
        let names = names::slug(&self.full_name(), '.');
        format!("{names}@{}", self.company().domain())
    }
}

const MEMBER_PREFIX: &str = "ACwAA";
/// Characters of a member id that hold the person's number, four bits each.
const MEMBER_INDEX: usize = 6;
const MEMBER_TAIL: usize = 28;

/// The number that the last part of a profile URL claims; the caller compares
/// the whole, as anybody may write such a number.
pub(super) fn index_of_handle(handle: &str) -> Option<usize> {
    match handle.strip_prefix(MEMBER_PREFIX) {
        Some(digits) => digits
            .get(..MEMBER_INDEX)?
            .bytes()
            .try_fold(0, |index, digit| {
                let value = usize::from(digit.checked_sub(b'A')?);
                (value < 16).then_some(index << 4 | value)
            }),
        None => usize::from_str_radix(handle.rsplit('-').next()?, 16).ok(),
    }
}

/// The tenure that a number of months falls into.
#[must_use]
pub fn tenure(months: u16) -> Tenure {
    match months {
        0..12 => Tenure::LessThan1Year,
        12..36 => Tenure::Tenure1To2Years,
        36..72 => Tenure::Tenure3To5Years,
        72..132 => Tenure::Tenure6To10Years,
        132.. => Tenure::MoreThan10Years,
    }
}

fn title(function: JobFunction, seniority: SeniorityLevel, seed: u64) -> String {
    let at = (function as usize).saturating_sub(1);
    let (area, job) = (function.label(), JOBS[at % JOBS.len()]);
    let variant = seed % 3;
    match seniority {
        SeniorityLevel::InTraining => format!("{job} Trainee"),
        SeniorityLevel::EntryLevel | SeniorityLevel::Unspecified => job.to_owned(),
        SeniorityLevel::Senior => format!("Senior {job}"),
        SeniorityLevel::Strategic => format!("Head of {area}"),
        SeniorityLevel::EntryLevelManager => format!("{area} Team Lead"),
        SeniorityLevel::ExperiencedManager => format!("{area} Manager"),
        SeniorityLevel::Director if variant == 0 => format!("{area} Director"),
        SeniorityLevel::Director => format!("Director of {area}"),
        SeniorityLevel::VicePresident if variant == 0 => format!("Vice President {area}"),
        SeniorityLevel::VicePresident => format!("VP of {area}"),
        SeniorityLevel::Cxo => chief(at, variant),
        SeniorityLevel::OwnerPartner if variant == 0 => "Managing Partner".to_owned(),
        SeniorityLevel::OwnerPartner => "Founder & CEO".to_owned(),
    }
}

fn chief(at: usize, variant: u64) -> String {
    let (long, short) = CHIEFS[at % CHIEFS.len()];
    match variant {
        0 => short.to_owned(),
        1 => long.to_owned(),
        _ => format!("{long} ({short})"),
    }
}
