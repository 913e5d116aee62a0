//! The checks that generated validation calls.

use prost_types::Struct;

use super::{Format, Path, Validate, Violation, Violations};
use crate::proto::json::JsonMessage;
use crate::proto::wire::WireEnum;

/// Whether a field says something.
pub trait Presence {
    /// A blank text, an empty list, an empty object and `false` say nothing.
    fn is_set(&self) -> bool;
}

impl Presence for String {
    fn is_set(&self) -> bool {
        !self.trim().is_empty()
    }
}

impl Presence for bool {
    fn is_set(&self) -> bool {
        *self
    }
}

impl Presence for i32 {
    fn is_set(&self) -> bool {
        true
    }
}

impl Presence for f64 {
    fn is_set(&self) -> bool {
        true
    }
}

impl Presence for Struct {
    fn is_set(&self) -> bool {
        !self.fields.is_empty()
    }
}

impl<M: JsonMessage> Presence for M {
    fn is_set(&self) -> bool {
        true
    }
}

impl<T: Presence> Presence for Option<T> {
    fn is_set(&self) -> bool {
        self.as_ref().is_some_and(Presence::is_set)
    }
}

impl<T> Presence for Vec<T> {
    fn is_set(&self) -> bool {
        !self.is_empty()
    }
}

fn violation(at: &Path<'_>, description: impl Into<String>, violations: &mut Violations) {
    violations.push(Violation {
        field: at.to_string(),
        description: description.into(),
    });
}

fn explained(rule: String, because: &str) -> String {
    if because.is_empty() {
        rule
    } else {
        format!("{rule}: {because}")
    }
}

// === single fields ===

pub fn required<T: Presence>(field: &T, at: &Path<'_>, because: &str, violations: &mut Violations) {
    if !field.is_set() {
        violation(at, explained("is required".to_owned(), because), violations);
    }
}

/// `max` 0 means no maximum.
pub fn item_count(
    count: usize,
    min: usize,
    max: usize,
    at: &Path<'_>,
    violations: &mut Violations,
) {
    if count < min {
        violation(
            at,
            format!("needs at least {min} items, has {count}"),
            violations,
        );
    } else if max > 0 && count > max {
        violation(
            at,
            format!("takes at most {max} items, has {count}"),
            violations,
        );
    }
}

pub fn range<T: Into<i64>>(
    field: Option<T>,
    min: Option<i64>,
    max: Option<i64>,
    at: &Path<'_>,
    violations: &mut Violations,
) {
    let Some(number) = field.map(Into::into) else {
        return;
    };
    if let Some(min) = min.filter(|min| number < *min) {
        violation(at, format!("must be at least {min}"), violations);
    }
    if let Some(max) = max.filter(|max| number > *max) {
        violation(at, format!("must be at most {max}"), violations);
    }
}

pub fn allowed(field: Option<f64>, values: &[f64], at: &Path<'_>, violations: &mut Violations) {
    if field.is_some_and(|number| !values.contains(&number)) {
        let values: Vec<_> = values.iter().map(f64::to_string).collect();
        violation(
            at,
            format!("must be one of {}", values.join(", ")),
            violations,
        );
    }
}

pub fn time_span(
    field: &Option<prost_types::Duration>,
    at: &Path<'_>,
    violations: &mut Violations,
) {
    let is_span = |span: prost_types::Duration| std::time::Duration::try_from(span).is_ok();
    if field.is_some_and(|span| !is_span(span)) {
        violation(at, "must not be negative", violations);
    }
}

/// A field that holds texts.
pub trait Texts {
    /// Each text, with its index in a list.
    fn texts(&self) -> impl Iterator<Item = (Option<usize>, &str)>;
}

impl Texts for String {
    fn texts(&self) -> impl Iterator<Item = (Option<usize>, &str)> {
        // Absence of a text without presence is for `required` to judge.
        (!self.is_empty())
            .then_some((None, self.as_str()))
            .into_iter()
    }
}

impl Texts for Option<String> {
    fn texts(&self) -> impl Iterator<Item = (Option<usize>, &str)> {
        self.iter().map(|text| (None, text.as_str()))
    }
}

impl Texts for Vec<String> {
    fn texts(&self) -> impl Iterator<Item = (Option<usize>, &str)> {
        self.iter()
            .enumerate()
            .map(|(index, text)| (Some(index), text.as_str()))
    }
}

pub fn format<F: Texts>(field: &F, format: Format, at: &Path<'_>, violations: &mut Violations) {
    for (index, text) in field.texts() {
        if let Err(expected) = super::format::check(text, format) {
            match index {
                None => violation(at, expected, violations),
                Some(index) => violation(&at.index(index), expected, violations),
            }
        }
    }
}

/// A field that holds enum numbers.
pub trait Numbers {
    /// Each number, with its index in a list.
    fn numbers(&self) -> impl Iterator<Item = (Option<usize>, i32)>;
}

impl Numbers for Option<i32> {
    fn numbers(&self) -> impl Iterator<Item = (Option<usize>, i32)> {
        self.iter().map(|number| (None, *number))
    }
}

impl Numbers for Vec<i32> {
    fn numbers(&self) -> impl Iterator<Item = (Option<usize>, i32)> {
        self.iter()
            .enumerate()
            .map(|(index, number)| (Some(index), *number))
    }
}

pub fn known<E: WireEnum>(field: &impl Numbers, at: &Path<'_>, violations: &mut Violations) {
    for (index, number) in field.numbers() {
        if !E::TABLE.iter().any(|(known, ..)| *known == number) {
            let description = format!("{number} is not a value to choose");
            match index {
                None => violation(at, description, violations),
                Some(index) => violation(&at.index(index), description, violations),
            }
        }
    }
}

pub fn has_any(field: &impl Numbers, values: &[i32]) -> bool {
    field.numbers().any(|(_, number)| values.contains(&number))
}

/// A field that holds messages.
pub trait Nested {
    /// Validates each of them.
    fn validate_each(&self, at: &Path<'_>, violations: &mut Violations);
}

impl<M: Validate> Nested for Option<M> {
    fn validate_each(&self, at: &Path<'_>, violations: &mut Violations) {
        if let Some(message) = self {
            message.validate(at, violations);
        }
    }
}

impl<M: Validate> Nested for Vec<M> {
    fn validate_each(&self, at: &Path<'_>, violations: &mut Violations) {
        for (index, message) in self.iter().enumerate() {
            message.validate(&at.index(index), violations);
        }
    }
}

pub fn nested(field: &impl Nested, at: &Path<'_>, violations: &mut Violations) {
    field.validate_each(at, violations);
}

// === rules over several fields ===

/// A field's name, and whether it is set.
type Named = (&'static str, bool);

/// Up to so many fields are listed in a description.
const LISTED: usize = 5;

pub fn any_of(fields: &[Named], at: &Path<'_>, because: &str, violations: &mut Violations) {
    if fields.iter().any(|(_, set)| *set) {
        return;
    }
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    if names.len() > LISTED {
        return violation(at, because, violations);
    }
    let rule = format!("set at least one of {}", names.join(", "));
    violation(&at.field(names[0]), explained(rule, because), violations);
}

pub fn at_most_one_of(fields: &[Named], at: &Path<'_>, because: &str, violations: &mut Violations) {
    let set: Vec<_> = fields
        .iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| *name)
        .collect();
    if set.len() > 1 {
        let rule = format!("set only one of {}", set.join(", "));
        violation(&at.field(set[1]), explained(rule, because), violations);
    }
}

pub fn all_required(fields: &[Named], at: &Path<'_>, because: &str, violations: &mut Violations) {
    for (name, _) in fields.iter().filter(|(_, set)| !set) {
        violation(
            &at.field(name),
            explained("is required".to_owned(), because),
            violations,
        );
    }
}

pub fn forbidden(fields: &[Named], at: &Path<'_>, because: &str, violations: &mut Violations) {
    for (name, _) in fields.iter().filter(|(_, set)| *set) {
        violation(
            &at.field(name),
            explained("must not be set".to_owned(), because),
            violations,
        );
    }
}
