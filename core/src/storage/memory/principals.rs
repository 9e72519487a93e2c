//! Which keys the sessions of a principal have, so that listing them does not look at those of others.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
};

use super::{
    slot::Slot,
    sync::{Mutex, PARTS},
};
use crate::StoreKey;

/// Hashes of principals, and keys of their sessions. Ordered, so that the thousands of sessions of a service account cost no more than
/// as many users.
type Part = Mutex<BTreeSet<(u64, StoreKey)>>;

/// An index from principals to the keys of their sessions. It changes under the lock of the session's shard, so whoever has seen a
/// session finds it here. It holds hashes: two principals may share one, so the sessions say whose they are.
pub(super) struct Principals {
    hashes: RandomState,
    parts: Box<[Part]>,
}

impl Principals {
    /// Approximate bytes of an entry, in a tree whose nodes are two thirds full.
    pub(super) const BYTES: usize = size_of::<(u64, StoreKey)>() * 3 / 2 + 4;

    pub(super) fn new() -> Self {
        Self { hashes: RandomState::new(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    fn part(&self, principal: &str) -> (u64, &Part) {
        let hash = self.hashes.hash_one(principal);
        // Less than the number of parts.
        (hash, &self.parts[(hash % PARTS as u64) as usize])
    }

    /// A slot takes the place of another one with the same key.
    pub(super) fn change(&self, old: Option<&Slot>, new: Option<&Slot>) {
        let (was, is) = (old.and_then(Slot::principal), new.and_then(Slot::principal));
        if was == is {
            return;
        }
        if let (Some(principal), Some(slot)) = (is, new) {
            let (hash, part) = self.part(principal);
            part.lock().insert((hash, slot.key));
        }
        if let (Some(principal), Some(slot)) = (was, old) {
            let (hash, part) = self.part(principal);
            part.lock().remove(&(hash, slot.key));
        }
    }

    /// The keys of this principal's sessions, and rarely of another's.
    pub(super) fn keys(&self, principal: &str) -> Vec<StoreKey> {
        let (hash, part) = self.part(principal);
        let all = (hash, StoreKey::from_bytes([0; 32]))..=(hash, StoreKey::from_bytes([u8::MAX; 32]));
        part.lock().range(all).map(|(_, key)| *key).collect()
    }
}
