//! Writes the keys of maps, which are strings in JSON.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser::Impossible};

use super::writer::{Refused, Unwritable, Writer};
use crate::ValueError;

const NO_KEY: Refused = Refused(Unwritable::Value(ValueError::UnsupportedKey));

/// Writes one key of a map.
pub(super) struct KeyWriter<'a>(pub(super) &'a mut Writer);

impl KeyWriter<'_> {
    fn typed(self, key: impl Display) -> Result<(), Refused> {
        self.0.typed_keys += 1;
        self.0.plain(&format_args!("{key}"))
    }
}

impl Serializer for KeyWriter<'_> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Impossible<(), Refused>;
    type SerializeTuple = Impossible<(), Refused>;
    type SerializeTupleStruct = Impossible<(), Refused>;
    type SerializeTupleVariant = Impossible<(), Refused>;
    type SerializeMap = Impossible<(), Refused>;
    type SerializeStruct = Impossible<(), Refused>;
    type SerializeStructVariant = Impossible<(), Refused>;

    fn serialize_str(self, key: &str) -> Result<(), Refused> {
        self.0.plain(key)
    }

    fn serialize_char(self, key: char) -> Result<(), Refused> {
        self.0.plain(&key)
    }

    fn collect_str<T: Display + ?Sized>(self, key: &T) -> Result<(), Refused> {
        self.0.plain(&format_args!("{key}"))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Refused> {
        self.0.plain(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<(), Refused> {
        key.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), Refused> {
        key.serialize(self)
    }

    fn serialize_bool(self, key: bool) -> Result<(), Refused> {
        self.typed(key)
    }

    fn serialize_i8(self, key: i8) -> Result<(), Refused> {
        self.serialize_i64(key.into())
    }

    fn serialize_i16(self, key: i16) -> Result<(), Refused> {
        self.serialize_i64(key.into())
    }

    fn serialize_i32(self, key: i32) -> Result<(), Refused> {
        self.serialize_i64(key.into())
    }

    fn serialize_i64(self, key: i64) -> Result<(), Refused> {
        self.typed(key)
    }

    fn serialize_i128(self, _: i128) -> Result<(), Refused> {
        Err(Refused(Unwritable::Value(ValueError::WideInteger)))
    }

    fn serialize_u8(self, key: u8) -> Result<(), Refused> {
        self.serialize_u64(key.into())
    }

    fn serialize_u16(self, key: u16) -> Result<(), Refused> {
        self.serialize_u64(key.into())
    }

    fn serialize_u32(self, key: u32) -> Result<(), Refused> {
        self.serialize_u64(key.into())
    }

    fn serialize_u64(self, key: u64) -> Result<(), Refused> {
        self.typed(key)
    }

    fn serialize_u128(self, _: u128) -> Result<(), Refused> {
        Err(Refused(Unwritable::Value(ValueError::WideInteger)))
    }

    fn serialize_f32(self, _: f32) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_none(self) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Refused> {
        Err(NO_KEY)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Refused> {
        Err(NO_KEY)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Refused> {
        Err(NO_KEY)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Refused> {
        Err(NO_KEY)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refused> {
        Err(NO_KEY)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refused> {
        Err(NO_KEY)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Refused> {
        Err(NO_KEY)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Refused> {
        Err(NO_KEY)
    }
}
