//! What is stored under one key: a session, or the tombstone of a renewal.

use super::{
    history::{History, PROTECTED_FOR},
    principals::Principals,
    sync::{AtomicBool, AtomicU64, Ordering},
};
use crate::{
    Record, StoreKey, Timestamp,
    id::SealedId,
    storage::{Access, TOMBSTONE_LIFETIME, Tombstone},
};

/// What is stored under one key. It is replaced as a whole. Only `last_seen` and `has_returned` change in place, so that a touch
/// needs only the shared lock.
pub(super) struct Slot {
    pub(super) key: StoreKey,
    last_seen: AtomicU64,
    has_returned: AtomicBool,
    content: Content,
}

pub(super) enum Content {
    Session {
        record: Record,
        /// As of when the slot was created. Whether the client has returned since is in the slot.
        history: History,
    },
    /// The tombstone of a renewal: the session has moved to another key.
    Tombstone {
        to: StoreKey,
        at: Timestamp,
        /// Whether the session has a principal.
        is_owned: bool,
        /// Whether later renewals update `to`, because the session has left as many tombstones as allowed.
        is_anchor: bool,
        sealed: SealedId,
    },
}

/// The order in which slots are evicted when room is needed, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EvictionRank {
    Expired,
    /// An anonymous session that was never used after the request that created it: its client keeps no cookies.
    NeverReturned,
    /// The tombstone of a renewal a while ago: requests that old are rare.
    OldTombstone,
    Anonymous,
    /// The recent tombstone of an anonymous session: without it a logout in progress could miss the session.
    Tombstone,
    /// The list by which sessions are found. Activity brings it back.
    ListOfTag,
}

/// Whether a slot is protected from eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// What must be kept until it ends, such as a session with a principal.
    Always,
    /// The recent tombstone of a session with a principal: until this time.
    Until(Timestamp),
    None,
}

impl Slot {
    pub(super) fn session(key: StoreKey, record: Record, history: History) -> Self {
        Self {
            key,
            last_seen: AtomicU64::new(record.last_seen.as_millis()),
            has_returned: AtomicBool::new(history.has_returned),
            content: Content::Session { record, history },
        }
    }

    pub(super) fn tombstone(key: StoreKey, tombstone: Tombstone, is_owned: bool, is_anchor: bool) -> Self {
        let Tombstone { to, at, sealed, .. } = tombstone;
        Self {
            key,
            last_seen: AtomicU64::new(at.as_millis()),
            has_returned: AtomicBool::new(false),
            content: Content::Tombstone { to, at, is_owned, is_anchor, sealed },
        }
    }

    /// This anchor, pointed to the session's new key. `None` if this is not an anchor, or does not lead to one of the keys
    /// `before`.
    pub(super) fn pointed_to(&self, now_at: &StoreKey, before: [&StoreKey; 2], is_owned: bool) -> Option<Self> {
        match &self.content {
            Content::Tombstone { to, at, is_anchor: true, .. } if before.contains(&to) => {
                // The sealed id is that of a forgotten key. The new id cannot be sealed here without the old one.
                let tombstone = Tombstone::new(*now_at, *at, SealedId::none());
                Some(Self::tombstone(self.key, tombstone, is_owned, true))
            }
            Content::Tombstone { .. } | Content::Session { .. } => None,
        }
    }

    /// Whether this is a tombstone that leads to `key`.
    pub(super) fn leads_to(&self, key: &StoreKey) -> bool {
        matches!(&self.content, Content::Tombstone { to, .. } if to == key)
    }

    /// Whose session this is.
    pub(super) fn principal(&self) -> Option<&str> {
        match &self.content {
            Content::Session { record, .. } => record.principal.as_deref(),
            Content::Tombstone { .. } => None,
        }
    }

    pub(super) const fn content(&self) -> &Content {
        &self.content
    }

    pub(super) fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// The record with the current last-seen.
    pub(super) fn current(&self, record: &Record) -> Record {
        let mut record = record.clone();
        record.last_seen = self.last_seen();
        record
    }

    /// The history with the current `has_returned`.
    pub(super) fn history(&self, history: &History) -> History {
        let mut history = history.clone();
        history.has_returned = self.has_returned.load(Ordering::Relaxed);
        history
    }

    /// When the session of this record ends.
    pub(super) fn session_expires_at(&self, record: &Record) -> Timestamp {
        record.expires_if_last_seen(self.last_seen())
    }

    /// The content, unless it has ended for this access.
    pub(super) fn living(&self, access: &Access) -> Option<&Content> {
        let has_ended = match &self.content {
            Content::Session { record, .. } => access.has_ended(record, self.last_seen()),
            Content::Tombstone { .. } => self.is_expired(access.now),
        };
        (!has_ended).then_some(&self.content)
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        let expires_at = match &self.content {
            Content::Session { record, .. } => self.session_expires_at(record),
            Content::Tombstone { at, .. } => *at + TOMBSTONE_LIFETIME,
        };
        expires_at <= now
    }

    /// Notes that the client has used its id. Writes only the first time, so that readers do not contend for the cache line.
    pub(super) fn note_return(&self) {
        if !self.has_returned.load(Ordering::Relaxed) {
            self.has_returned.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a touch of the session of this record is due and counts as activity.
    pub(super) fn is_touch_due(&self, record: &Record, access: &Access) -> bool {
        record.is_touch_due_if_last_seen(self.last_seen(), access)
    }

    /// Whether a touch changes more than last-seen, because the manager's idle timeout differs from the stored one.
    pub(super) fn has_other_timeout(&self, record: &Record, access: &Access) -> bool {
        if record.is_remembered {
            return false;
        }
        let differs = access.extend.as_ref().is_some_and(|extend| extend.idle_timeout != record.idle_timeout);
        differs && access.now >= self.last_seen()
    }

    pub(super) fn touch(&self, access: &Access) {
        if access.extend.is_some() {
            self.last_seen.fetch_max(access.now.as_millis(), Ordering::Relaxed);
        }
    }

    pub(super) fn protection(&self) -> Protection {
        match &self.content {
            Content::Session { record, .. } if record.principal.is_some() || record.is_note() => Protection::Always,
            Content::Tombstone { is_owned: true, at, .. } => Protection::Until(*at + PROTECTED_FOR),
            Content::Session { .. } | Content::Tombstone { .. } => Protection::None,
        }
    }

    /// When this is evicted, if it may be.
    pub(super) fn eviction_rank(&self, now: Timestamp) -> EvictionRank {
        match &self.content {
            _ if self.is_expired(now) => EvictionRank::Expired,
            Content::Session { record, .. } if record.is_list_of_tag() => EvictionRank::ListOfTag,
            Content::Session { record, .. } => {
                let has_returned = self.has_returned.load(Ordering::Relaxed) || self.last_seen() != record.created_at;
                if has_returned { EvictionRank::Anonymous } else { EvictionRank::NeverReturned }
            }
            Content::Tombstone { at, .. } if *at + PROTECTED_FOR <= now => EvictionRank::OldTombstone,
            Content::Tombstone { .. } => EvictionRank::Tombstone,
        }
    }

    /// The bytes that this slot takes, as counted for the bound.
    pub(super) fn bytes(&self) -> usize {
        // The slot in its Arc (two counts); its pointer, its number in the index and in `Evictable::now`, with room for
        // growth.
        const FIXED: usize = size_of::<Slot>() + 2 * size_of::<usize>() + 2 * (size_of::<usize>() + 5 + 8);
        // Its entry in `Evictable::later`.
        const LATER: usize = 2 * size_of::<(Timestamp, u32)>();
        FIXED
            + match &self.content {
                Content::Session { record, history } => {
                    let history = history.heap_bytes();
                    history
                        + record.entries.heap_bytes()
                        + record.principal.as_ref().map_or(0, |principal| principal.len() + 16 + Principals::BYTES)
                }
                // The sealed id on the heap, with the overhead of an allocation.
                Content::Tombstone { sealed, .. } => LATER + sealed.as_bytes().len() + 16,
            }
    }
}
