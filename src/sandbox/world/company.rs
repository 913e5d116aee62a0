//! Companies: a compact row each, from which everything else is derived.

use super::World;
use super::hiring::Posting;
use super::names::{self, BRANDS, INDUSTRIES, TECHNOLOGIES, TRADES};
use super::person::Person;
use super::places::{self, CITY_COUNT, City};
use super::rng::Rng;
use crate::proto::v1::{CompanySize, CompanyType, JobFunction};
use crate::proto::wire::WireEnum;

/// LinkedIn ids of companies start here and lie so far apart.
const FIRST_ID: u64 = 10_000_019;
const ID_STEP: u64 = 37;

/// What is kept of a company.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    headcount: u32,
    revenue: f32,
    seed: u64,
    founded: u16,
    city: u8,
    industry: u8,
    kind: u8,
    growth: i8,
}

impl Row {
    /// The company with this number.
    pub(super) fn generate(seed: u64, index: usize, sizes: &[SizeBounds]) -> Self {
        let mut rng = Rng::new(seed, index as u64);
        let size = sizes.get(weighted_size(&mut rng)).or(sizes.first());
        let headcount = size.map_or(10, |size| rng.between(size.min, size.max.min(size.min * 4)));
        let kinds = CompanyType::TABLE.len();
        let kind = if rng.percent(70) {
            PRIVATELY_HELD
        } else {
            1 + rng.below(kinds) as u8
        };
        Self {
            headcount,
            revenue: headcount as f32 * rng.between(40, 260) as f32 / 1_000.0,
            seed: rng.bits(),
            founded: rng.between(1950, 2024) as u16,
            city: rng.below(CITY_COUNT) as u8,
            industry: rng.below(INDUSTRIES.len()) as u8,
            kind,
            growth: rng.between(0, 85) as i8 - 25,
        }
    }

    /// How many people of the world work there, in relation to other companies.
    pub(super) fn weight(&self) -> u64 {
        // The square root keeps small companies populated.
        u64::from(self.headcount.isqrt()) + 2
    }
}

const PRIVATELY_HELD: u8 = CompanyType::PrivatelyHeld as u8;

/// A size that a company of several people can have, with its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeBounds {
    size: CompanySize,
    min: u32,
    max: u32,
}

/// The sizes whose wire text is a range, read from that text.
pub(super) fn size_bounds() -> Vec<SizeBounds> {
    CompanySize::all().filter_map(bounds).collect()
}

fn bounds(size: CompanySize) -> Option<SizeBounds> {
    let text = size.wire();
    let (min, max) = match text.split_once('-') {
        Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
        None => (text.strip_suffix('+')?.parse().ok()?, u32::MAX),
    };
    Some(SizeBounds { size, min, max })
}

/// Most companies are small.
fn weighted_size(rng: &mut Rng) -> usize {
    const CUMULATED: [usize; 8] = [18, 45, 68, 80, 88, 95, 98, 100];
    let roll = rng.below(100);
    CUMULATED
        .iter()
        .position(|upper| roll < *upper)
        .unwrap_or(0)
}

/// A company of the world.
#[derive(Clone, Copy)]
pub struct Company<'w> {
    pub(super) world: &'w World,
    pub(super) index: usize,
}

impl<'w> Company<'w> {
    /// Its number in the world.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    fn row(&self) -> &'w Row {
        &self.world.companies[self.index]
    }

    /// Numbers of its own for one aspect of it.
    #[must_use]
    pub fn rng(&self, aspect: u64) -> Rng {
        Rng::new(self.row().seed, aspect)
    }

    /// Name without legal form.
    #[must_use]
    pub fn cleaned_name(&self) -> String {
        let names = BRANDS.len() * TRADES.len();
        // A step that shares no factor with the number of names visits them all.
        let at = (self.index * 997 + (self.world.seed % names as u64) as usize) % names;
        let (brand, trade) = (BRANDS[at % BRANDS.len()], TRADES[at / BRANDS.len()]);
        match self.index / names {
            0 => format!("{brand} {trade}"),
            again => format!("{brand} {trade} {}", again + 1),
        }
    }

    /// Name with legal form.
    #[must_use]
    pub fn name(&self) -> String {
        let form = match self.city().country().code {
            _ if !self.row().seed.is_multiple_of(3) => return self.cleaned_name(),
            "FR" => "SAS",
            "DE" | "CH" => "GmbH",
            "US" => "Inc.",
            "NL" | "BE" => "BV",
            "SE" => "AB",
            _ => "Ltd",
        };
        format!("{} {form}", self.cleaned_name())
    }

    /// The last part of its LinkedIn page, and the start of its domain.
    #[must_use]
    pub fn slug(&self) -> String {
        names::slug(&self.cleaned_name(), '-')
    }

    /// Domain of its website, below a top-level domain that nobody can own.
    #[must_use]
    pub fn domain(&self) -> String {
        format!("{}.example", self.slug())
    }

    /// LinkedIn organization id.
    #[must_use]
    pub fn linkedin_id(&self) -> u64 {
        FIRST_ID + self.index as u64 * ID_STEP
    }

    /// LinkedIn page by id.
    #[must_use]
    pub fn linkedin_url(&self) -> String {
        format!("https://www.linkedin.com/company/{}", self.linkedin_id())
    }

    /// Where its headquarters are.
    #[must_use]
    pub fn city(&self) -> &'static City {
        places::city_at(self.row().city)
    }

    pub(super) fn city_index(&self) -> u8 {
        self.row().city
    }

    /// Industry: LinkedIn's id and label.
    #[must_use]
    pub fn industry(&self) -> (u32, &'static str) {
        INDUSTRIES[usize::from(self.row().industry) % INDUSTRIES.len()]
    }

    /// Number of employees.
    #[must_use]
    pub fn headcount(&self) -> u32 {
        self.row().headcount
    }

    /// Range of the number of employees.
    #[must_use]
    pub fn size(&self) -> CompanySize {
        let headcount = self.headcount();
        let fits = |bounds: &&SizeBounds| (bounds.min..=bounds.max).contains(&headcount);
        self.world
            .sizes
            .iter()
            .find(fits)
            .map_or(CompanySize::Unspecified, |bounds| bounds.size)
    }

    /// Legal type.
    #[must_use]
    pub fn kind(&self) -> CompanyType {
        CompanyType::try_from(i32::from(self.row().kind)).unwrap_or(CompanyType::PrivatelyHeld)
    }

    /// Annual revenue in millions of US dollars.
    #[must_use]
    pub fn revenue(&self) -> f64 {
        f64::from(self.row().revenue)
    }

    /// Year of foundation.
    #[must_use]
    pub fn founded(&self) -> u16 {
        self.row().founded
    }

    /// Growth of the number of employees in twelve months, in percent.
    #[must_use]
    pub fn growth(&self) -> i64 {
        self.row().growth.into()
    }

    /// People in a department, and its growth in twelve months in percent.
    #[must_use]
    pub fn department(&self, function: JobFunction) -> (i64, i64) {
        let mut rng = self.rng(100 + function as u64);
        let share = rng.between(1, 8);
        let people = (u64::from(self.headcount()) * u64::from(share) / 100) as i64;
        (people, self.growth() + i64::from(rng.between(0, 30)) - 15)
    }

    /// Description.
    #[must_use]
    pub fn description(&self) -> String {
        let (_, industry) = self.industry();
        format!(
            "{} is a company in {industry}, founded in {} and based in {}. It exists in the sandbox only.",
            self.cleaned_name(),
            self.founded(),
            self.city().name
        )
    }

    /// Technologies that it uses, each with a confidence from 0 to 1.
    #[must_use]
    pub fn technologies(&self) -> Vec<(&'static str, f64)> {
        let mut rng = self.rng(1);
        let start = rng.below(TECHNOLOGIES.len());
        let count = rng.between(3, 12) as usize;
        let stack = TECHNOLOGIES
            .iter()
            .cycle()
            .skip(start)
            .step_by(3)
            .take(count);
        stack
            .map(|name| (*name, f64::from(rng.between(50, 99)) / 100.0))
            .collect()
    }

    /// Open job postings.
    #[must_use]
    pub fn postings(&self) -> Vec<Posting<'w>> {
        let mut rng = self.rng(2);
        let most = if self.growth() > 0 { 8 } else { 3 };
        (0..rng.below(most))
            .map(|number| Posting::generate(*self, number as u64))
            .collect()
    }

    /// The person with this number.
    #[must_use]
    pub fn colleague(&self, index: usize) -> Option<Person<'w>> {
        self.world.person(index)
    }

    /// Numbers of the people who work there.
    #[must_use]
    pub fn people(&self) -> std::ops::Range<usize> {
        let at = |index: usize| {
            self.world
                .first_person
                .get(index)
                .map_or(0, |first| *first as usize)
        };
        at(self.index)..at(self.index + 1)
    }
}

/// The number of the company with a LinkedIn organization id, if there is one.
pub(super) fn index_of_id(id: u64) -> Option<usize> {
    let distance = id.checked_sub(FIRST_ID)?;
    (distance % ID_STEP == 0).then_some((distance / ID_STEP) as usize)
}
