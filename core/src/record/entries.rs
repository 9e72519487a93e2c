//! The entries of one session, packed into one allocation.

use std::{fmt, ops::Range, sync::Arc};

use super::JsonText;

/// The entries of a session: keys with their JSON texts, sorted by key, immutable, cheap to clone.
///
/// They are one block of bytes: a count, for each entry the ends of its key and value, then the texts. So a million sessions
/// take little more memory than their data, and a read shares the block instead of copying it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entries(Option<Arc<[u8]>>);

/// The bytes of the count, and of each end.
const WORD: usize = 4;

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
        Self::pack_sorted(&list)
    }

    pub(super) fn pack_sorted<T: AsRef<[u8]>>(list: &[(T, T)]) -> Option<Self> {
        if list.is_empty() {
            return Some(Self::EMPTY);
        }
        let parts = || list.iter().flat_map(|(key, json)| [key.as_ref(), json.as_ref()]);
        let text: usize = parts().map(<[u8]>::len).sum();
        u32::try_from(text).ok()?;
        // Written in place, because a Vec would have to be copied.
        let mut block: Arc<[u8]> = std::iter::repeat_n(0, WORD + list.len() * 2 * WORD + text).collect();
        let (head, mut texts) = Arc::get_mut(&mut block)?.split_at_mut(WORD + list.len() * 2 * WORD);
        let (count, ends) = head.split_at_mut(WORD);
        count.copy_from_slice(&u32::try_from(list.len()).ok()?.to_le_bytes());
        let mut end = 0_u32;
        for (part, word) in parts().zip(ends.chunks_exact_mut(WORD)) {
            end += u32::try_from(part.len()).ok()?;
            word.copy_from_slice(&end.to_le_bytes());
            let (here, rest) = texts.split_at_mut(part.len());
            here.copy_from_slice(part);
            texts = rest;
        }
        Some(Self(Some(block)))
    }

    fn word(&self, index: usize) -> usize {
        let block = self.0.as_deref().unwrap_or_default();
        let word = block.get(index * WORD..).and_then(|rest| rest.first_chunk::<WORD>());
        word.map_or(0, |word| u32::from_le_bytes(*word) as usize)
    }

    /// The ranges of the key and the value of the entry at `index` in the block.
    fn ranges(&self, index: usize) -> (Range<usize>, Range<usize>) {
        let text = WORD + self.len() * 2 * WORD;
        let start = if index == 0 { 0 } else { self.word(2 * index) };
        let (key_end, end) = (self.word(2 * index + 1), self.word(2 * index + 2));
        (text + start..text + key_end, text + key_end..text + end)
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.0.as_deref().and_then(|block| block.get(range)).unwrap_or_default()
    }

    fn text(&self, range: Range<usize>) -> &str {
        // Only whole strings are packed, so the fallback is never used.
        std::str::from_utf8(self.slice(range)).unwrap_or_default()
    }

    fn position(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.slice(self.ranges(middle).0).cmp(key.as_bytes()) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.word(0)
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all keys and values together.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.word(2 * self.len()) * usize::from(!self.is_empty())
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
        let index = self.position(key)?;
        Some(JsonText::stored(Arc::clone(self.0.as_ref()?), self.ranges(index).1))
    }

    /// The JSON text under `key`, borrowed.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        let index = self.position(key)?;
        Some(self.text(self.ranges(index).1))
    }

    /// Whether there is an entry under `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Like [`iter`](Self::iter), without checking for UTF-8.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|index| {
            let (key, value) = self.ranges(index);
            (self.slice(key), self.slice(value))
        })
    }

    /// Keys and JSON texts, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).map(|index| {
            let (key, value) = self.ranges(index);
            (self.text(key), self.text(value))
        })
    }
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
