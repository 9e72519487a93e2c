//! What JSON cannot carry is refused by `set`, with the reason, and the session stays as it was.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use gsession::{ClientInfo, Error, Exchange, LimitExceeded, Limits, Manager, MemoryStorage, Session, ValueError};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _},
};
use serde_json::{Value, json};

use super::shapes::{External, Flat, Named, Newtype, Tagged, Unit};

fn session() -> Exchange<Session> {
    Manager::builder(MemoryStorage::new())
        .limits(Limits::default().max_depth(usize::MAX))
        .build()
        .unwrap()
        .begin(None, ClientInfo::default)
}

/// Sets a value; it has to be refused, by every way of writing.
fn refused<T: Serialize>(value: &T) -> ValueError {
    let session = session();
    session.set("kept", &1).unwrap();
    let reason = |error: Error| match error {
        Error::Value { key, source } if &*key == "k" => source,
        other => panic!("another error: {other}"),
    };
    let source = reason(session.set("k", value).unwrap_err());
    assert_eq!(reason(session.set_many([("a", None), ("k", Some(value))]).unwrap_err()), source);
    assert_eq!(json!(session.data().unwrap()), json!({ "kept": 1 }));
    session.abandon();
    source
}

#[test]
fn a_float_that_is_no_number() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refused(&float), ValueError::NotFinite);
        assert_eq!(refused(&vec![Some(float)]), ValueError::NotFinite);
        #[expect(clippy::cast_possible_truncation, reason = "it has no digits to lose")]
        let short = float as f32;
        assert_eq!(refused(&BTreeMap::from([("a", short)])), ValueError::NotFinite);
    }
}

#[test]
fn an_integer_of_128_bits() {
    assert_eq!(refused(&u128::MAX), ValueError::WideInteger);
    assert_eq!(refused(&External::Newtype(1_i128)), ValueError::WideInteger);
    assert_eq!(refused(&HashMap::from([("a", 1_u128)])), ValueError::WideInteger);
}

#[test]
fn a_key_that_json_does_not_have() {
    assert_eq!(refused(&BTreeMap::from([((), "a")])), ValueError::UnsupportedKey);
    assert_eq!(refused(&BTreeMap::from([(None::<&str>, "a")])), ValueError::UnsupportedKey);
    assert_eq!(refused(&BTreeMap::from([([1], "a")])), ValueError::UnsupportedKey);
    assert_eq!(refused(&BTreeMap::from([(1_u128, "a")])), ValueError::WideInteger);
}

#[derive(Serialize)]
struct Numbered {
    #[serde(rename = "1")]
    first: HashMap<u64, u8>,
}

#[test]
fn keys_that_are_numbers_beside_strings_that_look_so() {
    let numbers = HashMap::from([(7_u64, 1_u8)]);
    for key in ["7", "-1", "true"] {
        assert_eq!(refused(&(&numbers, HashMap::from([(key, 1)]))), ValueError::AmbiguousKey, "{key}");
    }
    for key in ["a7", "07", "+7", "7.0", "truly"] {
        session().set("k", &(&numbers, HashMap::from([(key, 1)]))).unwrap();
    }
    assert_eq!(refused(&Numbered { first: numbers }), ValueError::AmbiguousKey);
    session().set("k", &Numbered { first: HashMap::new() }).unwrap();
}

#[test]
fn a_some_that_looks_like_none() {
    assert_eq!(refused(&Some(None::<u8>)), ValueError::AmbiguousSome);
    assert_eq!(refused(&Some(())), ValueError::AmbiguousSome);
    assert_eq!(refused(&Some(Unit)), ValueError::AmbiguousSome);
    assert_eq!(refused(&Some(Value::Null)), ValueError::AmbiguousSome);
    assert_eq!(refused(&Named { value: Some(Newtype(None::<u8>)) }), ValueError::AmbiguousSome);
    session().set("k", &Some(vec![None::<u8>])).unwrap();
    session().set("k", &Some(External::Newtype(()))).unwrap();
}

#[test]
fn a_key_that_is_there_twice() {
    for key in ["value", "first"] {
        let flat = Flat { first: 1, named: Named { value: 2 }, rest: BTreeMap::from([(key.to_owned(), 3)]) };
        assert_eq!(refused(&flat), ValueError::DuplicateKey);
        assert_eq!(refused(&[Some(flat)]), ValueError::DuplicateKey);
    }
    let tagged = Tagged::Map(BTreeMap::from([("kind".to_owned(), 1)]));
    assert_eq!(refused(&tagged), ValueError::DuplicateKey);
    // The same key in two objects is another thing.
    session().set("k", &json!({ "a": { "a": 1 }, "b": [{ "a": 1 }, { "a": 2 }] })).unwrap();
}

/// As keys that a visitor may have chosen, they would make every later read of the whole session fail.
#[test]
fn a_key_that_serde_json_keeps_for_itself() {
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        assert_eq!(refused(&json!({ key: "1" })), ValueError::ReservedKey);
        assert_eq!(refused(&[BTreeMap::from([("a", "1"), (key, "")])]), ValueError::ReservedKey);
        session().set("k", &json!({ "a": key, format!("x{key}"): 1 })).unwrap();
        session().set(key, &1).unwrap();
    }
}

#[test]
fn what_is_nested_too_deeply() {
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let session = session();
    let beyond = |refused| matches!(refused, Err(Error::Limit(LimitExceeded::Depth { limit: 100, actual: 101 })));
    assert!(beyond(session.set("k", &nested(101))));
    assert!(beyond(session.set_many([("a", nested(1)), ("k", nested(101))])));
    assert!(beyond(session.update("k", |_: Option<Value>| nested(101)).map(drop)));
    assert!(beyond(session.set("k", &Endless)), "a list without an end");
    assert!(session.is_empty().unwrap());
    session.set("k", &nested(100)).unwrap();
    assert_eq!(session.get::<Value>("k").unwrap(), Some(nested(100)));
}

/// A list without an end, as far as the stack goes.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [Endless].serialize(serializer)
    }
}

/// What `serde_json` passes through serde for a number kept as text, and for a `RawValue`.
struct Private(&'static str, &'static str);

impl Serialize for Private {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.0, 1)?;
        fields.serialize_field(self.0, self.1)?;
        fields.end()
    }
}

#[test]
fn text_that_is_not_checked() {
    assert_eq!(refused(&Private("$serde_json::private::RawValue", "1")), ValueError::RawValue);
    let number = |text| Private("$serde_json::private::Number", text);
    for (text, reason) in [
        ("18446744073709551616", ValueError::WideInteger),
        ("1e999", ValueError::NotFinite),
        ("null", ValueError::NotSerializable),
        ("1,2", ValueError::NotSerializable),
        ("", ValueError::NotSerializable),
    ] {
        assert_eq!(refused(&number(text)), reason, "{text}");
    }
    let session = session();
    session.set("k", &[number("18446744073709551615"), number("-1.50"), number("2e3")]).unwrap();
    assert_eq!(session.get::<(u64, f64, f64)>("k").unwrap(), Some((u64::MAX, -1.5, 2000.0)));
}

#[cfg(feature = "redis")]
#[test]
fn a_real_raw_value() {
    let raw = serde_json::value::RawValue::from_string("[1, 2]".to_owned()).unwrap();
    assert_eq!(refused(&raw), ValueError::RawValue);
    assert_eq!(refused(&Named { value: Some(raw) }), ValueError::RawValue);
}

/// A `Serialize` that goes on as if nothing had been refused.
struct Careless;

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        let _ = items.serialize_element(&f64::NAN);
        items.serialize_element(&1)?;
        items.end()
    }
}

/// A `Serialize` of a map that loses a value.
struct Lossy;

impl Serialize for Lossy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_key("a")?;
        members.end()
    }
}

/// A `Serialize` that fails, and says the value.
struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("hunter2"))
    }
}

#[test]
fn a_serialize_that_is_wrong() {
    assert_eq!(refused(&Careless), ValueError::NotFinite);
    assert_eq!(refused(&Lossy), ValueError::NotSerializable);
    assert_eq!(refused(&Failing), ValueError::NotSerializable);
    let error = session().set("k", &Failing).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

/// A `Serialize` that counts how often it is called.
struct Counted<'a>(&'a Cell<u32>);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.set(self.0.get() + 1);
        serializer.serialize_u32(self.0.get())
    }
}

#[test]
fn a_value_is_walked_once() {
    let calls = Cell::new(0);
    let session = session();
    session.set("k", &Named { value: Some([Counted(&calls), Counted(&calls)]) }).unwrap();
    assert_eq!(calls.get(), 2);
    assert_eq!(session.get::<Value>("k").unwrap(), Some(json!({ "value": [1, 2] })));
}

/// `update` refuses as `set` does, and the entry stays.
#[test]
fn an_update_to_a_value_that_cannot_be_kept() {
    let session = session();
    session.set("price", &1.5).unwrap();
    let _ = session.save().unwrap();
    let updated = session.update("price", |_: Option<f64>| f64::NAN);
    assert!(matches!(updated, Err(Error::Value { source: ValueError::NotFinite, .. })));
    assert_eq!(session.get::<f64>("price").unwrap(), Some(1.5));
}
