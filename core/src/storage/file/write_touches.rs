//! Writes the pending touches to their files.

use std::sync::atomic::Ordering;

use super::{
    error::Result,
    format::with_idle_timeout,
    fs::{Opened, modified, open_own, read_bounded, set_modified},
    store::Store,
    touches::Touch,
};
use crate::StoreKey;

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
        // Under the lock, so that an overlapping commit does not lose a later time.
        let Some(held) = self.hold(key)? else { return Ok(()) };
        let name = key.to_string();
        let Opened::File(mut file) = open_own(&held.sub, &name)? else { return Ok(()) };
        let before = modified(&file)?;
        // First the part that needs no space on the disk.
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
