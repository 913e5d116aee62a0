//! Filters that several searches share.

use super::world::company::Company;
use super::world::places::City;
use crate::proto::v1::CompanySize;

/// Titles that one of several patterns fits. A pattern is looked for anywhere
/// in a title, upper case or not; `*` stands for anything.
#[derive(Debug, Default)]
pub struct Titles(Vec<String>);

impl Titles {
    /// From the patterns.
    #[must_use]
    pub fn new(patterns: &[String]) -> Self {
        Self(
            patterns
                .iter()
                .map(|pattern| pattern.trim().to_lowercase())
                .collect(),
        )
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pattern fits.
    #[must_use]
    pub fn fit(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.0.iter().any(|pattern| contains(&title, pattern))
    }

    /// Whether a pattern fits, or there is none.
    #[must_use]
    pub fn allow(&self, title: impl FnOnce() -> String) -> bool {
        self.is_empty() || self.fit(&title())
    }

    /// Whether no pattern fits.
    #[must_use]
    pub fn spare(&self, title: impl FnOnce() -> String) -> bool {
        self.is_empty() || !self.fit(&title())
    }
}

/// Whether the parts between the stars follow each other in the text.
fn contains(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Places of which one must, and of which none may, hold a city.
#[derive(Debug, Default)]
pub struct Places {
    included: Vec<u32>,
    excluded: Vec<u32>,
    /// Whether ids were given that are none.
    only_unknown: bool,
}

impl Places {
    /// From location ids.
    #[must_use]
    pub fn new(included: &[String], excluded: &[String]) -> Self {
        let parse = |ids: &[String]| {
            ids.iter()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<u32>>()
        };
        let known = parse(included);
        Self {
            only_unknown: known.is_empty() && !included.is_empty(),
            included: known,
            excluded: parse(excluded),
        }
    }

    /// Whether a city is fine.
    #[must_use]
    pub fn allow(&self, city: &City) -> bool {
        let is_in = |id: &u32| city.is_in(*id);
        !self.only_unknown
            && (self.included.is_empty() || self.included.iter().any(is_in))
            && !self.excluded.iter().any(is_in)
    }
}

/// Whether the list of enum numbers is empty or contains the value.
pub fn allows<E: Into<i32>>(numbers: &[i32], value: E) -> bool {
    numbers.is_empty() || numbers.contains(&value.into())
}

/// Whether a company has one of the sizes.
#[must_use]
pub fn has_size(company: Company<'_>, sizes: &[i32]) -> bool {
    let alone = company.headcount() == 1 && sizes.contains(&CompanySize::SelfEmployed.into());
    alone || allows(sizes, company.size())
}

/// Whether a company is in one of the industries, and in none of the others.
#[must_use]
pub fn has_industry(company: Company<'_>, included: &[String], excluded: &[String]) -> bool {
    let id = company.industry().0.to_string();
    (included.is_empty() || included.contains(&id)) && !excluded.contains(&id)
}

/// A keyword search: words that must all occur, `"phrases"`, alternatives
/// divided by `OR`, and words after `NOT` that must not occur.
#[derive(Debug, Default)]
pub struct Keywords(Vec<Vec<(bool, String)>>);

impl Keywords {
    /// From the text.
    #[must_use]
    pub fn new(text: Option<&str>) -> Self {
        let alternatives = text.unwrap_or_default().split(" OR ");
        Self(
            alternatives
                .map(terms)
                .filter(|terms| !terms.is_empty())
                .collect(),
        )
    }

    /// Whether the text fits.
    #[must_use]
    pub fn allow(&self, text: impl FnOnce() -> String) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let text = text().to_lowercase();
        let fits = |(wanted, term): &(bool, String)| text.contains(term.as_str()) == *wanted;
        self.0.iter().any(|terms| terms.iter().all(fits))
    }
}

fn terms(text: &str) -> Vec<(bool, String)> {
    let mut terms = Vec::new();
    let mut wanted = true;
    for (number, part) in text.split('"').enumerate() {
        let is_phrase = number % 2 == 1;
        let words: Vec<&str> = if is_phrase {
            vec![part]
        } else {
            part.split_whitespace().collect()
        };
        for word in words {
            match word {
                "AND" => {}
                "NOT" => wanted = false,
                word => {
                    let word = word.trim_matches(['(', ')']).to_lowercase();
                    terms.push((std::mem::replace(&mut wanted, true), word));
                }
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_patterns() {
        let titles = |patterns: &[&str]| {
            Titles::new(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
        };
        assert!(titles(&["*"]).fit("anything"));
        assert!(titles(&["cfo", "vp*sales"]).fit("VP of Sales"));
        assert!(!titles(&["sales*vp"]).fit("VP of Sales"));
        assert!(titles(&[]).allow(String::new) && titles(&[]).spare(String::new));
    }

    #[test]
    fn keywords_are_boolean() {
        let fits = |query, text: &str| Keywords::new(Some(query)).allow(|| text.to_owned());
        assert!(fits("cloud security", "Security in the Cloud"));
        assert!(!fits("\"cloud security\"", "Security in the Cloud"));
        assert!(fits("rust OR go", "We write Go"));
        assert!(!fits("rust NOT go", "Rust and Go"));
        assert!(Keywords::new(None).allow(String::new));
    }
}
