//! What is stored beside the seal and is authenticated by it.

use crate::{Record, record::reserved::OF_LISTS};

/// What a storage has of a session besides what is sealed, but for the deadlines.
pub(super) struct Outside<'a> {
    /// By what its user's sessions are found.
    principal: Option<&'a str>,
    /// Which of the markers of lists it has, as bits.
    lists: u8,
}

impl<'a> Outside<'a> {
    /// The markers are those of `record`; the storage knows the principal by another name.
    pub(super) fn of(record: &Record, principal: Option<&'a str>) -> Self {
        let has = |name: &&str| record.entries.contains_key(name);
        let lists = OF_LISTS.iter().enumerate().map(|(at, name)| u8::from(has(name)) << at).sum();
        Self { principal, lists }
    }

    /// Appends it. It comes last, so no length is needed.
    pub(super) fn put_into(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.lists);
        bytes.push(u8::from(self.principal.is_some()));
        bytes.extend_from_slice(self.principal.unwrap_or_default().as_bytes());
    }
}
