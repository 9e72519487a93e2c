//! Touches that wait to be written, so that reading a session costs no write.

use std::{collections::HashMap, sync::atomic::AtomicBool, time::Duration};

use parking_lot::Mutex;

use super::format::millis;
use crate::{Record, StoreKey, Timestamp, storage::Access};

/// What a session's file does not say yet: when it was last seen, and by which idle timeout if that is another one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Touch {
    pub(super) at: Timestamp,
    pub(super) idle_timeout: Option<Duration>,
}

impl Touch {
    /// The touch of a session that `access` is; `None` if it tells nothing new, or is no activity.
    fn of(record: &Record, access: &Access) -> Option<Self> {
        let extend = access.extend.as_ref()?;
        // Files keep milliseconds.
        let differs = millis(extend.idle_timeout) != millis(record.idle_timeout);
        let is_new = access.now > record.last_seen || differs && access.now == record.last_seen;
        is_new.then_some(Self { at: access.now, idle_timeout: differs.then_some(extend.idle_timeout) })
    }

    /// Adds this to what a file says, unless that is later.
    pub(super) fn apply(&self, record: &mut Record) {
        if self.at >= record.last_seen {
            record.last_seen = self.at;
            record.idle_timeout = self.idle_timeout.unwrap_or(record.idle_timeout);
        }
    }
}

/// The touches that wait, by session.
#[derive(Debug, Default)]
pub(super) struct Touches {
    waiting: Mutex<HashMap<StoreKey, Touch>>,
    /// Whether writing them failed the last time.
    pub(super) is_failing: AtomicBool,
}

impl Touches {
    /// Notes that `access` has used a session, and gives the record as it is then.
    pub(super) fn extend(&self, key: &StoreKey, record: &mut Record, access: &Access) {
        if let Some(touch) = Touch::of(record, access) {
            self.note(key, touch);
            record.extend(access);
        }
    }

    fn note(&self, key: &StoreKey, touch: Touch) {
        let mut waiting = self.waiting.lock();
        let held = waiting.entry(*key).or_insert(touch);
        if touch.at >= held.at {
            *held = Touch { at: touch.at, idle_timeout: touch.idle_timeout.or(held.idle_timeout) };
        }
    }

    /// What waits for a session. To be asked before the file is: what is written meanwhile then shows there.
    pub(super) fn waiting(&self, key: &StoreKey) -> Touch {
        self.waiting.lock().get(key).copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, key: &StoreKey) {
        self.waiting.lock().remove(key);
    }

    /// Everything that waits. It stays until it is written, so that readers meanwhile see it.
    pub(super) fn all(&self) -> Vec<(StoreKey, Touch)> {
        self.waiting.lock().iter().map(|(&key, &touch)| (key, touch)).collect()
    }

    /// A touch was written, unless a later one has come.
    pub(super) fn written(&self, key: &StoreKey, touch: &Touch) {
        let mut waiting = self.waiting.lock();
        let is_covered = |held: &Touch| {
            let same_timeout = held.idle_timeout.is_none() || held.idle_timeout == touch.idle_timeout;
            held.at < touch.at || (held.at == touch.at && same_timeout)
        };
        if waiting.get(key).is_some_and(is_covered) {
            waiting.remove(key);
        }
    }
}
