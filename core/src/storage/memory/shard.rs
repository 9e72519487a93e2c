//! One of the maps into which the sessions are spread, so that requests rarely wait for each other.

use std::sync::Arc;

use hashbrown::HashTable;

use super::slot::{Slot, Worth};
use crate::{StoreKey, Timestamp};

/// Slots in a list that can be walked in steps, and an index from keys into it.
///
/// The index holds four bytes a session instead of a second copy of the key.
#[derive(Default)]
pub(super) struct Shard {
    index: HashTable<u32>,
    slots: Vec<Option<Arc<Slot>>>,
    free: Vec<u32>,
    /// Slots that may be given up when room is needed.
    evictable: usize,
    /// Where the next search for something to give up begins.
    hand: usize,
}

/// A key is a hash already: its first bytes serve as they are.
fn hash_of(key: &StoreKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl Shard {
    fn find(&self, key: &StoreKey) -> Option<u32> {
        self.index.find(hash_of(key), |&at| self.slot(at).is_some_and(|slot| slot.key == *key)).copied()
    }

    fn slot(&self, at: u32) -> Option<&Arc<Slot>> {
        self.slots.get(at as usize)?.as_ref()
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&Arc<Slot>> {
        self.slot(self.find(key)?)
    }

    /// Puts a slot under its key; gives back what was there.
    pub(super) fn put(&mut self, slot: Slot) -> Option<Arc<Slot>> {
        self.evictable += usize::from(slot.is_evictable());
        if let Some(at) = self.find(&slot.key)
            && let Some(place) = self.slots.get_mut(at as usize)
        {
            let old = place.replace(Arc::new(slot));
            self.evictable -= usize::from(old.as_ref().is_some_and(|old| old.is_evictable()));
            return old;
        }
        let key = slot.key;
        let slot = Some(Arc::new(slot));
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                // The builder bounds the number of sessions far below.
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash_of(&key), at, |&at| {
            slots.get(at as usize).and_then(Option::as_ref).map_or(0, |slot| hash_of(&slot.key))
        });
        None
    }

    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Arc<Slot>> {
        let Self { index, slots, .. } = self;
        let held = |at: u32| slots.get(at as usize).and_then(Option::as_ref);
        let entry = index.find_entry(hash_of(key), |&at| held(at).is_some_and(|slot| slot.key == *key)).ok()?;
        let (at, _) = entry.remove();
        let old = self.slots.get_mut(at as usize)?.take()?;
        self.evictable -= usize::from(old.is_evictable());
        self.free.push(at);
        Some(old)
    }

    /// How many places there are to walk over.
    pub(super) const fn places(&self) -> usize {
        self.slots.len()
    }

    /// The slots in a range of places.
    pub(super) fn walk(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &Arc<Slot>> {
        let end = range.end.min(self.slots.len());
        self.slots[range.start.min(end)..end].iter().flatten()
    }

    /// The slot most readily given up among a sample, or of all if the sample has none.
    /// Never `spared`.
    pub(super) fn victim(&mut self, now: Timestamp, spared: Option<&StoreKey>) -> Option<StoreKey> {
        const SAMPLE: usize = 16;
        if self.evictable == 0 {
            return None;
        }
        let start = if self.hand < self.slots.len() { self.hand } else { 0 };
        self.hand = start + SAMPLE;
        let best = |range| {
            self.walk(range)
                .map(|slot| (slot.worth(now), slot.last_seen(), slot.key))
                .filter(|(worth, _, key)| *worth != Worth::Kept && Some(key) != spared)
                .min()
                .map(|(.., key)| key)
        };
        best(start..start + SAMPLE).or_else(|| best(0..self.slots.len()))
    }

    /// Gives memory back when most places are empty, for example after a flood has expired.
    pub(super) fn shrink(&mut self) {
        const SMALL: usize = 64;
        if self.slots.len() > SMALL && self.index.len() < self.slots.len() / 4 {
            self.slots = std::mem::take(&mut self.slots).into_iter().filter(Option::is_some).collect();
            // Collecting in place keeps the old allocation.
            self.slots.shrink_to_fit();
            self.free = Vec::new();
            self.hand = 0;
            let slots = &self.slots;
            let hash = |&at: &u32| slots.get(at as usize).and_then(Option::as_ref).map_or(0, |slot| hash_of(&slot.key));
            self.index = HashTable::with_capacity(slots.len());
            for at in 0..u32::try_from(slots.len()).unwrap_or(u32::MAX) {
                self.index.insert_unique(hash(&at), at, hash);
            }
        }
    }
}
