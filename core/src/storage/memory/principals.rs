//! The keys of each principal's sessions, so that listing them does not look at anybody else's.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
    ops::Bound,
};

use super::sync::{Mutex, PARTS};
use crate::StoreKey;

/// Pairs of a principal's hash and a session's key. They are ordered, so a service account with thousands of sessions costs no more than
/// thousands of users with one each.
type Part = Mutex<BTreeSet<(u64, StoreKey)>>;

/// Maps each principal to the keys of its sessions. It is updated under the lock of the session's shard, so it lists every session that
/// can be read. It stores only hashes of principals, and two may share a hash, so the caller must check each session's principal.
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

    /// The session under `key` had the principal `was`, and has the principal `is` from now on.
    pub(super) fn change(&self, key: StoreKey, was: Option<&str>, is: Option<&str>) {
        if was == is {
            return;
        }
        if let Some(principal) = is {
            let (hash, part) = self.part(principal);
            part.lock().insert((hash, key));
        }
        if let Some(principal) = was {
            let (hash, part) = self.part(principal);
            part.lock().remove(&(hash, key));
        }
    }

    /// The keys of this principal's sessions, and rarely of another's.
    pub(super) fn keys(&self, principal: &str) -> Vec<StoreKey> {
        let (hash, part) = self.part(principal);
        let all = (hash, StoreKey::from_bytes([0; 32]))..=(hash, StoreKey::from_bytes([u8::MAX; 32]));
        part.lock().range(all).map(|(_, key)| *key).collect()
    }

    /// The first `most` of these keys after `after`, in order.
    pub(super) fn keys_after(&self, principal: &str, after: Option<StoreKey>, most: usize) -> Vec<StoreKey> {
        let (hash, part) = self.part(principal);
        let pair = |bytes| (hash, StoreKey::from_bytes(bytes));
        let first = after.map_or(Bound::Included(pair([0; 32])), |after| Bound::Excluded((hash, after)));
        let rest = (first, Bound::Included(pair([u8::MAX; 32])));
        part.lock().range(rest).take(most).map(|(_, key)| *key).collect()
    }
}
