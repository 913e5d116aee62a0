//! What a job recognizes, as the model sees it.

use std::collections::{BTreeMap, BTreeSet};

use pronto_grpc::jobs::model::Identity;

/// What a job knows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    keys: BTreeSet<String>,
    /// The bytes of what came alone, and of what has no subject.
    alone: BTreeSet<String>,
    bare: BTreeSet<String>,
    /// Which places of a subject are taken, by what came alone and by anything.
    taken_alone: Places,
    taken: Places,
}

type Places = BTreeMap<String, BTreeSet<usize>>;

impl Known {
    /// Whether a job knows a key.
    pub fn knows(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Whether a result is new. It is known from now on.
    pub fn is_new(&mut self, identity: &Identity) -> bool {
        match identity {
            Identity::Keys(keys) => {
                let is_new = !keys.iter().any(|key| self.keys.contains(key));
                self.keys.extend(keys.iter().cloned());
                is_new
            }
            Identity::Occurrence {
                subject,
                bytes,
                listed: None,
            } => self.is_new_alone(subject, bytes),
            Identity::Occurrence {
                subject,
                bytes,
                listed: Some(place),
            } => match subject.is_empty() {
                true => self.bare.insert(bytes.clone()),
                false => take(&mut self.taken, subject, *place),
            },
        }
    }

    fn is_new_alone(&mut self, subject: &[String], bytes: &str) -> bool {
        if !self.alone.insert(bytes.to_owned()) {
            return false;
        }
        if subject.is_empty() {
            return self.bare.insert(bytes.to_owned());
        }
        // The first place that none of them has.
        let place = (1..)
            .find(|place| take(&mut self.taken_alone, subject, *place))
            .unwrap_or_default();
        take(&mut self.taken, subject, place)
    }
}

/// Takes a place of a subject; false when one of its keys has it.
fn take(places: &mut Places, subject: &[String], place: usize) -> bool {
    let is_free = |key: &String| !places.get(key).is_some_and(|taken| taken.contains(&place));
    let were_free = subject.iter().all(is_free);
    for key in subject {
        places.entry(key.clone()).or_default().insert(place);
    }
    were_free
}
