//! The value that a storage has read, for storages that compare it when they write.

use std::{fmt, sync::Arc};

/// A value as a storage has read it, or the beginning of a long one. Only the storage that made it knows what it means.
///
/// `Debug` shows none of the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredValue {
    beginning: Arc<[u8]>,
    length: usize,
}

impl StoredValue {
    /// Keeps a value; only the first `most` bytes if it is longer than that.
    #[must_use]
    pub fn new(value: &[u8], most: usize) -> Self {
        Self { beginning: value.get(..most).unwrap_or(value).into(), length: value.len() }
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
        let (short, long) = (StoredValue::new(b"abc", 3), StoredValue::new(b"abcd", 3));
        assert_eq!((short.whole(), short.length()), (Some(&b"abc"[..]), 3));
        assert_eq!((long.whole(), long.beginning(), long.length()), (None, &b"abc"[..], 4));
        assert_eq!(format!("{long:?}"), "StoredValue { length: 4, .. }");
    }
}
