//! By what somebody is known again, of whom something was bought. Hashes are stored, so
//! that purchases name nobody.

use sha2::{Digest, Sha256};

use super::model::Wanted;
use crate::linkedin::{PROFILES, page};
use crate::proto::endpoint::{Person, SpendingRequest};
use crate::proto::v1::EnrichmentType;

/// A hash by which somebody is known, for one kind of data.
pub type Key = [u8; 16];

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Kind {
    kind: EnrichmentType,
    /// Phone numbers of other countries are other data.
    countries: Vec<String>,
}

impl Kind {
    /// A kind, as a request looks for it.
    #[must_use]
    pub fn of<R: SpendingRequest>(request: &R, kind: EnrichmentType) -> Self {
        let mut countries = match kind {
            EnrichmentType::Phone => request.phone_countries().to_vec(),
            _ => Vec::new(),
        };
        countries.sort_unstable();
        countries.dedup();
        Self { kind, countries }
    }

    /// All keys under which a purchase is found again.
    #[must_use]
    pub fn stored(&self, person: &Person<'_>) -> Vec<Key> {
        let profile = self.by_profile(person);
        profile.into_iter().chain(self.by_company(person)).collect()
    }

    /// The key that finds a purchase. Who is named by a LinkedIn profile is nobody else
    /// who has the same name, and who is named with a domain nobody of another company
    /// with the same name.
    #[must_use]
    pub fn asked(&self, person: &Person<'_>) -> Vec<Key> {
        let key = match set(person.linkedin_url) {
            Some(_) => self.by_profile(person),
            None => self.by_company(person).into_iter().next(),
        };
        key.into_iter().collect()
    }

    fn by_profile(&self, person: &Person<'_>) -> Option<Key> {
        let page = page(set(person.linkedin_url)?, PROFILES)?;
        Some(self.key(&["profile", &page]))
    }

    /// By domain, then by company name.
    fn by_company(&self, person: &Person<'_>) -> Vec<Key> {
        let (first, last) = (folded(person.first_name), folded(person.last_name));
        let domain = set(person.domain).map(|domain| ("domain", folded(domain)));
        let company = set(person.company_name).map(|name| ("company", folded(name)));
        let key = |(what, text): (&str, String)| self.key(&[what, &text, &first, &last]);
        [domain, company].into_iter().flatten().map(key).collect()
    }

    fn key(&self, parts: &[&str]) -> Key {
        let mut hash = Sha256::new();
        hash.update(b"pronto-grpc purchase\0");
        hash.update(self.kind.as_str_name());
        let countries = self.countries.iter().map(String::as_str);
        for part in countries.chain(["\0"]).chain(parts.iter().copied()) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        shortened(hash)
    }
}

fn shortened(hash: Sha256) -> Key {
    let mut key = Key::default();
    key.iter_mut()
        .zip(hash.finalize())
        .for_each(|(to, from)| *to = from);
    key
}

/// The key of a LinkedIn profile, whatever is looked for: by it everything that was
/// asked about somebody is found, to erase it.
#[must_use]
pub fn profile_key(page: &str) -> Key {
    let mut hash = Sha256::new();
    hash.update(b"pronto-grpc profile\0");
    hash.update(page);
    shortened(hash)
}

/// Whom a request asks about, and for what; `left` holds for each of them the kinds
/// that are to be bought. Who is named by a profile is one for no kind, too.
#[must_use]
pub fn wanted<R: SpendingRequest>(request: &R, left: &[Vec<EnrichmentType>]) -> Vec<Wanted> {
    let people = request.people();
    let each = (0_i32..).zip(people.iter().zip(left));
    each.flat_map(|(item, (person, kinds))| {
        let bought = kinds.iter().map(move |kind| Wanted {
            item,
            kind: *kind,
            keys: Kind::of(request, *kind).stored(person),
        });
        let page = set(person.linkedin_url).and_then(|url| page(url, PROFILES));
        let asked = page.map(|page| Wanted {
            item,
            kind: EnrichmentType::Unspecified,
            keys: vec![profile_key(&page)],
        });
        bought.chain(asked)
    })
    .collect()
}

fn set(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// A text without what people spell differently.
fn folded(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::EnrichContactRequest;

    const EMAIL: EnrichmentType = EnrichmentType::Email;

    fn request(set: impl FnOnce(&mut EnrichContactRequest)) -> EnrichContactRequest {
        let mut request = EnrichContactRequest {
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            ..Default::default()
        };
        set(&mut request);
        request
    }

    /// Whether a purchase by one request answers another one.
    fn answers(
        bought: &EnrichContactRequest,
        asked: &EnrichContactRequest,
        kind: EnrichmentType,
    ) -> bool {
        let stored = Kind::of(bought, kind).stored(&bought.people()[0]);
        let asked = Kind::of(asked, kind).asked(&asked.people()[0]);
        asked.iter().any(|key| stored.contains(key))
    }

    #[test]
    fn a_profile_is_known_in_every_spelling() {
        let with = |url: &str| request(|r| r.linkedin_url = Some(url.to_owned()));
        let bought = with("https://www.linkedin.com/in/Ada-Lovelace/");
        assert!(answers(
            &bought,
            &with("https://fr.linkedin.com/in/ada-lovelace?x=1"),
            EMAIL
        ));
        assert!(!answers(
            &bought,
            &with("https://www.linkedin.com/in/ada"),
            EMAIL
        ));
    }

    #[test]
    fn a_name_is_known_with_its_company_only() {
        let with = |domain: &str| request(|r| r.domain = Some(domain.to_owned()));
        let bought = request(|r| {
            r.domain = Some("acme.test".to_owned());
            r.company_name = Some("Acme  Inc".to_owned());
        });
        assert!(answers(&bought, &with(" ACME.test"), EMAIL));
        assert!(!answers(&bought, &with("other.test"), EMAIL));
        assert!(!answers(&bought, &request(|_| {}), EMAIL));
        let by_name = request(|r| r.company_name = Some("acme inc".to_owned()));
        assert!(answers(&bought, &by_name, EMAIL));
        let namesake = request(|r| {
            r.domain = Some("acme.example".to_owned());
            r.company_name = Some("Acme Inc".to_owned());
        });
        assert!(!answers(&bought, &namesake, EMAIL));
        assert!(!answers(&by_name, &bought, EMAIL));
        let john = request(|r| {
            r.first_name = "John".to_owned();
            r.domain = Some("acme.test".to_owned());
        });
        assert!(!answers(&bought, &john, EMAIL));
    }

    #[test]
    fn who_is_named_by_profile_is_found_by_it_alone() {
        let namesake = request(|r| r.domain = Some("acme.test".to_owned()));
        let both = request(|r| {
            r.domain = Some("acme.test".to_owned());
            r.linkedin_url = Some("https://www.linkedin.com/in/ada".to_owned());
        });
        assert!(!answers(&namesake, &both, EMAIL));
        assert!(answers(&both, &namesake, EMAIL));
    }

    #[test]
    fn kinds_and_countries_are_told_apart() {
        let phone = EnrichmentType::Phone;
        let with = |codes: &[&str]| {
            request(|r| {
                r.linkedin_url = Some("https://www.linkedin.com/in/ada".to_owned());
                r.phone_country_codes = codes.iter().map(|c| (*c).to_owned()).collect();
            })
        };
        assert!(answers(
            &with(&["FR", "DE"]),
            &with(&["DE", "FR", "FR"]),
            phone
        ));
        assert!(!answers(&with(&["FR"]), &with(&["DE", "FR"]), phone));
        assert!(!answers(&with(&["FR"]), &with(&[]), phone));
        assert!(answers(&with(&["FR"]), &with(&["DE"]), EMAIL));
        let person = with(&[]);
        let keys = |kind| Kind::of(&person, kind).stored(&person.people()[0]);
        assert_ne!(keys(EMAIL), keys(phone));
    }
}
