//! The account behind the keys: its name and its personas.

use serde_json::json;

use super::lists::fixed_id;
use super::world::World;
use crate::proto::json::{Object, structs};
use crate::proto::v1;

/// A saved set of job titles.
#[derive(Clone, Debug)]
pub struct Persona {
    /// Id.
    pub id: String,
    name: &'static str,
    included: Titles,
    excluded: Titles,
}

type Titles = &'static [&'static str];

/// Label, titles to include and titles to exclude.
const PERSONAS: &[(&str, Titles, Titles)] = &[
    (
        "Finance leaders",
        &["CFO", "Chief Financial", "VP of Finance"],
        &["Assistant"],
    ),
    (
        "Engineering leaders",
        &["CTO", "Chief Technology", "VP of Engineering"],
        &[],
    ),
    (
        "Sales",
        &["Sales", "Account Executive", "Revenue"],
        &["Trainee"],
    ),
];

/// The personas of the account.
#[must_use]
pub fn personas(world: &World) -> Vec<Persona> {
    let persona =
        |(number, (name, included, excluded)): (u64, &(&'static str, Titles, Titles))| Persona {
            id: fixed_id(world, number),
            name,
            included,
            excluded,
        };
    (100..).zip(PERSONAS).map(persona).collect()
}

/// The persona with an id.
#[must_use]
pub fn persona(world: &World, id: &str) -> Option<Persona> {
    personas(world).into_iter().find(|persona| persona.id == id)
}

impl Persona {
    /// Titles that it includes.
    #[must_use]
    pub fn included_titles(&self) -> Vec<String> {
        self.included
            .iter()
            .map(|title| (*title).to_owned())
            .collect()
    }

    /// Titles that it excludes.
    #[must_use]
    pub fn excluded_titles(&self) -> Vec<String> {
        self.excluded
            .iter()
            .map(|title| (*title).to_owned())
            .collect()
    }

    /// As Pronto describes it; the keys of the titles are not known.
    #[must_use]
    pub fn describe(&self) -> v1::Persona {
        let titles = Object::from_iter([
            ("job_titles".to_owned(), json!(self.included)),
            ("excluded_job_titles".to_owned(), json!(self.excluded)),
        ]);
        v1::Persona {
            id: Some(self.id.clone()),
            name: Some(self.name.to_owned()),
            additional_fields: Some(structs::from_map(&titles)),
        }
    }
}

/// Whom the keys belong to.
#[must_use]
pub fn account(world: &World) -> v1::GetAccountResponse {
    v1::GetAccountResponse {
        email: Some("sandbox@pronto.example".to_owned()),
        name: Some("Sandbox User".to_owned()),
        organization: Some(v1::Organization {
            id: Some(fixed_id(world, 0)),
            name: Some("Sandbox".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
