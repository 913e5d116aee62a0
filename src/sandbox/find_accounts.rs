//! Searches for companies by filters.

use super::find::{Keywords, Places, has_industry, has_size};
use super::world::company::Company;
use crate::proto::v1::AccountFilters;

/// A maximum of this many millions or more means none.
const NO_MAXIMUM: f64 = 1_001.0;

/// Filters, prepared for many companies. Revenues are compared as if every
/// currency were the dollar: the world knows no exchange rates.
pub struct AccountQuery<'f> {
    filters: &'f AccountFilters,
    keywords: Keywords,
    places: Places,
}

impl<'f> AccountQuery<'f> {
    /// Prepares filters.
    #[must_use]
    pub fn new(filters: &'f AccountFilters) -> Self {
        Self {
            filters,
            keywords: Keywords::new(filters.keyword.as_deref()),
            places: Places::new(&filters.included_locations, &filters.excluded_locations),
        }
    }

    /// Whether a company fits.
    #[must_use]
    pub fn fits(&self, company: Company<'_>) -> bool {
        let f = self.filters;
        has_industry(company, &f.included_industries, &f.excluded_industries)
            && has_size(company, &f.company_size)
            && self.places.allow(company.city())
            && f.min_revenue.is_none_or(|min| company.revenue() >= min)
            && f.max_revenue
                .is_none_or(|max| max >= NO_MAXIMUM || company.revenue() <= max)
            && self
                .keywords
                .allow(|| format!("{} {}", company.name(), company.description()))
    }
}
