//! When two results are the same.
//!
//! A callback, a final message and a poll spell the same person differently, so a
//! result has a set of keys, of which any may match. A result without any is only
//! the same as one whose every byte is equal.

use std::collections::{HashMap, HashSet};

use prost::Message;
use sha2::{Digest, Sha256};

use super::model::Identity;
use crate::linkedin::{COMPANIES, page, parse};
pub use crate::linkedin::{PROFILES, is_member_id};
use crate::proto::v1::{AccountResult, Company, Contact, Lead, LeadResult};

/// What a person is recognized by: in a batch by its position, because the same
/// person may stand in it twice.
#[must_use]
pub fn of_lead(result: &LeadResult) -> Identity {
    if let Some(index) = result.index {
        return Identity::Keys(vec![of_item(index)]);
    }
    or_bytes(person(result), result)
}

/// What a signal about a person is recognized by: the same person may give several.
#[must_use]
pub fn of_lead_signal(result: &LeadResult) -> Identity {
    occurrence(person(result), result)
}

/// The keys of a person.
#[must_use]
pub fn person(result: &LeadResult) -> Vec<String> {
    result.lead.as_ref().map(lead_keys).unwrap_or_default()
}

/// The key of a person's LinkedIn page; none when it is not one.
#[must_use]
pub fn profile(url: &str) -> Option<String> {
    page(url, PROFILES).map(|page| format!("lead:{page}"))
}

fn lead_keys(lead: &Lead) -> Vec<String> {
    let urls = [
        &lead.linkedin_url,
        &lead.linkedin_id_url,
        &lead.sales_navigator_profile_url,
    ];
    let pages = urls
        .into_iter()
        .flatten()
        .filter_map(|url| page(url, PROFILES));
    // In one documented example this is not the person's id but a number.
    let id = lead
        .linkedin_id
        .as_deref()
        .map(str::trim)
        .filter(|id| is_member_id(id));
    pages
        .chain(id.map(str::to_owned))
        .map(|key| format!("lead:{key}"))
        .collect()
}

/// What a company is recognized by. One that a signal delivers with job postings
/// may come again with others.
#[must_use]
pub fn of_account(result: &AccountResult) -> Identity {
    let keys = result
        .company
        .as_ref()
        .map(company_keys)
        .unwrap_or_default();
    match result.job_postings.is_empty() {
        true => or_bytes(keys, result),
        false => occurrence(keys, result),
    }
}

fn company_keys(company: &Company) -> Vec<String> {
    let url = company
        .linkedin_url
        .as_deref()
        .and_then(|url| page(url, COMPANIES));
    let id = company
        .linkedin_id
        .as_deref()
        .map(|id| id.trim().to_owned());
    let domain = company
        .website
        .as_deref()
        .and_then(domain)
        .map(|domain| format!("www:{domain}"));
    let linkedin: Vec<_> = [url, id]
        .into_iter()
        .flatten()
        .filter(|key| !key.is_empty())
        .collect();
    // Subsidiaries share a website, so it counts only where LinkedIn is silent.
    let keys = if linkedin.is_empty() {
        domain.into_iter().collect()
    } else {
        linkedin
    };
    keys.into_iter()
        .map(|key| format!("account:{key}"))
        .collect()
}

/// What a contact is recognized by: its position in a batch. Outside a batch
/// there is only one. Whether a batch gives each contact an id of its own is not
/// known, so the id does not count there.
#[must_use]
pub fn of_contact(contact: &Contact, is_batch: bool) -> Identity {
    let key = match (contact.index, &contact.enrichment_id) {
        (Some(index), _) => Some(of_item(index)),
        (None, Some(id)) if !is_batch => Some(format!("contact:{id}")),
        _ => None,
    };
    or_bytes(key.into_iter().collect(), contact)
}

/// What a contact is recognized by that is reused. What is bought about the same
/// person is another result. Of an item of a batch of which nothing is bought nothing
/// else is awaited.
#[must_use]
pub fn of_reused(index: Option<i32>, is_whole: bool) -> Identity {
    Identity::Keys(match index {
        Some(index) if is_whole => vec![of_item(index), of_reused_item(index)],
        Some(index) => vec![format!("reused-part:{index}")],
        None => vec!["reused".to_owned()],
    })
}

/// What an item of a batch is recognized by that is reused as a whole.
#[must_use]
pub fn of_reused_item(index: i32) -> String {
    format!("reused:{index}")
}

/// What an item of a batch is recognized by.
#[must_use]
pub fn of_item(index: i32) -> String {
    format!("item:{index}")
}

/// What is recognized by its bytes alone.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> Identity {
    Identity::Keys(vec![digest(bytes)])
}

/// What tells that something came alone with these bytes.
#[must_use]
pub fn alone(bytes: &str) -> String {
    format!("alone:{bytes}")
}

/// Gives those that may come several times their places in a list of all results:
/// first those that came alone with the same bytes, so that what stands for them is
/// not what did not come. Equal ones share a place.
pub fn number<'i>(
    identities: impl Iterator<Item = &'i mut Identity>,
    came_alone: &HashSet<String>,
) {
    let mut listed: Vec<&mut Identity> = identities.collect();
    listed.sort_by_key(|identity| match identity {
        Identity::Occurrence { bytes, .. } => !came_alone.contains(&alone(bytes)),
        Identity::Keys(_) => true,
    });
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<(Vec<String>, String), usize> = HashMap::new();
    for identity in listed {
        if let Identity::Occurrence {
            subject,
            bytes,
            listed,
        } = identity
        {
            let place = *places
                .entry((subject.clone(), bytes.clone()))
                .or_insert_with(|| {
                    let before = subject.iter().filter_map(|key| last.get(key)).max();
                    let place = before.copied().unwrap_or_default() + 1;
                    last.extend(subject.iter().map(|key| (key.clone(), place)));
                    place
                });
            *listed = Some(place);
        }
    }
}

fn occurrence<M: Message>(subject: Vec<String>, result: &M) -> Identity {
    Identity::Occurrence {
        subject,
        bytes: digest(&result.encode_to_vec()),
        listed: None,
    }
}

fn or_bytes<M: Message>(keys: Vec<String>, result: &M) -> Identity {
    match keys.is_empty() {
        true => of_bytes(&result.encode_to_vec()),
        false => Identity::Keys(keys),
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("bytes:{hex}")
}

/// The domain of a website that a company has for itself: one with a path may be
/// a page on somebody else's.
fn domain(website: &str) -> Option<String> {
    let url = parse(website).filter(|url| url.path().trim_matches('/').is_empty())?;
    let host = url.host_str()?.trim_start_matches("www.");
    (!host.is_empty()).then(|| host.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(set: impl FnOnce(&mut Lead)) -> Vec<String> {
        let mut lead = Lead::default();
        set(&mut lead);
        keys(of_lead(&LeadResult {
            lead: Some(lead),
            ..Default::default()
        }))
    }

    fn keys(identity: Identity) -> Vec<String> {
        match identity {
            Identity::Keys(keys) => keys,
            other => panic!("{other:?} may come several times"),
        }
    }

    fn share_a_key(one: &[String], other: &[String]) -> bool {
        one.iter().any(|key| other.contains(key))
    }

    const MEMBER: &str = "ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-TM";

    #[test]
    fn spellings_of_a_profile_are_one_person() {
        let url = |url: &str| lead(|lead| lead.linkedin_url = Some(url.to_owned()));
        let jane = url("https://www.linkedin.com/in/Jane-Doe/");
        assert!(share_a_key(
            &jane,
            &url("http://fr.linkedin.com/in/jane-doe?trk=x")
        ));
        assert!(share_a_key(&jane, &url("linkedin.com/in/jane%2Ddoe")));
        assert!(!share_a_key(
            &jane,
            &url("https://www.linkedin.com/in/jane-doe-2")
        ));
    }

    #[test]
    fn what_stands_behind_a_name_is_no_name() {
        let url = |url: &str| lead(|lead| lead.linkedin_url = Some(url.to_owned()));
        let ada = url("https://www.linkedin.com/in/ada/en");
        assert!(!share_a_key(
            &ada,
            &url("https://www.linkedin.com/in/bob/en")
        ));
        assert!(share_a_key(&ada, &url("https://www.linkedin.com/in/ada")));
        let empty = (
            url("https://www.linkedin.com/in/"),
            url("https://linkedin.com/in/?x"),
        );
        assert!(!share_a_key(&empty.0, &empty.1));
    }

    #[test]
    fn a_number_is_no_member_id() {
        let person = |name: &str| {
            lead(|lead| {
                lead.linkedin_id = Some("104885158".to_owned());
                lead.linkedin_url = Some(format!("https://www.linkedin.com/in/{name}"));
            })
        };
        assert!(!share_a_key(&person("ada"), &person("bob")));
    }

    #[test]
    fn companies_on_a_common_platform_differ() {
        let company = |website: &str| {
            let company = Company {
                website: Some(website.to_owned()),
                ..Default::default()
            };
            keys(of_account(&AccountResult {
                company: Some(company),
                ..Default::default()
            }))
        };
        let (a, b) = (
            company("https://www.facebook.com/a"),
            company("https://facebook.com/b"),
        );
        assert!(!share_a_key(&a, &b));
        assert!(share_a_key(
            &company("acme.com"),
            &company("https://www.acme.com/")
        ));
    }

    #[test]
    fn a_member_id_joins_its_url() {
        let by_id = lead(|lead| lead.linkedin_id = Some(MEMBER.to_owned()));
        let by_url = lead(|lead| {
            lead.linkedin_id_url = Some(format!("https://linkedin.com/in/{MEMBER}"));
        });
        assert!(share_a_key(&by_id, &by_url));
    }

    #[test]
    fn a_person_without_keys_is_only_its_own_bytes() {
        let jane = || lead(|lead| lead.full_name = Some("Jane".to_owned()));
        assert_eq!(jane(), jane());
        assert_ne!(
            jane(),
            lead(|lead| lead.full_name = Some("John".to_owned()))
        );
    }

    #[test]
    fn a_batchs_shared_id_does_not_make_contacts_equal() {
        let contact = |name: &str| Contact {
            enrichment_id: Some("batch".to_owned()),
            first_name: Some(name.to_owned()),
            ..Default::default()
        };
        let (ada, bob) = (contact("Ada"), contact("Bob"));
        assert!(!share_a_key(
            &keys(of_contact(&ada, true)),
            &keys(of_contact(&bob, true))
        ));
        assert!(share_a_key(
            &keys(of_contact(&ada, false)),
            &keys(of_contact(&bob, false))
        ));
    }
}
