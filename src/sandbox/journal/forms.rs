//! How types that serde does not know stand in an entry.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::proto::wire::WireEnum;

/// A message's `Struct` as the JSON object that it came from.
pub mod object {
    use prost_types::Struct;

    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use crate::proto::json::{Object, structs};

    /// Writes it.
    pub fn serialize<S: Serializer>(value: &Option<Struct>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(structs::to_map).serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Struct>, D::Error> {
        let object = Option::<Object>::deserialize(from)?;
        Ok(object.as_ref().map(structs::from_map))
    }
}

/// A URL as its text.
pub mod url {
    use url::Url;

    use super::{Deserialize, Deserializer, Error, Serialize, Serializer};

    /// Writes it.
    pub fn serialize<S: Serializer>(value: &Option<Url>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Url::as_str).serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let url = text.map(|text| Url::parse(&text)).transpose();
        url.map_err(D::Error::custom)
    }
}

/// A time as RFC 3339 writes it.
pub mod time {
    use prost_types::Timestamp;

    use super::{Deserialize, Deserializer, Error, Serializer};

    /// Writes it.
    pub fn serialize<S: Serializer>(value: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// An endpoint as its RPC.
pub mod endpoint {
    use super::{Deserialize, Deserializer, Error, Serializer};
    use crate::proto::endpoint::Endpoint;

    /// Writes it.
    pub fn serialize<S: Serializer>(value: &Endpoint, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.rpc)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Endpoint, D::Error> {
        let rpc = String::deserialize(from)?;
        let endpoint = Endpoint::of_rpc(&rpc);
        endpoint.ok_or_else(|| D::Error::custom(format!("there is no endpoint {rpc}")))
    }
}

/// An enum as Pronto writes it.
struct Text<E>(E);

impl<E: WireEnum> Serialize for Text<E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.wire())
    }
}

impl<'de, E: WireEnum> Deserialize<'de> for Text<E> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let value = E::from_wire(&text).map(Self);
        value.ok_or_else(|| D::Error::custom(format!("unknown value {text:?}")))
    }
}

/// An enum as Pronto writes it.
pub mod wire {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Text, WireEnum};

    /// Writes it.
    pub fn serialize<E: WireEnum, S: Serializer>(value: &E, to: S) -> Result<S::Ok, S::Error> {
        Text(*value).serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, E: WireEnum, D: Deserializer<'de>>(from: D) -> Result<E, D::Error> {
        Text::deserialize(from).map(|text| text.0)
    }
}

/// An enum that may be absent.
pub mod wire_option {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Text, WireEnum};

    /// Writes it.
    pub fn serialize<E: WireEnum, S: Serializer>(
        value: &Option<E>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Text).serialize(to)
    }

    /// Reads it.
    pub fn deserialize<'de, E, D>(from: D) -> Result<Option<E>, D::Error>
    where
        E: WireEnum,
        D: Deserializer<'de>,
    {
        Ok(Option::<Text<E>>::deserialize(from)?.map(|text| text.0))
    }
}

/// A list of enums.
pub mod wires {
    use super::{Deserialize, Deserializer, Serializer, Text, WireEnum};

    /// Writes them.
    pub fn serialize<E: WireEnum, S: Serializer>(values: &[E], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().copied().map(Text))
    }

    /// Reads them.
    pub fn deserialize<'de, E, D>(from: D) -> Result<Vec<E>, D::Error>
    where
        E: WireEnum,
        D: Deserializer<'de>,
    {
        let texts = Vec::<Text<E>>::deserialize(from)?;
        Ok(texts.into_iter().map(|text| text.0).collect())
    }
}
