//! Whether an enrichment found anything.

use crate::proto::v1::{Contact, EnrichmentOutcome};

/// Tells by what a contact holds: Pronto's `status` is `error` when nothing was found,
/// and `success` is not said by every answer.
#[must_use]
pub fn outcome(contact: &Contact) -> EnrichmentOutcome {
    // Where nothing is known there may also stand a text like `N/A`.
    let emails = [&contact.email, &contact.personal_email];
    let has_email = emails.into_iter().flatten().any(|text| text.contains('@'));
    let mut numbers = contact.phones.iter().flat_map(|phone| &phone.number);
    let has_number = numbers.any(|number| number.contains(|c: char| c.is_ascii_digit()));
    match has_email || has_number {
        true => EnrichmentOutcome::Found,
        false => EnrichmentOutcome::NothingFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::PhoneNumber;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn phone(number: Option<String>) -> Contact {
        let phone = PhoneNumber {
            number,
            ..Default::default()
        };
        Contact {
            phones: vec![phone],
            ..Default::default()
        }
    }

    #[test]
    fn an_address_or_a_number_is_a_find() {
        let found = [
            Contact {
                email: text("ada@x.test"),
                status: text("error"),
                ..Default::default()
            },
            Contact {
                personal_email: text("ada@y.test"),
                ..Default::default()
            },
            phone(text("+33 1 23 45 67 89")),
        ];
        for contact in found {
            assert_eq!(outcome(&contact), EnrichmentOutcome::Found, "{contact:?}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let nothing = [
            Contact::default(),
            Contact {
                first_name: text("Ada"),
                email: text("N/A"),
                email_status: text("N/A"),
                personal_email: text(""),
                status: text("success"),
                ..Default::default()
            },
            phone(text("N/A")),
            phone(None),
        ];
        for contact in nothing {
            assert_eq!(
                outcome(&contact),
                EnrichmentOutcome::NothingFound,
                "{contact:?}"
            );
        }
    }
}
