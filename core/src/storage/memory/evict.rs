//! Staying within the bounds: what is given up when the storage is full.

use super::store::Store;
use crate::{
    StoreKey, Timestamp,
    storage::{StorageError, StorageErrorKind},
};

impl Store {
    /// Gives up sessions until there is room, beginning near a shard and sparing one key. Called without a lock.
    pub(super) fn make_room(
        &self,
        sessions: usize,
        bytes: usize,
        near: usize,
        spared: Option<&StoreKey>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        if !self.room.could_have(bytes) {
            return Err(full());
        }
        if self.room.is_sweep_due(now) {
            self.sweep(now);
        }
        while !self.room.has(sessions, bytes) {
            if !self.give_up_one(near, spared, now) {
                return Err(full());
            }
        }
        Ok(())
    }

    /// Removes the session most readily given up near a shard. `false` if every session left belongs to somebody.
    fn give_up_one(&self, near: usize, spared: Option<&StoreKey>, now: Timestamp) -> bool {
        let shards = self.shards.len();
        (near..near + shards).any(|at| {
            let mut shard = self.shards[at % shards].write();
            let given_up = shard.victim(now, spared).and_then(|key| shard.remove(&key));
            if let Some(slot) = &given_up {
                self.room.forget(slot);
            }
            // Freed after the lock.
            drop(shard);
            given_up.is_some()
        })
    }
}

pub(super) fn full() -> StorageError {
    StorageError::new(StorageErrorKind::Full, "making room for a session")
}
