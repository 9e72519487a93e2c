//! Locks several shards at once.

use std::sync::Arc;

use super::{
    shard::Shard,
    slot::Slot,
    store::Store,
    sync::{RwLock, RwLockWriteGuard},
};
use crate::StoreKey;

/// Write locks on the shards of up to four keys, which may share shards. They are taken in ascending order, so that two moves
/// never deadlock.
pub(super) struct Locks<'a>([Option<(usize, RwLockWriteGuard<'a, Shard>)>; 4]);

impl<'a> Locks<'a> {
    pub(super) fn lock(shards: &'a [RwLock<Shard>], keys: [&StoreKey; 4]) -> Self {
        let mut numbers = keys.map(Store::shard_of);
        numbers.sort_unstable();
        let mut before = None;
        Self(numbers.map(|number| {
            let is_new = before.replace(number) != Some(number);
            is_new.then(|| (number, shards[number].write()))
        }))
    }

    /// The shard of one of the keys.
    fn shard(&mut self, key: &StoreKey) -> Option<&mut Shard> {
        let number = Store::shard_of(key);
        let shard = self.0.iter_mut().flatten().find(|(locked, _)| *locked == number).map(|(_, shard)| &mut **shard);
        debug_assert!(shard.is_some(), "only shards that are locked are asked for");
        shard
    }

    pub(super) fn get(&mut self, key: &StoreKey) -> Option<&Arc<Slot>> {
        self.shard(key)?.get(key)
    }

    pub(super) fn put(&mut self, slot: Slot) -> Option<Arc<Slot>> {
        self.shard(&slot.key)?.put(Arc::new(slot))
    }

    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Arc<Slot>> {
        self.shard(key)?.remove(key)
    }
}
