//! Writes arrays and objects.

use serde::{
    Serialize,
    de::IgnoredAny,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

use super::{
    key::KeyWriter,
    writer::{Refused, Unwritable, Writer},
};
use crate::{ValueError, record::typed_keys::PRIVATE_NUMBER};

/// An array that is being written.
pub(super) struct Items<'a> {
    to: &'a mut Writer,
    is_empty: bool,
    /// Whether it is the content of an enum variant.
    in_variant: bool,
}

impl<'a> Items<'a> {
    pub(super) fn open(to: &'a mut Writer) -> Result<Self, Refused> {
        to.open(b'[')?;
        Ok(Self { to, is_empty: true, in_variant: false })
    }

    pub(super) fn open_variant(to: &'a mut Writer, name: &str) -> Result<Self, Refused> {
        to.open_variant(name)?;
        Ok(Self { in_variant: true, ..Self::open(to)? })
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        if !std::mem::take(&mut self.is_empty) {
            self.to.text.push(b',');
        }
        self.to.value(value)
    }

    fn close(self) {
        self.to.close(b']');
        if self.in_variant {
            self.to.close(b'}');
        }
    }
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.item(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close();
        Ok(())
    }
}

impl SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.item(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close();
        Ok(())
    }
}

impl SerializeTupleStruct for Items<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.item(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close();
        Ok(())
    }
}

impl SerializeTupleVariant for Items<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.item(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close();
        Ok(())
    }
}

/// An object that is being written.
pub(super) struct Members<'a> {
    to: &'a mut Writer,
    /// The position of its first key in `Writer::keys`.
    first_key: usize,
    /// Whether a key was written whose value has not followed yet.
    has_key: bool,
    in_variant: bool,
}

impl<'a> Members<'a> {
    pub(super) fn open(to: &'a mut Writer) -> Result<Self, Refused> {
        to.open(b'{')?;
        // Enough for most values.
        to.keys.reserve(8);
        let first_key = to.keys.len();
        Ok(Self { to, first_key, has_key: false, in_variant: false })
    }

    pub(super) fn open_variant(to: &'a mut Writer, name: &str) -> Result<Self, Refused> {
        to.open_variant(name)?;
        Ok(Self { in_variant: true, ..Self::open(to)? })
    }

    fn key(&mut self, write: impl FnOnce(&mut Writer) -> Result<(), Refused>) -> Result<(), Refused> {
        if self.to.keys.len() > self.first_key {
            self.to.text.push(b',');
        }
        let (start, typed) = (self.to.text.len(), self.to.typed_keys);
        let written = write(self.to);
        self.to.note(written)?;
        let end = self.to.text.len();
        if self.to.typed_keys == typed {
            self.to.note_name(start);
        }
        // The key may come from a user of the application. It must not make the session unreadable.
        if self.to.text.get(start + 1..).is_some_and(|key| key.starts_with(PRIVATE)) {
            return self.to.note(Err(Refused(Unwritable::Value(ValueError::ReservedKey))));
        }
        self.to.keys.push(start..end);
        self.to.text.push(b':');
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refused> {
        self.key(|to| to.plain(name))?;
        self.to.value(value)
    }

    fn close(self) -> Result<(), Refused> {
        self.to.end_keys(self.first_key)?;
        self.to.close(b'}');
        if self.in_variant {
            self.to.close(b'}');
        }
        Ok(())
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        if std::mem::replace(&mut self.has_key, true) {
            return self.to.note(Err(Refused(Unwritable::Value(ValueError::NotSerializable))));
        }
        self.key(|to| key.serialize(KeyWriter(to)))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        if !std::mem::take(&mut self.has_key) {
            return self.to.note(Err(Refused(Unwritable::Value(ValueError::NotSerializable))));
        }
        self.to.value(value)
    }

    fn end(self) -> Result<(), Refused> {
        if self.has_key { Err(Refused(Unwritable::Value(ValueError::NotSerializable))) } else { self.close() }
    }
}

impl SerializeStructVariant for Members<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Refused> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

/// The prefix of the names of structs as which `serde_json` passes special values through serde, such as a `RawValue`.
const PRIVATE: &[u8] = b"$serde_json::private::";
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// A struct that is being written.
pub(super) enum Fields<'a> {
    Object(Members<'a>),
    /// A number that is passed as text.
    Number(&'a mut Writer),
}

impl<'a> Fields<'a> {
    pub(super) fn open(to: &'a mut Writer, name: &'static str) -> Result<Self, Refused> {
        match name {
            RAW_VALUE => Err(Refused(Unwritable::Value(ValueError::RawValue))),
            PRIVATE_NUMBER => Ok(Self::Number(to)),
            _ => Members::open(to).map(Self::Object),
        }
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Refused> {
        match self {
            Self::Object(members) => members.field(key, value),
            Self::Number(to) => {
                let start = to.text.len();
                to.value(value)?;
                let checked = number(to.text.get(start..).unwrap_or_default());
                let written = checked.map(|number| {
                    to.text.truncate(start);
                    to.text.extend_from_slice(number.as_bytes());
                });
                to.note(written)
            }
        }
    }

    fn end(self) -> Result<(), Refused> {
        match self {
            Self::Object(members) => members.close(),
            Self::Number(_) => Ok(()),
        }
    }
}

/// The number in a JSON string, if every reader can read it without rounding.
fn number(string: &[u8]) -> Result<String, Refused> {
    const NONE: Refused = Refused(Unwritable::Value(ValueError::NotSerializable));
    let text: String = serde_json::from_slice(string).map_err(|_| NONE)?;
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) || serde_json::from_str::<IgnoredAny>(&text).is_err()
    {
        return Err(NONE);
    }
    if text.contains(['.', 'e', 'E']) {
        let is_finite = text.parse::<f64>().is_ok_and(f64::is_finite);
        return if is_finite { Ok(text) } else { Err(Refused(Unwritable::Value(ValueError::NotFinite))) };
    }
    let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    if fits { Ok(text) } else { Err(Refused(Unwritable::Value(ValueError::WideInteger))) }
}
