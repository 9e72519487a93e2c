//! A session as a request has read it.

use super::{Entries, Record};

/// A session as it was read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// The record; after [`fetch`](crate::Storage::fetch) perhaps with some of the entries only.
    pub record: Record,
    /// Whether the record has all its entries.
    pub complete: bool,
    /// Whether reading counted as activity, so that no separate touch is needed.
    pub extended: bool,
    /// Another number after every commit, for storages that compare and set; 0 if it is not known. What a commit answers is
    /// the revision of what its request knows then, or 0: never that of a state with others' changes in it.
    pub revision: u64,
}

impl Snapshot {
    /// A complete record, not yet extended.
    #[must_use]
    pub const fn complete(record: Record) -> Self {
        Self { record, complete: true, extended: false, revision: 0 }
    }

    /// Adds what a second, partial read has found.
    pub(crate) fn merge(&mut self, more: Self) {
        let entries = if more.complete {
            Some(more.record.entries)
        } else {
            let both = self.record.entries.iter().chain(more.record.entries.iter());
            Entries::pack(both)
        };
        self.record.entries = entries.unwrap_or_default();
        self.complete |= more.complete;
        self.extended |= more.extended;
        self.revision = more.revision;
        self.record.last_seen = self.record.last_seen.max(more.record.last_seen);
    }
}
