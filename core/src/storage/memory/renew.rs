//! Moves a session to a new key, which leaves a tombstone under the old one.

use super::{
    capacity::full,
    history::{Renewal, Tail},
    locks::Locks,
    slot::{Content, Slot},
    store::{Store, TRIES},
};
use crate::{
    StoreKey,
    record::{Applied, Commit},
    storage::{Moved, StorageError, Tombstone},
};

impl Store {
    pub(super) fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        let now = commit.access.now;
        for _ in 0..TRIES {
            // Only the session says which shards to lock.
            let tail = self.tail(from);
            let Tail { anchor, last } = tail.unwrap_or(Tail { anchor: *from, last: *from });
            let mut locks = Locks::lock(&self.shards, [from, to, &anchor, &last]);
            let living = locks.get(from).and_then(|slot| Some((slot, slot.living(&commit.access)?)));
            let (record, history, old_bytes) = match living {
                Some((slot, Content::Session { record, history })) => {
                    (slot.current(record), slot.history(history), slot.bytes())
                }
                Some((_, Content::Tombstone { at, .. })) => return Ok(Moved::Renewed(*at)),
                None => return Ok(Moved::Gone),
            };
            if history.tail() != tail {
                continue;
            }
            if locks.get(to).is_some_and(|slot| !slot.is_expired(now)) {
                return Ok(Moved::Taken);
            }
            let record = match record.apply(commit).map_err(|limit| StorageError::limit(limit, "renewing"))? {
                Applied::Changed(record) => record,
                Applied::Expired | Applied::Conflict(_) => return Ok(Moved::Gone),
            };
            let (moved, is_owned) = (Moved::done(&record, 0), record.principal.is_some());
            let Renewal { history, is_anchor, surplus } = history.renewed(from, now);
            let tombstone = Tombstone::new(*to, now, commit.sealed.clone());
            let tombstone = Slot::tombstone(*from, tombstone, is_owned, is_anchor);
            let slot = Slot::session(*to, record, history);
            let (mut new_bytes, mut old_bytes) = (slot.bytes() + tombstone.bytes(), old_bytes);
            // A tombstone under the new key has expired, and is about to be replaced.
            let surplus = surplus.filter(|tail| tail.anchor != *to && tail.last != *to);
            let anchor = surplus.and_then(|Tail { anchor, last }| {
                let held = locks.get(&anchor)?;
                let pointed = held.pointed_to(to, [from, &last], is_owned)?;
                (new_bytes, old_bytes) = (new_bytes + pointed.bytes(), old_bytes + held.bytes());
                Some(pointed)
            });
            let forgotten = surplus.and_then(|Tail { last, .. }| {
                let held = locks.get(&last).filter(|slot| slot.leads_to(from))?;
                old_bytes += held.bytes();
                Some(last)
            });
            let (places, growth) = (usize::from(forgotten.is_none()), new_bytes.saturating_sub(old_bytes));
            if self.capacity.reserve(places, growth) {
                // First the new key, so that the index always has one of them.
                let expired = locks.put(slot);
                let replaced = (locks.put(tombstone), anchor.map(|anchor| locks.put(anchor)));
                let forgotten = forgotten.map(|last| locks.remove(&last));
                self.capacity.release(0, old_bytes.saturating_sub(new_bytes));
                if let Some(expired) = &expired {
                    self.capacity.release_slot(expired);
                }
                drop(locks);
                drop((expired, replaced, forgotten));
                self.watch.changed(from);
                return Ok(moved);
            }
            drop(locks);
            self.make_room(places, growth, Self::shard_of(from), Some(from), now)?;
        }
        Err(full())
    }

    /// The last two tombstones of the session under `key`, once it has left that many.
    fn tail(&self, key: &StoreKey) -> Option<Tail> {
        match self.shard(key).read().get(key)?.content() {
            Content::Session { history, .. } => history.tail(),
            Content::Tombstone { .. } => None,
        }
    }
}
