//! Staying within the bounds: what is given up when the storage is full.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{slot::Slot, store::Store};
use crate::{
    Timestamp,
    storage::{StorageError, StorageErrorKind},
};

/// What is held, and what may be held.
pub(super) struct Room {
    pub(super) sessions: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    pub(super) max_sessions: usize,
    pub(super) max_bytes: usize,
}

impl Room {
    fn is_over(&self) -> bool {
        self.sessions.load(Ordering::Relaxed) > self.max_sessions || self.bytes.load(Ordering::Relaxed) > self.max_bytes
    }

    pub(super) fn take(&self, sessions: usize, bytes: usize) {
        self.sessions.fetch_add(sessions, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, sessions: usize, bytes: usize) {
        self.sessions.fetch_sub(sessions, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Store {
    /// Reserves room, giving up other sessions if it must. Called without a lock; `near` says in which shard to begin.
    pub(super) fn reserve(
        &self,
        sessions: usize,
        bytes: usize,
        near: usize,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.room.take(sessions, bytes);
        while self.room.is_over() {
            if !self.give_up_one(near, now) {
                self.room.give_back(sessions, bytes);
                return Err(StorageError::new(StorageErrorKind::Full, "making room for a session"));
            }
        }
        Ok(())
    }

    /// Removes the session most readily given up near a shard. `false` if every session left belongs to somebody.
    fn give_up_one(&self, near: usize, now: Timestamp) -> bool {
        let shards = self.shards.len();
        (near..near + shards).any(|at| {
            let given_up = {
                let mut shard = self.shards[at % shards].write();
                shard.victim(now).and_then(|key| shard.remove(&key))
            };
            given_up.is_some_and(|slot| {
                self.forget(&slot);
                true
            })
        })
    }

    /// Counts a slot that is no longer held.
    pub(super) fn forget(&self, slot: &Slot) {
        self.room.give_back(1, slot.bytes());
    }
}
