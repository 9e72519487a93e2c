//! Writes the pending touches to their files.

use std::sync::atomic::Ordering;

use super::{
    error::Result,
    format::{self, Content, millis},
    fs::set_modified,
    read::Source,
    store::Store,
    system::Opened,
    touches::Touch,
};
use crate::{Record, StoreKey};

impl Store {
    /// Writes the pending touches. Called by a background thread, and once more when the storage is dropped.
    ///
    /// A touch that cannot be written stays pending. The log says so once, not for each session each time: a folder may stay
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
                "touches could not be written; they are retried, and this is not logged again until it works"
            ),
            None if written > 0 && is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(sessions = written, "touches are written again");
            }
            _ => {}
        }
    }

    fn write_touch(&self, key: &StoreKey, touch: Touch) -> Result<()> {
        // Under the locks, so that an overlapping commit does not lose a later time.
        let Some(held) = self.hold(key)? else { return Ok(()) };
        let before = held.open_own(&key.to_string())?;
        let Opened::File(file, stat) = &before else { return Ok(()) };
        // First the part that needs no space on the disk.
        if stat.set_time().is_none_or(|time| time < touch.at) {
            set_modified(file, touch.at)?;
        }
        // The idle timeout is in the header, so the file has to be replaced.
        if touch.idle_timeout.is_some()
            && let Some(Ok(decoded)) = self.examine(key, file, stat, Source::Disk)?
            && let Content::Session(Record { idle_timeout, .. }) = decoded.content
            && let Content::Session(record) = decoded.current(stat, touch)
            && millis(record.idle_timeout) != millis(idle_timeout)
        {
            let bytes = format::encode_session(&record, &*self.settings.codec)?;
            self.replace(&held.sub, key, before, &bytes, record.last_seen)?;
        }
        Ok(())
    }
}
