//! Decides whether a session file has expired, and whether a new session may take its place.

use std::{
    io::Read as _,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    error::{Doing as _, Result},
    format::{self, Content, HEADER, Unreadable},
    fs::{Opened, modified, open_own, read_bounded},
    store::Store,
};
use crate::{StoreKey, Timestamp};

impl Store {
    /// Whether a new session may be stored under `key`: there is no file, or its session has expired, or it is damaged.
    ///
    /// Nobody can read a damaged file, so the next write replaces it ([S11](crate::design#s11)). Everything else is left alone ([S6](crate::design#s6)): files that are
    /// not from this storage, and files that another process may still read because they come from a later version, from
    /// another codec (their checksum is right) or from a process with larger limits.
    pub(super) fn is_free(&self, sub: &OwnedFd, key: &StoreKey, now: Timestamp) -> Result<bool> {
        let name = key.to_string();
        let mut file = match open_own(sub, &name)? {
            Opened::Absent => return Ok(true),
            Opened::Foreign => return Ok(false),
            Opened::File(file) => file,
        };
        if self.is_expired_file(sub, &name, now)? {
            return Ok(true);
        }
        let Some(bytes) = read_bounded(&mut file, self.settings.max_file_bytes())? else { return Ok(false) };
        let decoded = format::decode(&bytes, now, &*self.settings.codec, &self.settings.limits);
        // After a power failure a file can exist although its bytes never reached the disk.
        let is_blank = bytes.iter().all(|&byte| byte == 0);
        let is_damaged = is_blank || matches!(decoded, Err(Unreadable::Damaged));
        if is_damaged {
            tracing::warn!(?key, "a damaged session file is replaced by a new session");
        }
        Ok(is_damaged)
    }

    /// Whether there is a session file under this name that has expired.
    pub(super) fn is_expired_file(&self, sub: impl AsFd, name: &str, now: Timestamp) -> Result<bool> {
        let pending = StoreKey::parse(name).map(|key| self.touches.pending(&key)).unwrap_or_default();
        let Opened::File(mut file) = open_own(&sub, name)? else { return Ok(false) };
        let modified = modified(&file)?;
        let mut header = [0; HEADER];
        let read = file.read(&mut header).doing("reading a session file")?;
        let Ok(mut deadlines) = format::decode_deadlines(&header[..read]) else { return Ok(false) };
        if let Some(idle_timeout) = pending.idle_timeout
            && pending.at >= modified
        {
            deadlines.idle_timeout = idle_timeout;
        }
        if !deadlines.are_over(modified.max(pending.at), now) {
            return Ok(false);
        }
        // A backup may have lost the file's time, so the record is checked too.
        let Opened::File(mut file) = open_own(&sub, name)? else { return Ok(false) };
        let Some(bytes) = read_bounded(&mut file, self.settings.max_file_bytes())? else { return Ok(true) };
        Ok(match format::decode(&bytes, modified, &*self.settings.codec, &self.settings.limits) {
            Ok(Content::Session(mut record)) => {
                pending.apply(&mut record);
                record.is_expired(now)
            }
            Ok(Content::Tombstone(_)) | Err(_) => true,
        })
    }
}
