//! What Pronto writes for enum values.

use super::v1;

/// An enum whose values Pronto writes as texts.
pub trait WireEnum: Copy + TryFrom<i32> + Into<i32> + 'static {
    /// Number, wire text and label of each value but `UNSPECIFIED`.
    const TABLE: &'static [(i32, &'static str, &'static str)];

    /// All values but `UNSPECIFIED`.
    fn all() -> impl Iterator<Item = Self> {
        Self::TABLE
            .iter()
            .filter_map(|(number, ..)| Self::try_from(*number).ok())
    }

    /// What Pronto writes for each value, or their labels.
    #[must_use]
    fn texts(labels: bool) -> Vec<&'static str> {
        Self::TABLE
            .iter()
            .map(|(_, wire, label)| if labels { *label } else { *wire })
            .collect()
    }

    /// What Pronto writes for the value; empty for `UNSPECIFIED`.
    fn wire(self) -> &'static str {
        row(self).map_or("", |(_, wire, _)| wire)
    }

    /// What Pronto calls the value; its wire text where it has no label.
    fn label(self) -> &'static str {
        row(self).map_or("", |(_, _, label)| label)
    }

    /// The value that Pronto writes as `text`.
    fn from_wire(text: &str) -> Option<Self> {
        let (number, ..) = Self::TABLE.iter().find(|(_, wire, _)| *wire == text)?;
        Self::try_from(*number).ok()
    }

    /// The value that Pronto calls `label`.
    fn from_label(label: &str) -> Option<Self> {
        let (number, ..) = Self::TABLE.iter().find(|(.., l)| *l == label)?;
        Self::try_from(*number).ok()
    }
}

fn row<E: WireEnum>(value: E) -> Option<&'static (i32, &'static str, &'static str)> {
    let number: i32 = value.into();
    E::TABLE.iter().find(|(n, ..)| *n == number)
}

include!(concat!(env!("OUT_DIR"), "/wire.rs"));
