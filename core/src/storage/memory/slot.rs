//! One place in a shard: a session, or the trace of a renewal.

use super::{
    history::{History, PROTECTED_FOR},
    sync::{AtomicBool, AtomicU64, Ordering},
};
use crate::{
    Record, StoreKey, Timestamp,
    id::SealedId,
    storage::{Access, FORWARD_FOR, Trace},
};

/// What is held under one key. It is replaced as a whole; only `last_seen` and `has_returned` move in place, so that a touch
/// needs no more than the shared lock.
pub(super) struct Slot {
    pub(super) key: StoreKey,
    last_seen: AtomicU64,
    has_returned: AtomicBool,
    content: Content,
}

pub(super) enum Content {
    Session {
        record: Record,
        /// As of when the slot was made; whether its client has returned since is in the slot.
        history: History,
    },
    /// The session was renewed: it lives on under another key.
    Forward {
        to: StoreKey,
        at: Timestamp,
        /// Which of the storage's renewals it was.
        number: u64,
        /// Whether the session is somebody's.
        is_owned: bool,
        /// Whether `to` follows the session when it is renewed more often than it may leave traces.
        is_anchor: bool,
        sealed: SealedId,
    },
}

/// How readily a slot is given up when room is needed, most readily first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EvictionRank {
    Expired,
    /// Anonymous, and never used after the request that made it: a client that keeps no cookies.
    NeverReturned,
    /// The way from an old id to a session renewed a while ago: requests that old are rare.
    OldTrace,
    Anonymous,
    /// The way from an old id to an anonymous session: without it a logout that is under way could miss it.
    Trace,
}

/// Whether a slot may be given up when room is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// Somebody is logged in: never, as long as it lives.
    Always,
    /// The young trace of a session that is somebody's: not before this moment.
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

    pub(super) fn forward(key: StoreKey, trace: Trace, number: u64, is_owned: bool, is_anchor: bool) -> Self {
        let Trace { to, at, sealed, .. } = trace;
        Self {
            key,
            last_seen: AtomicU64::new(at.as_millis()),
            has_returned: AtomicBool::new(false),
            content: Content::Forward { to, at, number, is_owned, is_anchor, sealed },
        }
    }

    /// This anchor, pointed to where the session lives now. `None` if it is none, or that of a way which did not lead to one
    /// of these before.
    pub(super) fn pointed_to(
        &self,
        now_at: &StoreKey,
        before: [&StoreKey; 2],
        number: u64,
        is_owned: bool,
    ) -> Option<Self> {
        match &self.content {
            Content::Forward { to, at, is_anchor: true, .. } if before.contains(&to) => {
                // The id that was sealed here is forgotten, and the new one cannot be sealed without the old one.
                let trace = Trace::new(*now_at, *at, SealedId::none());
                Some(Self::forward(self.key, trace, number, is_owned, true))
            }
            Content::Forward { .. } | Content::Session { .. } => None,
        }
    }

    /// Whether this is a trace that leads to `key`.
    pub(super) fn leads_to(&self, key: &StoreKey) -> bool {
        matches!(&self.content, Content::Forward { to, .. } if to == key)
    }

    pub(super) const fn content(&self) -> &Content {
        &self.content
    }

    pub(super) fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// The record with its true last-seen.
    pub(super) fn current(&self, record: &Record) -> Record {
        let mut record = record.clone();
        record.last_seen = self.last_seen();
        record
    }

    /// The history as it is now.
    pub(super) fn history(&self, history: &History) -> History {
        let mut history = history.clone();
        history.has_returned = self.has_returned.load(Ordering::Relaxed);
        history
    }

    /// When a session with this record ends.
    pub(super) fn session_expires_at(&self, record: &Record) -> Timestamp {
        record.expires_if_last_seen(self.last_seen())
    }

    /// What is here for this access: nothing, if it has ended.
    pub(super) fn living(&self, access: &Access) -> Option<&Content> {
        let has_ended = match &self.content {
            Content::Session { record, .. } => access.has_ended(record, self.last_seen()),
            Content::Forward { .. } => self.is_expired(access.now),
        };
        (!has_ended).then_some(&self.content)
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        let expires_at = match &self.content {
            Content::Session { record, .. } => self.session_expires_at(record),
            Content::Forward { at, .. } => *at + FORWARD_FOR,
        };
        expires_at <= now
    }

    /// Notes that its client has come with its id. Writes only the first time, so readers do not fight over the line.
    pub(super) fn note_return(&self) {
        if !self.has_returned.load(Ordering::Relaxed) {
            self.has_returned.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a touch is due and counts as activity.
    pub(super) fn is_touch_due(&self, access: &Access) -> bool {
        access.extend.as_ref().is_some_and(|extend| access.now >= self.last_seen() + extend.interval)
    }

    /// Whether a touch changes more than last-seen: the manager's idle timeout is not the stored one.
    pub(super) fn has_other_timeout(&self, record: &Record, access: &Access) -> bool {
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
            Content::Session { record: Record { principal: Some(_), .. }, .. } => Protection::Always,
            Content::Forward { is_owned: true, at, .. } => Protection::Until(*at + PROTECTED_FOR),
            Content::Session { .. } | Content::Forward { .. } => Protection::None,
        }
    }

    /// How readily this is given up, if it may be.
    pub(super) fn eviction_rank(&self, now: Timestamp) -> EvictionRank {
        match &self.content {
            _ if self.is_expired(now) => EvictionRank::Expired,
            Content::Session { record, .. } => {
                let has_returned = self.has_returned.load(Ordering::Relaxed) || self.last_seen() != record.created_at;
                if has_returned { EvictionRank::Anonymous } else { EvictionRank::NeverReturned }
            }
            Content::Forward { at, .. } if *at + PROTECTED_FOR <= now => EvictionRank::OldTrace,
            Content::Forward { .. } => EvictionRank::Trace,
        }
    }

    /// Bytes this slot takes, for the bound.
    pub(super) fn bytes(&self) -> usize {
        // The slot behind its Arc (two counts); its pointer, its index and its place among what may be given up, with room
        // for growth.
        const FIXED: usize = size_of::<Slot>() + 2 * size_of::<usize>() + 2 * (size_of::<usize>() + 5 + 8);
        // Its place among what may be given up later.
        const RESTING: usize = 2 * size_of::<(Timestamp, u32)>();
        FIXED
            + match &self.content {
                Content::Session { record, history } => {
                    let history = history.heap_bytes();
                    history
                        + record.entries.heap_bytes()
                        + record.principal.as_ref().map_or(0, |principal| principal.len() + 16)
                }
                // Behind its own pointer, with what an allocation costs.
                Content::Forward { sealed, .. } => RESTING + sealed.as_bytes().len() + 16,
            }
    }
}
