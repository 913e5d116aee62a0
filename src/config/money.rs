//! Options about what calls cost and what may be spent.

use clap::Args;

use super::ConfigError;
use crate::access::file::is_name;
use crate::ledger::{Budgets, Prices};
use crate::pronto::credential::ANONYMOUS;
use crate::proto::endpoint::{Credits, ENDPOINTS, Endpoint};

/// What calls cost, and what may be spent.
#[derive(Clone, Debug, Args)]
pub struct MoneyOptions {
    /// Credits that an API key may spend on a day (UTC): `CREDITS` for every key,
    /// `CREDENTIAL=CREDITS` for one, such as `default=5000` for the key of `api-key`, or
    /// a name of the access file's. May be given several times; in the environment and in a
    /// file `;` stands between them.
    #[arg(
        long,
        env = "PRONTO_GRPC_DAILY_BUDGET",
        value_delimiter = ';',
        value_name = "[CREDENTIAL=]CREDITS",
        value_parser = daily_budget
    )]
    pub daily_budget: Vec<DailyBudget>,

    /// A price in credits that differs from the built-in one: `KIND=CREDITS` for every
    /// RPC that has a price of this kind, `RPC.KIND=CREDITS` for one, such as
    /// `EnrichContact.email=2`. KIND is `request`, `email`, `phone_number`,
    /// `personal_email`, or for estimates `usual_phone_numbers` or `max_phone_numbers`. May be
    /// given several times; in the environment and in a file `;` stands between them.
    #[arg(
        long,
        env = "PRONTO_GRPC_PRICE",
        value_delimiter = ';',
        value_name = "[RPC.]KIND=CREDITS",
        value_parser = price
    )]
    pub price: Vec<Price>,
}

/// What may be spent on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyBudget {
    credential: Option<String>,
    credits: i64,
}

/// A price.
#[derive(Clone, Debug)]
pub struct Price {
    endpoint: Option<&'static Endpoint>,
    kind: Kind,
    credits: u32,
}

/// Where in the prices of an endpoint a kind stands.
type Field = fn(&mut Credits) -> &mut u32;

#[derive(Clone, Copy, Debug)]
struct Kind(&'static str, Field);

/// The fields of `Credits`.
const KINDS: [Kind; 6] = [
    Kind("request", |credits| &mut credits.request),
    Kind("email", |credits| &mut credits.email),
    Kind("phone_number", |credits| &mut credits.phone_number),
    Kind("personal_email", |credits| &mut credits.personal_email),
    Kind("usual_phone_numbers", |credits| {
        &mut credits.usual_phone_numbers
    }),
    Kind("max_phone_numbers", |credits| {
        &mut credits.max_phone_numbers
    }),
];

fn daily_budget(text: &str) -> Result<DailyBudget, String> {
    let (credential, credits) = match text.rsplit_once('=') {
        Some((credential, credits)) => (Some(credential.trim()), credits),
        None => (None, text),
    };
    if let Some(name) = credential.filter(|name| !is_credential(name)) {
        return Err(format!(
            "{name:?} is no credential; it must be `default` for the key of `api-key`, one of the \
             access file, or for another key `key-` and its fingerprint of 16 digits and \
             letters a-f"
        ));
    }
    match credits.trim().parse() {
        Ok(credits) if credits >= 0 => Ok(DailyBudget {
            credential: credential.map(str::to_owned),
            credits,
        }),
        _ => Err("must be a whole number of credits, or CREDENTIAL=CREDITS".to_owned()),
    }
}

/// Whether a key can have this name. A budget for any other would hold nobody back;
/// which names the access file has is looked at later.
fn is_credential(name: &str) -> bool {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    match name.strip_prefix(ANONYMOUS) {
        Some(fingerprint) => fingerprint.len() == 16 && fingerprint.bytes().all(is_hex),
        None => is_name(name),
    }
}

fn price(text: &str) -> Result<Price, String> {
    let usage = "must be KIND=CREDITS or RPC.KIND=CREDITS, such as EnrichContact.email=2";
    let (what, credits) = text.split_once('=').ok_or(usage)?;
    let credits = credits.trim().parse();
    let credits = credits.map_err(|_| "CREDITS must be a whole number")?;
    let (rpc, kind) = match what.trim().rsplit_once('.') {
        Some((rpc, kind)) => (Some(rpc), kind),
        None => (None, what.trim()),
    };
    let known = KINDS.into_iter().find(|known| known.0 == kind);
    let kind = known.ok_or_else(|| {
        let kinds = KINDS.map(|Kind(name, _)| name).join(", ");
        format!("{kind:?} is no kind of price; the kinds are {kinds}")
    })?;
    let endpoint = rpc.map(endpoint).transpose()?;
    Ok(Price {
        endpoint,
        kind,
        credits,
    })
}

/// The endpoint of an RPC that may be charged, by its whole name or the last part of it.
fn endpoint(rpc: &str) -> Result<&'static Endpoint, String> {
    let is_named =
        |endpoint: &&&Endpoint| endpoint.rpc == rpc || endpoint.rpc.rsplit('/').next() == Some(rpc);
    let endpoint = ENDPOINTS.iter().find(is_named).copied().ok_or_else(|| {
        format!("{rpc:?} is no RPC of an endpoint, such as EnrichContact or StartLeadSearch")
    })?;
    match endpoint.repeatable {
        true => Err(format!("{rpc:?} is never charged")),
        false => Ok(endpoint),
    }
}

/// Whether an endpoint has a built-in price of a kind.
fn is_priced(endpoint: &Endpoint, field: &Field) -> bool {
    let mut credits = endpoint.credits;
    *field(&mut credits) > 0
}

impl MoneyOptions {
    /// What may be spent. Of several budgets for the same key the last one counts.
    #[must_use]
    pub fn budgets(&self) -> Budgets {
        let mut budgets = Budgets::default();
        for DailyBudget {
            credential,
            credits,
        } in &self.daily_budget
        {
            match credential {
                Some(credential) => {
                    budgets.own.insert(credential.clone(), *credits);
                }
                None => budgets.common = Some(*credits),
            }
        }
        budgets
    }

    /// What Pronto charges. Of several prices for the same thing the last one counts.
    #[must_use]
    pub fn prices(&self) -> Prices {
        let mut prices = Prices::default();
        for Price {
            endpoint: only,
            kind: Kind(_, field),
            credits,
        } in &self.price
        {
            for endpoint in ENDPOINTS {
                let mut changed = prices.of(endpoint);
                let is_meant = match only {
                    Some(only) => only.rpc == endpoint.rpc,
                    None => is_priced(endpoint, field),
                };
                if is_meant {
                    *field(&mut changed) = *credits;
                    prices.set(endpoint, changed);
                }
            }
        }
        prices
    }

    /// Checks prices that depend on each other.
    ///
    /// # Errors
    ///
    /// When more phone numbers are usual than are possible; the error names the RPC.
    pub fn check(&self) -> Result<(), ConfigError> {
        let prices = self.prices();
        for endpoint in ENDPOINTS {
            let credits = prices.of(endpoint);
            if credits.usual_phone_numbers > credits.max_phone_numbers {
                return Err(ConfigError::new(format!(
                    "price: {}: usual_phone_numbers, {}, is more than max_phone_numbers, {}",
                    endpoint.rpc, credits.usual_phone_numbers, credits.max_phone_numbers
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::endpoint::endpoints::{ENRICH_CONTACT, START_BULK_CONTACT_ENRICHMENT};

    fn prices(options: &[&str]) -> Prices {
        money(&[], options).prices()
    }

    fn money(budgets: &[&str], prices: &[&str]) -> MoneyOptions {
        MoneyOptions {
            daily_budget: budgets.iter().map(|b| daily_budget(b).unwrap()).collect(),
            price: prices.iter().map(|p| price(p).unwrap()).collect(),
        }
    }

    #[test]
    fn a_price_without_rpc_is_that_of_all_that_have_one() {
        let prices = prices(&["email=7", "EnrichContact.email=2"]);
        assert_eq!(prices.of(ENRICH_CONTACT).email, 2);
        assert_eq!(prices.of(START_BULK_CONTACT_ENRICHMENT).email, 7);
        let free = ENDPOINTS.iter().find(|e| e.credits.email == 0).unwrap();
        assert_eq!(prices.of(free).email, 0);
    }

    #[test]
    fn of_several_prices_the_last_one_counts() {
        let prices = prices(&["email=0", "email=3"]);
        assert_eq!(prices.of(ENRICH_CONTACT).email, 3);
        let repeatable = ENDPOINTS.iter().find(|e| e.repeatable).unwrap();
        let refused = price(&format!("{}.request=1", repeatable.rpc)).unwrap_err();
        assert!(refused.contains("is never charged"), "{refused}");
    }

    #[test]
    fn an_rpc_has_a_long_and_a_short_name() {
        let prices = prices(&["pronto.v1.ContactService/EnrichContact.request=1"]);
        assert_eq!(prices.of(ENRICH_CONTACT).request, 1);
        assert_eq!(
            prices.of(ENRICH_CONTACT).email,
            ENRICH_CONTACT.credits.email
        );
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for (text, why) in [
            ("email", "KIND=CREDITS"),
            ("email=-1", "whole number"),
            ("fax=1", "personal_email"),
            ("Enrich.email=1", "\"Enrich\""),
        ] {
            assert!(price(text).unwrap_err().contains(why), "{text}");
        }
        assert!(money(&[], &["max_phone_numbers=1"]).check().is_err());
        assert!(money(&[], &["max_phone_numbers=9"]).check().is_ok());
    }

    #[test]
    fn budgets_are_for_all_or_for_one() {
        let other = "key-9f86d081884c7d65";
        let budgets = money(&["100", "default=5", &format!("{other}=7")], &[]).budgets();
        assert_eq!(
            (budgets.of("default"), budgets.of(other)),
            (Some(5), Some(7))
        );
        assert_eq!(budgets.of("key-0000000000000000"), Some(100));
        for text in ["", "many", "-1", "=5", "default=1.5"] {
            assert!(daily_budget(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_budget_that_would_hold_nobody_back_is_refused() {
        for name in ["two words", "key-1", "key-9F86D081884C7D65"] {
            let refused = daily_budget(&format!("{name}=5")).unwrap_err();
            assert!(
                refused.contains(name) && refused.contains("`key-`"),
                "{refused}"
            );
        }
    }
}
