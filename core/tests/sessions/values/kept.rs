//! Arbitrary values of many types, in every shape, on every storage: each is refused by `set`, or comes back equal.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU64, time::Duration};

use gsession::{ClientInfo, Delivery, Error, Exchange, Manager, Session};
use proptest::{
    collection::{btree_map, hash_map},
    prelude::*,
    test_runner::TestRunner,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::shapes::{Carried, Empty, Newtype, SHAPES, Unit, in_every_shape};
use crate::support::{KINDS, Place};

type Check = Box<dyn Fn(&Exchange<Session>)>;

/// A session that is filled, with what has to be in it afterwards.
pub(crate) struct Filling {
    session: Exchange<Session>,
    checks: Vec<Check>,
    refused: usize,
}

impl Filling {
    /// Sets a value, unless it is refused.
    pub(crate) fn put<T: Carried>(&mut self, value: T) {
        let key = self.checks.len().to_string();
        match self.session.set(&key, &value) {
            Ok(()) => self.checks.push(Box::new(move |session| {
                let read = session.get::<T>(&key);
                let back = read.as_ref().ok().and_then(Option::as_ref);
                // `Debug` also tells 0.0 from -0.0.
                assert!(
                    back == Some(&value) && format!("{back:?}") == format!("{:?}", Some(&value)),
                    "{value:?} came back as {read:?}, stored as {:?}",
                    session.get::<Value>(&key)
                );
            })),
            Err(Error::Value { .. }) => self.refused += 1,
            Err(error) => panic!("{value:?}: {error}"),
        }
    }
}

/// Puts a value in every shape into a session of each storage, and looks at it in the next request. Returns how many were
/// refused.
fn kept_or_refused<T: Carried>(managers: &[Manager], value: &T, key: &str) -> usize {
    let mut refused = 0;
    for manager in managers {
        let session = manager.begin(None, ClientInfo::default);
        let mut filling = Filling { session, checks: Vec::new(), refused: 0 };
        in_every_shape(&mut filling, value, key);
        assert_eq!(filling.refused + filling.checks.len(), SHAPES);
        refused = filling.refused;
        if let Delivery::Send { id, .. } = filling.session.close().unwrap().delivery {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            filling.checks.iter().for_each(|check| check(&session));
            assert_eq!(session.data().unwrap().len(), filling.checks.len());
            session.destroy();
            session.close().unwrap();
        }
    }
    refused
}

/// As [`kept_or_refused`], of many values, on every storage.
fn all_kept_or_refused<S: Strategy<Value: Carried>>(values: S) {
    let places = KINDS.map(Place::new);
    all_kept_or_refused_by(&places.each_ref().map(Place::manager), values);
}

fn all_kept_or_refused_by<S: Strategy<Value: Carried>>(managers: &[Manager], values: S) {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(values, any_key()), |(value, key)| {
            kept_or_refused(managers, &value, &key);
            Ok(())
        })
        .unwrap();
}

/// Bytes that are written with `serialize_bytes`.
#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Colour {
    Red,
    Green,
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "\\PC{0,4}", 1 => "kind|value|first|content|\\$serde_json::private::(Number|RawValue)"]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\u{0}-\u{1f}\"\\\\/\u{7f}\u{2028}\u{d7ff}\u{e000}\u{10ffff}]{0,8}",
        "[-0-9e.+ ]{0,5}"
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any_float().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn any_float() -> impl Strategy<Value = f64> {
    use prop::num::f64::{ANY, INFINITE, QUIET_NAN, SUBNORMAL, ZERO};
    prop_oneof![
        6 => ANY,
        2 => 0.0..1.0_f64,
        1 => SUBNORMAL | ZERO,
        1 => INFINITE | QUIET_NAN,
        1 => any::<i64>().prop_map(|n| n as f64),
        1 => prop::sample::select(vec![f64::MAX, f64::MIN_POSITIVE, 1e21, 1e-7, 5e-324, 0.091_443_385_120_929_27]),
    ]
}

#[test]
fn floats() {
    all_kept_or_refused(any_float());
    all_kept_or_refused(any::<f32>());
}

#[test]
fn integers() {
    all_kept_or_refused((any::<i64>(), any::<u64>(), any::<i8>(), any::<NonZeroU64>()));
    all_kept_or_refused(prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from)]);
    all_kept_or_refused(prop_oneof![any::<u128>(), any::<u64>().prop_map(u128::from)]);
}

#[test]
fn texts() {
    all_kept_or_refused(any_text());
    all_kept_or_refused(any::<char>());
    all_kept_or_refused(any::<Vec<u8>>().prop_map(Bytes));
}

#[test]
fn nothings() {
    all_kept_or_refused(Just(()));
    all_kept_or_refused(Just((Unit, Empty(), ())));
    all_kept_or_refused(any::<Option<bool>>());
    all_kept_or_refused(any::<Option<Option<u8>>>());
    all_kept_or_refused(any::<Option<u8>>().prop_map(|option| Some(Newtype(option))));
}

#[test]
fn json() {
    all_kept_or_refused(any_json());
}

#[test]
fn maps() {
    all_kept_or_refused(btree_map(any::<u32>(), any::<u8>(), 0..3));
    all_kept_or_refused(btree_map(any::<bool>(), any::<u8>(), 0..3));
    all_kept_or_refused(btree_map(any::<i64>(), btree_map(any::<u8>(), any_float(), 0..3), 0..3));
    all_kept_or_refused(btree_map(any::<Option<u8>>(), any::<Option<bool>>(), 0..3));
    all_kept_or_refused(btree_map(any::<(u8, u8)>(), any::<u8>(), 0..2));
    all_kept_or_refused(btree_map(any::<char>(), any_float(), 0..3));
    // Only a map of one entry has but one `Debug`.
    all_kept_or_refused(hash_map(any_key(), any::<Option<f32>>(), 0..2));
    let colour = prop::sample::select(vec![Colour::Red, Colour::Green]);
    all_kept_or_refused(btree_map(colour, prop::collection::vec(any::<i64>(), 0..3), 0..3));
}

#[test]
fn types_of_the_standard_library() {
    all_kept_or_refused(any::<IpAddr>());
    all_kept_or_refused(any::<Duration>());
    all_kept_or_refused(any::<Result<u64, String>>());
    all_kept_or_refused(prop::collection::btree_set(any::<i64>(), 0..4));
}

/// GoFrame's formats know fewer types: a whole float is an integer there, and in a hash `null` is an empty text. Who asks for
/// the type that was set, gets the value.
#[cfg(feature = "redis")]
#[test]
fn goframes_formats() {
    use crate::support::redis::{goframe_hashes, goframe_strings};
    let managers = &[Manager::new(goframe_strings()), Manager::new(goframe_hashes())];
    all_kept_or_refused_by(managers, any_float());
    all_kept_or_refused_by(managers, any::<f32>());
    all_kept_or_refused_by(managers, (any::<i64>(), any::<u64>()));
    all_kept_or_refused_by(managers, any_text());
    let typed = ["null", "true", "1", "-0", "1e999", "\"a\"", "[]", "{\"a\":1}", " 1"].map(str::to_owned).to_vec();
    let deep = "[".repeat(70) + &"]".repeat(70);
    let text = prop::sample::select([typed, vec![deep]].concat());
    all_kept_or_refused_by(managers, text.clone());
    all_kept_or_refused_by(managers, text.prop_map(Some));
    all_kept_or_refused_by(managers, any::<bool>());
    all_kept_or_refused_by(managers, any::<Option<u8>>());
    all_kept_or_refused_by(managers, Just(Unit));
    all_kept_or_refused_by(managers, hash_map(any_key(), any::<Option<f32>>(), 0..2));
}

/// What can be kept is not refused.
#[test]
fn ordinary_values_are_kept_in_every_shape() {
    fn kept<T: Carried>(managers: &[Manager], value: T) {
        assert_eq!(kept_or_refused(managers, &value, "k"), 0, "{value:?}");
    }
    let places = KINDS.map(Place::new);
    let managers = &places.each_ref().map(Place::manager);
    for float in [0.091_443_385_120_929_27, -0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e21, 1e-7] {
        kept(managers, float);
    }
    // The last one is rounded twice by whoever reads it as an `f64` first.
    for float in [0.1, f32::MAX, f32::from_bits(1), f32::from_bits(363_742_205)] {
        kept(managers, float);
    }
    kept(managers, i64::MIN);
    kept(managers, u64::MAX);
    kept(managers, '\u{10ffff}');
    kept(managers, "a\u{0}\"\\\u{2028}".to_owned());
    kept(managers, Bytes(vec![1, 2]));
    kept(managers, Empty());
    kept(managers, BTreeMap::from([('a', 1)]));
    kept(managers, BTreeMap::from([(Colour::Red, Some(1.5))]));
    kept(managers, BTreeMap::<u32, u8>::new());
    // A basket: how many of which product.
    kept(managers, BTreeMap::from([(17_u64, 2), (u64::MAX, 1)]));
    kept(managers, BTreeMap::from([(i64::MIN, "least".to_owned()), (0, String::new())]));
    kept(managers, BTreeMap::from([(true, 1), (false, 0)]));
    kept(managers, BTreeMap::from([(Newtype(7_u8), Some(Colour::Green))]));
    kept(managers, IpAddr::from([127, 0, 0, 1]));
    kept(managers, Duration::MAX);
}
