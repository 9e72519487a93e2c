//! Pending touches: they are collected in memory, so that reading a session costs no write.

use std::{collections::HashMap, sync::atomic::AtomicBool, time::Duration};

use parking_lot::Mutex;

use super::format::millis;
use crate::{Record, StoreKey, Timestamp, storage::Access};

/// Activity that is not yet in a session's file: when it was last seen, and its idle timeout if that has changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Touch {
    pub(super) at: Timestamp,
    pub(super) idle_timeout: Option<Duration>,
}

impl Touch {
    /// The touch that `access` makes of a session; `None` if it is not activity, not due, or changes nothing.
    fn of(record: &Record, access: &Access) -> Option<Self> {
        let extend = access.extend.as_ref().filter(|_| record.is_touch_due(access))?;
        // Files store milliseconds.
        let differs = !record.is_remembered && millis(extend.idle_timeout) != millis(record.idle_timeout);
        let is_new = access.now > record.last_seen || differs && access.now == record.last_seen;
        is_new.then_some(Self { at: access.now, idle_timeout: differs.then_some(extend.idle_timeout) })
    }

    /// Updates a record from a file, unless that is newer.
    pub(super) fn apply(&self, record: &mut Record) {
        if self.at >= record.last_seen {
            record.last_seen = self.at;
            // An idle timeout noted before the login that set the session's own does not count.
            if let Some(idle_timeout) = self.idle_timeout
                && !record.is_remembered
            {
                record.idle_timeout = idle_timeout;
            }
        }
    }
}

/// The pending touches, by session.
#[derive(Debug, Default)]
pub(super) struct Touches {
    pending: Mutex<HashMap<StoreKey, Touch>>,
    /// Whether writing them failed last time.
    pub(super) is_failing: AtomicBool,
}

impl Touches {
    /// Records that `access` has used a session, and updates the record.
    pub(super) fn extend(&self, key: &StoreKey, record: &mut Record, access: &Access) {
        if let Some(touch) = Touch::of(record, access) {
            self.note(key, touch);
            record.extend(access);
        }
    }

    fn note(&self, key: &StoreKey, touch: Touch) {
        let mut pending = self.pending.lock();
        let held = pending.entry(*key).or_insert(touch);
        if touch.at >= held.at {
            *held = Touch { at: touch.at, idle_timeout: touch.idle_timeout.or(held.idle_timeout) };
        }
    }

    /// The pending touch of a session. Ask before reading the file: a touch that is written in between is then in the file.
    pub(super) fn pending(&self, key: &StoreKey) -> Touch {
        self.pending.lock().get(key).copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, key: &StoreKey) {
        self.pending.lock().remove(key);
    }

    /// All pending touches. They stay pending until they are written, so that readers see them.
    pub(super) fn all(&self) -> Vec<(StoreKey, Touch)> {
        self.pending.lock().iter().map(|(&key, &touch)| (key, touch)).collect()
    }

    /// Removes a touch that was written, unless there is a later one.
    pub(super) fn written(&self, key: &StoreKey, touch: &Touch) {
        let mut pending = self.pending.lock();
        let is_covered = |held: &Touch| {
            let same_timeout = held.idle_timeout.is_none() || held.idle_timeout == touch.idle_timeout;
            held.at < touch.at || (held.at == touch.at && same_timeout)
        };
        if pending.get(key).is_some_and(is_covered) {
            pending.remove(key);
        }
    }
}
