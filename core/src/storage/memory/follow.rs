//! Follows the tombstones of renewals to where the session is now.

use super::{
    slot::{Content, Slot},
    store::Store,
};
use crate::{Record, StoreKey};

impl Store {
    /// Follows the tombstones from `first`, and calls `show` on the session they lead to. `None` if it has ended. The session may be
    /// renewed in the meantime.
    pub(super) fn follow<T>(&self, first: &StoreKey, show: impl Fn(&Slot, &Record) -> T) -> Option<T> {
        let mut key = *first;
        let mut anchor: Option<(StoreKey, StoreKey)> = None;
        loop {
            let shard = self.shard(&key).read();
            let content = shard.get(&key).map(|slot| (slot, slot.content()));
            match content {
                Some((slot, Content::Session { record, .. })) => return Some(show(slot, record)),
                Some((_, Content::Tombstone { to, is_anchor, .. })) => {
                    if *is_anchor {
                        anchor = Some((key, *to));
                    }
                    key = *to;
                }
                None => {
                    drop(shard);
                    // The tombstone that an anchor led to may have been forgotten. Then the anchor leads elsewhere now.
                    let (back, led_to) = anchor.take()?;
                    if self.leads_to(&back) == Some(led_to) {
                        return None;
                    }
                    key = back;
                }
            }
        }
    }

    fn leads_to(&self, key: &StoreKey) -> Option<StoreKey> {
        match self.shard(key).read().get(key)?.content() {
            Content::Tombstone { to, .. } => Some(*to),
            Content::Session { .. } => None,
        }
    }
}
