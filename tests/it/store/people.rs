//! People whom scripts ask about, find, and erase. They are few, so that they are shared.

use pronto_grpc::jobs::person::Person;
use pronto_grpc::proto::v1::Contact;

/// So many there are.
pub const PEOPLE: u8 = 4;

/// A key that somebody is known by.
pub fn person(number: u8) -> [u8; 16] {
    [number; 16]
}

/// What a result says about somebody: some are known by their page, others by their
/// address.
pub fn contact(number: u8) -> Contact {
    let (linkedin_url, email) = traits(number);
    Contact {
        linkedin_url,
        email,
        ..Default::default()
    }
}

/// By which marks somebody is known once they are erased.
pub fn marks(number: u8) -> Vec<String> {
    let (page, address) = traits(number);
    let person = Person::new(page.as_deref(), address.as_deref());
    person.expect("they have one of both").marks()
}

fn traits(number: u8) -> (Option<String>, Option<String>) {
    match number % 2 {
        0 => (Some(format!("https://www.linkedin.com/in/p{number}")), None),
        _ => (None, Some(format!("p{number}@acme.test"))),
    }
}
