//! Writes a value.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::{
    compound::{Fields, Items, Members},
    writer::{Refused, Unwritable, Writer},
};
use crate::ValueError;

/// Writes one value.
pub(super) struct ValueWriter<'a> {
    to: &'a mut Writer,
    /// Whether the value is the content of a `Some`, which `null` would turn into a `None`.
    in_some: bool,
}

impl<'a> ValueWriter<'a> {
    pub(super) const fn new(to: &'a mut Writer) -> Self {
        Self { to, in_some: false }
    }

    fn null(self) -> Result<(), Refused> {
        if self.in_some {
            return Err(Refused(Unwritable::Value(ValueError::AmbiguousSome)));
        }
        self.to.text.extend_from_slice(b"null");
        Ok(())
    }
}

impl Writer {
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let written = value.serialize(ValueWriter::new(self));
        self.note(written)
    }
}

impl<'a> Serializer for ValueWriter<'a> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Members<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.to.plain(&value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Refused> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Refused> {
        self.to.plain(&value)
    }

    fn serialize_i128(self, _: i128) -> Result<(), Refused> {
        Err(Refused(Unwritable::Value(ValueError::WideInteger)))
    }

    fn serialize_u8(self, value: u8) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Refused> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Refused> {
        self.to.plain(&value)
    }

    fn serialize_u128(self, _: u128) -> Result<(), Refused> {
        Err(Refused(Unwritable::Value(ValueError::WideInteger)))
    }

    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        // serde's buffers read the digits as an `f64` and then round it. For 7.038531e-26, and no other `f32`, the result is its
        // neighbour.
        const ROUNDED_TWICE: u32 = 363_742_205;
        if value.abs().to_bits() == ROUNDED_TWICE {
            return self.serialize_f64(value.into());
        }
        if value.is_finite() { self.to.plain(&value) } else { Err(Refused(Unwritable::Value(ValueError::NotFinite))) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Refused> {
        if value.is_finite() { self.to.plain(&value) } else { Err(Refused(Unwritable::Value(ValueError::NotFinite))) }
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.to.plain(&value)
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.to.plain(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Refused> {
        self.to.plain(&format_args!("{value}"))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.null()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(Self { in_some: true, ..self })
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.null()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Refused> {
        self.to.plain(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.to.open_variant(variant)?;
        self.to.value(value)?;
        self.to.close(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refused> {
        Items::open(self.to)
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Refused> {
        Items::open(self.to)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Refused> {
        Items::open(self.to)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Refused> {
        Items::open_variant(self.to, variant)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Refused> {
        Members::open(self.to)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Refused> {
        Fields::open(self.to, name)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, Refused> {
        Members::open_variant(self.to, variant)
    }
}
