//! What a request knows of the value that it changes.

use super::{
    header::{Head, Header, Kind},
    script_args,
};
use crate::{
    Timestamp,
    record::{Commit, Snapshot, StoredValue},
};

/// The bytes at the beginning of a header that no other value has: its revision and its times.
const IDENTITY: usize = 26;

/// A session as it is stored, unless another request has changed it since it was read.
pub(super) struct Known<'a> {
    pub(super) header: Header,
    pub(super) stored: &'a StoredValue,
}

impl<'a> Known<'a> {
    /// What was read, if its value was kept.
    pub(super) fn of(base: &'a Snapshot) -> Option<Self> {
        let stored = base.stored.as_ref()?;
        match Head::decode(stored.beginning()) {
            Some(Head::Session(header)) if header.kind == Kind::Session => Some(Self { header, stored }),
            _ => None,
        }
    }

    /// What identifies the value.
    pub(super) fn identity(&self) -> &[u8] {
        self.stored.beginning().get(..IDENTITY).unwrap_or_default()
    }

    /// The header with the times after a commit; `None` if the session has ended.
    pub(super) fn after(&self, Commit { changes, access, .. }: &Commit) -> Option<Header> {
        let mut record = self.header.record();
        if access.has_ended(&record, record.last_seen) {
            return None;
        }
        changes.apply_lifespan(&mut record, access);
        record.extend(access);
        Some(self.header.with_times(&record))
    }

    /// The new expiry of the key in milliseconds, if the session's end has moved.
    pub(super) fn new_expiry(&self, new: &Header, now: Timestamp) -> Option<u64> {
        let has_moved = new.with_times(&self.header.record()) != *new;
        has_moved.then(|| script_args::kept_for(new.expires_at().since(now)))
    }
}
