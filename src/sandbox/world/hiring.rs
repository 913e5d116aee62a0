//! Job postings of companies.

use super::company::Company;
use super::names::JOBS;
use super::places::City;
use super::rng::Rng;

/// An open job posting.
pub struct Posting<'w> {
    /// Who hires.
    pub company: Company<'w>,
    /// Its number among the company's postings.
    pub number: u64,
    /// Title.
    pub title: String,
    /// How many days ago it was published.
    pub days_ago: u32,
    /// Whether it is an internship.
    pub internship: bool,
}

impl<'w> Posting<'w> {
    pub(super) fn generate(company: Company<'w>, number: u64) -> Self {
        let mut rng: Rng = company.rng(1_000 + number);
        let job = *rng.pick(JOBS);
        let internship = rng.percent(10);
        let prefix = *rng.pick(&["", "", "Senior ", "Lead ", "Junior "]);
        let title = if internship {
            format!("{job} Intern")
        } else {
            format!("{prefix}{job}")
        };
        // Squared, so that most postings are recent.
        let days_ago = rng.between(0, 18).pow(2);
        Self {
            company,
            number,
            title,
            days_ago,
            internship,
        }
    }

    /// Where the work is.
    #[must_use]
    pub fn city(&self) -> &'static City {
        self.company.city()
    }

    /// Text of the posting.
    #[must_use]
    pub fn description(&self) -> String {
        let stack = self.company.technologies();
        let first = stack.first().map_or("modern tools", |(name, _)| name);
        format!(
            "{} hires a {} in {}. You work with {first}.",
            self.company.cleaned_name(),
            self.title,
            self.city().name
        )
    }
}
