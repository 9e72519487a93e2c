//! Listing a principal's sessions while they are renewed.

use std::collections::HashSet;

use super::{slot::Content, store::Store, sync::Ordering};
use crate::{Record, StoreKey, Timestamp, storage::Found};

impl Store {
    /// Walks over the shards, one after the other. A session that is renewed meanwhile, out of a shard that is still to come
    /// into one that is done, would be missed, so the traces of such renewals are followed; each key once. Of older renewals
    /// the walk meets the new key itself, however many there were.
    pub(super) fn find(&self, principal: &str, now: Timestamp) -> Vec<Found> {
        // A renewal that is counted already holds the locks of both its shards, so the walk waits for it at the new key.
        let began = self.moves.load(Ordering::Acquire);
        let is_theirs = |record: &Record| record.principal.as_deref() == Some(principal);
        let (mut found, mut moved): (Vec<Found>, Vec<StoreKey>) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let shard = shard.read();
            for slot in shard.walk(0..shard.places()).filter(|slot| !slot.is_expired(now)) {
                match slot.content() {
                    Content::Session { record, .. } if is_theirs(record) => {
                        found.push(Found::new(slot.key, slot.current(record)));
                    }
                    Content::Forward { to, number, .. } if *number >= began => moved.push(*to),
                    Content::Session { .. } | Content::Forward { .. } => {}
                }
            }
        }
        if moved.is_empty() {
            return found;
        }
        let mut known: HashSet<StoreKey> = found.iter().map(|found| found.key).collect();
        while let Some(key) = moved.pop() {
            if !known.insert(key) {
                continue;
            }
            let shard = self.shard(&key).read();
            let Some(slot) = shard.get(&key).filter(|slot| !slot.is_expired(now)) else { continue };
            match slot.content() {
                Content::Session { record, .. } if is_theirs(record) => {
                    found.push(Found::new(key, slot.current(record)));
                }
                Content::Forward { to, .. } => moved.push(*to),
                Content::Session { .. } => {}
            }
        }
        found
    }
}
