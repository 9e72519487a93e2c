//! The places in which a value can stand inside of another: serde reads each of them in its own way, some through a buffer
//! that has lost what the text was.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::kept::Filling;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Named<T> {
    pub(crate) value: T,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Newtype<T>(pub(crate) T);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Empty();

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum External<T> {
    Unit,
    Newtype(T),
    Tuple(T, u8),
    Struct { value: T },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Internal<T> {
    Unit,
    Newtype(Named<T>),
    Struct { value: T },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
pub(crate) enum Adjacent<T> {
    Unit,
    Newtype(T),
    Tuple(T, u8),
    Struct { value: T },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged<T> {
    Tuple(T, u8),
    Struct { value: T },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat<T> {
    pub(crate) first: u8,
    #[serde(flatten)]
    pub(crate) named: Named<T>,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, T>,
}

/// A map whose key is also the tag of the enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Tagged<T> {
    Map(BTreeMap<String, T>),
}

/// A type whose values are set and read.
pub(crate) trait Carried: Serialize + DeserializeOwned + PartialEq + Debug + Clone + 'static {}

impl<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone + 'static> Carried for T {}

/// How many values [`in_every_shape`] puts.
pub(crate) const SHAPES: usize = 15;

/// Puts a value in each of the shapes.
pub(crate) fn in_every_shape<T: Carried>(filling: &mut Filling, value: &T, key: &str) {
    let v = || value.clone();
    let map = || BTreeMap::from([(key.to_owned(), v())]);
    filling.put(v());
    filling.put(Some(v()));
    filling.put(Some(Newtype(v())));
    filling.put(vec![v(), v()]);
    filling.put((v(), 1_u8, [v(), v()]));
    filling.put(Named { value: v() });
    filling.put(Named { value: Some(v()) });
    filling.put(map());
    filling.put([External::Unit, External::Newtype(v()), External::Tuple(v(), 1), External::Struct { value: v() }]);
    filling.put([Internal::Unit, Internal::Newtype(Named { value: v() }), Internal::Struct { value: v() }]);
    filling.put([Adjacent::Unit, Adjacent::Newtype(v()), Adjacent::Tuple(v(), 1), Adjacent::Struct { value: v() }]);
    filling.put([Untagged::Tuple(v(), 1), Untagged::Struct { value: v() }]);
    filling.put(Flat { first: 1, named: Named { value: v() }, rest: map() });
    filling.put(Tagged::Map(map()));
    filling.put(Internal::Newtype(Named { value: Some(Untagged::Struct { value: Adjacent::Newtype(v()) }) }));
}
