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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{shard::LOOKUPS, store::Store};
    use crate::{
        Changes, Record, StoreKey, Timestamp,
        record::Commit,
        storage::{Access, Moved},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

    fn key(number: u32) -> StoreKey {
        let mut bytes = [0x5a; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        bytes[31] = number.to_le_bytes()[0];
        StoreKey::from_bytes(bytes)
    }

    /// Anybody may renew as often as they like, and listing goes over everybody's sessions.
    #[test]
    fn listing_looks_at_each_key_once_however_often_somebody_has_renewed() {
        const RENEWALS: u32 = 32_000;
        let store = Store::new(1_000_000, usize::MAX);
        let mut record = Record::new(NOW, Duration::from_secs(3600), None);
        record.principal = Some("ada".into());
        store.create(&key(0), &record, NOW).unwrap();
        let commit = Commit::new(Changes::default(), Access::active(NOW, record.idle_timeout, Duration::ZERO));
        for number in 0..RENEWALS {
            let moved = store.move_to(&key(number), &key(number + 1), &commit).unwrap();
            assert!(matches!(moved, Moved::Done { .. }));
        }
        LOOKUPS.set(0);
        let found = store.find("ada", NOW);
        assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), [key(RENEWALS)]);
        assert!(LOOKUPS.get() <= RENEWALS as usize + 1, "{} keys were looked up", LOOKUPS.get());
        assert!(store.find("bob", NOW).is_empty());
    }
}
