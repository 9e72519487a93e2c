//! Evicts sessions when the storage is full.

use super::{capacity::full, slot::Slot, store::Store};
use crate::{StoreKey, Timestamp, observe::EndReason, storage::StorageError};

/// The size of the sample from which a slot is evicted.
const SAMPLE: usize = 64;

impl Store {
    /// Evicts sessions until there is room, beginning near a shard and sparing one key. Must be called without a lock.
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

    /// Evicts the first slot by [`EvictionRank`](super::slot::EvictionRank) of a sample from the shards near one. `false` if
    /// nothing more may be evicted.
    fn evict_one(&self, near: usize, spared: Option<&StoreKey>, now: Timestamp) -> bool {
        let shards = self.shards.len();
        let (mut best, mut sampled_so_far) = (None, 0);
        for number in (near..near + shards).map(|number| number % shards) {
            let (sampled, candidate) = self.shards[number].write().candidate(SAMPLE - sampled_so_far, now, spared);
            sampled_so_far += sampled;
            let candidate = candidate.map(|candidate| (candidate, number));
            best = match (best, candidate) {
                (Some(best), Some(candidate)) => Some(std::cmp::min(best, candidate)),
                (best, candidate) => best.or(candidate),
            };
            if sampled_so_far >= SAMPLE {
                break;
            }
        }
        let Some(((.., key), number)) = best else { return false };
        let mut shard = self.shards[number].write();
        // If it is gone by now, or may no longer be evicted, the next round finds another.
        let evicted = shard.evict(&key);
        if let Some(slot) = &evicted {
            self.capacity.release_slot(slot);
        }
        // Freed after unlocking.
        drop(shard);
        let reason = |slot: &Slot| if slot.is_expired(now) { EndReason::Expired } else { EndReason::Evicted };
        if let Some(slot) = &evicted {
            self.report_end(Some(slot), reason(slot));
        }
        drop(evicted);
        self.watch.changed(&key);
        true
    }
}
