//! A change of a string, and what all ways to make it have in common.

use super::{super::script_args::bound, Strings};
use crate::{
    CodecError, Limits,
    record::{Commit, JsonText, LimitExceeded, Snapshot},
    storage::{StorageError, StorageErrorKind, redis::errors::Answered},
};

/// Sessions of up to this many bytes are written as a whole after they were read. This keeps their logs short.
const SHORT: usize = 1024;

/// A change of a string.
pub(super) struct Changing<'a> {
    pub(super) strings: &'a Strings,
    pub(super) commit: &'a Commit,
    /// Those of the session and of the storage.
    pub(super) limits: Limits,
    /// What is being done, for errors.
    pub(super) operation: &'static str,
}

impl<'a> Changing<'a> {
    /// Refuses changes that are too large whatever the session.
    pub(super) fn new(strings: &'a Strings, commit: &'a Commit, operation: &'static str) -> Answered<Self> {
        let limits = commit.limits.and(&strings.context.limits);
        let changing = Self { strings, commit, limits, operation };
        limits.check_changes(&commit.changes).map_err(|limit| changing.over(limit))?;
        Ok(changing)
    }

    pub(super) fn over(&self, limit: LimitExceeded) -> StorageError {
        StorageError::limit(limit, self.operation)
    }

    /// Whether the session is written as a whole, as far as this request knows it.
    pub(super) fn is_short(&self, base: &Snapshot) -> bool {
        base.record.entries.text_bytes() + self.commit.changes.edit_bytes() <= SHORT
    }

    /// Whether the condition of the commit, if it has one, holds for what was read.
    pub(super) fn holds_for(&self, base: &Snapshot) -> bool {
        self.commit.expect.as_ref().is_none_or(|expect| {
            let held = base.record.entries.get(&expect.key);
            base.complete && held.as_ref().map(JsonText::as_bytes) == expect.json.as_ref().map(JsonText::as_bytes)
        })
    }

    /// The changes as they are appended, if they may be.
    pub(super) fn frame(&self) -> Answered<Option<Vec<u8>>> {
        if !self.strings.appends || self.commit.changes.is_empty() {
            return Ok(None);
        }
        let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, self.operation).with_source(error);
        let mut frame = Vec::new();
        self.commit.changes.encode(&mut frame).map_err(failed)?;
        Ok(Some(frame))
    }

    /// The entries and bytes that the changes add at most, and those allowed.
    pub(super) fn costs(&self) -> [u8; 16] {
        let (changes, limits) = (&self.commit.changes, &self.limits);
        let mut costs = [0; 16];
        costs[..4].copy_from_slice(&bound(changes.edit_count()));
        costs[4..8].copy_from_slice(&bound(changes.edit_bytes()));
        costs[8..12].copy_from_slice(&bound(limits.max_entries));
        costs[12..].copy_from_slice(&bound(limits.max_record_bytes));
        costs
    }
}
