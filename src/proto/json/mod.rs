//! Pronto's JSON, read leniently and written exactly.
//!
//! Reading accepts every known spelling and shape of a message, and drops
//! nothing: a key that no field claims, or a value that does not fit its field,
//! goes to `additional_fields`; keys that are null go to `null_fields` where a
//! message has that. One odd value never costs the others. Where asked to, reading
//! also tells what it did not know (`drift`).
//!
//! A body is checked by `serde_json` first; after that reading is a walk over the
//! text, in one pass and without a tree, and cannot fail.
//!
//! The implementations of [`JsonMessage`] are generated from the options of
//! `upstream.proto`.

mod cursor;
pub mod drift;
mod read;
mod scalar;
pub mod structs;
mod write;

use prost_types::{Struct, Value};
use serde_json::Map;
use serde_json::value::RawValue;

use super::v1::{self, VendorDriftKind};
use super::wire::WireEnum;

pub use cursor::Cursor;
pub use drift::Drift;
pub use read::Fit;

/// A JSON object.
pub type Object = Map<String, serde_json::Value>;

/// Which of Pronto's two spellings of an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// The one that users meet, and the one of requests.
    #[default]
    Observed,
    /// The one that the documentation shows.
    Documented,
}

impl Spelling {
    fn choose<'a>(self, observed: &'a str, documented: &'a str) -> &'a str {
        match self {
            Self::Observed => observed,
            Self::Documented => documented,
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is empty.
    #[error("the body is empty")]
    Empty,
    /// It is no JSON.
    #[error("the body is not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It is JSON, but objects and lists are nested too deeply.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// It is JSON, but one of its lists is too long, or it holds too many values that
    /// no field takes.
    #[error("a list of the body is too long, or too much of it is not known")]
    TooLong,
    /// It is JSON, but neither an object nor a list where one is known.
    #[error("the body is JSON, but not of a known shape")]
    Shape,
}

/// Reads a body.
///
/// # Errors
///
/// When the body is not JSON of a known shape.
pub fn read<M: JsonMessage>(body: &[u8]) -> Result<M, ReadError> {
    let checked = check(body)?;
    read_with(&mut Cursor::new(checked.get()))
}

/// Reads a body, and tells what it holds that we do not know.
///
/// # Errors
///
/// When the body is not JSON of a known shape.
pub fn read_and_compare<M: JsonMessage>(body: &[u8]) -> Result<(M, Vec<Drift>), ReadError> {
    let checked = check(body)?;
    let mut cursor = Cursor::comparing(checked.get(), M::NAME);
    let message = read_with(&mut cursor)?;
    Ok((message, cursor.into_drifts()))
}

/// What the body of an answer holds that we do not know. What is no JSON was not
/// written by the API.
#[must_use]
pub fn drifts<M: JsonMessage>(body: &[u8]) -> Vec<Drift> {
    match read_and_compare::<M>(body) {
        Ok((_, drifts)) => drifts,
        Err(ReadError::Empty | ReadError::Syntax(_)) => Vec::new(),
        Err(ReadError::TooDeep | ReadError::TooLong | ReadError::Shape) => {
            vec![drift::whole(M::NAME, body)]
        }
    }
}

fn check(body: &[u8]) -> Result<&RawValue, ReadError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty);
    }
    Ok(serde_json::from_slice(body)?)
}

fn read_with<M: JsonMessage>(cursor: &mut Cursor<'_>) -> Result<M, ReadError> {
    let mut message = M::default();
    let fit = read::into_message(&mut message, cursor);
    match fit {
        _ if cursor.is_too_deep() => Err(ReadError::TooDeep),
        _ if cursor.is_too_long() => Err(ReadError::TooLong),
        Fit::Fits => Ok(message),
        Fit::Null | Fit::Unknown | Fit::Odd(_) => Err(ReadError::Shape),
    }
}

/// The JSON object of a message.
pub fn write<M: JsonMessage>(message: &M, spelling: Spelling) -> Object {
    let mut object = Object::new();
    write::fields(message, spelling, &mut object);
    object
}

/// A message that travels as JSON.
pub trait JsonMessage: Default {
    /// Its name.
    const NAME: &'static str;

    /// Whether Pronto's fields are not documented, so that unknown ones are expected.
    const IS_OPEN: bool;

    /// Whether a key belongs to this message.
    fn knows(key: &str) -> bool;

    /// Reads the value of a key into its field.
    fn read_field(&mut self, key: &str, from: &mut Cursor<'_>) -> Fit;

    /// Reads the value of a key, and keeps what no field takes.
    fn read_entry(&mut self, key: &str, from: &mut Cursor<'_>) -> Fit {
        match self.read_field(key, from) {
            Fit::Fits => {}
            Fit::Null => {
                if let Some(nulls) = self.null_fields_mut()
                    && !nulls.iter().any(|null| null == key)
                {
                    nulls.push(key.to_owned());
                }
            }
            Fit::Odd(value) => self.keep(key, value),
            Fit::Unknown if self.additional_fields_mut().is_none() => from.skip(),
            Fit::Unknown => {
                if !Self::IS_OPEN {
                    from.note(VendorDriftKind::UnknownField);
                }
                let value = from.any();
                self.keep(key, value);
            }
        }
        Fit::Fits
    }

    /// Keeps a value in `additional_fields`.
    fn keep(&mut self, key: &str, value: Value) {
        if let Some(additional) = self.additional_fields_mut() {
            additional.fields.insert(key.to_owned(), value);
        }
    }

    /// Reads a bare list.
    fn read_list(&mut self, from: &mut Cursor<'_>) -> Fit {
        from.odd()
    }

    /// Reads a bare text or number; false where the message has no such form.
    fn read_text(&mut self, _text: &str) -> bool {
        false
    }

    /// Writes the fields.
    fn write_fields(&self, spelling: Spelling, out: &mut Object);

    /// The text, when the message is written as a bare one.
    fn text(&self) -> Option<&str> {
        None
    }

    /// The texts that the enum field under a key takes; none for other fields.
    fn choices(key: &str) -> Vec<&'static str>;

    /// Where what is not modelled was kept, at this level of the JSON.
    fn kept(&self) -> Vec<&Struct>;

    /// What is not modelled.
    fn additional_fields(&self) -> Option<&Struct> {
        None
    }

    /// Where what is not modelled goes.
    fn additional_fields_mut(&mut self) -> Option<&mut Struct> {
        None
    }

    /// The keys that were null.
    fn null_fields(&self) -> &[String] {
        &[]
    }

    /// Where the keys go that were null.
    fn null_fields_mut(&mut self) -> Option<&mut Vec<String>> {
        None
    }
}

include!(concat!(env!("OUT_DIR"), "/json.rs"));
