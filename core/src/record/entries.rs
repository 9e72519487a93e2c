//! The entries of one session, packed into one allocation.

use std::{fmt, sync::Arc};

use super::{
    JsonText,
    packed::{Packed, Packer},
};

/// The entries of a session: keys with their JSON texts, sorted by key, immutable, cheap to clone.
///
/// They are one block of bytes: a count, for each entry the ends of its key and value, then the texts. So a million sessions
/// take little more memory than their data, and a read shares the block instead of copying it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entries(Option<Arc<[u8]>>);

impl Entries {
    /// No entries.
    pub const EMPTY: Self = Self(None);

    /// Packs entries. Keys may be in any order; of equal keys the last one wins. `None` if they exceed 4 GiB.
    ///
    /// ```
    /// use gsession::Entries;
    ///
    /// let entries = Entries::pack([("user", "\"ada\""), ("n", "1")]).unwrap();
    /// assert_eq!(entries.get("user").unwrap().as_str(), "\"ada\"");
    /// assert_eq!(entries.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["n", "user"]);
    /// ```
    pub fn pack<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut list: Vec<_> = entries.into_iter().collect();
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            // A stable sort keeps the order of equal keys, so the last of each run survives.
            list.sort_by_key(|&(key, _)| key);
            list.reverse();
            list.dedup_by_key(|&mut (key, _)| key);
            list.reverse();
        }
        Self::pack_sorted(list.iter().copied())
    }

    /// Packs entries that are sorted by key. `None` if they exceed 4 GiB.
    pub(super) fn pack_sorted<T: AsRef<[u8]>>(entries: impl Iterator<Item = (T, T)> + Clone) -> Option<Self> {
        let (mut count, mut bytes) = (0, 0);
        for (key, json) in entries.clone() {
            count += 1;
            bytes += key.as_ref().len() + json.as_ref().len();
        }
        Self::written(count, bytes, |packer| {
            entries.for_each(|(key, json)| packer.put(key.as_ref(), json.as_ref()));
        })
    }

    /// This many entries with this many bytes of text, which `write` writes. `None` if they exceed 4 GiB.
    pub(super) fn written(count: usize, bytes: usize, write: impl FnOnce(&mut Packer<'_>)) -> Option<Self> {
        if count == 0 {
            return Some(Self::EMPTY);
        }
        Packer::pack(count, bytes, write).map(|block| Self(Some(block)))
    }

    pub(super) fn packed(&self) -> Packed<'_> {
        self.0.as_deref().map_or(Packed::EMPTY, Packed::of)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed().len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all keys and values together.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let packed = self.packed();
        packed.bytes(&(0..packed.len()))
    }

    /// The bytes of memory that the entries take, without the overhead of the allocator.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // An Arc's block begins with its two counts.
        self.0.as_ref().map_or(0, |block| block.len() + 2 * size_of::<usize>())
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<JsonText> {
        let (block, packed) = (self.0.as_ref()?, self.packed());
        let entry = packed.position(key.as_bytes()).ok()?;
        Some(JsonText::part(Arc::clone(block), packed.value_in_block(entry)))
    }

    /// The JSON text under `key`, borrowed.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        let packed = self.packed();
        Some(text(packed.value(packed.position(key.as_bytes()).ok()?)))
    }

    /// Whether there is an entry under `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.packed().position(key.as_bytes()).is_ok()
    }

    /// Keys and JSON texts, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let packed = self.packed();
        (0..packed.len()).map(move |entry| (text(packed.key(entry)), text(packed.value(entry))))
    }
}

fn text(bytes: &[u8]) -> &str {
    // Only whole strings are packed, so the fallback is never used.
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(list in prop::collection::vec(("\\PC{0,6}", "\\PC{0,9}"), 0..20), absent in "\\PC{7}") {
            let model: BTreeMap<_, _> = list.iter().cloned().collect();
            let entries = Entries::pack(list.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
            prop_assert_eq!(entries.len(), model.len());
            prop_assert_eq!(entries.is_empty(), model.is_empty());
            prop_assert_eq!(entries.text_bytes(), model.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>());
            prop_assert!(entries.iter().eq(model.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
            for (key, value) in &model {
                prop_assert_eq!(entries.get_str(key), Some(value.as_str()));
                let json = entries.get(key).unwrap();
                prop_assert_eq!(json.as_bytes(), value.as_bytes());
            }
            prop_assert!(entries.get(&absent).is_none());
        }
    }
}
