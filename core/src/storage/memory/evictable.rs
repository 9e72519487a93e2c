//! An index of the slots of a shard that may be evicted, so that eviction need not search for one.

use std::collections::BTreeSet;

use super::slot::Protection;
use crate::Timestamp;

/// Not in `now`.
const NOWHERE: u32 = u32::MAX;

/// The numbers of the slots that may be evicted, now or from a known time on. Operations take constant time, and logarithmic
/// time for slots that are protected until a known time.
#[derive(Default)]
pub(super) struct Evictable {
    /// Slots that may be evicted now.
    now: Vec<u32>,
    /// For each slot, its position in `now`.
    positions: Vec<u32>,
    /// Slots that may be evicted later.
    later: BTreeSet<(Timestamp, u32)>,
    /// Where the next sample begins.
    hand: usize,
}

impl Evictable {
    pub(super) fn insert(&mut self, place: u32, protection: Protection) {
        match protection {
            Protection::Always => {}
            Protection::Until(end) => {
                self.later.insert((end, place));
            }
            Protection::None => self.add(place),
        }
    }

    /// Removes a slot that was inserted with `protection`.
    pub(super) fn remove(&mut self, place: u32, protection: Protection) {
        let was_later = match protection {
            Protection::Always => return,
            Protection::Until(end) => self.later.remove(&(end, place)),
            Protection::None => false,
        };
        if was_later && self.later.is_empty() {
            // An empty set keeps its last node.
            self.later = BTreeSet::new();
        }
        if !was_later {
            self.take(place);
        }
    }

    pub(super) fn contains(&self, place: u32) -> bool {
        self.positions.get(place as usize).is_some_and(|&at| at != NOWHERE)
    }

    /// Up to `most` slots that may be evicted at `now`. The next call continues with others.
    pub(super) fn sample(&mut self, most: usize, now: Timestamp) -> impl Iterator<Item = u32> {
        while let Some(&(end, place)) = self.later.first()
            && end <= now
        {
            self.later.pop_first();
            self.add(place);
        }
        let len = self.now.len();
        let start = if self.hand < len { self.hand } else { 0 };
        let count = most.min(len);
        self.hand = start + count;
        self.now.iter().cycle().skip(start).take(count).copied()
    }

    fn add(&mut self, place: u32) {
        let at = place as usize;
        if self.positions.len() <= at {
            self.positions.resize(at + 1, NOWHERE);
        }
        // There are no more of them than slots, which have 32-bit numbers.
        self.positions[at] = u32::try_from(self.now.len()).unwrap_or(NOWHERE);
        self.now.push(place);
    }

    fn take(&mut self, place: u32) {
        let Some(position) = self.positions.get_mut(place as usize) else { return };
        let at = std::mem::replace(position, NOWHERE);
        if at == NOWHERE {
            return;
        }
        self.now.swap_remove(at as usize);
        if let Some(&moved) = self.now.get(at as usize) {
            self.positions[moved as usize] = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn all(evictable: &mut Evictable, now: Timestamp) -> Vec<u32> {
        let mut places: Vec<_> = evictable.sample(usize::MAX, now).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn an_inserted_slot_stays_until_it_is_removed() {
        let mut evictable = Evictable::default();
        for place in [5, 0, 9, 3] {
            evictable.insert(place, Protection::None);
        }
        evictable.insert(7, Protection::Always);
        assert_eq!(all(&mut evictable, at(0)), [0, 3, 5, 9]);
        for (place, left) in [(0, &[3, 5, 9][..]), (9, &[3, 5]), (9, &[3, 5]), (7, &[3, 5]), (5, &[3]), (3, &[])] {
            evictable.remove(place, Protection::None);
            assert_eq!(all(&mut evictable, at(0)), left);
            assert!(!evictable.contains(place));
        }
        assert_eq!(evictable.sample(16, at(0)).count(), 0);
    }

    #[test]
    fn a_protected_slot_is_sampled_from_its_time_on_and_can_be_removed_before_and_after() {
        let mut evictable = Evictable::default();
        for (place, end) in [(1, 30), (2, 10), (3, 20), (4, 20)] {
            evictable.insert(place, Protection::Until(at(end)));
        }
        assert!(all(&mut evictable, at(9)).is_empty());
        assert_eq!(all(&mut evictable, at(10)), [2]);
        evictable.remove(4, Protection::Until(at(20)));
        assert_eq!(all(&mut evictable, at(20)), [2, 3]);
        evictable.remove(3, Protection::Until(at(20)));
        assert_eq!(all(&mut evictable, at(30)), [1, 2]);
    }

    #[test]
    fn samples_rotate() {
        let mut evictable = Evictable::default();
        (0..10).for_each(|place| evictable.insert(place, Protection::None));
        let mut seen: Vec<u32> = (0..5).flat_map(|_| evictable.sample(4, at(0)).collect::<Vec<_>>()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }
}
