//! A value as JSON text, checked while it is written.
//!
//! The text is what `serde_json` writes. Its own serializer also accepts values that nobody can read back as they were: NaN
//! becomes `null`, `Some(None)` becomes `None`, and a key may be there twice. Here such a value is refused
//! with the reason (S12). The value is walked once, because a `Serialize` may be costly or give something else the second
//! time.

mod compound;
mod key;
mod value;

use std::{ops::Range, sync::Arc};

use serde::Serialize;

use self::value::ValueWriter;
use super::{ValueError, limits::MAX_DEPTH, typed_keys::looks_typed};

/// The JSON text of a value, if it can be read again.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Encoded, Unwritable> {
    let mut writer = Writer { text: Vec::with_capacity(128), ..Writer::default() };
    let written = writer.value(value);
    if let Some(reason) = writer.refused {
        return Err(reason);
    }
    written.map_err(|Refused(reason)| reason)?;
    if writer.typed_keys > 0 && writer.has_lookalike {
        return Err(ValueError::AmbiguousKey.into());
    }
    // What is written are whole strings, so the error is never taken.
    let text = String::from_utf8(writer.text).map_err(|_| Unwritable::Value(ValueError::NotSerializable))?;
    Ok(Encoded { text: text.into(), depth: writer.deepest })
}

/// A value as text that can be read again.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) text: Arc<str>,
    /// How deeply its arrays and objects are nested.
    pub(crate) depth: usize,
}

/// What has been written so far.
#[derive(Default)]
struct Writer {
    text: Vec<u8>,
    /// Arrays and objects that are open.
    depth: usize,
    /// The most that were.
    deepest: usize,
    /// Where in the text the keys of the open objects stand, those of the innermost one last.
    keys: Vec<Range<usize>>,
    /// How many keys are integers or booleans.
    typed_keys: usize,
    /// Whether a key that is a string, or a name, looks like one of those.
    has_lookalike: bool,
    /// The first refusal: a `Serialize` that ignores it must not get away with half a text.
    refused: Option<Unwritable>,
}

/// Why a value is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It crosses any [`Limits::max_depth`](crate::Limits::max_depth), whatever the setting.
    #[error("the value is nested too deeply")]
    TooDeep,
}

/// The error type of the serializers. [`Unwritable`] does not implement serde's trait itself, because then its users could make
/// one out of any text.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refused(Unwritable);

impl serde::ser::Error for Refused {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        // The text may quote the value.
        Self(Unwritable::Value(ValueError::NotSerializable))
    }
}

impl Writer {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let written = value.serialize(ValueWriter::new(self));
        self.note(written)
    }

    fn note(&mut self, written: Result<(), Refused>) -> Result<(), Refused> {
        if let Err(Refused(reason)) = &written {
            self.refused.get_or_insert(*reason);
        }
        written
    }

    /// Writes what `serde_json` writes: for strings and numbers, which need no check.
    fn plain<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        serde_json::to_writer(&mut self.text, value)
            .map_err(|_| Refused(Unwritable::Value(ValueError::NotSerializable)))
    }

    fn open(&mut self, bracket: u8) -> Result<(), Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused(Unwritable::TooDeep));
        }
        self.deepest = self.deepest.max(self.depth);
        self.text.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: u8) {
        self.depth = self.depth.saturating_sub(1);
        self.text.push(bracket);
    }

    /// `{"name":`
    fn open_variant(&mut self, name: &str) -> Result<(), Refused> {
        self.open(b'{')?;
        let start = self.text.len();
        self.plain(name)?;
        self.note_name(start);
        self.text.push(b':');
        Ok(())
    }

    /// Looks at the name or the key that was written from `start` on.
    fn note_name(&mut self, start: usize) {
        let name = self.text.get(start + 1..self.text.len().saturating_sub(1)).unwrap_or_default();
        // Nearly all begin with another character than these.
        if matches!(name, [b'-' | b'0'..=b'9' | b't' | b'f', ..]) {
            self.has_lookalike |= std::str::from_utf8(name).is_ok_and(looks_typed);
        }
    }

    /// Forgets the keys from number `first` on, which are those of one object; refuses if one of them is there twice.
    fn end_keys(&mut self, first: usize) -> Result<(), Refused> {
        // So few are compared each with each: most differ in length.
        const FEW: usize = 8;
        let text = &self.text;
        let key = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let keys = self.keys.get_mut(first..).unwrap_or_default();
        let is_twice = if keys.len() <= FEW {
            let mut rest = &*keys;
            std::iter::from_fn(|| rest.split_off_first().map(|one| (one, rest)))
                .any(|(one, rest)| rest.iter().any(|other| one.len() == other.len() && key(one) == key(other)))
        } else if keys.is_sorted_by(|a, b| key(a) < key(b)) {
            false
        } else {
            keys.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            keys.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b)))
        };
        self.keys.truncate(first);
        if is_twice { Err(Refused(Unwritable::Value(ValueError::DuplicateKey))) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Serialize)]
    struct Unit;

    #[derive(Debug, Serialize)]
    struct Tuple(u8, Option<f32>);

    #[derive(Debug, Serialize)]
    enum Variant<'a> {
        Unit,
        Newtype(Vec<i8>),
        Tuple(&'a str, u16),
        Struct { b: char, a: Option<()> },
    }

    #[derive(Debug, Serialize)]
    struct Flat<'a> {
        first: bool,
        #[serde(flatten)]
        rest: BTreeMap<&'a str, i64>,
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_is_what_serde_json_writes(json in any_json(), text in any::<String>(), float in any::<f32>(), n: i64) {
            prop_assume!(float.is_finite());
            let variants = [
                Variant::Unit,
                Variant::Newtype(vec![1, -1]),
                Variant::Tuple(&text, 7),
                Variant::Struct { b: 'ß', a: None },
            ];
            let flat = Flat { first: true, rest: BTreeMap::from([(&*text, n)]) };
            let value = (&json, Unit, (), Tuple(1, Some(float)), Tuple(2, None), variants, flat, format_args!("{n}").to_string());
            prop_assume!(text != "first");
            let ours = encode(&value).unwrap();
            prop_assert_eq!(&*ours.text, serde_json::to_string(&value).unwrap());
            prop_assert_eq!(ours.depth, crate::record::depth_of(ours.text.as_bytes()));
        }
    }

    #[test]
    fn a_text_is_read_as_the_float_that_was_written() {
        for float in [0.091_443_385_120_929_27, f64::MIN_POSITIVE, 5e-324, f64::MAX, -0.0, 1e21] {
            let text = encode(&float).unwrap().text;
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), f64::to_bits(float), "{text}");
        }
    }
}
