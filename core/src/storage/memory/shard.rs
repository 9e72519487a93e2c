//! One of the maps over which the sessions are spread, so that requests rarely wait for each other.

use std::sync::Arc;

use hashbrown::HashTable;

use super::{
    evictable::Evictable,
    principals::Principals,
    slot::{EvictionRank, Slot},
};
use crate::{StoreKey, Timestamp};

/// A list of slots that can be scanned in steps, and an index from keys into it.
///
/// The index takes four bytes per session instead of a second copy of the key.
pub(super) struct Shard {
    index: HashTable<u32>,
    slots: Vec<Option<Arc<Slot>>>,
    free: Vec<u32>,
    /// The slots that may be evicted when room is needed.
    evictable: Evictable,
    principals: Arc<Principals>,
    compactions: u32,
}

/// A key is already a hash, so its first bytes are used as they are.
fn hash_of(key: &StoreKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl Shard {
    pub(super) fn new(principals: &Arc<Principals>) -> Self {
        let (index, evictable) = (HashTable::new(), Evictable::default());
        Self {
            index,
            slots: Vec::new(),
            free: Vec::new(),
            evictable,
            principals: Arc::clone(principals),
            compactions: 0,
        }
    }

    fn find(&self, key: &StoreKey) -> Option<u32> {
        self.index.find(hash_of(key), |&at| self.slot(at).is_some_and(|slot| slot.key == *key)).copied()
    }

    fn slot(&self, at: u32) -> Option<&Arc<Slot>> {
        self.slots.get(at as usize)?.as_ref()
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&Arc<Slot>> {
        #[cfg(test)]
        LOOKUPS.with(|count| count.set(count.get() + 1));
        self.slot(self.find(key)?)
    }

    /// Stores a slot under its key. Returns the slot it replaces.
    pub(super) fn put(&mut self, slot: Arc<Slot>) -> Option<Arc<Slot>> {
        let protection = slot.protection();
        if let Some(at) = self.find(&slot.key)
            && let Some(place) = self.slots.get_mut(at as usize)
        {
            let old = place.replace(slot);
            if let Some(slot) = place {
                let was = old.as_ref().and_then(|old| old.principal());
                self.principals.change(slot.key, was, slot.principal());
            }
            let old_protection = old.as_ref().map(|old| old.protection());
            if old_protection != Some(protection) {
                if let Some(old_protection) = old_protection {
                    self.evictable.remove(at, old_protection);
                }
                self.evictable.insert(at, protection);
            }
            return old;
        }
        let key = slot.key;
        self.principals.change(key, None, slot.principal());
        let slot = Some(slot);
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                // The builder limits the number of slots to far less.
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash_of(&key), at, |&at| {
            slots.get(at as usize).and_then(Option::as_ref).map_or(0, |slot| hash_of(&slot.key))
        });
        self.evictable.insert(at, protection);
        None
    }

    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Arc<Slot>> {
        let Self { index, slots, .. } = self;
        let held = |at: u32| slots.get(at as usize).and_then(Option::as_ref);
        let entry = index.find_entry(hash_of(key), |&at| held(at).is_some_and(|slot| slot.key == *key)).ok()?;
        let (at, _) = entry.remove();
        let old = self.slots.get_mut(at as usize)?.take()?;
        self.evictable.remove(at, old.protection());
        self.principals.change(old.key, old.principal(), None);
        self.free.push(at);
        Some(old)
    }

    /// The number of places in the list, some of which may be empty.
    pub(super) const fn places(&self) -> usize {
        self.slots.len()
    }

    /// How often slots have got other places in the list.
    pub(super) const fn compactions(&self) -> u32 {
        self.compactions
    }

    /// The slots in a range of the list.
    pub(super) fn walk(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &Arc<Slot>> {
        let end = range.end.min(self.slots.len());
        self.slots[range.start.min(end)..end].iter().flatten()
    }

    /// Takes a sample of up to `most` slots that may be evicted. Returns its size and its first slot in the order of eviction,
    /// but never `spared`.
    pub(super) fn candidate(
        &mut self,
        most: usize,
        now: Timestamp,
        spared: Option<&StoreKey>,
    ) -> (usize, Option<(EvictionRank, Timestamp, StoreKey)>) {
        let Self { evictable, slots, .. } = self;
        let mut sampled = 0;
        let best = evictable
            .sample(most, now)
            .inspect(|_| sampled += 1)
            .filter_map(|at| slots.get(at as usize)?.as_ref())
            .filter(|slot| Some(&slot.key) != spared)
            .map(|slot| (slot.eviction_rank(now), slot.last_seen(), slot.key))
            .min();
        (sampled, best)
    }

    /// Removes the slot under `key` if it may be evicted.
    pub(super) fn evict(&mut self, key: &StoreKey) -> Option<Arc<Slot>> {
        let at = self.find(key)?;
        if self.evictable.contains(at) { self.remove(key) } else { None }
    }

    /// Frees memory when most places are empty, for example after a flood of sessions has expired.
    pub(super) fn shrink(&mut self) {
        const SMALL: usize = 64;
        if self.slots.len() > SMALL && self.index.len() < self.slots.len() / 4 {
            self.compactions = self.compactions.wrapping_add(1);
            self.slots = std::mem::take(&mut self.slots).into_iter().filter(Option::is_some).collect();
            // Collecting in place keeps the old allocation.
            self.slots.shrink_to_fit();
            self.free = Vec::new();
            self.evictable = Evictable::default();
            let slots = &self.slots;
            let hash = |&at: &u32| slots.get(at as usize).and_then(Option::as_ref).map_or(0, |slot| hash_of(&slot.key));
            self.index = HashTable::with_capacity(slots.len());
            for at in 0..u32::try_from(slots.len()).unwrap_or(u32::MAX) {
                self.index.insert_unique(hash(&at), at, hash);
                if let Some(slot) = slots.get(at as usize).and_then(Option::as_ref) {
                    self.evictable.insert(at, slot.protection());
                }
            }
        }
    }
}

#[cfg(test)]
thread_local! {
    /// The lookups of this thread, for tests that count them.
    pub(super) static LOOKUPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
