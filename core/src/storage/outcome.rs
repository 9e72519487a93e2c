//! What storages return. Absent, gone and broken are always distinct: the first two are values, the third is an error.

use std::num::NonZeroUsize;

use crate::{
    Record, StoreKey, Timestamp,
    id::SealedId,
    record::{JsonText, Snapshot},
};

/// What a storage has under a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Lookup {
    /// The session.
    Found(Snapshot),
    /// No session any more: it was renewed at this time.
    Renewed(Timestamp),
    /// No session: it never existed, has expired, was destroyed, or is unreadable (which the storage has logged).
    Absent,
}

/// The result of [`create`](super::Storage::create).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The session is stored.
    Done,
    /// There is something under this key. It was left alone.
    Exists,
}

/// The result of [`commit`](super::Storage::commit).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Committed {
    /// The changes are stored.
    Done {
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// [`Record::is_remembered`].
        is_remembered: bool,
        /// See [`Snapshot::revision`].
        revision: u64,
    },
    /// There is no such session. Nothing was stored.
    Gone,
    /// The session was renewed at this time. Nothing was stored.
    Renewed(Timestamp),
    /// The entry of [`Commit::expect`](crate::record::Commit::expect) now has this value. Nothing was stored.
    Conflict(Option<JsonText>),
}

impl Committed {
    /// The changes are stored, and this is the record now.
    #[must_use]
    pub fn done(record: &Record, revision: u64) -> Self {
        Self::Done { expires_at: record.expires_at(), is_remembered: record.is_remembered, revision }
    }
}

/// The result of [`touch`](super::Storage::touch).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// When the session ends if it is not used again.
    Done(Timestamp),
    /// There is no such session.
    Gone,
}

/// The result of [`move_to`](super::Storage::move_to).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moved {
    /// The session is stored under the new key and nowhere else.
    Done {
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// [`Record::is_remembered`].
        is_remembered: bool,
        /// See [`Snapshot::revision`].
        revision: u64,
    },
    /// There is no such session. Nothing was stored.
    Gone,
    /// Another renewal was first, at this time. Nothing was stored.
    Renewed(Timestamp),
    /// There is something under the new key. Nothing was changed.
    Taken,
}

impl Moved {
    /// This record is stored under the new key and nowhere else.
    #[must_use]
    pub fn done(record: &Record, revision: u64) -> Self {
        Self::Done { expires_at: record.expires_at(), is_remembered: record.is_remembered, revision }
    }
}

/// The result of [`remove`](super::Storage::remove).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The session was removed, here or where it was renewed to.
    Done,
    /// There was no session.
    Absent,
    /// There was no session, but it was renewed to this key. The caller must remove it there too.
    Renewed(StoreKey),
}

/// What a storage keeps under the old key of a renewed session, for [`TOMBSTONE_LIFETIME`](super::TOMBSTONE_LIFETIME).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tombstone {
    /// The key to which the session was renewed.
    pub to: StoreKey,
    /// When it was renewed.
    pub at: Timestamp,
    /// The id of `to`, readable only with the old id: [`Commit::sealed`](crate::record::Commit::sealed) of the move.
    /// Empty if the storage has pointed the tombstone to a later renewal.
    pub sealed: SealedId,
}

impl Tombstone {
    /// The tombstone of a renewal.
    #[must_use]
    pub const fn new(to: StoreKey, at: Timestamp, sealed: SealedId) -> Self {
        Self { to, at, sealed }
    }
}

/// The result of [`sweep`](super::Storage::sweep).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// What was removed because it had expired: sessions, and the traces that renewals leave.
    pub removed: u64,
    /// What is left: sessions that are alive, and traces of renewals that are still remembered.
    pub kept: u64,
    /// Items that do not belong to the storage, or are unreadable. They were left alone.
    pub foreign: u64,
}

/// A session of a principal, as returned by [`find`](super::Storage::find).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// The key under which the session is stored.
    pub key: StoreKey,
    /// The record. The application's entries may be left out, those whose keys begin with `gsession.` may not: a login has left
    /// them.
    pub record: Record,
}

impl Found {
    /// A session and its key.
    #[must_use]
    pub const fn new(key: StoreKey, record: Record) -> Self {
        Self { key, record }
    }

    /// The first `most` of these sessions after this key, in the order of their keys.
    pub(super) fn page(mut found: Vec<Self>, after: Option<StoreKey>, most: NonZeroUsize) -> Vec<Self> {
        found.retain(|found| after.is_none_or(|after| found.key > after));
        found.sort_unstable_by_key(|found| found.key);
        found.truncate(most.get());
        found
    }
}
