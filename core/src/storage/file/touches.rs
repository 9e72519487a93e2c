//! Touches that wait to be written, so that reading a session costs no write.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use super::{
    format::{millis, with_idle_timeout},
    open::{Opened, Result, open_own, read_bounded},
    store::{Store, modified, set_modified},
};
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
    is_failing: AtomicBool,
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
    fn all(&self) -> Vec<(StoreKey, Touch)> {
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

impl Store {
    /// Writes the touches that wait. Run by a thread, and once more when the storage ends.
    ///
    /// What cannot be written stays for the next time. That is said once, not for each session each time: a folder may stay
    /// read-only for hours.
    pub(super) fn write_touches(&self) {
        let (mut written, mut failed, mut first) = (0_u64, 0_u64, None);
        for (key, touch) in self.touches.all() {
            match self.write_touch(&key, touch) {
                Ok(()) => {
                    self.touches.written(&key, &touch);
                    written += 1;
                }
                Err(error) => {
                    failed += 1;
                    first.get_or_insert(error);
                }
            }
        }
        let is_failing = &self.touches.is_failing;
        match first {
            Some(error) if !is_failing.swap(true, Ordering::Relaxed) => tracing::warn!(
                sessions = failed,
                error = &error as &dyn std::error::Error,
                "touches could not be written; this is tried again and not said again until it works"
            ),
            None if written > 0 && is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(sessions = written, "touches are written again");
            }
            _ => {}
        }
    }

    fn write_touch(&self, key: &StoreKey, touch: Touch) -> Result<()> {
        // Under the lock, so that a commit in between does not lose a later time.
        let Some(held) = self.hold(key)? else { return Ok(()) };
        let name = key.to_string();
        let Opened::File(mut file) = open_own(&held.sub, &name)? else { return Ok(()) };
        let before = modified(&file)?;
        // First what needs no room on the disk.
        if before < touch.at {
            set_modified(&file, touch.at)?;
        }
        if let Some(idle_timeout) = touch.idle_timeout
            && before <= touch.at
            && let Some(bytes) = read_bounded(&mut file, self.settings.max_file_bytes())?
            && let Some(bytes) = with_idle_timeout(&bytes, idle_timeout)
        {
            self.replace(&held.sub, &name, &bytes, touch.at)?;
        }
        Ok(())
    }
}
