//! Staying within the bounds: what is given up when the storage is full.

use super::{capacity::full, store::Store};
use crate::{StoreKey, Timestamp, storage::StorageError};

/// Slots among which the one most readily given up is chosen, if there are so many.
const ENOUGH: usize = 64;

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
        if !self.capacity.could_fit(bytes) {
            return Err(full());
        }
        if self.capacity.is_sweep_due(now) {
            self.sweep(now);
        }
        while !self.capacity.fits(sessions, bytes) {
            if !self.evict_one(near, spared, now) {
                return Err(full());
            }
        }
        Ok(())
    }

    /// Removes the slot most readily given up of a sample from the shards near one. `false` if nothing left may be given up.
    fn evict_one(&self, near: usize, spared: Option<&StoreKey>, now: Timestamp) -> bool {
        let shards = self.shards.len();
        let (mut best, mut looked_at) = (None, 0);
        for number in (near..near + shards).map(|number| number % shards) {
            let (sampled, candidate) = self.shards[number].write().candidate(ENOUGH - looked_at, now, spared);
            looked_at += sampled;
            let candidate = candidate.map(|candidate| (candidate, number));
            best = match (best, candidate) {
                (Some(best), Some(candidate)) => Some(std::cmp::min(best, candidate)),
                (best, candidate) => best.or(candidate),
            };
            if looked_at >= ENOUGH {
                break;
            }
        }
        let Some(((.., key), number)) = best else { return false };
        let mut shard = self.shards[number].write();
        // If it is gone by now, or may no longer be given up, the next round finds another.
        let evicted = shard.evict(&key);
        if let Some(slot) = &evicted {
            self.capacity.release_slot(slot);
        }
        // Freed after the lock.
        drop(shard);
        drop(evicted);
        true
    }
}
