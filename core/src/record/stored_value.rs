//! The value that a storage has read, for storages that compare it when they write.

use std::fmt;

use bytes::Bytes;

/// A value as a storage has read it, or the beginning of a long one. Only the storage that made it knows what it means.
///
/// `Debug` shows none of the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredValue {
    /// Clones share it.
    beginning: Bytes,
    length: usize,
}

impl StoredValue {
    /// Keeps a value.
    #[must_use]
    pub fn whole_of(value: Vec<u8>) -> Self {
        Self { length: value.len(), beginning: value.into() }
    }

    /// Keeps the first `most` bytes of a value.
    #[must_use]
    pub fn beginning_of(value: &[u8], most: usize) -> Self {
        let beginning = value.get(..most).unwrap_or(value);
        Self { length: value.len(), beginning: Bytes::copy_from_slice(beginning) }
    }

    /// The whole value, if all of it was kept.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (self.beginning.len() == self.length).then_some(&*self.beginning)
    }

    /// What was kept.
    #[must_use]
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// The length of the whole value in bytes.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }
}

impl fmt::Debug for StoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredValue").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut() {
        let (short, long) = (StoredValue::whole_of(b"abc".to_vec()), StoredValue::beginning_of(b"abcd", 3));
        assert_eq!((short.whole(), short.length()), (Some(&b"abc"[..]), 3));
        assert_eq!((long.whole(), long.beginning(), long.length()), (None, &b"abc"[..], 4));
        assert_eq!(format!("{long:?}"), "StoredValue { length: 4, .. }");
    }
}
