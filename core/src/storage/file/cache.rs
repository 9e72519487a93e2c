//! The sessions that this process has read or written, with the files that they were in.
//!
//! A file only grows: a commit appends to it or replaces it with another file. So its id and its length say what it holds, and a
//! session whose file has both is not read again. Whether it has them is asked at every read, so it does not matter who has
//! written meanwhile.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{format::Log, stat::FileId};
use crate::{Record, StoreKey};

/// So many threads can ask at the same time.
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
        OVERHEAD + self.record.entries.heap_bytes() + self.record.principal.as_ref().map_or(0, |principal| principal.len())
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
