//! Whether an enrichment found anything.

use crate::ledger::prices::found;
use crate::proto::v1::{Contact, EnrichmentOutcome, Found};

/// Tells by what a contact holds: Pronto's `status` is `error` when nothing was found,
/// and `success` is not said by every answer.
#[must_use]
pub fn outcome(contact: &Contact) -> EnrichmentOutcome {
    match found(contact) != Found::default() {
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
