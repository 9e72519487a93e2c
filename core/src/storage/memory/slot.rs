//! One place in a shard: a session, or the trace of a renewal.

use std::time::Duration;

use super::sync::{AtomicU64, Ordering};
use crate::{
    Record, StoreKey, Timestamp,
    id::SealedId,
    storage::{Access, FORWARD_FOR, Trace},
};

/// What is held under one key. It is replaced as a whole; only `last_seen` moves in place, so that a touch needs no more
/// than the shared lock.
pub(super) struct Slot {
    pub(super) key: StoreKey,
    last_seen: AtomicU64,
    content: Content,
}

pub(super) enum Content {
    Session(Record),
    /// The session was renewed: it lives on under another key.
    Forward {
        to: StoreKey,
        at: Timestamp,
        /// Whether the session is somebody's, so that its trace is as precious as it is.
        is_owned: bool,
        sealed: SealedId,
    },
}

/// How long the trace of a renewal is as precious as its session: as long as requests commonly take.
const PRECIOUS_FOR: Duration = Duration::from_secs(60);

/// How readily a slot is given up when room is needed, most readily first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    Expired,
    /// Anonymous, and never used after the request that made it: a client that keeps no cookies.
    NeverReturned,
    /// The way from an old id to a session renewed a while ago: requests that old are rare.
    OldTrace,
    Anonymous,
    /// The way from an old id to an anonymous session: without it a logout that is under way could miss it.
    Trace,
    /// Somebody is logged in, or was renewed a moment ago: never given up.
    Kept,
}

impl Slot {
    pub(super) fn session(key: StoreKey, record: Record) -> Self {
        Self { key, last_seen: AtomicU64::new(record.last_seen.as_millis()), content: Content::Session(record) }
    }

    pub(super) fn forward(key: StoreKey, trace: Trace, is_owned: bool) -> Self {
        let Trace { to, at, sealed } = trace;
        Self { key, last_seen: AtomicU64::new(at.as_millis()), content: Content::Forward { to, at, is_owned, sealed } }
    }

    pub(super) const fn content(&self) -> &Content {
        &self.content
    }

    pub(super) fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// The record with its true last-seen.
    pub(super) fn current(&self, record: &Record) -> Record {
        Record { last_seen: self.last_seen(), ..record.clone() }
    }

    /// When a session with this record ends.
    pub(super) fn session_expires_at(&self, record: &Record) -> Timestamp {
        record.expires_if_last_seen(self.last_seen())
    }

    /// What is here for this access: nothing, if it has ended.
    pub(super) fn living(&self, access: &Access) -> Option<&Content> {
        let has_ended = match &self.content {
            Content::Session(record) => access.has_ended(record, self.last_seen()),
            Content::Forward { .. } => self.is_expired(access.now),
        };
        (!has_ended).then_some(&self.content)
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        let expires_at = match &self.content {
            Content::Session(record) => self.session_expires_at(record),
            Content::Forward { at, .. } => *at + FORWARD_FOR,
        };
        expires_at <= now
    }

    /// Touches in place, if that is due and counts as activity.
    pub(super) fn touch_if_due(&self, access: &Access) -> bool {
        let due = access.extend.as_ref().is_some_and(|extend| access.now >= self.last_seen() + extend.interval);
        if due {
            self.touch(access);
        }
        due
    }

    pub(super) fn touch(&self, access: &Access) {
        if access.extend.is_some() {
            self.last_seen.fetch_max(access.now.as_millis(), Ordering::Relaxed);
        }
    }

    pub(super) const fn is_evictable(&self) -> bool {
        !matches!(&self.content, Content::Session(Record { principal: Some(_), .. }))
    }

    pub(super) fn worth(&self, now: Timestamp) -> Worth {
        match &self.content {
            _ if self.is_expired(now) => Worth::Expired,
            Content::Session(record) if record.principal.is_some() => Worth::Kept,
            Content::Session(record) if self.last_seen() == record.created_at => Worth::NeverReturned,
            Content::Session(_) => Worth::Anonymous,
            // Who renews again and again must not fill the storage with what nobody may give up.
            Content::Forward { at, .. } if *at + PRECIOUS_FOR <= now => Worth::OldTrace,
            Content::Forward { is_owned: false, .. } => Worth::Trace,
            Content::Forward { is_owned: true, .. } => Worth::Kept,
        }
    }

    /// Bytes this slot takes, for the bound.
    pub(super) fn bytes(&self) -> usize {
        // The slot behind its Arc (two counts), its pointer and its index, with room for growth.
        const FIXED: usize = size_of::<Slot>() + 2 * size_of::<usize>() + 2 * (size_of::<usize>() + 5);
        FIXED
            + match &self.content {
                Content::Session(record) => {
                    record.entries.heap_bytes() + record.principal.as_ref().map_or(0, |principal| principal.len() + 16)
                }
                // Behind its own pointer, with what an allocation costs.
                Content::Forward { sealed, .. } => sealed.as_bytes().len() + 16,
            }
    }
}
