//! Lists a principal's sessions, even while they are being renewed.

use std::collections::HashSet;

use super::{
    slot::{Content, Slot},
    store::Store,
    sync::Ordering,
};
use crate::{Record, StoreKey, Timestamp, storage::Found};

impl Store {
    /// Scans the shards one after the other. A renewal during the scan can move a session from a shard that is still to come
    /// into one that is done. So the scan follows the tombstones of renewals that are newer than itself, each key once. Older
    /// tombstones need no following: the scan finds the new key itself.
    ///
    /// A renewal whose tombstone is forgotten points the session's anchor to the new key. The scan may have passed the anchor by
    /// then, so it looks at the anchors again at the end.
    pub(super) fn find(&self, principal: &str, now: Timestamp) -> Vec<Found> {
        // A renewal that is already counted has locked all its shards, so the scan waits for it at the new key.
        let began = self.moves.load(Ordering::Acquire);
        let listed = |slot: &Slot, record: &Record| {
            let is_theirs = record.principal.as_deref() == Some(principal) && !slot.is_expired(now);
            is_theirs.then(|| Found::new(slot.key, slot.current(record)))
        };
        let (mut found, mut moved, mut anchors) = (Vec::new(), Vec::new(), Vec::new());
        for shard in &self.shards {
            let shard = shard.read();
            for slot in shard.walk(0..shard.places()) {
                match slot.content() {
                    Content::Session { record, .. } => found.extend(listed(slot, record)),
                    Content::Tombstone { is_anchor: true, .. } => anchors.push(slot.key),
                    Content::Tombstone { to, number, .. } if *number >= began => moved.push(*to),
                    Content::Tombstone { .. } => {}
                }
            }
        }
        let mut known: HashSet<StoreKey> = HashSet::new();
        if !(moved.is_empty() && anchors.is_empty()) {
            known.extend(found.iter().map(|found| found.key));
        }
        while let Some(key) = moved.pop() {
            if !known.insert(key) {
                continue;
            }
            let shard = self.shard(&key).read();
            let Some(slot) = shard.get(&key) else { continue };
            match slot.content() {
                Content::Session { record, .. } => found.extend(listed(slot, record)),
                Content::Tombstone { is_anchor: true, .. } => anchors.push(key),
                Content::Tombstone { to, .. } => moved.push(*to),
            }
        }
        // Last, because a tombstone that was followed above may have been forgotten, and then an anchor leads on.
        for anchor in anchors {
            if !self.was_pointed_since(&anchor, began) {
                continue;
            }
            let end = self.follow(&anchor, |slot, record| (slot.key, listed(slot, record)));
            if let Some((key, listed)) = end
                && known.insert(key)
            {
                found.extend(listed);
            }
        }
        found
    }

    /// Whether the tombstone under `key` was written by the renewal of this number or a later one.
    fn was_pointed_since(&self, key: &StoreKey, began: u64) -> bool {
        let shard = self.shard(key).read();
        let content = shard.get(key).map(|slot| slot.content());
        matches!(content, Some(Content::Tombstone { number, .. }) if *number >= began)
    }
}
