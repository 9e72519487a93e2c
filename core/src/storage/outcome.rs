//! What storages answer. Absent, gone and broken never look alike: the first two are values, the third is an error.

use crate::{
    Record, StoreKey, Timestamp,
    id::SealedId,
    record::{JsonText, Snapshot},
};

/// What a storage holds under a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Lookup {
    /// The session.
    Found(Snapshot),
    /// No session here any more, because it was renewed at this time.
    Renewed(Timestamp),
    /// No session: never there, expired, destroyed, or not readable as one (which the storage has logged).
    Absent,
}

/// The answer to [`create`](super::Storage::create).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The session is stored.
    Done,
    /// There is something under this key; it was left alone.
    Exists,
}

/// The answer to [`commit`](super::Storage::commit).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Committed {
    /// The changes are stored.
    Done {
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// As in [`Snapshot::revision`].
        revision: u64,
    },
    /// There is no such session; nothing was stored.
    Gone,
    /// The session was renewed at this time; nothing was stored.
    Renewed(Timestamp),
    /// The entry of [`Commit::expect`](crate::record::Commit::expect) has this value now; nothing was stored.
    Conflict(Option<JsonText>),
}

/// The answer to [`touch`](super::Storage::touch).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// The session ends then if it is not used again.
    Done(Timestamp),
    /// There is no such session.
    Gone,
}

/// The answer to [`move_to`](super::Storage::move_to).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moved {
    /// The session is stored under the new key and nowhere else.
    Done {
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// As in [`Snapshot::revision`].
        revision: u64,
    },
    /// There is no such session; nothing was stored.
    Gone,
    /// Another renewal was first, at this time; nothing was stored.
    Renewed(Timestamp),
    /// There is something under the new key; nothing was changed.
    Taken,
}

/// The answer to [`remove`](super::Storage::remove).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The session was there and is gone; or it was where it has been renewed to, and is gone there.
    Done,
    /// There was none.
    Absent,
    /// There was none, but it was renewed to this key, where the caller must remove it too.
    Renewed(StoreKey),
}

/// What a storage keeps under the old key of a renewed session, for [`TOMBSTONE_LIFETIME`](super::TOMBSTONE_LIFETIME).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tombstone {
    /// The key the session was renewed to.
    pub to: StoreKey,
    /// When it was renewed.
    pub at: Timestamp,
    /// The id of `to`, readable only with the old id: [`Commit::sealed`](crate::record::Commit::sealed) of the move. Empty if
    /// the storage has pointed the tombstone to a later renewal.
    pub sealed: SealedId,
}

impl Tombstone {
    /// The tombstone of a renewal.
    #[must_use]
    pub const fn new(to: StoreKey, at: Timestamp, sealed: SealedId) -> Self {
        Self { to, at, sealed }
    }
}

/// The answer to [`sweep`](super::Storage::sweep).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Sessions removed because they had expired.
    pub removed: u64,
    /// Sessions that are still alive.
    pub kept: u64,
    /// Things found that are not the storage's own, or cannot be read; they were left alone.
    pub foreign: u64,
}

/// A session of a principal, as [`find`](super::Storage::find) lists it: the record without its entries.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// Under which key the session is stored.
    pub key: StoreKey,
    /// The record; its entries may be left out.
    pub record: Record,
}

impl Found {
    /// A session under its key.
    #[must_use]
    pub const fn new(key: StoreKey, record: Record) -> Self {
        Self { key, record }
    }
}
