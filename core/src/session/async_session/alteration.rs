//! What an atomic update makes of one entry.

use serde::Serialize;

use crate::record::{Encoded, JsonText, Unwritable, encode};

/// What becomes of the entry.
pub(super) enum Alteration<T> {
    /// It stays as it is.
    Keep(T),
    Put(T),
    Remove,
}

impl<T: Serialize> Alteration<T> {
    /// What has to be stored in place of `old`: `Some(None)` removes it, `None` is nothing.
    pub(super) fn edit_of(&self, old: Option<&JsonText>) -> Result<Option<Option<Encoded>>, Unwritable> {
        Ok(match self {
            Self::Keep(_) => None,
            Self::Put(value) => {
                let new = encode(value)?;
                (old.map(JsonText::as_bytes) != Some(new.text.as_bytes())).then_some(Some(new))
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
