//! What stands in the place of a session: whether it has expired, and whether another session may take the place.

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
    /// Whether a new session may stand under `key`: nothing is there, or what is there is nobody's session any more.
    ///
    /// That is a session that has expired, and a file of ours that is damaged: nobody can read it, so the next write works
    /// (S11). Everything else is left alone (S6): what is not ours, and what another process may still read, because it was
    /// written by a later version, by another codec (then its checksum is right), or is over this process's limits.
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
        // After a power failure a file may be there whose bytes never reached the disk.
        let is_blank = bytes.iter().all(|&byte| byte == 0);
        let is_damaged = is_blank || matches!(decoded, Err(Unreadable::Damaged));
        if is_damaged {
            tracing::warn!(?key, "a damaged session file gives way to a new session");
        }
        Ok(is_damaged)
    }

    /// Whether the file under a name is one of ours that has expired.
    pub(super) fn is_expired_file(&self, sub: impl AsFd, name: &str, now: Timestamp) -> Result<bool> {
        let waiting = StoreKey::parse(name).map(|key| self.touches.waiting(&key)).unwrap_or_default();
        let Opened::File(mut file) = open_own(&sub, name)? else { return Ok(false) };
        let modified = modified(&file)?;
        let mut header = [0; HEADER];
        let read = file.read(&mut header).doing("reading a session file")?;
        let Ok(mut deadlines) = format::decode_deadlines(&header[..read]) else { return Ok(false) };
        if let Some(idle_timeout) = waiting.idle_timeout
            && waiting.at >= modified
        {
            deadlines.idle_timeout = idle_timeout;
        }
        if !deadlines.are_over(modified.max(waiting.at), now) {
            return Ok(false);
        }
        // The file's time may have been lost on the way through a backup: the record has a say too.
        let Opened::File(mut file) = open_own(&sub, name)? else { return Ok(false) };
        let Some(bytes) = read_bounded(&mut file, self.settings.max_file_bytes())? else { return Ok(true) };
        Ok(match format::decode(&bytes, modified, &*self.settings.codec, &self.settings.limits) {
            Ok(Content::Session(mut record)) => {
                waiting.apply(&mut record);
                record.is_expired(now)
            }
            Ok(Content::Forward(_)) | Err(_) => true,
        })
    }
}
