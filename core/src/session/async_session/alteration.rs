//! The outcome of an atomic update of one entry.

use serde::Serialize;

use crate::record::{Encoded, JsonText, Unwritable, encode};

/// What happens to the entry.
pub(super) enum Alteration<T> {
    /// Left as it is.
    Keep(T),
    Put(T),
    Remove,
}

impl<T: Serialize> Alteration<T> {
    /// The edit to store in place of `old`: `Some(None)` removes the entry, `None` stores nothing.
    pub(super) fn edit_of(&self, old: Option<&JsonText>) -> Result<Option<Option<Encoded>>, Unwritable> {
        Ok(match self {
            Self::Keep(_) => None,
            Self::Put(value) => {
                let new = encode(value)?;
                (old.map(JsonText::as_bytes) != Some(&*new.text)).then_some(Some(new))
            }
            Self::Remove => old.map(|_| None),
        })
    }

    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Self::Keep(value) | Self::Put(value) => Some(value),
            Self::Remove => None,
        }
    }
}
