//! Reads maps with integer or boolean keys where serde buffers them.
//!
//! The keys of JSON objects are strings. `serde_json` converts them back for a `HashMap<u32, T>`. But inside a tagged enum, an
//! untagged enum or a flattened struct, serde first buffers everything, and in the buffer a string stays a string. So a value
//! that could not be read is read again, with keys that look like integers or booleans converted. `set` refuses values where
//! this would be ambiguous ([`ValueError::AmbiguousKey`](crate::ValueError::AmbiguousKey)).
//!
//! Numbers are converted as well: with the feature `arbitrary_precision`, which any crate of a build may turn on, `serde_json`
//! puts them into serde's buffers as text.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// The name of the struct as which `serde_json` passes a number through serde, with its feature `arbitrary_precision`.
pub(super) const PRIVATE_NUMBER: &str = "$serde_json::private::Number";

/// The value, if it can be read in this way.
pub(super) fn decode<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    T::deserialize(serde_json::from_slice::<Tree>(text).ok()?).ok()
}

/// A key that looks like an integer or a boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Unsigned(u64),
    Signed(i64),
    Bool(bool),
}

impl Typed {
    fn of(key: &str) -> Option<Self> {
        let first = *key.as_bytes().first()?;
        if first.is_ascii_alphabetic() {
            return key.parse().ok().map(Self::Bool);
        }
        // Only the usual spelling of integers: not `+1`, `01` or `-0`.
        let digits = key.strip_prefix('-').unwrap_or(key);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) || (digits.starts_with('0') && key != "0") {
            return None;
        }
        key.parse().ok().map(Self::Unsigned).or_else(|| key.parse().ok().map(Self::Signed))
    }
}

/// Whether a string key looks like an integer or a boolean.
pub(super) fn looks_typed(key: &str) -> bool {
    Typed::of(key).is_some()
}

/// A JSON value, with its members in the order of the text.
enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(Key, Tree)>),
}

struct Key(String);

impl Tree {
    fn number(text: &str) -> Option<Self> {
        let unsigned = text.parse().ok().map(Self::Unsigned);
        unsigned.or_else(|| text.parse().ok().map(Self::Signed)).or_else(|| text.parse().ok().map(Self::Float))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == PRIVATE_NUMBER {
                // This is how `serde_json` passes numbers with its feature `arbitrary_precision`.
                let text: String = map.next_value()?;
                return Tree::number(&text).ok_or_else(|| A::Error::custom("no number"));
            }
            members.push((Key(key), map.next_value()?));
        }
        Ok(Tree::Object(members))
    }
}

impl<'de> IntoDeserializer<'de, Error> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Signed(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::String(value) => visitor.visit_string(value),
            Self::Array(items) => SeqDeserializer::new(items.into_iter()).deserialize_any(visitor),
            Self::Object(members) => MapDeserializer::new(members.into_iter()).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Field names stay strings: serde would take numbers for positions.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Object(members) => named(members).deserialize_any(visitor),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::String(variant) => variant.into_deserializer().deserialize_enum(name, variants, visitor),
            Self::Object(members) => {
                MapAccessDeserializer::new(named(members)).deserialize_enum(name, variants, visitor)
            }
            _ => Err(Error::custom("no enum")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

fn named<'de>(members: Vec<(Key, Tree)>) -> MapDeserializer<'de, impl Iterator<Item = (String, Tree)>, Error> {
    MapDeserializer::new(members.into_iter().map(|(Key(name), value)| (name, value)))
}

impl<'de> IntoDeserializer<'de, Error> for Key {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Key {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match Typed::of(&self.0) {
            Some(Typed::Unsigned(key)) => visitor.visit_u64(key),
            Some(Typed::Signed(key)) => visitor.visit_i64(key),
            Some(Typed::Bool(key)) => visitor.visit_bool(key),
            None => visitor.visit_string(self.0),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
