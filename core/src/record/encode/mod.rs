//! Encodes a value as JSON text, and checks it on the way.
//!
//! The text is the same as that of `serde_json`. But the serializer of `serde_json` also accepts values that cannot be read
//! back as they were: NaN becomes `null`, `Some(None)` becomes `None`, and an object can have the same key twice. Here such a
//! value is refused, with the reason ([S12](crate::design#s12)). The value is serialized only once, because that may be costly, or yield something
//! else the second time.

mod compound;
mod key;
mod value;
mod writer;

use serde::Serialize;

pub(crate) use self::writer::Unwritable;
use self::writer::{Refused, Writer};
use super::ValueError;

/// The JSON text of a value, if the value can be read back.
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
    Ok(Encoded { text: writer.text, depth: writer.deepest })
}

/// A value as JSON text that can be read back.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) text: Vec<u8>,
    /// How deeply its arrays and objects are nested.
    pub(crate) depth: usize,
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
            prop_assert_eq!(std::str::from_utf8(&ours.text).unwrap(), serde_json::to_string(&value).unwrap());
            prop_assert_eq!(ours.depth, crate::record::depth_of(&ours.text));
        }
    }

    #[test]
    fn a_float_is_read_back_exactly() {
        for float in [0.091_443_385_120_929_27, f64::MIN_POSITIVE, 5e-324, f64::MAX, -0.0, 1e21] {
            let text = encode(&float).unwrap().text;
            assert_eq!(serde_json::from_slice::<f64>(&text).unwrap().to_bits(), f64::to_bits(float), "{float}");
        }
    }
}
