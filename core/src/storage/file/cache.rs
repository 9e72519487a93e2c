//! The sessions that this process has read or written, with the files that they were in.
//!
//! A file only grows: a commit appends to it or replaces it with another file. So its id and its length say what it holds, and a
//! session whose file has both is not read again. Whether it has them is asked at every read, so it does not matter who has
//! written meanwhile.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{format::Log, system::FileId};
use crate::{Record, StoreKey};

/// This many threads can ask at the same time.
const SHARDS: usize = 16;
/// Approximate bytes of an entry without its session's data.
const OVERHEAD: usize = 320;

/// What a file held when it was read. The record is without the time of the file and without pending touches.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) file: FileId,
    pub(super) log: Log,
    pub(super) record: Record,
}

impl Known {
    fn bytes(&self) -> usize {
        OVERHEAD
            + self.record.entries.heap_bytes()
            + self.record.principal.as_ref().map_or(0, |principal| principal.len())
    }
}

/// A cache that is bounded by bytes. Each shard has two generations: what is used is in the young one, and when that is full, it
/// takes the place of the old one, which is dropped.
#[derive(Debug)]
pub(super) struct Cache {
    shards: Box<[Mutex<Shard>]>,
    /// The most bytes in a generation of a shard.
    most: usize,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<StoreKey, Known>,
    old: HashMap<StoreKey, Known>,
    /// In the young generation.
    bytes: usize,
}

impl Cache {
    /// A cache of at most so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), most: bytes / SHARDS / 2 }
    }

    /// The keys in a sub-folder begin alike, so the shard is chosen by the end.
    fn shard(&self, key: &StoreKey) -> &Mutex<Shard> {
        &self.shards[usize::from(key.as_bytes()[31]) % SHARDS]
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<Known> {
        let mut shard = self.shard(key).lock();
        if let Some(known) = shard.young.get(key) {
            return Some(known.clone());
        }
        let known = shard.old.remove(key)?;
        shard.put(*key, known.clone(), self.most);
        Some(known)
    }

    pub(super) fn put(&self, key: &StoreKey, known: Known) {
        self.shard(key).lock().put(*key, known, self.most);
    }

    pub(super) fn forget(&self, key: &StoreKey) {
        let mut shard = self.shard(key).lock();
        shard.old.remove(key);
        if let Some(known) = shard.young.remove(key) {
            shard.bytes -= known.bytes();
        }
    }

    /// The bytes of all entries, and their number.
    #[cfg(test)]
    fn size(&self) -> (usize, usize) {
        let sizes = self.shards.iter().map(|shard| {
            let shard = shard.lock();
            let all = || shard.young.values().chain(shard.old.values());
            (all().map(Known::bytes).sum::<usize>(), all().count())
        });
        sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1))
    }
}

impl Shard {
    fn put(&mut self, key: StoreKey, known: Known, most: usize) {
        self.old.remove(&key);
        let bytes = known.bytes();
        if bytes > most {
            if let Some(known) = self.young.remove(&key) {
                self.bytes -= known.bytes();
            }
            return;
        }
        if self.bytes + bytes > most {
            self.old = std::mem::take(&mut self.young);
            self.old.remove(&key);
            self.bytes = 0;
        }
        self.bytes += bytes;
        if let Some(replaced) = self.young.insert(key, known) {
            self.bytes -= replaced.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Entries, Timestamp,
        storage::file::{format, system::Stat},
    };

    fn key(number: u16) -> StoreKey {
        let mut bytes = [0; 32];
        bytes[30..].copy_from_slice(&number.to_be_bytes());
        StoreKey::from_bytes(bytes)
    }

    /// A session with a value of so many bytes.
    fn known(bytes: usize) -> Known {
        let mut record = Record::new(Timestamp::default(), Duration::MAX, None);
        let text = "x".repeat(bytes);
        record.entries = Entries::pack([("a", text.as_str())]).unwrap();
        let file = format::encode_session(&record, &crate::BincodeCodec).unwrap();
        let log = format::decode(&file, &crate::BincodeCodec, &crate::Limits::default()).unwrap().log.unwrap();
        let any = tempfile::tempfile().unwrap();
        Known { file: Stat::of(&any).unwrap().id.unwrap(), log, record }
    }

    #[test]
    fn no_more_bytes_are_kept_than_allowed() {
        let (cache, known) = (Cache::new(256 * 1024), known(1_000));
        for number in 0..5_000 {
            cache.put(&key(number), known.clone());
            let (bytes, _) = cache.size();
            assert!(bytes <= 256 * 1024, "{bytes} after {number}");
        }
        let (_, count) = cache.size();
        assert!(count >= 256 * 1024 / 2 / known.bytes() - 2 * SHARDS, "only {count} are kept");
    }

    #[test]
    fn what_is_used_stays() {
        let (cache, known) = (Cache::new(256 * 1024), known(1_000));
        cache.put(&key(0), known.clone());
        for number in 1..5_000 {
            cache.put(&key(number), known.clone());
            assert!(cache.get(&key(0)).is_some(), "it was used all the time, and is gone after {number}");
        }
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_takes_nobodys_place() {
        let cache = Cache::new(256 * 1024);
        let (small, large) = (known(100), known(10_000));
        cache.put(&key(1), small.clone());
        cache.put(&key(2), large.clone());
        cache.put(&key(1 + 16), small);
        assert!(cache.get(&key(1)).is_some() && cache.get(&key(1 + 16)).is_some());
        assert!(cache.get(&key(2)).is_none());
        // Nor is the smaller one that it was.
        cache.put(&key(1), large);
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        let cache = Cache::new(0);
        cache.put(&key(1), known(1));
        assert_eq!(cache.size(), (0, 0));
    }

    #[test]
    fn what_is_forgotten_leaves_nothing() {
        let (cache, known) = (Cache::new(256 * 1024), known(1_000));
        for _ in 0..2 {
            (0..100).for_each(|number| cache.put(&key(number), known.clone()));
        }
        (0..100).for_each(|number| cache.forget(&key(number)));
        assert_eq!(cache.size(), (0, 0));
        assert!(cache.shards.iter().all(|shard| shard.lock().bytes == 0));
    }
}
