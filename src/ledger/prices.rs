//! What is charged: what can be known before a call, and what its results cost.

use std::collections::{BTreeSet, HashMap};

use super::model::Charge;
use crate::proto::endpoint::{Credits, Endpoint, SpendingRequest};
use crate::proto::v1::{Contact, EnrichmentType, Estimate, Found};

/// Prices, in credits: those of the proto, where no other ones are set.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// By RPC.
    changed: HashMap<&'static str, Credits>,
}

impl Prices {
    /// Sets the prices of an endpoint.
    pub fn set(&mut self, endpoint: &'static Endpoint, credits: Credits) {
        self.changed.insert(endpoint.rpc, credits);
    }

    /// The prices of an endpoint.
    #[must_use]
    pub fn of(&self, endpoint: &Endpoint) -> Credits {
        let changed = self.changed.get(endpoint.rpc);
        changed.copied().unwrap_or(endpoint.credits)
    }

    /// What a request may cost.
    #[must_use]
    pub fn estimate<R: SpendingRequest>(&self, request: &R) -> Estimate {
        self.estimate_for(R::ENDPOINT, request.enrichment_types(), request.items())
    }

    /// What it may cost to look for so many contacts.
    #[must_use]
    pub fn estimate_for(&self, endpoint: &Endpoint, kinds: &[i32], items: usize) -> Estimate {
        let prices = self.of(endpoint);
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        let request = i64::from(prices.request);
        // A kind that is named twice is looked for once.
        let kinds: BTreeSet<i32> = kinds.iter().copied().collect();
        let total = |phone_numbers: u32| {
            let price = |kind: &i32| match EnrichmentType::try_from(*kind) {
                Ok(EnrichmentType::Email) => i64::from(prices.email),
                Ok(EnrichmentType::Phone) => {
                    i64::from(prices.phone_number) * i64::from(phone_numbers)
                }
                Ok(EnrichmentType::PersonalEmail) => i64::from(prices.personal_email),
                Ok(EnrichmentType::Unspecified) | Err(_) => 0,
            };
            let each: i64 = kinds.iter().map(price).sum();
            request.saturating_add(each.saturating_mul(items))
        };
        Estimate {
            minimum: request,
            expected: total(prices.usual_phone_numbers),
            maximum: total(prices.max_phone_numbers),
            unpriced: prices == Credits::default(),
        }
    }

    /// What an enriched contact cost, apart from the request. One that was answered
    /// from an earlier purchase cost nothing.
    #[must_use]
    pub fn charge(&self, endpoint: &Endpoint, contact: &Contact) -> Charge {
        if contact.reused_from.is_some() {
            return Charge::default();
        }
        let prices = self.of(endpoint);
        let found = found(contact);
        Charge {
            found,
            credits: found.emails * i64::from(prices.email)
                + found.phone_numbers * i64::from(prices.phone_number)
                + found.personal_emails * i64::from(prices.personal_email),
        }
    }
}

/// What a contact holds of what has a price.
#[must_use]
pub fn found(contact: &Contact) -> Found {
    let count =
        |text: &Option<String>| i64::from(text.as_ref().is_some_and(|t| !t.trim().is_empty()));
    Found {
        emails: count(&contact.email),
        phone_numbers: i64::try_from(contact.phones.len()).unwrap_or(i64::MAX),
        personal_emails: count(&contact.personal_email),
    }
}
