//! Decides whether a session file has expired, and whether a new session may take its place.

use std::fs::File;

use super::{
    error::Result,
    format::{self, Content, Decoded, HEADER, Unreadable},
    fs::read,
    read::Source,
    store::{Held, Store},
    system::{Opened, Stat},
};
use crate::{StoreKey, Timestamp};

/// The place for a session's file.
pub(super) enum Place {
    /// Nothing that matters is there: no file, or one that may be replaced. It is locked.
    Free(Opened),
    Taken,
}

/// How a session file stands at a certain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Living,
    Expired,
    /// Its header is not one that this build can read.
    Unknown,
}

impl Store {
    /// Whether a new session may be stored under `key`: there is no file, or its session has expired, or it is damaged.
    ///
    /// Nobody can read a damaged file, so the next write replaces it ([S11](crate::design#s11)). Everything else is left alone ([S6](crate::design#s6)): files that are
    /// not from this storage, and files that another process may still read because they come from a later version, from
    /// another codec (their checksum is right) or from a process with larger limits.
    pub(super) fn place(&self, held: &Held<'_>, key: &StoreKey, now: Timestamp) -> Result<Place> {
        let opened = held.open_own(&key.to_string())?;
        let (file, stat) = match &opened {
            Opened::Absent => return Ok(Place::Free(opened)),
            Opened::Foreign => return Ok(Place::Taken),
            Opened::File(file, stat) => (file, stat),
        };
        if self.standing(file, stat, key, now)? == Standing::Expired {
            return Ok(Place::Free(opened));
        }
        let Some(bytes) = self.read_whole(file, stat, Source::Disk)? else { return Ok(Place::Taken) };
        let decoded = format::decode(&bytes, &*self.settings.codec, &self.settings.limits);
        // After a power failure a file can exist although its bytes never reached the disk.
        let is_blank = bytes.iter().all(|&byte| byte == 0);
        let is_damaged = is_blank || matches!(decoded, Err(Unreadable::Damaged));
        if is_damaged {
            tracing::warn!(?key, "a damaged session file is replaced by a new session");
            return Ok(Place::Free(opened));
        }
        Ok(Place::Taken)
    }

    /// Whether somebody is to be told if this file goes because it has expired: it holds a session, and somebody listens.
    pub(super) fn is_reported(&self, opened: &Opened) -> bool {
        let Opened::File(file, stat) = opened else { return false };
        if !self.reporter.is_heard() {
            return false;
        }
        // A file that cannot be read any more is no session.
        let Ok(Some(bytes)) = self.read_whole(file, stat, Source::Disk) else { return false };
        let decoded = format::decode(&bytes, &*self.settings.codec, &self.settings.limits);
        matches!(decoded, Ok(Decoded { content: Content::Session(record), .. }) if !record.is_list())
    }

    /// Whether the session or tombstone in a file has expired. Usually the header and the file's time say so.
    pub(super) fn standing(&self, file: &File, stat: &Stat, key: &StoreKey, now: Timestamp) -> Result<Standing> {
        if stat.is_emptied() {
            return Ok(Standing::Expired);
        }
        let pending = self.touches.pending(key);
        let Ok(deadlines) = format::decode_deadlines(&read(file, 0, HEADER)?) else { return Ok(Standing::Unknown) };
        let are_over = |last_seen: Timestamp| {
            let last_seen = last_seen.max(pending.at);
            let idle_timeout = pending.idle_timeout.filter(|_| pending.at >= last_seen);
            deadlines.are_over(idle_timeout, last_seen, now)
        };
        if stat.set_time().is_some_and(|time| !are_over(time)) {
            return Ok(Standing::Living);
        }
        // A backup may have lost the file's time, and a killed process may not have set it, so the record is checked too.
        let decoded = self.read_whole(file, stat, Source::Disk)?.map_or(Err(Unreadable::Damaged), |bytes| {
            format::decode(&bytes, &*self.settings.codec, &self.settings.limits)
        });
        let has_expired = match decoded.map(|decoded| decoded.current(stat, pending)) {
            Ok(Content::Session(record)) => record.is_expired(now),
            Ok(Content::Tombstone(_)) | Err(_) => are_over(stat.modified()),
        };
        Ok(if has_expired { Standing::Expired } else { Standing::Living })
    }
}
