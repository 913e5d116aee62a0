//! The documented rules for requests, checked before anything is sent.
//!
//! The rules stand in the proto as `(check)` and `(rule)`; the implementations
//! of [`Validate`] are generated from them.

mod check;
mod format;

use super::v1::{self, Format};
use check::Presence;

/// A request, or a part of one, that has rules.
pub trait Validate {
    /// Collects every violation of a rule.
    fn validate(&self, at: &Path<'_>, violations: &mut Violations);
}

/// All violations of a request; empty when it is valid.
pub fn validate<M: Validate>(request: &M) -> Violations {
    let mut violations = Violations::new();
    request.validate(&Path::Root, &mut violations);
    violations
}

/// The violations of a request.
pub type Violations = Vec<Violation>;

/// A rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in proto names, such as `contacts[3].linkedin_url`.
    pub field: String,
    /// What would be right.
    pub description: String,
}

/// Where in a request a check looks.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The request itself.
    Root,
    /// A field of what stands above.
    Field(&'a Path<'a>, &'a str),
    /// An item of the list above.
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    /// A field of this.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// An item of this list.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => out.write_str(name),
            Self::Field(parent, name) => write!(out, "{parent}.{name}"),
            Self::Index(list, index) => write!(out, "{list}[{index}]"),
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/checks.rs"));
