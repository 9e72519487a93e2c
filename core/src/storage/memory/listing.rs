//! Lists a principal's sessions, even while they are being renewed.

use std::{collections::HashSet, num::NonZeroUsize};

use super::{slot::Content, store::Store};
use crate::{StoreKey, Timestamp, storage::Found};

impl Store {
    /// Looks at each key in the index. A session that was renewed since is found by its tombstone, or, if that is forgotten already,
    /// under its new key in the index, which then is read again.
    pub(super) fn find(&self, principal: &str, now: Timestamp) -> Vec<Found> {
        let (mut found, mut known) = (Vec::new(), HashSet::<StoreKey>::new());
        loop {
            let mut is_complete = true;
            for key in self.principals.keys(principal) {
                if !known.insert(key) {
                    continue;
                }
                let end = self.follow(&key, |slot, record| {
                    let is_theirs = record.principal.as_deref() == Some(principal) && !slot.is_expired(now);
                    (slot.key, is_theirs.then(|| Found::new(slot.key, slot.current(record))))
                });
                match end {
                    Some((end, listed)) if end == key || known.insert(end) => found.extend(listed),
                    Some(_) => {}
                    None => is_complete = false,
                }
            }
            if is_complete {
                return found;
            }
        }
    }

    /// Reads the sessions of one page, and no others.
    pub(super) fn find_page(
        &self,
        principal: &str,
        mut after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        while found.len() < most.get() {
            let keys = self.principals.keys_after(principal, after, most.get() - found.len());
            let Some(last) = keys.last() else { break };
            after = Some(*last);
            found.extend(keys.iter().filter_map(|key| self.session_of(principal, key, now)));
        }
        found
    }

    /// The session under a key, if it is this principal's.
    fn session_of(&self, principal: &str, key: &StoreKey, now: Timestamp) -> Option<Found> {
        let shard = self.shard(key).read();
        let slot = shard.get(key).filter(|slot| !slot.is_expired(now))?;
        match slot.content() {
            Content::Session { record, .. } if record.principal.as_deref() == Some(principal) => {
                Some(Found::new(*key, slot.current(record)))
            }
            Content::Session { .. } | Content::Tombstone { .. } => None,
        }
    }
}
