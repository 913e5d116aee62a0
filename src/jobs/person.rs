//! Whom data is about: a person to erase, known by LinkedIn pages and email
//! addresses.
//!
//! A result is *about* the person when it shares a key, and *names* them when a
//! key or address stands anywhere in it.

mod text;

use std::collections::BTreeSet;

use super::identity;
use crate::proto::json::{self, JsonMessage, Spelling};
use crate::proto::v1::job_event::Event;
use crate::proto::v1::signal::Subject;
use crate::proto::v1::{AccountResult, Contact, LeadResult};
use text::{has_address, names_page, normal_text};

/// A person to erase.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Keys of LinkedIn pages, as results are recognized by.
    pages: BTreeSet<String>,
    /// Addresses that are theirs alone, because the request says so.
    addresses: BTreeSet<String>,
    /// Addresses that their results have. Others may share them.
    shared_addresses: BTreeSet<String>,
}

impl Person {
    /// The person with a LinkedIn page or an address; none when the page is not
    /// one of LinkedIn's or neither is given.
    #[must_use]
    pub fn new(page: Option<&str>, address: Option<&str>) -> Option<Self> {
        let page = page.map(identity::profile);
        if page == Some(None) || (page.is_none() && address.is_none()) {
            return None;
        }
        Some(Self {
            pages: page.flatten().into_iter().collect(),
            addresses: address.map(normal_address).into_iter().collect(),
            shared_addresses: BTreeSet::new(),
        })
    }

    /// Learns from a result that is about the person: whether it is, and whether
    /// there was something to learn.
    pub fn learn(&mut self, event: &Event) -> (bool, bool) {
        let traits = Traits::of(event);
        if !self.is(&traits) {
            return (false, false);
        }
        let known = self.pages.len() + self.shared_addresses.len();
        self.pages.extend(traits.pages);
        let others = traits.addresses.into_iter();
        let others = others.filter(|address| !self.addresses.contains(address));
        self.shared_addresses.extend(others);
        (true, self.pages.len() + self.shared_addresses.len() > known)
    }

    /// The names of the person's LinkedIn profiles.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        let pages = self.pages.iter();
        pages.filter_map(|page| page.strip_prefix("lead:"))
    }

    fn is(&self, traits: &Traits) -> bool {
        let shares = |known: &BTreeSet<String>, of: &[String]| of.iter().any(|t| known.contains(t));
        shares(&self.pages, &traits.pages)
            || shares(&self.addresses, &traits.addresses)
            || (traits.pages.is_empty() && shares(&self.shared_addresses, &traits.addresses))
    }

    /// Whether an event is about the person or names them.
    #[must_use]
    pub fn is_in(&self, event: &Event) -> bool {
        self.is(&Traits::of(event)) || text(event).is_some_and(|text| self.is_named(&text, false))
    }

    /// Whether a raw body names the person. It is only a copy, so an address that
    /// others may share counts, too.
    #[must_use]
    pub fn is_in_body(&self, body: &[u8]) -> bool {
        self.is_named(&normal_text(body), true)
    }

    fn is_named(&self, text: &str, with_shared: bool) -> bool {
        let shared = self.shared_addresses.iter().filter(|_| with_shared);
        self.pages.iter().any(|page| names_page(text, page))
            || self
                .addresses
                .iter()
                .chain(shared)
                .any(|a| has_address(text, a))
    }

    /// By which marks results about the person are known: see [`marks`].
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(|address| mark(address));
        let shared = self
            .shared_addresses
            .iter()
            .map(|address| mark_alone(address));
        self.pages
            .iter()
            .cloned()
            .chain(addresses)
            .chain(shared)
            .collect()
    }
}

/// The marks of a result. One that is about an erased person has one of theirs.
#[must_use]
pub fn marks(event: &Event) -> Vec<String> {
    let traits = Traits::of(event);
    let mut marks = traits.pages;
    if marks.is_empty() {
        marks.extend(traits.addresses.iter().map(|address| mark_alone(address)));
    }
    marks.extend(traits.addresses.iter().map(|address| mark(address)));
    marks
}

fn mark(address: &str) -> String {
    format!("address:{address}")
}

fn mark_alone(address: &str) -> String {
    format!("address alone:{address}")
}

/// By what a result tells whom it is about.
#[derive(Default)]
struct Traits {
    pages: Vec<String>,
    addresses: Vec<String>,
}

impl Traits {
    fn of(event: &Event) -> Self {
        match event {
            Event::Lead(result) => Self::of_lead(result),
            Event::Signal(signal) => match &signal.subject {
                Some(Subject::Lead(result)) => Self::of_lead(result),
                _ => Self::default(),
            },
            Event::Contact(contact) => Self::of_contact(contact),
            _ => Self::default(),
        }
    }

    fn of_lead(result: &LeadResult) -> Self {
        let address = result.lead.as_ref().and_then(|lead| lead.email.as_deref());
        Self {
            pages: identity::person(result),
            addresses: addresses([address]),
        }
    }

    fn of_contact(contact: &Contact) -> Self {
        let page = contact.linkedin_url.as_deref();
        Self {
            pages: page.and_then(identity::profile).into_iter().collect(),
            addresses: addresses([contact.email.as_deref(), contact.personal_email.as_deref()]),
        }
    }
}

fn addresses<const N: usize>(fields: [Option<&str>; N]) -> Vec<String> {
    let texts = fields.into_iter().flatten().map(normal_address);
    texts.filter(|address| address.contains('@')).collect()
}

fn normal_address(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Everything that an event says, in normal form.
fn text(event: &Event) -> Option<String> {
    match event {
        Event::Started(started) => started.acceptance.as_ref().map(text_of),
        Event::Lead(result) => Some(text_of(result)),
        Event::Account(result) => Some(text_of(result)),
        Event::Contact(contact) => Some(text_of(contact)),
        Event::Signal(signal) => match signal.subject.as_ref()? {
            Subject::Lead(result) => Some(text_of::<LeadResult>(result)),
            Subject::Account(result) => Some(text_of::<AccountResult>(result)),
        },
        Event::Unrecognized(unrecognized) => Some(normal_text(&unrecognized.body)),
        Event::Progress(_) | Event::Completed(_) | Event::Erased(_) => None,
    }
}

fn text_of<M: JsonMessage>(message: &M) -> String {
    let object = json::write(message, Spelling::Observed);
    normal_text(serde_json::Value::Object(object).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Company, JobPosting, Lead, Signal};

    const MEMBER: &str = "ACwAACaX8uYBfAh-5YxmfObz4mVOKYih3zxa-TM";

    fn ada() -> Person {
        Person::new(
            Some("https://linkedin.com/in/Ada/"),
            Some("Ada@Acme.example"),
        )
        .unwrap()
    }

    #[test]
    fn a_page_is_found_in_every_spelling_and_alone() {
        let is_named = |body: &str| ada().is_in_body(body.as_bytes());
        for body in [
            r#"{"a":"https://www.linkedin.com/in/ada"}"#,
            r#"["linkedin.com\/in\/ADA?trk=1"]"#,
            r#"{"a":"http://uk.linkedin.com/in/%41da/en"}"#,
            r#"{"json":"{\"a\":\"linkedin.com\\/in\\/\\u0061da\"}"}"#,
            "<a href='https://linkedin.com/in/ada'>",
            "truncated \\u00",
        ] {
            assert_eq!(is_named(body), !body.starts_with("truncated"), "{body}");
        }
        for body in [
            "/in/adam",
            "/in/ada-2",
            "/in/ada_",
            "/in/ad\u{e1}",
            "/company/ada",
        ] {
            assert!(
                !is_named(&format!(r#"["https://linkedin.com{body}"]"#)),
                "{body}"
            );
        }
        assert!(!is_named(r#"["https://example.com/in/ada"]"#));
    }

    #[test]
    fn a_member_id_is_found_without_its_url() {
        let url = format!("https://www.linkedin.com/sales/lead/{MEMBER},NAME_SEARCH,x");
        let person = Person::new(Some(&url), None).unwrap();
        let is_named = |body: String| person.is_in_body(body.as_bytes());
        assert!(is_named(format!(r#"{{"linkedin_id":"{MEMBER}"}}"#)));
        assert!(is_named(format!("urn:li:fs_salesProfile:({MEMBER},x)")));
        assert!(!is_named(format!(r#"{{"linkedin_id":"{MEMBER}x"}}"#)));
        assert!(!is_named(format!(r#"{{"linkedin_id":"x-{MEMBER}"}}"#)));
    }

    #[test]
    fn every_kind_of_result_may_be_about_somebody() {
        let contact = |set: fn(&mut Contact)| {
            let mut contact = Contact::default();
            set(&mut contact);
            Event::Contact(contact)
        };
        let page = "https://www.linkedin.com/in/ada".to_owned();
        let lead = Lead {
            linkedin_url: Some(page.clone()),
            ..Default::default()
        };
        let subject = Subject::Lead(LeadResult {
            lead: Some(lead),
            ..Default::default()
        });
        let signal = Event::Signal(Signal {
            subject: Some(subject),
        });
        let about = [
            contact(|c| c.linkedin_url = Some("linkedin.com/in/ada".to_owned())),
            contact(|c| c.personal_email = Some("ADA@acme.example".to_owned())),
            signal,
        ];
        for event in about {
            assert!(ada().learn(&event).0 && ada().is_in(&event));
            assert!(
                marks(&event)
                    .iter()
                    .any(|mark| ada().marks().contains(mark))
            );
        }
        let member = crate::proto::v1::HiringTeamMember {
            linkedin_url: Some(page),
            ..Default::default()
        };
        let hiring = Event::Account(AccountResult {
            company: Some(Company::default()),
            job_postings: vec![JobPosting {
                hiring_team: vec![member],
                ..Default::default()
            }],
            ..Default::default()
        });
        assert!(ada().is_in(&hiring) && !ada().learn(&hiring).0);
        let other = contact(|c| c.email = Some("bob@acme.example".to_owned()));
        assert!(!ada().is_in(&other));
    }

    #[test]
    fn nobody_is_nobody() {
        assert!(Person::new(None, None).is_none());
        assert!(Person::new(Some("https://example.com/in/ada"), Some("a@b.example")).is_none());
    }
}
